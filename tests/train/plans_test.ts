import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { CORRIDOR_SUBGOAL_RULE } from "../../lib/envs/corridor.ts";
import { toEpisodeBatch } from "../../lib/episode_batch.ts";
import { hierarchicalAdvantages } from "../../lib/hae/hae.ts";
import { shapeBatch } from "../../lib/hae/shaping.ts";
import { otherPlans, planIntervention } from "../../lib/train/interventions.ts";
import { judgePlans, summarizePlans } from "../../lib/train/plans.ts";
import { createRandom } from "../../lib/random.ts";
import {
  byDecision,
  type Trajectory,
  type Turn,
} from "../../lib/trajectory.ts";

const LEFT = "leave by the left end", RIGHT = "leave by the right end";

/** An episode of a corridor: subgoal and action of each turn; a repeated subgoal is kept. */
function episode(
  steps: readonly (readonly [subgoal: string, action: string])[],
  end: string,
  task = "leave",
): Trajectory {
  const observation = { text: "", admissibleActions: [], stateKey: "" };
  const turns = steps.map(([subgoal, action], t): Turn => ({
    observation,
    decision: {
      switched: t === 0 || steps[t - 1]![0] !== subgoal,
      subgoal,
      action,
      valid: true,
      trace: { kind: "untrainable" },
      values: byDecision(() => 0),
    },
    reward: 0,
  }));
  return {
    id: task,
    task,
    group: task,
    turns,
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: byDecision(() => 0),
    finalObservation: { ...observation, text: end },
    seed: 0,
  };
}

const lost = episode([
  [LEFT, "go left"],
  [LEFT, "wait"],
  [RIGHT, "open the right door"],
  [RIGHT, "go right"],
], "You stand outside.");

Deno.test("plans are judged turn by turn by the rule of the world", () => {
  const judged = judgePlans([lost], CORRIDOR_SUBGOAL_RULE);
  deepStrictEqual([...judged.served], [1, 0, 1, 1]);
  deepStrictEqual([...judged.achieved], [0, 0, 0, 1]);
  deepStrictEqual(summarizePlans([lost], judged), {
    served_rate: 0.75,
    achieved_rate: 0.5,
  });
});

Deno.test("a subgoal that is achieved twice in one segment counts once", () => {
  const twice = episode([["look around", "wait"], ["look around", "wait"]], "");
  const judged = judgePlans([twice], CORRIDOR_SUBGOAL_RULE);
  deepStrictEqual([...judged.achieved], [1, 1]);
  strictEqual(summarizePlans([twice], judged).achieved_rate, 1);
  const batch = toEpisodeBatch([twice]);
  const { executionRewards } = shapeBatch(
    batch,
    { subgoalReward: 2 },
    judged.achieved,
  );
  deepStrictEqual([...executionRewards!], [2, 0]);
});

Deno.test("a subgoal's own end is credited to execution alone", () => {
  const batch = toEpisodeBatch([lost]);
  const { achieved } = judgePlans([lost], CORRIDOR_SUBGOAL_RULE);
  const shaped = shapeBatch(batch, { subgoalReward: 3 }, achieved);
  deepStrictEqual(shaped.rewards, batch.rewards);
  const before = hierarchicalAdvantages(batch).advantages;
  const after = hierarchicalAdvantages(shaped).advantages;
  deepStrictEqual(after.planning, before.planning);
  deepStrictEqual(after.switching, before.switching);
  deepStrictEqual([...after.execution], [0, 0, 3, 3]);
});

Deno.test("a subgoal's own end needs a rule of the world", () => {
  throws(() => shapeBatch(toEpisodeBatch([lost]), { subgoalReward: 1 }), {
    name: "TypeError",
    message: /without a rule of subgoals/,
  });
});

Deno.test("the plan of another game is that of the next game with another task", () => {
  const games = [
    episode([[LEFT, "go left"], [RIGHT, "go right"]], "", "one"),
    episode([[LEFT, "go left"]], "", "one"),
    episode([["look around", "wait"]], "", "two"),
  ];
  deepStrictEqual(otherPlans(games), [
    ["look around"],
    ["look around"],
    [LEFT, RIGHT],
  ]);
  throws(() => otherPlans(games.slice(0, 2)), RangeError);
});

Deno.test("where all tasks are worded alike, the other game is one that begins differently", () => {
  const seen = (text: string, subgoal: string): Trajectory => {
    const one = episode([[subgoal, "wait"]], "");
    const observation = { text, admissibleActions: [], stateKey: text };
    return {
      ...one,
      turns: one.turns.map((turn) => ({ ...turn, observation })),
    };
  };
  const games = [
    seen("A sign says left.", LEFT),
    seen("A sign says left.", "look around"),
    seen("A sign says right.", RIGHT),
  ];
  deepStrictEqual(otherPlans(games), [[RIGHT], [RIGHT], [LEFT]]);
});

Deno.test("interventions take the next subgoal of the other game, a uniform draw, or none", () => {
  const games = [
    episode([["look around", "wait"]], "", "one"),
    episode([[LEFT, "go left"], [RIGHT, "go right"]], "", "two"),
  ];
  const observation = { text: "", admissibleActions: [], stateKey: "" };
  const random = createRandom(1);
  const planned = (turn: number, held?: string) => ({
    row: 0,
    situation: {
      task: "one",
      past: [],
      observation,
      ...(held === undefined ? {} : { subgoal: held }),
    },
    proposed: [LEFT, RIGHT, "look around"],
    chosen: "look around",
    random: random.fork(turn),
  });
  const other = planIntervention("other", games);
  deepStrictEqual(
    [0, 1, 2].map((turn) => other(planned(turn))),
    [LEFT, RIGHT, LEFT],
  );
  const freeze = planIntervention("freeze", games);
  strictEqual(freeze(planned(0)), "look around");
  strictEqual(freeze(planned(1, RIGHT)), RIGHT);
  const uniform = planIntervention("random", games);
  const counts = new Map<string, number>();
  for (let turn = 0; turn < 300; turn++) {
    const drawn = uniform(planned(turn));
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  }
  strictEqual(counts.size, 3);
  for (const count of counts.values()) ok(count > 70);
});
