import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createRandom } from "../../../lib/random.ts";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import type { GamePlay } from "../../../lib/envs/pddl/play.ts";
import { HOUSEHOLD_TASK_TYPES } from "../../../lib/envs/household/task.ts";
import {
  drawHouse,
  householdRandom,
} from "../../../lib/envs/household/house.ts";
import { drawGame, drawRoom } from "../../../lib/envs/household/generator.ts";
import { HOUSEHOLD_DIFFICULTIES } from "../../../lib/envs/household/layout.ts";
import { planHousehold } from "../../../lib/envs/household/expert.ts";
import { createHouseholdGame } from "../../../lib/envs/household/game.ts";
import type { HouseholdWorld } from "../../../lib/envs/household/world.ts";

const TYPES = fc.constantFrom(...HOUSEHOLD_TASK_TYPES);
const NAMES = fc.constantFrom(
  "easy" as const,
  "alfworld" as const,
  "hard" as const,
);

/** Some solvable game; the first that these draws lead to. */
function someGame(
  type: typeof HOUSEHOLD_TASK_TYPES[number],
  name: keyof typeof HOUSEHOLD_DIFFICULTIES,
  seed: number,
) {
  const difficulty = HOUSEHOLD_DIFFICULTIES[name];
  for (let attempt = 0;; attempt++) {
    const random = householdRandom("test", seed, attempt);
    const house = drawHouse(drawRoom(random, type), random.integer(50), {
      split: "train",
      difficulty,
    });
    const game = drawGame(house, type, { difficulty, random });
    if (game !== undefined) return game;
  }
}

function look(play: GamePlay) {
  const facts = [
    "atlocation",
    "inreceptacle",
    "opened",
    "holds",
    "isclean",
    "ishot",
    "iscool",
    "istoggled",
  ];
  return {
    won: play.won,
    admissible: play.admissible(),
    facts: facts.map((name) => play.facts(name).map(String).sort()),
  };
}

/** Plays both at random and compares all they say; one command in eight is wrong. */
function playBoth(
  direct: GamePlay,
  compiled: GamePlay,
  seed: number,
  steps: number,
) {
  const random = createRandom(seed);
  strictEqual(direct.intro, compiled.intro);
  for (let t = 0; t < steps; t++) {
    const { admissible, ...rest } = look(direct);
    deepStrictEqual({ admissible, ...rest }, look(compiled));
    const useful = admissible.filter((command) => !command.startsWith("go to"));
    const from = random.uniform() < 0.5 ? useful : admissible;
    const command = random.integer(8) === 0
      ? `take ${from[random.integer(from.length)]}`
      : from[random.integer(from.length)]!;
    deepStrictEqual(direct.step(command), compiled.step(command), command);
  }
}

Deno.test("createHouseholdGame() says and accepts what its file, compiled, says and accepts", () => {
  fc.assert(
    fc.property(TYPES, NAMES, fc.nat(1000), (type, name, seed) => {
      const { world, walkthrough } = someGame(type, name, seed);
      const direct = createHouseholdGame(world, walkthrough);
      const compiled = compileGame(direct.file);
      deepStrictEqual(compiled.warnings, []);
      playBoth(direct.start(), compiled.start(), seed, 120);
    }),
    { numRuns: 40 },
  );
});

Deno.test("createHouseholdGame() keeps to its file where things share places and receptacles", () => {
  fc.assert(
    fc.property(TYPES, fc.nat(1000), (type, seed) => {
      const { world } = someGame(type, "alfworld", seed);
      const direct = createHouseholdGame(crowded(world, seed), []);
      const compiled = compileGame(direct.file);
      playBoth(direct.start(), compiled.start(), seed, 200);
    }),
    { numRuns: 25 },
  );
});

/** The same household with few places, things in two receptacles, some cooled. */
function crowded(world: HouseholdWorld, seed: number): HouseholdWorld {
  const random = createRandom(seed);
  const { layout } = world;
  const places = layout.receptacles.slice(0, 4).map((r) => r.standpoint);
  const receptacles = layout.receptacles.map((receptacle) => ({
    ...receptacle,
    standpoint: places[random.integer(places.length)]!,
  }));
  const things = world.things.map((thing) => {
    const other = random.integer(receptacles.length);
    const inside = random.integer(3) === 0 && !thing.inside.includes(other)
      ? [...thing.inside, other]
      : thing.inside;
    return { ...thing, inside, cool: random.integer(5) === 0 };
  });
  return { ...world, layout: { ...layout, receptacles }, things };
}

Deno.test("createHouseholdGame() is won by its walkthrough, at its last command and not before", () => {
  fc.assert(
    fc.property(TYPES, NAMES, fc.nat(10_000), (type, name, seed) => {
      const { world, walkthrough } = someGame(type, name, seed);
      const play = createHouseholdGame(world, walkthrough).start();
      for (const command of walkthrough) {
        ok(!play.won);
        ok(play.step(command).accepted, command);
      }
      ok(play.won);
    }),
    { numRuns: 300 },
  );
});

Deno.test("createHouseholdGame() comes with a walkthrough as short as the expert's plan", () => {
  fc.assert(
    fc.property(TYPES, NAMES, fc.nat(10_000), (type, name, seed) => {
      const { world, walkthrough } = someGame(type, name, seed);
      const plan = planHousehold(createHouseholdGame(world, walkthrough))!;
      const actions = plan.flatMap((segment) => segment.actions);
      strictEqual(actions.length, walkthrough.length);
    }),
    { numRuns: 200 },
  );
});

Deno.test("createHouseholdGame() forks plays that go their own ways", () => {
  const { world, walkthrough } = someGame("pick_and_place_simple", "easy", 3);
  const play = createHouseholdGame(world, walkthrough).start();
  const before = play.stateKey();
  const fork = play.fork();
  for (const command of walkthrough) fork.step(command);
  ok(fork.won && !play.won);
  strictEqual(play.stateKey(), before);
});

Deno.test("createHouseholdGame() has equal keys for equal states, however reached", () => {
  const { world, walkthrough } = someGame("pick_and_place_simple", "easy", 5);
  const play = createHouseholdGame(world, walkthrough).start();
  const [walk, take] = walkthrough;
  play.step(walk!);
  const before = play.stateKey();
  play.step(take!);
  ok(play.stateKey() !== before);
  play.step(take!.replace("take", "move").replace(" from ", " to "));
  strictEqual(play.stateKey(), before);
});

Deno.test("blanks around a command are those that Python strips, played directly or compiled", () => {
  const { world, walkthrough } = someGame("pick_and_place_simple", "easy", 1);
  const game = createHouseholdGame(world, walkthrough);
  for (const play of [game.start(), compileGame(game.file).start()]) {
    ok(play.step(" \t\x1c\x85look\u3000\n").accepted);
    ok(!play.step("\ufefflook").accepted);
    ok(!play.step("Look").accepted);
  }
});
