import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  strictEqual,
  throws,
} from "node:assert/strict";
import fc from "fast-check";
import { createEnvOpener, listEnvs } from "../../../lib/envs/open_env.ts";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import {
  generateHousehold,
  type HouseholdOptions,
  openHousehold,
} from "../../../lib/envs/household/household.ts";
import { splitOfLayout } from "../../../lib/envs/household/house.ts";
import { proposeHouseholdSubgoals } from "../../../lib/envs/household/subgoals.ts";
import { HOUSEHOLD_TASK_TYPES } from "../../../lib/envs/household/task.ts";
import {
  HOUSEHOLD_ROOMS,
  PLAN_FIGURES,
  ROOM_FIGURES,
} from "../../../lib/envs/household/tables.ts";
import type { Turn } from "../../../lib/trajectory.ts";
import { conformance } from "../_conformance.ts";

const open = createEnvOpener();
conformance("household, easy", open, {
  kind: "household",
  difficulty: "easy",
});
conformance("household, unseen", open, { kind: "household", split: "unseen" });
conformance("household, ALFRED's layouts", open, {
  kind: "household",
  layouts: "alfred",
  difficulty: "hard",
});

const OPTIONS: fc.Arbitrary<HouseholdOptions> = fc.record({
  split: fc.constantFrom("train" as const, "seen" as const, "unseen" as const),
  taskType: fc.constantFrom(...HOUSEHOLD_TASK_TYPES),
  difficulty: fc.constantFrom(
    "easy" as const,
    "alfworld" as const,
    "hard" as const,
  ),
  layouts: fc.constantFrom("drawn" as const, "alfred" as const),
}, { requiredKeys: [] });

Deno.test("generateHousehold() gives the same file for the same options and seed", () => {
  fc.assert(
    fc.property(OPTIONS, fc.nat(), (options, seed) => {
      const once = JSON.stringify(generateHousehold(options, seed).file);
      const again = JSON.stringify(generateHousehold(options, seed).file);
      strictEqual(once, again);
    }),
    { numRuns: 30 },
  );
});

Deno.test("generateHousehold() gives other games to other seeds and splits", () => {
  const hash = (options: HouseholdOptions, seed: number) =>
    generateHousehold(options, seed).hash;
  const hashes = Array.from(
    { length: 300 },
    (_, i) => hash({ split: i % 2 === 0 ? "train" : "seen" }, i >> 1),
  );
  strictEqual(new Set(hashes).size, 300);
});

Deno.test("generateHousehold() keeps layouts of the unseen split out of training", () => {
  fc.assert(
    fc.property(fc.nat(), OPTIONS, (seed, options) => {
      const { world } = generateHousehold(
        { ...options, layouts: "drawn" },
        seed,
      );
      const expected = options.split === "unseen" ? "unseen" : "train";
      strictEqual(splitOfLayout(world.layout), expected);
    }),
    { numRuns: 200 },
  );
});

Deno.test("generateHousehold() records what it takes to make the game again", () => {
  const options = {
    split: "seen",
    difficulty: "hard",
    taskType: "pick_two_obj_and_place",
  } as const;
  const { file, hash } = generateHousehold(options, 11);
  const { split, difficulty, layouts, houses, taskType, seed } = JSON.parse(
    JSON.stringify(file.gen),
  );
  const again = generateHousehold(
    { split, difficulty, layouts, houses, taskType },
    seed,
  );
  strictEqual(again.hash, hash);
  strictEqual(again.file.pddl_problem, file.pddl_problem);
});

Deno.test("generateHousehold() writes files that compile without warnings and are won as said", () => {
  for (const [i, taskType] of HOUSEHOLD_TASK_TYPES.entries()) {
    const { file } = generateHousehold({ taskType, split: "unseen" }, i);
    const game = compileGame(JSON.stringify(file));
    deepStrictEqual(game.warnings, []);
    const play = game.start();
    for (const command of game.walkthrough) play.step(command);
    ok(play.won, taskType);
  }
});

Deno.test("generateHousehold() draws rooms and plans as they were measured", () => {
  const counts = new Map<
    string,
    { n: number; receptacles: number; things: number }
  >();
  const lengths = new Map<string, number[]>();
  for (let i = 0; i < 1800; i++) {
    const taskType = HOUSEHOLD_TASK_TYPES[i % 6]!;
    const { world, walkthrough } = generateHousehold({ taskType }, i);
    const { room, receptacles } = world.layout;
    const known = counts.get(room) ?? { n: 0, receptacles: 0, things: 0 };
    known.n++;
    known.receptacles += receptacles.length;
    known.things += world.things.length;
    counts.set(room, known);
    lengths.set(taskType, [...lengths.get(taskType) ?? [], walkthrough.length]);
  }
  for (const room of HOUSEHOLD_ROOMS) {
    const { n, receptacles, things } = counts.get(room)!;
    const figures = ROOM_FIGURES[room];
    near(
      receptacles / n,
      figures.receptacles_per_scene["mean"]!,
      `${room} receptacles`,
    );
    near(
      things / n,
      figures.pickupable_objects_per_task["mean"]!,
      `${room} things`,
    );
  }
  for (const type of HOUSEHOLD_TASK_TYPES) {
    const drawn = lengths.get(type)!;
    const mean = drawn.reduce((sum, length) => sum + length, 0) / drawn.length;
    near(mean, meanOf(PLAN_FIGURES[type]), type);
  }
});

