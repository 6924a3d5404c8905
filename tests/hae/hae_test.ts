import fc from "fast-check";
import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { generalizedAdvantages } from "../../lib/hae/gae.ts";
import {
  type HaeColumns,
  type HaeOptions,
  hierarchicalAdvantages,
} from "../../lib/hae/hae.ts";
import { segmentTurns } from "../../lib/hae/segments.ts";
import { toEpisodeBatch } from "../../lib/episode_batch.ts";
import { byDecision, type Trajectory } from "../../lib/trajectory.ts";
import { assertClose } from "../_vectors.ts";
import { batch, monteCarlo, trajectory } from "./_episodes.ts";

const unit = fc.constantFrom(0, 0.25, 0.5, 0.9, 1);
const settings = fc.record({
  gamma: unit,
  lambdaTurn: unit,
  lambdaSegment: unit,
  lambdaBoundary: unit,
});
const columns = trajectory.map((one) => toEpisodeBatch([one]));
const TIGHT = { tolerance: 1e-9, what: "advantages" };

Deno.test("segmentTurns() tiles the episode and starts segments exactly where the policy switched", () => {
  const flags = fc.array(fc.boolean(), { maxLength: 40 });
  fc.assert(fc.property(flags, (switched) => {
    const segments = segmentTurns(Uint8Array.from(switched, Number));
    let end = 0;
    for (const segment of segments) {
      deepStrictEqual(segment.start, end);
      ok(segment.end > segment.start);
      ok(segment.start === 0 || switched[segment.start]);
      ok(!switched.slice(segment.start + 1, segment.end).includes(true));
      end = segment.end;
    }
    deepStrictEqual(end, switched.length);
  }));
});

/** Both levels by two calls of the one recurrence, as the formulas read. */
function byDefinition(
  turns: HaeColumns,
  options: Required<
    Pick<
      HaeOptions,
      "gamma" | "lambdaTurn" | "lambdaSegment" | "lambdaBoundary"
    >
  >,
) {
  const { gamma, lambdaTurn, lambdaSegment, lambdaBoundary } = options;
  const { rewards, values } = turns;
  const after = turns.bootstrap.switching[0]!;
  const segments = segmentTurns(turns.switched);
  const sums = segments.map(({ start, end }) =>
    rewards.slice(start, end).reduce((sum, r, m) => sum + gamma ** m * r, 0)
  );
  const starts = segments.map(({ start }) => values.planning[start]!);
  const plans = generalizedAdvantages({
    rewards: Float64Array.from(sums),
    values: Float64Array.from(starts),
    nextValues: Float64Array.of(...starts.slice(1), after),
    discounts: Float64Array.from(segments, (s) => gamma ** (s.end - s.start)),
  }, lambdaSegment);
  const planning = new Float64Array(rewards.length);
  const execution = new Float64Array(rewards.length);
  const switching = new Float64Array(rewards.length);
  for (const [k, { start, end }] of segments.entries()) {
    planning[start] = plans[k]!;
    const next = (starts[k + 1] ?? after) +
      lambdaBoundary * (plans[k + 1] ?? 0);
    const inside = values.execution.slice(start, end);
    execution.set(
      generalizedAdvantages({
        rewards: rewards.slice(start, end),
        values: inside,
        nextValues: Float64Array.of(...inside.slice(1), next),
        discounts: new Float64Array(end - start).fill(gamma),
      }, lambdaTurn),
      start,
    );
    let target = next;
    for (let t = end - 1; t >= start; t--) {
      target = rewards[t]! + gamma * target;
      switching[t] = target - values.switching[t]!;
    }
  }
  return { switching, planning, execution };
}

Deno.test("hierarchicalAdvantages() is the one recurrence on two clocks", () => {
  fc.assert(fc.property(columns, settings, (turns, options) => {
    const { advantages: actual } = hierarchicalAdvantages(turns, options);
    const expected = byDefinition(turns, options);
    for (const name of ["switching", "planning", "execution"] as const) {
      assertClose(actual[name], expected[name], TIGHT);
    }
  }));
});

