import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  CORRIDOR_SUBGOAL_RULE,
  openCorridor,
  openCorridorSpec,
} from "../../lib/envs/corridor.ts";
import type { AnsweredTurn } from "../../lib/trajectory.ts";
import type { EnvStart, EnvStep, TextEnv } from "../../lib/envs/text_env.ts";
import { conformance } from "./_conformance.ts";

conformance("corridor", openCorridorSpec, { kind: "corridor" });
conformance("corridor full of doors", openCorridorSpec, {
  kind: "corridor",
  length: 9,
  doors: 4,
});

conformance("chain of corridors", openCorridorSpec, {
  kind: "corridor",
  length: 3,
  doors: 0,
  rooms: 8,
});

const sizes = fc.integer({ min: 1, max: 6 }).chain((middle) =>
  fc.record({
    length: fc.constant(2 * middle + 1),
    doors: fc.integer({ min: 0, max: middle }),
    seed: fc.integer({ min: 0, max: 99 }),
  })
);

function followExpert(env: TextEnv): { steps: EnvStep[]; subgoals: string[] } {
  env.start();
  const steps: EnvStep[] = [], subgoals: string[] = [];
  for (let hint = env.hint!(); hint; hint = env.hint!()) {
    steps.push(env.step(hint.action) as EnvStep);
    subgoals.push(hint.subgoal);
  }
  return { steps, subgoals };
}

Deno.test("A corridor's expert leaves by the shortest way under one subgoal", () => {
  fc.assert(fc.property(sizes, ({ length, doors, seed }) => {
    const env = openCorridor({ length, doors }, seed);
    const { steps, subgoals } = followExpert(env);
    strictEqual(steps.length, (length - 1) / 2 + 1 + doors);
    strictEqual(new Set(subgoals).size, 1);
    strictEqual(steps.at(-1)!.success, true);
    deepStrictEqual(steps.map(({ reward }) => reward), [
      ...Array(steps.length - 1).fill(0),
      1,
    ]);
  }));
});

Deno.test("A chain's expert takes the shortest way through every room, and only the last pays", () => {
  const rooms = fc.integer({ min: 2, max: 8 });
  fc.assert(fc.property(sizes, rooms, ({ length, doors, seed }, rooms) => {
    const env = openCorridor({ length, doors, rooms }, seed);
    const { steps } = followExpert(env);
    strictEqual(steps.length, rooms * ((length - 1) / 2 + 1 + doors));
    strictEqual(steps.at(-1)!.success, true);
    strictEqual(steps.at(-1)!.score, 1);
    deepStrictEqual(steps.map(({ reward }) => reward), [
      ...Array(steps.length - 1).fill(0),
      1,
    ]);
    const scores = new Set(steps.map(({ score }) => score));
    strictEqual(scores.size, rooms + 1);
  }));
});

Deno.test("A chain's first room is the corridor of the seed, the others have exits of their own", () => {
  const later = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const first = openCorridor({ doors: 0 }, seed).start() as EnvStart;
    const chain = openCorridor({ doors: 0, rooms: 2, length: 3 }, seed);
    const start = chain.start() as EnvStart;
    strictEqual(
      start.observation.text,
      `Corridor 1 of 2. ${first.observation.text}`,
    );
    const side = chain.hint!()!.action;
    chain.step(side);
    const { observation } = chain.step(side) as EnvStep;
    ok(observation.text.startsWith("Corridor 2 of 2. You stand before a sign"));
    later.add(`${side}, ${chain.hint!()!.action}`);
  }
  strictEqual(later.size, 4); // every combination of exits
});

Deno.test("Leaving a room of a chain achieves its subgoal, walking inside does not", () => {
  const { achieved } = CORRIDOR_SUBGOAL_RULE;
  const env = openCorridor(
    { length: 3, doors: 0, rooms: 2, exit: "left" },
    1,
  );
  const { task, observation } = env.start() as EnvStart;
  const past: AnsweredTurn[] = [], found: boolean[] = [];
  let seen = observation;
  for (const action of ["go left", "go left", "go left", "go left"]) {
    const decision = {
      ...{ switched: true, subgoal: "leave by the left end", action },
      ...{ valid: true, trace: { kind: "untrainable" } as const },
    };
    past.push({ observation: seen, decision });
    seen = (env.step(action) as EnvStep).observation;
    found.push(
      achieved("leave by the left end", { task, past, observation: seen }),
    );
  }
  deepStrictEqual(found, [false, true, false, true]);
});

Deno.test("A corridor's wrong end is a wall", () => {
  const env = openCorridor({ length: 3, doors: 0, exit: "right" }, 1);
  env.start();
  const { observation } = env.step("go left") as EnvStep;
  deepStrictEqual(observation.admissibleActions, ["wait", "go right"]);
  strictEqual(
    observation.text,
    "You stand in a corridor. A wall stands to the left.",
  );
});

Deno.test("A corridor's sign can be read in the middle alone, and both exits occur", () => {
  const signs = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const env = openCorridor({ doors: 0 }, seed);
    const { observation } = env.start() as { observation: { text: string } };
    signs.add(observation.text);
    const { observation: beside } = env.step("go left") as EnvStep;
    strictEqual(beside.text.includes("sign"), false);
  }
  strictEqual(signs.size, 2);
});

Deno.test("A corridor that cannot be built is refused", () => {
  throws(() => openCorridor({ length: 4 }, 1), {
    name: "RangeError",
    message:
      'Cannot open a corridor as "length" must be odd and at least 3: current value is 4',
  });
  throws(() => openCorridor({ length: 5, doors: 3 }, 1), {
    name: "RangeError",
    message:
      'Cannot open a corridor as "doors" must be in [0, 2]: current value is 3',
  });
  throws(() => openCorridor({ rooms: 9 }, 1), {
    name: "RangeError",
    message:
      'Cannot open a corridor as "rooms" must be in [1, 8]: current value is 9',
  });
  throws(() => openCorridorSpec({ kind: "corridor", exit: "up" }, 1), {
    name: "TypeError",
  });
  throws(() => openCorridorSpec({ kind: "corridor", lenght: 5 }, 1), {
    name: "TypeError",
    message: /"lenght" is not a setting: did you mean "length"/,
  });
});