/** Within 15 %: a few hundred draws have a standard error of 2 to 3 %. */
function near(value: number, expected: number, what: string): void {
  ok(
    Math.abs(value / expected - 1) < 0.15,
    `${what}: ${value}, not ${expected}`,
  );
}

function meanOf(histogram: Readonly<Record<string, number>>): number {
  let sum = 0, total = 0;
  for (const [value, cases] of Object.entries(histogram)) {
    sum += Number(value) * cases;
    total += cases;
  }
  return sum / total;
}

Deno.test("openHousehold() is solved by the expert within 50 turns, under proposed subgoals", () => {
  fc.assert(
    fc.property(OPTIONS, fc.nat(), (options, seed) => {
      const env = openHousehold(options, seed);
      let { task, observation } = env.start();
      const past: Turn[] = [];
      let success = false;
      while (!success) {
        const hint = env.hint!()!;
        const proposals = proposeHouseholdSubgoals({ task, past, observation });
        ok(
          proposals.includes(hint.subgoal),
          `${hint.subgoal} not in ${proposals}`,
        );
        ok(proposals.length >= 2 && proposals.length <= 16, `${proposals}`);
        const { action, subgoal } = hint;
        const trace = { kind: "untrainable" } as const;
        const decision = {
          switched: true,
          subgoal,
          action,
          valid: true,
          trace,
        };
        past.push({ observation, decision, reward: 0 });
        ({ success, observation } = env.step(action));
        ok(past.length <= 50);
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("openHousehold() is solved by the expert after any detour", () => {
  fc.assert(
    fc.property(
      OPTIONS,
      fc.nat(),
      fc.array(fc.nat(200), { maxLength: 15 }),
      (options, seed, detour) => {
        const env = openHousehold(options, seed);
        let { observation } = env.start();
        let success = false;
        for (const pick of detour) {
          // Slicing and taking what no place accepts lead to dead ends, as they do in ALFWorld.
          const actions = observation.admissibleActions.filter((action) =>
            !/^(take|slice)/.test(action)
          );
          ({ observation, success } = env.step(
            actions[pick % actions.length]!,
          ));
          if (success) return;
        }
        for (let t = 0; t < 35 && !success; t++) {
          ({ success } = env.step(env.hint!()!.action));
        }
        ok(success);
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("generateHousehold() hides wanted things behind doors where asked to", () => {
  /** Games of which everything wanted starts behind a door. */
  const hiddenGames = (hidden: number) => {
    let count = 0;
    for (let seed = 0; seed < 60; seed++) {
      const { world } = generateHousehold({
        difficulty: { hidden },
        room: "kitchen",
        taskType: "pick_heat_then_place_in_recep",
      }, seed);
      const { things, goal, layout } = world;
      const wanted = things.filter(({ type }) => type === goal.object);
      if (
        wanted.every(({ inside }) =>
          inside.every((r) => layout.receptacles[r]!.openable)
        )
      ) count++;
    }
    return count;
  };
  // Some things fit behind no door, so not all can be hidden.
  const [asked, left] = [hiddenGames(1), hiddenGames(0)];
  ok(asked > 50 && left < 30, `${asked} and ${left} of 60`);
});

Deno.test("openHousehold() is easy where asked to: few receptacles, no doors", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { layout } = generateHousehold({ difficulty: "easy" }, seed).world;
    ok(layout.receptacles.length <= 8);
    ok(layout.receptacles.every(({ openable }) => !openable));
  }
});

Deno.test("generateHousehold() says when a room cannot have a task", () => {
  throws(
    () =>
      generateHousehold(
        { room: "bathroom", taskType: "look_at_obj_in_light" },
        1,
      ),
    /Cannot draw a household as its room must allow its task: current value is "look_at_obj_in_light" in bathroom/,
  );
});

Deno.test("listEnvs() lists households that name one game each, whatever the seed", async () => {
  const specs = await listEnvs({
    dataset: "household",
    count: 12,
    split: "seen",
    difficulty: "easy",
  });
  strictEqual(specs.length, 12);
  deepStrictEqual(structuredClone(specs), specs);
  const starts = [];
  for (const spec of specs) {
    const [one, other] = [await open(spec, 1), await open(spec, 2)];
    const start = await one.start();
    deepStrictEqual(await other.start(), start);
    strictEqual(start.taskType, spec["taskType"]);
    starts.push(start.observation.text);
  }
  strictEqual(new Set(starts).size, 12);
  notDeepStrictEqual(
    await (await open({ kind: "household" }, 1)).start(),
    await (await open({ kind: "household" }, 2)).start(),
  );
});

Deno.test("a household refuses settings it does not know", () => {
  throws(
    () => open({ kind: "household", dificulty: "easy" }, 1),
    /did you mean "difficulty"/,
  );
  throws(() => open({ kind: "household", taskType: "dance" }, 1), TypeError);
});