Deno.test("hierarchicalAdvantages() in one segment makes execution flat GAE", () => {
  fc.assert(fc.property(columns, settings, (turns, options) => {
    const one = { ...turns, switched: turns.switched.map(() => 0) };
    const { execution } = hierarchicalAdvantages(one, options).advantages;
    const { rewards, values, bootstrap } = turns;
    const flat = generalizedAdvantages({
      rewards,
      values: values.execution,
      nextValues: Float64Array.of(
        ...values.execution.slice(1),
        bootstrap.switching[0]!,
      ),
      discounts: rewards.map(() => options.gamma),
    }, options.lambdaTurn);
    assertClose(execution, flat, TIGHT);
  }));
});

Deno.test("hierarchicalAdvantages() in segments of one turn makes planning flat GAE", () => {
  fc.assert(fc.property(columns, settings, (turns, options) => {
    const each = { ...turns, switched: turns.switched.map(() => 1) };
    const { planning } = hierarchicalAdvantages(each, options).advantages;
    const { rewards, values, bootstrap } = turns;
    const flat = generalizedAdvantages({
      rewards,
      values: values.planning,
      nextValues: Float64Array.of(
        ...values.planning.slice(1),
        bootstrap.switching[0]!,
      ),
      discounts: rewards.map(() => options.gamma),
    }, options.lambdaSegment);
    assertClose(planning, flat, TIGHT);
  }));
});

Deno.test("hierarchicalAdvantages() with every lambda 1 gives Monte-Carlo returns less values, for any critic", () => {
  fc.assert(fc.property(columns, unit, (turns, gamma) => {
    const all = { gamma, lambdaTurn: 1, lambdaSegment: 1, lambdaBoundary: 1 };
    const { advantages } = hierarchicalAdvantages(turns, all);
    const returns = monteCarlo(turns, gamma);
    const { values } = turns;
    const plus = (name: "switching" | "execution") =>
      advantages[name].map((a, t) => a + values[name][t]!);
    assertClose(plus("execution"), returns, TIGHT);
    assertClose(plus("switching"), returns, TIGHT);
    for (const { start } of segmentTurns(turns.switched)) {
      assertClose(
        advantages.planning[start]! + values.planning[start]!,
        returns[start]!,
        TIGHT,
      );
    }
  }));
});

Deno.test("hierarchicalAdvantages() as published lets no critic-free return through a boundary", () => {
  // Rewards after the boundary change nothing before it unless lambdaBoundary lets them.
  const turns = (late: number): HaeColumns => ({
    offsets: Int32Array.of(0, 2),
    rewards: Float64Array.of(1, late),
    switched: Uint8Array.of(1, 1),
    values: {
      switching: Float64Array.of(0, 0),
      planning: Float64Array.of(0, 3),
      execution: Float64Array.of(0, 0),
    },
    bootstrap: byDecision(() => new Float64Array(1)),
  });
  const first = (late: number, lambdaBoundary: number) =>
    hierarchicalAdvantages(turns(late), { lambdaBoundary }).advantages
      .execution[0];
  deepStrictEqual([first(5, 0), first(9, 0)], [4, 4]);
  deepStrictEqual([first(5, 1), first(9, 1)], [6, 10]);
  deepStrictEqual([first(5, 0.5), first(9, 0.5)], [5, 7]);
});

Deno.test("hierarchicalAdvantages() treats every episode as if it were alone", () => {
  fc.assert(fc.property(batch, settings, (episodes, options) => {
    const columns = toEpisodeBatch(episodes);
    const { advantages, targets } = hierarchicalAdvantages(columns, options);
    for (const [i, one] of episodes.entries()) {
      const alone = hierarchicalAdvantages(toEpisodeBatch([one]), options);
      const from = columns.offsets[i]!, to = columns.offsets[i + 1]!;
      for (const name of ["switching", "planning", "execution"] as const) {
        deepStrictEqual(
          advantages[name].slice(from, to),
          alone.advantages[name],
        );
        deepStrictEqual(targets[name].slice(from, to), alone.targets[name]);
      }
    }
  }));
});

