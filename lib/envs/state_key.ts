/**
 * State keys of worlds elsewhere, which show no more than an agent sees.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";

/** What tells states apart where the server does not say. */
export const STATE_KEY: z.ZodDefault<
  z.ZodEnum<{ history: "history"; observation: "observation" }>
> = z.enum(["history", "observation"]).default("history").describe(
  "What tells states apart where the server does not: all actions so far, which is safe, or what is observed, as GiGPO's authors do",
);

/** Keys of the states of one episode. */
export class StateKeys {
  readonly #kind: "history" | "observation";
  readonly #actions: string[] = [];

  constructor(kind: "history" | "observation") {
    this.#kind = kind;
  }

  /** Adds an action that was taken. */
  add(action: string): void {
    if (this.#kind === "history") this.#actions.push(action);
  }

  /** The key of the present state. */
  key(text: string, actions: readonly string[]): string {
    return this.#kind === "history"
      ? JSON.stringify(this.#actions)
      : JSON.stringify([text, actions]);
  }
}
