import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  CHORE_DONE,
  choresLeft,
  choresSentence,
} from "../../../lib/envs/household/chore_words.ts";
import {
  drawChoreWorlds,
  openChores,
} from "../../../lib/envs/household/chores.ts";
import { planHousehold } from "../../../lib/envs/household/expert.ts";
import { createHouseholdGame } from "../../../lib/envs/household/game.ts";
import { listHouseholds } from "../../../lib/envs/household/spec.ts";
import { proposeHouseholdSubgoals } from "../../../lib/envs/household/subgoals.ts";
import { openEnv } from "../../../lib/envs/open_env.ts";
import type { EnvSpec, EnvStep } from "../../../lib/envs/text_env.ts";
import type { AnsweredTurn } from "../../../lib/trajectory.ts";
import { conformance } from "../_conformance.ts";

for (const order of ["given", "any"]) {
  const spec = { kind: "household", difficulty: "easy", chores: 3, order };
  conformance(`chores in ${order} order`, openEnv, spec, {
    seeds: [1, 2],
    turns: 20,
  });
}

/** Plays the expert to the end. */
function playExpert(options: Parameters<typeof openChores>[0], seed: number) {
  const env = openChores(options, seed);
  const { task, observation: first } = env.start();
  const steps: EnvStep[] = [], past: AnsweredTurn[] = [];
  let observation = first;
  for (let hint = env.hint!(); hint; hint = env.hint!()) {
    const { subgoal, action } = hint;
    const proposed = proposeHouseholdSubgoals({ task, past, observation });
    ok(proposed.includes(subgoal), `${subgoal} among ${proposed} for ${task}`);
    ok(observation.admissibleActions.includes(action));
    const trace = { kind: "untrainable" } as const;
    const decision = { ...hint, switched: true, valid: true, trace };
    past.push({ observation, decision });
    const step = env.step(action);
    steps.push(step);
    ({ observation } = step);
    ok(steps.length <= 50 * options.chores);
  }
  return { task, steps };
}

Deno.test("Every household with chores is solved by its expert, who pursues proposed subgoals", () => {
  const options = fc.record({
    chores: fc.integer({ min: 2, max: 6 }),
    order: fc.constantFrom("given" as const, "any" as const),
    difficulty: fc.constantFrom("easy" as const, "alfworld" as const),
    split: fc.constantFrom(
      "train" as const,
      "seen" as const,
      "unseen" as const,
    ),
  });
  fc.assert(
    fc.property(options, fc.nat(9999), (options, seed) => {
      const { steps } = playExpert(options, seed);
      const last = steps.at(-1)!;
      deepStrictEqual(
        [last.success, last.score, last.reward, last.ending],
        [true, 1, 10, "terminated"],
      );
      const done = steps.map(({ observation }) =>
        observation.text.split(CHORE_DONE).length - 1
      );
      strictEqual(done.reduce((a, b) => a + b), options.chores);
      ok(
        steps.slice(0, -1).every(({ reward, success }) =>
          reward === 0 && !success
        ),
      );
    }),
    { numRuns: 30 },
  );
});

Deno.test("Chores make episodes longer, up to six times", () => {
  const length = (chores: number) => {
    let turns = 0;
    for (let seed = 0; seed < 6; seed++) {
      turns += playExpert({ chores }, seed).steps.length;
    }
    return turns / 6;
  };
  const two = length(2), six = length(6);
  ok(two >= 8 && two <= 16, `${two}`);
  ok(six >= 25 && six <= 45, `${six}`);
});

Deno.test("In the given order a later chore does not count before its turn; in any order it does", () => {
  for (let seed = 0; seed < 5; seed++) {
    const worlds = drawChoreWorlds({ chores: 2 }, seed);
    const [first, second] = worlds.map(({ sentence }) => sentence);
    const actions = planHousehold(createHouseholdGame(worlds[1]!, []))!
      .flatMap(({ actions }) => actions);
    const played = (order: "given" | "any") => {
      const env = openChores({ chores: 2, order }, seed);
      const { task } = env.start();
      return { task, ...actions.map((action) => env.step(action)).at(-1)! };
    };
    const given = played("given"), any = played("any");
    strictEqual(given.task, `${first}, then ${second}.`);
    strictEqual(any.task, `${first}, and also ${second}, in any order.`);
    deepStrictEqual([given.score, any.score], [0, 0.5]);
    ok(any.observation.text.endsWith(`${CHORE_DONE}${second}`));
    strictEqual(any.reward, 0);
  }
});

Deno.test("A chore that is done stays done, and is said once", () => {
  const { steps } = playExpert({ chores: 4, order: "any" }, 11);
  const scores = steps.map(({ score }) => score!);
  deepStrictEqual(scores, scores.toSorted((a, b) => a - b));
});

Deno.test("Instructions are taken apart as they were put together, and human sentences are left alone", () => {
  const tasks = ["put a mug in desk", "heat some egg and put it in fridge"];
  const [first, second] = tasks;
  deepStrictEqual(choresLeft(`${choresSentence(tasks, "given")}.`, []), [
    first,
  ]);
  deepStrictEqual(choresLeft(choresSentence(tasks, "given"), [first!]), [
    second,
  ]);
  deepStrictEqual(choresLeft(choresSentence(tasks, "any"), []), tasks);
  deepStrictEqual(choresLeft(choresSentence(tasks, "any"), [second!]), [first]);
  const human = "Pick up the egg, then warm it up.";
  deepStrictEqual(choresLeft(human, []), [human]);
  deepStrictEqual(choresLeft("put a mug in desk.", []), ["put a mug in desk."]);
});

Deno.test("Chores are listed as a dataset, with kinds of their own", async () => {
  const [first, second] = listHouseholds({
    ...{ dataset: "household", count: 2, split: "unseen", chores: 2 },
    difficulty: "easy",
  });
  deepStrictEqual(first, {
    ...{ kind: "household", game: 0, split: "unseen" },
    ...{ difficulty: "easy", chores: 2 },
  });
  const start = async (spec: EnvSpec) => await (await openEnv(spec, 1)).start();
  const here = await start(first!);
  strictEqual(here.taskType, "2 chores");
  ok(here.task !== (await start(second!)).task);
});

Deno.test("One chore is the household as it was, and other numbers are refused", async () => {
  const start = async (spec: object) =>
    await (await openEnv({ kind: "household", ...spec }, 5)).start();
  deepStrictEqual(await start({ chores: 1 }), await start({}));
  throws(
    () => openChores({ chores: 7 }, 1),
    /"chores" must be in \[2, 6\]: current value is 7/,
  );
  throws(
    () => openEnv({ kind: "household", order: "any" }, 1),
    /"order" must stand beside "chores"/,
  );
});
