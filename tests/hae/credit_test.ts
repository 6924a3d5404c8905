import fc from "fast-check";
import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  throws,
} from "node:assert/strict";
import {
  assignCredit,
  ESTIMATOR_NAMES,
  type EstimatorConfig,
} from "../../lib/hae/credit.ts";
import { creditBatch } from "../../lib/hae/credit.ts";
import { decisionsTaken, toEpisodeBatch } from "../../lib/episode_batch.ts";
import { normalizeCredit } from "../../lib/hae/normalize.ts";
import { creditPreset } from "../../lib/hae/presets.ts";
import { shapeBatch, shapeRewards } from "../../lib/hae/shaping.ts";
import { DECISIONS, type Trajectory } from "../../lib/trajectory.ts";
import { assertClose } from "../_vectors.ts";
import { batch, episode, monteCarlo } from "./_episodes.ts";

const TIGHT = { tolerance: 1e-9, what: "advantages" };

/** Configurations that need nothing but what arbitrary batches have. */
const estimators: readonly EstimatorConfig[] = [
  { name: "hae" },
  { name: "hae", lambdaBoundary: 1, normalize: "standard" },
  { name: "hae", switching: "q-minus-beta", heads: 2 },
  { name: "hae", planningToSwitching: true, switchingToSwitching: false },
  { name: "gae", gamma: 0.9, lambda: 0.5 },
  { name: "token-gae", gamma: 0.9, lambda: 0.5 },
  { name: "bi-level-gae", gamma: 0.9, lambda: 0.5 },
  { name: "bi-level-gae", turnEnds: "rewarded" },
  { name: "grpo" },
  { name: "grpo", scaleByDeviation: false, weightBy: "turns" },
  { name: "dr-grpo" },
  { name: "rloo", singleton: "score" },
  { name: "reinforce++-baseline" },
  { name: "reinforce++" },
  { name: "reinforce", gamma: 0.5 },
  { name: "remax", baselines: { a: 1, b: 2 } },
  { name: "gigpo", gamma: 0.9 },
  { name: "gigpo", similarity: 0.5, scaleByDeviation: true },
  { name: "strata" },
];
const estimator = fc.constantFrom(...estimators);

