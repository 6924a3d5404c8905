/**
 * Worlds whose observations carry their experts' hints, for policies and teachers that follow them.
 *
 * @module
 */

import type { OpenEnv, TextEnv } from "../envs/text_env.ts";
import type { Observation } from "../trajectory.ts";
import { whenReady } from "../policy/session.ts";

/**
 * Adds the hint of each world's expert to its observations.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   collectTrajectories,
 *   createRandom,
 *   expertPolicy,
 *   scheduleEpisodes,
 *   withHints,
 * } from "@hiper/lab";
 * import { openCorridorSpec } from "../envs/corridor.ts";
 *
 * const open = withHints(openCorridorSpec);
 * const episodes = scheduleEpisodes([{ kind: "corridor" }], {
 *   random: createRandom(1),
 *   tasks: 4,
 * });
 * const played = await collectTrajectories(expertPolicy(), episodes, { open });
 * strictEqual(played.every((trajectory) => trajectory.success), true);
 * ```
 *
 * @param open Opens worlds with experts.
 * @returns An opener of the same worlds; their observations carry a `hint` wherever the expert gives one.
 */
export function withHints(open: OpenEnv): OpenEnv {
  const hinted = (env: TextEnv): TextEnv => {
    const add = <T extends { observation: Observation }>(shown: T): T => {
      const hint = env.hint?.();
      if (!hint) return shown;
      return { ...shown, observation: { ...shown.observation, hint } };
    };
    return {
      start: () => whenReady(env.start(), add),
      step: (action) => whenReady(env.step(action), add),
      hint: () => env.hint?.(),
      async [Symbol.asyncDispose]() {
        await env[Symbol.asyncDispose]?.();
      },
    };
  };
  return (spec, seed) => whenReady(open(spec, seed), hinted);
}
