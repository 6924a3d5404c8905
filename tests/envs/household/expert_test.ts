import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import type { GamePlay } from "../../../lib/envs/pddl/play.ts";
import { openGame } from "../../../lib/envs/pddl/game_env.ts";
import {
  createHouseholdExpert,
  planHousehold,
} from "../../../lib/envs/household/expert.ts";
import { readExpertGoal } from "../../../lib/envs/household/expert_view.ts";
import { generateHousehold } from "../../../lib/envs/household/household.ts";
import { proposeHouseholdSubgoals } from "../../../lib/envs/household/subgoals.ts";
import type { Turn } from "../../../lib/trajectory.ts";
import { GOALS, miniatureHouse, smallGame } from "../pddl/_miniature.ts";

const KINDS = Object.keys(GOALS) as (keyof typeof GOALS)[];

/** Length of a shortest solution, by trying everything in order of length. */
function shortest(play: GamePlay, limit: number): number | undefined {
  const seen = new Set([play.stateKey()]);
  let frontier = [play];
  for (let depth = 0; depth <= limit; depth++) {
    if (frontier.some(({ won }) => won)) return depth;
    const next: GamePlay[] = [];
    for (const from of frontier) {
      for (const command of from.admissible()) {
        if (/^(look|inventory|help|examine|slice)/.test(command)) continue;
        const to = from.fork();
        to.step(command);
        const key = to.stateKey();
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(to);
      }
    }
    frontier = next;
  }
  return undefined;
}

Deno.test("plans of the small house are as short as any", () => {
  for (const kind of KINDS) {
    const game = compileGame(miniatureHouse(kind));
    const plan = planHousehold(game)!.flatMap(({ actions }) => actions);
    const play = game.start();
    for (const command of plan) ok(play.step(command).accepted, command);
    ok(play.won, kind);
    strictEqual(plan.length, shortest(game.start(), plan.length), kind);
  }
});

Deno.test("plans are cut into subgoals in plain words", () => {
  deepStrictEqual(planHousehold(compileGame(miniatureHouse("heat"))), [
    { subgoal: "find a apple", actions: ["go to countertop 1"] },
    {
      subgoal: "take the apple 2 from countertop 1",
      actions: ["take apple 2 from countertop 1"],
    },
    {
      subgoal: "heat the apple",
      actions: ["go to microwave 1", "heat apple 2 with microwave 1"],
    },
    {
      subgoal: "put the apple in the cabinet",
      actions: [
        "go to cabinet 1",
        "open cabinet 1",
        "move apple 2 to cabinet 1",
      ],
    },
  ]);
});

Deno.test("plans use that a thing can be in two receptacles at once", () => {
  const plan = planHousehold(compileGame(miniatureHouse("cool")))!
    .flatMap(({ actions }) => actions);
  deepStrictEqual(plan, [
    "go to coffeemachine 1",
    "take mug 1 from coffeemachine 1",
    "go to fridge 1",
    "cool mug 1 with fridge 1",
  ]);
});

Deno.test("a game that is won needs no plan, one of another kind has no expert", () => {
  const game = compileGame(miniatureHouse("simple"));
  const play = game.start();
  for (const { actions } of planHousehold(game)!) {
    actions.forEach((a) => play.step(a));
  }
  deepStrictEqual(planHousehold(game, play), []);
  strictEqual(createHouseholdExpert(game)!(play), undefined);
  const other = compileGame(
    smallGame({ domain: "(:predicates (p))", goal: "(p)" }),
  );
  strictEqual(createHouseholdExpert(other), undefined);
  strictEqual(planHousehold(other), undefined);
});

Deno.test("the goal is read by its classes, whatever the sentence says", () => {
  const sentences = KINDS.map((kind) =>
    readExpertGoal(compileGame(miniatureHouse(kind)).problem.goal)!.sentence
  );
  deepStrictEqual(sentences, [
    "put a apple in cabinet.",
    "put a clean apple in cabinet.",
    "put a hot apple in cabinet.",
    "put a cool mug in countertop.",
    "put two mug in cabinet.",
    "look at mug under the desklamp.",
  ]);
});

Deno.test("hints win from wherever random play led, and every subgoal is among the proposals", () => {
  const detours = fc.array(fc.nat(1_000), { maxLength: 8 });
  fc.assert(
    fc.property(fc.nat(1_000), detours, (seed, detour) => {
      const game = compileGame(
        generateHousehold({ difficulty: "easy" }, seed).file,
      );
      const expert = createHouseholdExpert(game)!;
      const env = openGame(game, { expert: (_, play) => expert(play) });
      const { task, observation: first } = env.start();
      const past: Turn[] = [];
      let observation = first;
      for (let turn = 0; turn < 50; turn++) {
        const hint = env.hint!();
        if (hint === undefined) {
          // Stuck is only who holds what fits nowhere here.
          ok(past.some(({ decision }) => decision.action.startsWith("take ")));
          return;
        }
        const proposals = proposeHouseholdSubgoals({ task, past, observation });
        ok(
          proposals.includes(hint.subgoal),
          `${task} ${hint.subgoal} ${proposals}`,
        );
        ok(observation.admissibleActions.includes(hint.action));
        const list = observation.admissibleActions;
        const action = turn < detour.length
          ? list[detour[turn]! % list.length]!
          : hint.action;
        const step = env.step(action);
        past.push({
          observation,
          decision: {
            switched: true,
            subgoal: hint.subgoal,
            action,
            valid: true,
            trace: { kind: "untrainable" },
          },
          reward: step.reward,
        });
        observation = step.observation;
        if (step.success) return;
      }
      ok(false, "fifty turns were not enough");
    }),
    { numRuns: 60 },
  );
});
