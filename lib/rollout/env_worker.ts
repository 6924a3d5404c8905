/**
 * The Worker's side of a pool: opens worlds from specifications and answers batches of calls.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { OpenEnv, TextEnv } from "../envs/text_env.ts";
import { withHints } from "./hints.ts";

/** A Worker's own scope, as far as it is used here. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
};

/** What the pool asks of one world. */
export type WorldCall =
  | {
    readonly call: number;
    readonly world: number;
    readonly kind: "open";
    readonly spec: Parameters<OpenEnv>[0];
    readonly seed: number;
  }
  | { readonly call: number; readonly world: number; readonly kind: "start" }
  | {
    readonly call: number;
    readonly world: number;
    readonly kind: "step";
    readonly action: string;
  }
  | { readonly call: number; readonly world: number; readonly kind: "close" };

/** The answer to one call. */
export interface WorldAnswer {
  /** The call that is answered. */
  readonly call: number;
  /** What the world said; absent for failures, openings and closings. */
  readonly result?: unknown;
  /** Why the world failed. */
  readonly failure?: string;
}

/** The first message. */
export interface WorkerSettings {
  /** Whether every observation carries the hint of its world's expert. */
  readonly hints: boolean;
}

/** Worlds of one Worker. */
class WorldHost {
  readonly #worlds = new Map<number, TextEnv>();
  readonly #open: OpenEnv;

  constructor({ hints }: WorkerSettings) {
    const open = createEnvOpener();
    this.#open = hints ? withHints(open) : open;
  }

  async answer(call: WorldCall): Promise<WorldAnswer> {
    try {
      return { call: call.call, ...await this.#carryOut(call) };
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      return { call: call.call, failure };
    }
  }

  async #carryOut(
    call: WorldCall,
  ): Promise<{ result?: unknown }> {
    if (call.kind === "open") {
      this.#worlds.set(call.world, await this.#open(call.spec, call.seed));
      return {};
    }
    const world = this.#worlds.get(call.world)!;
    if (call.kind === "close") {
      this.#worlds.delete(call.world);
      await world[Symbol.asyncDispose]?.();
      return {};
    }
    const result = call.kind === "start"
      ? await world.start()
      : await world.step(call.action);
    return { result };
  }
}

/** Serves a pool; called only where this file is a Worker's own module. */
function serve(): void {
  let host: WorldHost | undefined;
  // Batches are answered one after the other, calls of a batch in order.
  let work: Promise<void> = Promise.resolve();
  self.onmessage = ({ data }: MessageEvent) => {
    if (!host) {
      host = new WorldHost(data as WorkerSettings);
      return;
    }
    const waiting = host;
    work = work.then(async () => {
      const answers: WorldAnswer[] = [];
      for (const call of data as WorldCall[]) {
        answers.push(await waiting.answer(call));
      }
      self.postMessage(answers);
    });
  };
}

if ("DedicatedWorkerGlobalScope" in globalThis) serve();