Deno.test("assignCredit() gives finite columns of the right length, 0 where a decision is not trained", () => {
  fc.assert(
    fc.property(batch, estimator, (episodes, config) => {
      const credits = assignCredit(episodes, config);
      deepStrictEqual(credits.length, episodes.length);
      for (const [i, { advantages, trained, targets }] of credits.entries()) {
        const { turns } = episodes[i]!;
        const taken = decisionsTaken(toEpisodeBatch([episodes[i]!]));
        for (const name of DECISIONS) {
          deepStrictEqual(advantages[name].length, turns.length);
          for (const [t, advantage] of advantages[name].entries()) {
            ok(Number.isFinite(advantage));
            ok(trained![name][t] === 1 || advantage === 0);
            ok(trained![name][t] === 0 || taken[name][t] === 1);
          }
          if (targets) deepStrictEqual(targets[name].length, turns.length);
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("assignCredit() leaves trajectories untouched", () => {
  fc.assert(fc.property(batch, estimator, (episodes, config) => {
    const before = structuredClone(episodes);
    assignCredit(episodes, config);
    deepStrictEqual(episodes, before);
  }));
});

Deno.test("assignCredit() of group estimators sums to zero over the episodes of a group", () => {
  const configs: EstimatorConfig[] = [
    { name: "grpo" },
    { name: "dr-grpo" },
    { name: "rloo" },
  ];
  fc.assert(
    fc.property(batch, fc.constantFrom(...configs), (episodes, config) => {
      const credits = assignCredit(episodes, config);
      for (const group of ["a", "b"]) {
        const sum = credits.filter((_, i) => episodes[i]!.group === group)
          .reduce(
            (total, { advantages }) => total + advantages.execution[0]!,
            0,
          );
        // Division by a tiny deviation magnifies rounding.
        ok(Math.abs(sum) < 1e-6, `${sum}`);
      }
    }),
  );
});

Deno.test('assignCredit() of "rloo" subtracts the mean of the others', () => {
  fc.assert(fc.property(batch, (episodes) => {
    const score = (one: Trajectory) =>
      one.turns.reduce((sum, t) => sum + t.reward, 0);
    const credits = assignCredit(episodes, { name: "rloo" });
    for (const [i, one] of episodes.entries()) {
      const others = episodes.filter((other, j) =>
        j !== i && other.group === one.group
      ).map(score);
      const expected = others.length === 0
        ? 0
        : score(one) - others.reduce((a, b) => a + b, 0) / others.length;
      assertClose(credits[i]!.advantages.execution[0], expected, TIGHT);
    }
  }));
});

Deno.test('assignCredit() of "gae" and "token-gae" with lambda 1 is the return less the value, for any critic', () => {
  fc.assert(fc.property(batch, fc.constantFrom(0.5, 1), (episodes, gamma) => {
    const turnwise = assignCredit(episodes, { name: "gae", gamma });
    const chained = assignCredit(episodes, { name: "token-gae", gamma });
    for (const [i, one] of episodes.entries()) {
      const columns = toEpisodeBatch([one]);
      const returns = monteCarlo(columns, gamma);
      const taken = decisionsTaken(columns);
      for (const name of DECISIONS) {
        for (const [t, g] of returns.entries()) {
          if (taken[name][t] !== 1) continue;
          assertClose(
            turnwise[i]!.advantages[name][t],
            g - columns.values.switching[t]!,
            TIGHT,
          );
          assertClose(
            chained[i]!.advantages[name][t],
            g - columns.values[name][t]!,
            TIGHT,
          );
          assertClose(chained[i]!.targets![name][t], g, TIGHT);
        }
      }
    }
  }));
});

Deno.test('assignCredit() of "token-gae" follows the chain switching, planning, execution', () => {
  const one = episode({
    rewards: [1],
    values: { switching: 1, planning: 2, execution: 4 },
  });
  const [credit] = assignCredit([one], { name: "token-gae", lambda: 0.5 });
  // Residuals 1, 2, -3; each advantage adds half of the next.
  deepStrictEqual(credit!.advantages.execution, Float64Array.of(-3));
  deepStrictEqual(credit!.advantages.planning, Float64Array.of(0.5));
  deepStrictEqual(credit!.advantages.switching, Float64Array.of(1.25));
});

Deno.test('assignCredit() of "gigpo" compares turns taken from the same state', () => {
  const make = (id: string, rewards: number[]) =>
    episode({ id, group: "g", rewards });
  const credits = assignCredit([make("won", [0, 4]), make("lost", [0, 0])], {
    name: "gigpo",
  });
  // Episode part 2 and -2; both turns share their states, so the step part is the same.
  deepStrictEqual(credits[0]!.advantages.execution, Float64Array.of(4, 4));
  deepStrictEqual(credits[1]!.advantages.execution, Float64Array.of(-4, -4));
  const half = assignCredit([make("won", [0, 4]), make("lost", [0, 0])], {
    name: "gigpo",
    gamma: 0.5,
  });
  deepStrictEqual(half[0]!.advantages.execution, Float64Array.of(3, 4));
});

Deno.test('assignCredit() of "pass-at-k" rewards the first of the best episodes only', () => {
  const make = (id: string, reward: number) =>
    episode({ id, group: "g", rewards: [reward] });
  const credits = assignCredit([make("a", 1), make("b", 5), make("c", 3)], {
    name: "pass-at-k",
    scaleByDeviation: false,
  });
  deepStrictEqual(credits.map((c) => c.advantages.execution[0]), [0, 2, 0]);
  throws(() => assignCredit([make("a", 1)], { name: "pass-at-k" }), {
    name: "RangeError",
    message: /must have at least 2 scores: group "g" has 1/,
  });
});

Deno.test('assignCredit() of "strata" compares strategies by their best episodes, and episodes within one', () => {
  const play = (strategy: string, rewards: number[]) =>
    rewards.map((reward, i) =>
      episode({
        id: `${strategy}${i}`,
        group: "g",
        strategy,
        rewards: [reward],
      })
    );
  const episodes = [...play("z1", [1, 0, 1, 0]), ...play("z2", [0, 0, 1, 0])];
  const credits = assignCredit(episodes, {
    name: "strata",
    flagged: { z12: [0] },
  });
  const loose = { tolerance: 1e-4, what: "hand calculation" };
  assertClose(credits[0]!.advantages.planning, [0.7071], loose);
  assertClose(credits[4]!.advantages.planning, [-0.7071], loose);
  assertClose(credits[0]!.advantages.execution, [0.866], loose);
  assertClose(credits[1]!.advantages.execution, [-0.866], loose);
  assertClose(credits[2]!.advantages.execution, [0.6928], loose);
  deepStrictEqual(
    credits.map((c) => c.trained!.planning[0]),
    [1, 0, 0, 0, 1, 0, 0, 0],
  );
});

Deno.test('assignCredit() of "hae" sends the planner\'s advantage where it is told to', () => {
  const values = { switching: 1, planning: 2, execution: 3 };
  const one = episode({ rewards: [0, 5], switched: [true, false], values });
  const both = assignCredit([one], {
    name: "hae",
    planningToSwitching: true,
  })[0]!;
  const plain = assignCredit([one], { name: "hae" })[0]!;
  deepStrictEqual(plain.advantages.switching, Float64Array.of(4, 4));
  deepStrictEqual(both.advantages.switching, Float64Array.of(4 + 3, 4));
  const twoHeads = assignCredit([one], { name: "hae", heads: 2 })[0]!;
  deepStrictEqual(twoHeads.trained!.switching, Uint8Array.of(0, 0));
  deepStrictEqual(twoHeads.targets!.switching, Float64Array.of(NaN, NaN));
});

Deno.test('assignCredit() of "hae" in the q-minus-beta form does not train the first switching decision', () => {
  fc.assert(fc.property(batch, (episodes) => {
    const credits = assignCredit(episodes, {
      name: "hae",
      heads: 2,
      switching: "q-minus-beta",
      normalize: "standard",
    });
    for (const { advantages, trained } of credits) {
      deepStrictEqual(trained!.switching[0], 0);
      deepStrictEqual(advantages.switching[0], 0);
    }
  }));
});

Deno.test("assignCredit() refuses a cut-off episode whose last values are not finite", () => {
  const values = { switching: 0, planning: 0, execution: 0 };
  const cut = episode({
    rewards: [0],
    values,
    ending: "truncated",
    bootstrap: { ...values, switching: NaN, execution: NaN },
  });
  throws(() => assignCredit([cut], { name: "hae" }), {
    name: "RangeError",
    message:
      'Cannot assign credit "hae" as every bootstrap value and sum of rewards of episode "corridor/7" must be finite: current value is NaN',
  });
  throws(() => assignCredit([cut], { name: "gae" }), {
    name: "RangeError",
    message:
      'Cannot assign credit "gae" as the value after the last turn of episode "corridor/7" must be finite: current value is NaN',
  });
  deepStrictEqual(
    assignCredit([cut], { name: "gae", truncation: "zero" })[0]!.advantages
      .execution,
    Float64Array.of(0),
  );
});

Deno.test("decisionsTaken() leaves out a first switching decision that was forced", () => {
  const one = episode({ rewards: [0, 0] });
  const turns = one.turns.map((turn) => ({
    ...turn,
    decision: {
      ...turn.decision,
      trace: {
        kind: "choices" as const,
        subgoals: [],
        chosen: { switching: 1, planning: 0, execution: 0 },
        logProbs: { switching: 0, planning: -1, execution: -1 },
      },
    },
  }));
  const forced = toEpisodeBatch([{ ...one, turns }]);
  deepStrictEqual(decisionsTaken(forced).switching, Uint8Array.of(0, 1));
});

Deno.test("normalizeCredit() gives mean 0 and deviation 1 to each kind of decision, keeping its order", () => {
  fc.assert(
    fc.property(batch, (episodes) => {
      const credits = assignCredit(episodes, { name: "hae" });
      const normalized = normalizeCredit(episodes, credits);
      for (const name of DECISIONS) {
        const pick = (all: typeof credits) =>
          all.flatMap(({ advantages, trained }) =>
            [...advantages[name]].filter((_, t) => trained![name][t] === 1)
          );
        const before = pick(credits), after = pick(normalized);
        const mean = after.reduce((a, b) => a + b, 0) / after.length;
        const variance = after.reduce((sum, x) => sum + (x - mean) ** 2, 0) /
          after.length;
        ok(Math.abs(mean) < 1e-9);
        ok(Math.abs(variance - 1) < 1e-9 || variance === 0);
        for (const [j, x] of before.entries()) {
          for (const [k, y] of before.entries()) {
            if (variance > 0 && x < y) ok(after[j]! <= after[k]!);
          }
        }
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("normalizeCredit() gives 0 to equal advantages, where the reference formula divides residues", () => {
  const values = { switching: 0.3, planning: 0, execution: 0 };
  // 0.1 + 0.2 - 0.3 leaves a rounding residue on one of two turns.
  const episodes = [
    episode({ id: "a", rewards: [0.1 + 0.2], values }),
    episode({ id: "b", rewards: [0.3], values }),
  ];
  const credits = assignCredit(episodes, { name: "gae" });
  const zeros = normalizeCredit(episodes, credits);
  deepStrictEqual(zeros.map((c) => c.advantages.execution[0]! + 0), [0, 0]);
  const residues = normalizeCredit(episodes, credits, { mode: "reference" });
  notDeepStrictEqual(residues.map((c) => c.advantages.execution[0]), [0, 0]);
});

Deno.test("creditBatch() on a shaped batch is assignCredit() on shaped trajectories", () => {
  const shaping = {
    keepPenalty: -0.5,
    invalidActionPenalty: 0.25,
    consistencyPenalty: -0.125,
  };
  fc.assert(fc.property(batch, estimator, (episodes, config) => {
    const columns = toEpisodeBatch(episodes);
    const before = structuredClone(columns);
    const { advantages, trained } = creditBatch(
      shapeBatch(columns, shaping),
      config,
    );
    deepStrictEqual(columns, before);
    const credits = assignCredit(shapeRewards(episodes, shaping), config);
    for (const name of DECISIONS) {
      const apart = credits.flatMap((one) => [...one.advantages[name]]);
      deepStrictEqual([...advantages[name]], apart);
      const masks = credits.flatMap((one) => [...one.trained![name]]);
      deepStrictEqual([...trained[name]], masks);
    }
  }));
});

Deno.test("creditPreset() holds settings that shaping and estimation accept", () => {
  fc.assert(
    fc.property(
      batch,
      fc.constantFrom("hiper-alfworld", "hiper-webshop"),
      (episodes, name) => {
        const { shaping, estimator } = creditPreset(name);
        const credits = assignCredit(
          shapeRewards(episodes, shaping),
          estimator,
        );
        deepStrictEqual(credits.length, episodes.length);
      },
    ),
  );
  throws(() => creditPreset("hiper-alfword"), {
    message: /did you mean "hiper-alfworld"\?/,
  });
});

Deno.test("assignCredit() says what it cannot do, where, and what was meant", () => {
  const values = { switching: 0, planning: 0, execution: 0 };
  const good = episode({ rewards: [0, 0, 0, 1], values });
  const bare = episode({ rewards: [0, 1] });
  const spoilt = (change: object): Trajectory => ({
    ...good,
    turns: good.turns.map((turn, t) => t === 3 ? { ...turn, ...change } : turn),
  });
  const nan = {
    decision: {
      ...good.turns[3]!.decision,
      values: { ...values, execution: NaN },
    },
  };
  const config = (text: string): EstimatorConfig => JSON.parse(text);
  const cases: [Trajectory, EstimatorConfig, string, string][] = [
    [
      bare,
      { name: "hae" },
      "TypeError",
      'Cannot assign credit "hae" as every turn needs values: turn 0 of episode "corridor/7" has none',
    ],
    [
      bare,
      { name: "gae" },
      "TypeError",
      'Cannot assign credit "gae" as every turn needs values: turn 0 of episode "corridor/7" has none',
    ],
    [
      spoilt({ reward: NaN }),
      { name: "grpo" },
      "RangeError",
      'Cannot assign credit "grpo" as the reward of turn 3 of episode "corridor/7" must be finite: current value is NaN',
    ],
    [
      spoilt({ reward: -Infinity }),
      { name: "hae" },
      "RangeError",
      'Cannot assign credit "hae" as the reward of turn 3 of episode "corridor/7" must be finite: current value is -Infinity',
    ],
    [
      spoilt(nan),
      { name: "hae" },
      "RangeError",
      'Cannot assign credit "hae" as the execution value of turn 3 of episode "corridor/7" must be finite: current value is NaN',
    ],
    [
      good,
      { name: "hae", gamma: -1 },
      "TypeError",
      'Cannot assign credit as "gamma" must be in [0, 1]: current value is -1',
    ],
    [
      good,
      { name: "gae", lambda: 1.1 },
      "TypeError",
      'Cannot assign credit as "lambda" must be in [0, 1]: current value is 1.1',
    ],
    [
      good,
      { name: "reinforce", gamma: 2 },
      "TypeError",
      'Cannot assign credit as "gamma" must be in [0, 1]: current value is 2',
    ],
    [
      good,
      config('{"name":"grop"}'),
      "RangeError",
      'Cannot assign credit as "grop" is not an estimator: did you mean "grpo"?',
    ],
    [
      good,
      config('{"name":"hae","lamdaTurn":1}'),
      "RangeError",
      'Cannot assign credit as "lamdaTurn" is not a setting of "hae": did you mean "lambdaTurn"?',
    ],
    [
      good,
      config('{"name":"hae","normalize":"sometimes"}'),
      "TypeError",
      'Cannot assign credit as "normalize" must be one of "none", "standard", "reference", "whiten": current value is "sometimes"',
    ],
    [
      good,
      { name: "remax", baselines: {} },
      "TypeError",
      'Cannot assign credit "remax" as every group needs a greedy score: group "corridor/7" of episode "corridor/7" has undefined',
    ],
    [
      good,
      { name: "strata" },
      "TypeError",
      'Cannot assign credit "strata" as every episode needs a strategy: episode "corridor/7" has none',
    ],
    [
      good,
      { name: "gigpo", similarity: 1 },
      "TypeError",
      'Cannot assign credit as "similarity" must be strictly between 0 and 1: current value is 1',
    ],
  ];
  for (const [one, estimator, name, message] of cases) {
    throws(() => assignCredit([one], estimator), { name, message });
  }
});

Deno.test("assignCredit() knows every estimator by the name it lists", () => {
  const named = new Set([
    ...estimators.map((config) => config.name),
    "pass-at-k",
  ]);
  deepStrictEqual(named, new Set(ESTIMATOR_NAMES));
});

Deno.test("assignCredit() of no trajectories is no credit", () => {
  for (const config of estimators) {
    deepStrictEqual(assignCredit([], config), []);
  }
});
