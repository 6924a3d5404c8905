/**
 * Opening any built-in world by its specification.
 *
 * @module
 */

import { openCorridorSpec } from "./corridor.ts";
import type { EnvSpec, TextEnv } from "./text_env.ts";

/**
 * Opens the world of a specification.
 *
 * @param spec Which world, and its settings.
 * @param seed Decides everything the specification leaves open.
 * @returns One episode of that world.
 * @throws {TypeError} If no built-in world has that kind.
 */
export function openEnv(
  spec: EnvSpec,
  seed: number,
): TextEnv | Promise<TextEnv> {
  if (spec.kind === "corridor") return openCorridorSpec(spec, seed);
  throw new TypeError(
    `Cannot open a world as "kind" must name a built-in one: current value is "${spec.kind}"`,
  );
}
