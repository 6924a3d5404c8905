/**
 * The Worker's side of a pool of worlds: opens them from specifications and plays them.
 *
 * @module
 */

import { createEnvOpener } from "../envs/open_env.ts";
import type { EnvSpec, EnvStart, EnvStep, TextEnv } from "../envs/text_env.ts";
import { serveCalls } from "../rpc.ts";
import { withHints } from "./hints.ts";

/** Types of the calls that a Worker of worlds answers. */
export type EnvHandlers = ReturnType<typeof envHandlers>;

/** What the pool can ask of worlds; each is named by a number. */
function envHandlers() {
  const worlds = new Map<number, TextEnv>();
  const open = createEnvOpener();
  const openHinted = withHints(open);
  return {
    async open({ world, spec, seed, hints }: {
      world: number;
      spec: EnvSpec;
      seed: number;
      /** Whether every observation carries the hint of the world's expert. */
      hints: boolean;
    }): Promise<void> {
      worlds.set(world, await (hints ? openHinted : open)(spec, seed));
    },
    start: (world: number): EnvStart | Promise<EnvStart> =>
      worlds.get(world)!.start(),
    step: (
      { world, action }: { world: number; action: string },
    ): EnvStep | Promise<EnvStep> => worlds.get(world)!.step(action),
    async close(world: number): Promise<void> {
      const env = worlds.get(world);
      worlds.delete(world);
      await env?.[Symbol.asyncDispose]?.();
    },
  };
}

serveCalls(envHandlers());
