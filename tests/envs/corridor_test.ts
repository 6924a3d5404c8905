import fc from "fast-check";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { openCorridor, openCorridorSpec } from "../../lib/envs/corridor.ts";
import type { EnvStep, TextEnv } from "../../lib/envs/text_env.ts";
import { conformance } from "./_conformance.ts";

conformance("corridor", openCorridorSpec, { kind: "corridor" });
conformance("corridor full of doors", openCorridorSpec, {
  kind: "corridor",
  length: 9,
  doors: 4,
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
  throws(() => openCorridorSpec({ kind: "corridor", exit: "up" }, 1), {
    name: "TypeError",
  });
  throws(() => openCorridorSpec({ kind: "corridor", lenght: 5 }, 1), {
    name: "TypeError",
    message: /"lenght" is not a setting: did you mean "length"/,
  });
});
