/**
 * Random play that must never break a household: a little in every test run, a million commands
 * over a thousand games with `deno task fuzz`.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createRandom, type Random } from "../../lib/random.ts";
import { generateHousehold } from "../../lib/envs/household/household.ts";
import { createHouseholdExpert } from "../../lib/envs/household/expert.ts";
import { type CompiledGame, compileGame } from "../../lib/envs/pddl/game.ts";
import { type GamePlay, NOTHING_HAPPENS } from "../../lib/envs/pddl/play.ts";
import { miniatureHouse } from "./pddl/_miniature.ts";

const GAMES = Number(Deno.env.get("FUZZ_GAMES") ?? 12);
const STEPS = Number(Deno.env.get("FUZZ_STEPS") ?? 12_000);
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 1);

const NONSENSE = [
  "",
  "look ",
  "dance",
  "take",
  "go to go to",
  "move {o} to {r}",
  "LOOK",
];

/** Where each thing is: how many receptacles hold it, plus one if it is carried. */
function whereabouts(play: GamePlay): Map<string, number> {
  const places = new Map<string, number>();
  for (const predicate of ["inreceptacle", "holds"]) {
    for (const ids of play.facts(predicate)) {
      const thing = predicate === "holds" ? ids[1]! : ids[0]!;
      places.set(thing, (places.get(thing) ?? 0) + 1);
    }
  }
  return places;
}

/** What must hold in every state of a household. */
function checkState(
  play: GamePlay,
  places: Map<string, number>,
): Map<string, number> {
  const held = play.facts("holds");
  ok(held.length <= 1, "an agent holds at most one thing");
  strictEqual(play.facts("holdsany").length, held.length);
  strictEqual(play.facts("atlocation").length, 1, "an agent is in one place");
  const now = whereabouts(play);
  deepStrictEqual(
    [...now.keys()].sort(),
    [...places.keys()].sort(),
    "nothing appears or vanishes",
  );
  for (const [thing, count] of now) {
    ok(
      count <= places.get(thing)!,
      `${thing} is in one place more than before`,
    );
  }
  const hot = new Set(play.facts("ishot").map(([thing]) => thing));
  ok(
    play.facts("iscool").every(([thing]) => !hot.has(thing)),
    "nothing is hot and cool",
  );
  return now;
}

/** What must hold for everything that is read. */
function checkText(text: string): void {
  ok(text.length > 0);
  const strange = /[{}#[\]|<>]|undefined|null|NaN|_bar_/.exec(text);
  strictEqual(strange, null, text);
}

function fuzz(game: CompiledGame, random: Random, steps: number): number {
  const play = game.start();
  checkText(play.intro);
  let places = checkState(play, whereabouts(play));
  let accepted = 0;
  for (let step = 0; step < steps; step++) {
    const list = play.admissible();
    ok(list.length >= 3);
    const isSorted = list.every((command, i) =>
      i === 0 || list[i - 1]! < command
    );
    ok(isSorted, "commands are sorted, each once");
    if (random.integer(20) === 0) {
      const before = play.stateKey();
      const command = NONSENSE[random.integer(NONSENSE.length)]!;
      if (list.includes(command.trim())) continue;
      strictEqual(play.step(command).text, NOTHING_HAPPENS);
      strictEqual(play.stateKey(), before);
      continue;
    }
    const command = list[random.integer(list.length)]!;
    const { text, accepted: isAccepted } = play.step(command);
    ok(isAccepted, command);
    accepted++;
    checkText(text);
    checkText(command);
    // Looking changes nothing that counts, so whereabouts are checked where they may change.
    if (/^(take|move|go|heat|cool|slice) /.test(command)) {
      places = checkState(play, places);
    }
  }
  return accepted;
}

Deno.test(`${STEPS} random commands over ${GAMES} households keep the invariants`, () => {
  const root = createRandom(SEED);
  const difficulties = ["easy", "alfworld", "hard"] as const;
  let accepted = 0;
  for (let i = 0; i < GAMES; i++) {
    const { file } = generateHousehold(
      { difficulty: difficulties[i % 3]! },
      SEED * 1_000_003 + i,
    );
    const game = compileGame(JSON.stringify(file));
    deepStrictEqual(game.warnings, []);
    accepted += fuzz(game, root.fork("game", i), Math.ceil(STEPS / GAMES));
  }
  ok(accepted > 0.8 * STEPS);
});

Deno.test("random commands in the small house keep the invariants", () => {
  for (const kind of ["simple", "two", "look"] as const) {
    fuzz(
      compileGame(miniatureHouse(kind)),
      createRandom(SEED).fork(kind),
      1_000,
    );
  }
});

Deno.test("after any detour the expert still finds a way, or there is none", () => {
  const root = createRandom(SEED);
  for (let i = 0; i < Math.min(GAMES, 60); i++) {
    const random = root.fork("detour", i);
    const game = compileGame(
      generateHousehold({ difficulty: "easy" }, 77 + i).file,
    );
    const expert = createHouseholdExpert(game)!;
    const play = game.start();
    for (let step = 0; step < 15; step++) {
      const list = play.admissible();
      play.step(list[random.integer(list.length)]!);
    }
    let steps = 0;
    for (; !play.won && steps < 40; steps++) {
      const hint = expert(play);
      if (hint === undefined) break;
      ok(play.step(hint.action).accepted, hint.action);
    }
    if (play.won) continue;
    // Only hands full of what fits nowhere leave no way.
    const held = play.facts("holds")[0]?.[1];
    ok(held !== undefined, `no way in game ${i} with empty hands`);
    ok(!play.admissible().some((command) => command.startsWith("move ")));
  }
});