Deno.test("hierarchicalAdvantages() gives targets that are advantages plus values", () => {
  fc.assert(fc.property(trajectory, settings, (one, options) => {
    const columns = toEpisodeBatch([one]);
    const { advantages, targets } = hierarchicalAdvantages(columns, options);
    for (const name of ["switching", "execution"] as const) {
      const sums = advantages[name].map((a, t) => a + columns.values[name][t]!);
      assertClose(targets[name], sums, TIGHT);
    }
    const starts = new Set(segmentTurns(columns.switched).map((s) => s.start));
    for (const [t, target] of targets.planning.entries()) {
      deepStrictEqual(Number.isNaN(target), !starts.has(t));
    }
  }));
});

Deno.test("hierarchicalAdvantages() knows three ways of ending a cut-off episode", () => {
  const turns: HaeColumns = {
    offsets: Int32Array.of(0, 2),
    rewards: Float64Array.of(0, 2),
    switched: Uint8Array.of(1, 0),
    values: {
      switching: Float64Array.of(0, 0),
      planning: Float64Array.of(5, NaN),
      execution: Float64Array.of(1, 3),
    },
    bootstrap: {
      switching: Float64Array.of(10),
      planning: Float64Array.of(20),
      execution: Float64Array.of(30),
    },
    truncated: Uint8Array.of(1),
  };
  const ends = (truncation: "bootstrap" | "reference" | "zero") => {
    const { switching, planning, execution } =
      hierarchicalAdvantages(turns, { truncation }).advantages;
    return [switching[1], planning[0], execution[1]];
  };
  deepStrictEqual(ends("bootstrap"), [12, 12 - 5, 12 - 3]);
  deepStrictEqual(ends("reference"), [2 + 5, 2 + 5 - 5, 2 + 3 - 3]);
  deepStrictEqual(ends("zero"), [2, 2 - 5, 2 - 3]);
  const twoHeads = {
    ...turns,
    bootstrap: { ...turns.bootstrap, switching: Float64Array.of(NaN) },
  };
  deepStrictEqual(
    hierarchicalAdvantages(twoHeads, { heads: 2 }).advantages.execution[1],
    2 + 30 - 3,
  );
  const finished = { ...turns, truncated: Uint8Array.of(0) };
  deepStrictEqual(
    hierarchicalAdvantages(finished, { truncation: "reference" }).advantages
      .execution[1],
    2 - 3,
  );
});

Deno.test("hierarchicalAdvantages() offers the q-minus-beta form of switching", () => {
  const turns: HaeColumns = {
    offsets: Int32Array.of(0, 3),
    rewards: Float64Array.of(0, 0, 0),
    switched: Uint8Array.of(1, 1, 0),
    values: {
      switching: Float64Array.of(NaN, NaN, NaN),
      planning: Float64Array.of(0, 4, 6),
      execution: Float64Array.of(0, 0, 0),
    },
    bootstrap: {
      switching: Float64Array.of(NaN),
      planning: Float64Array.of(0),
      execution: Float64Array.of(0),
    },
    switchProbabilities: Float64Array.of(NaN, 0.25, 0.5),
    heldSubgoalValues: Float64Array.of(NaN, 2, 2),
  };
  const options = { heads: 2, switching: "q-minus-beta" } as const;
  deepStrictEqual(
    hierarchicalAdvantages(turns, options).advantages.switching,
    Float64Array.of(0, 0.75 * 2, -0.5 * 4),
  );
  const { switchProbabilities: _, ...without } = turns;
  throws(() => hierarchicalAdvantages(without, options), {
    name: "TypeError",
    message: /needs "switchProbabilities" and "heldSubgoalValues"/,
  });
  const gap = { ...turns, heldSubgoalValues: Float64Array.of(0, NaN, 0) };
  throws(() => hierarchicalAdvantages(gap, options), {
    name: "TypeError",
    message: /turn 1 of episode "#0" lacks one/,
  });
});

Deno.test("hierarchicalAdvantages() lets the execution head stand in for a missing planning head", () => {
  fc.assert(fc.property(columns, settings, (turns, options) => {
    const { values } = turns;
    const shared = {
      ...turns,
      values: { ...values, planning: values.execution },
    };
    const alone = {
      ...turns,
      values: { ...values, planning: values.planning.map(() => NaN) },
    };
    const one =
      hierarchicalAdvantages(alone, { ...options, heads: 1 }).advantages;
    const two =
      hierarchicalAdvantages(shared, { ...options, heads: 2 }).advantages;
    deepStrictEqual(one, two);
    ok(one.switching.every((a) => a === 0));
  }));
});

