/**
 * What many worlds cost at once: `deno run -P=bench tests/bench/text_world_large.ts [worlds]`.
 *
 * A program of its own, because memory is the process's. No two worlds share a game.
 *
 * @module
 */

import { openGame } from "../../lib/envs/pddl/game_env.ts";
import {
  generateHousehold,
  openHousehold,
} from "../../lib/envs/household/household.ts";
import { compileGame } from "../../lib/envs/pddl/game.ts";
import type { TextEnv } from "../../lib/envs/text_env.ts";
import { describeMachine, residentMegabytes } from "./_machine.ts";

const worlds = Number(Deno.args[0] ?? 1000);
console.log(describeMachine());

/** Opens that many worlds, keeps them, and says what they took. */
function measure(kind: string, open: (seed: number) => TextEnv): TextEnv[] {
  const before = residentMegabytes(), started = performance.now();
  const opened = Array.from({ length: worlds }, (_, seed) => {
    const env = open(seed);
    env.start();
    return env;
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const taken = residentMegabytes() - before;
  console.log(
    `${worlds} ${kind} open at once: ${taken} MB more, in ${seconds} s`,
  );
  return opened;
}

const kept = [
  measure("drawn households", (seed) => openHousehold({}, seed)),
  measure(
    "game files",
    (seed) =>
      openGame(compileGame(JSON.stringify(generateHousehold({}, seed).file))),
  ),
];
console.log(
  `${kept.flat().length} worlds in ${residentMegabytes()} MB resident`,
);
