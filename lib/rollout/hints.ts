/**
 * Worlds whose experts are asked at every observation, so that policies and teachers can be told.
 *
 * @module
 */

import type { Hint, OpenEnv, TextEnv } from "../envs/text_env.ts";
import type { Observation, Situation } from "../trajectory.ts";

/** An opener of worlds, and what their experts said. */
export interface HintedWorlds {
  /** Opens worlds whose experts are listened to. */
  readonly open: OpenEnv;
  /** What the expert said when this situation was observed; `undefined` if it was silent. */
  readonly hint: (situation: Situation) => Hint | undefined;
}

/**
 * Listens to the experts of worlds while they are played.
 *
 * Hints are kept for as long as the observation they belong to, so a recorded
 * situation has its hint too.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   expertPolicy,
 *   openCorridorSpec,
 *   scheduleEpisodes,
 *   withHints,
 * } from "@hiper/lab";
 *
 * const { open, hint } = withHints(openCorridorSpec);
 * const episodes = scheduleEpisodes([{ kind: "corridor" }], {
 *   random: createRandom(1),
 *   tasks: 4,
 * });
 * const played = await collectTrajectories(expertPolicy(hint), episodes, { open });
 * strictEqual(played.every((trajectory) => trajectory.success), true);
 * ```
 *
 * @param open Opens worlds with experts.
 * @returns The opener to play with, and the hints it hears.
 */
export function withHints(open: OpenEnv): HintedWorlds {
  const heard = new WeakMap<Observation, Hint>();
  const listen = (env: TextEnv): TextEnv => {
    const note = <T extends { observation: Observation }>(shown: T): T => {
      const hint = env.hint?.();
      if (hint) heard.set(shown.observation, hint);
      return shown;
    };
    return {
      start: () => noted(env.start(), note),
      step: (action) => noted(env.step(action), note),
      hint: () => env.hint?.(),
      async [Symbol.asyncDispose]() {
        await env[Symbol.asyncDispose]?.();
      },
    };
  };
  return {
    open: (spec, seed) => noted(open(spec, seed), listen),
    hint: (situation) => heard.get(situation.observation),
  };
}

/** Applies a function to a value now, or later if it is promised. */
function noted<T, R>(
  value: T | Promise<T>,
  note: (value: T) => R,
): R | Promise<R> {
  return value instanceof Promise ? value.then(note) : note(value);
}