Deno.test("hierarchicalAdvantages() names what is wrong with its columns", () => {
  const good = toEpisodeBatch([]);
  const one = (change: Partial<Trajectory["turns"][number]>) =>
    toEpisodeBatch([{
      id: "a",
      task: "",
      group: "",
      turns: [{
        observation: { text: "", admissibleActions: [], stateKey: "" },
        decision: {
          switched: true,
          subgoal: "",
          action: "",
          valid: true,
          trace: { kind: "untrainable" },
          values: { switching: 0, planning: 0, execution: 0 },
        },
        reward: 0,
        ...change,
      }],
      ending: "terminated",
      success: false,
      score: 0,
      bootstrap: { switching: 0, planning: 0, execution: 0 },
      seed: 0,
    }]);
  const cases: [() => unknown, RegExp][] = [
    [
      () => hierarchicalAdvantages(one({ reward: Infinity })),
      /the reward of turn 0 of episode "a" must be finite: current value is Infinity/,
    ],
    [
      () => hierarchicalAdvantages({ ...good, offsets: Int32Array.of(0, 1) }),
      /"bootstrap.switching" must have 1 elements/,
    ],
    [
      () => hierarchicalAdvantages({ ...good, offsets: Int32Array.of(1) }),
      /"offsets" must start at 0 and never fall: element 0 is 1/,
    ],
    [
      () => hierarchicalAdvantages({ ...good, switched: Uint8Array.of(1) }),
      /"switched" must have 0 elements: current value is 1/,
    ],
    [
      () => hierarchicalAdvantages(good, { gamma: -0.1 }),
      /"gamma" must be in \[0, 1\]: current value is -0.1/,
    ],
    [
      () => hierarchicalAdvantages(good, { lambdaTurn: 1.5 }),
      /"lambdaTurn" must be in \[0, 1\]: current value is 1.5/,
    ],
    [
      () => hierarchicalAdvantages(good, { lambdaSegment: NaN }),
      /"lambdaSegment" must be in \[0, 1\]: current value is NaN/,
    ],
    [
      () => hierarchicalAdvantages(good, { lambdaBoundary: -1 }),
      /"lambdaBoundary" must be in/,
    ],
  ];
  for (const [run, message] of cases) {
    throws(run, (error: Error) => {
      ok(error instanceof RangeError || error instanceof TypeError);
      ok(message.test(error.message), error.message);
      return true;
    });
  }
});

Deno.test("generalizedAdvantages() with lambda 1 telescopes to returns, with lambda 0 to residuals", () => {
  fc.assert(
    fc.property(columns, unit, ({ rewards, values, bootstrap }, gamma) => {
      const v = values.switching;
      const steps = {
        rewards,
        values: v,
        nextValues: Float64Array.of(...v.slice(1), bootstrap.switching[0]!),
        discounts: rewards.map(() => gamma),
      };
      const residuals = rewards.map((r, t) =>
        r + gamma * steps.nextValues[t]! - v[t]!
      );
      assertClose(generalizedAdvantages(steps, 0), residuals, TIGHT);
      const telescoped = generalizedAdvantages(steps, 1).map((a, t) =>
        a + v[t]!
      );
      let next = bootstrap.switching[0]!;
      const returns = [...rewards].reverse().map((r) =>
        next = r + gamma * next
      );
      assertClose(telescoped, returns.reverse(), TIGHT);
    }),
  );
});

Deno.test("generalizedAdvantages() refuses a lambda outside [0, 1] and columns of different lengths", () => {
  const column = new Float64Array(1);
  const steps = {
    rewards: column,
    values: column,
    nextValues: column,
    discounts: column,
  };
  throws(() => generalizedAdvantages(steps, 2), {
    name: "RangeError",
    message:
      'Cannot estimate advantages as "lambda" must be in [0, 1]: current value is 2',
  });
  throws(
    () => generalizedAdvantages({ ...steps, values: new Float64Array(2) }, 1),
    {
      name: "RangeError",
      message:
        'Cannot estimate advantages as "values" must have 1 elements: current value is 2',
    },
  );
});
