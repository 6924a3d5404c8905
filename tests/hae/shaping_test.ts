import fc from "fast-check";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { differs, shapeRewards } from "../../lib/hae/shaping.ts";
import type { Trajectory } from "../../lib/trajectory.ts";
import { assertClose } from "../_vectors.ts";
import { batch, episode } from "./_episodes.ts";

const penalty = fc.integer({ min: -16, max: 0 }).map((n) => n / 4);
const shaping = fc.record({
  keepPenalty: penalty,
  keepPenaltyMode: fc.constantFrom("fixed" as const, "normalized" as const),
  invalidActionPenalty: penalty.map((p) => -p),
  consistencyPenalty: penalty,
  consistencyRequiresBoth: fc.boolean(),
});

Deno.test("shapeRewards() leaves the originals untouched and changes nothing but rewards", () => {
  fc.assert(fc.property(batch, shaping, (episodes, options) => {
    const before = structuredClone(episodes);
    const shaped = shapeRewards(episodes, options);
    deepStrictEqual(episodes, before);
    const restored = shaped.map((one, i) => ({
      ...one,
      turns: one.turns.map((turn, t) => ({
        ...turn,
        reward: episodes[i]!.turns[t]!.reward,
      })),
    }));
    deepStrictEqual(restored, before);
  }));
});

Deno.test("shapeRewards() without penalties gives the same rewards", () => {
  fc.assert(fc.property(batch, (episodes) => {
    deepStrictEqual(shapeRewards(episodes, {}), episodes);
  }));
});

Deno.test("shapeRewards() charges an episode the keep penalty times its share of kept turns", () => {
  fc.assert(fc.property(batch, penalty, (episodes, keepPenalty) => {
    const total = (one: Trajectory) =>
      one.turns.reduce((sum, t) => sum + t.reward, 0);
    for (const [i, one] of shapeRewards(episodes, { keepPenalty }).entries()) {
      const { turns } = episodes[i]!;
      const kept = turns.filter((turn) => !turn.decision.switched).length;
      const share = turns.length > 1 ? kept / turns.length : 0;
      assertClose(
        total(one) - total(episodes[i]!),
        keepPenalty * share,
        { tolerance: 1e-12, what: "total penalty" },
      );
    }
  }));
});

Deno.test("shapeRewards() adds up: shaping twice is shaping with the sum", () => {
  fc.assert(fc.property(batch, shaping, (episodes, options) => {
    const once = shapeRewards(episodes, {
      ...options,
      keepPenalty: 2 * options.keepPenalty,
      invalidActionPenalty: 2 * options.invalidActionPenalty,
      consistencyPenalty: 2 * options.consistencyPenalty,
    });
    const twice = shapeRewards(shapeRewards(episodes, options), options);
    const rewards = (all: Trajectory[]) =>
      all.map((one) => one.turns.map((t) => t.reward));
    assertClose(rewards(twice), rewards(once), {
      tolerance: 1e-12,
      what: "rewards",
    });
  }));
});

Deno.test("shapeRewards() punishes a kept subgoal that is worded anew", () => {
  const one = episode({ rewards: [0, 0, 0], switched: [true, false, false] });
  const said = ["wash", "wash it", "wash it"];
  const worded: Trajectory = {
    ...one,
    turns: one.turns.map((turn, t) => ({
      ...turn,
      decision: { ...turn.decision, subgoal: said[t]! },
    })),
  };
  const [shaped] = shapeRewards([worded], { consistencyPenalty: -0.5 });
  deepStrictEqual(shaped!.turns.map((turn) => turn.reward), [0, -0.5, 0]);
});

Deno.test("shapeRewards() compares tokens of subgoal spans when told to", () => {
  const one = episode({ rewards: [0, 0], switched: [true, false] });
  const spelled: Trajectory = {
    ...one,
    turns: one.turns.map((turn, t) => ({
      ...turn,
      decision: {
        ...turn.decision,
        trace: {
          kind: "tokens",
          prompt: new Int32Array(0),
          reply: Int32Array.of(7, 8 + t, 9),
          logProbs: new Float32Array(3),
          spans: {
            switching: undefined,
            planning: { start: 1, end: 2 },
            execution: undefined,
          },
        },
      },
    })),
  };
  const last = (consistencyCompares: "text" | "tokens") =>
    shapeRewards([spelled], { consistencyPenalty: -1, consistencyCompares })[0]!
      .turns[1]!.reward;
  deepStrictEqual([last("text"), last("tokens")], [0, -1]);
});

Deno.test("differs() treats missing subgoals as asked", () => {
  strictEqual(differs("", "a", true), false);
  strictEqual(differs("", "", false), true);
  strictEqual(differs("a", "", false), true);
  strictEqual(differs([1, 2], [1, 2], true), false);
  strictEqual(differs([1, 2], [1], true), true);
});

Deno.test("shapeRewards() refuses penalties that are not finite and modes it does not know", () => {
  throws(() => shapeRewards([], { keepPenalty: NaN }), {
    name: "TypeError",
    message:
      'Cannot shape rewards as "keepPenalty" must be finite: current value is NaN',
  });
  const config: { keepPenaltyMode: "fixed" } = JSON.parse(
    '{"keepPenaltyMode":"linear"}',
  );
  throws(() => shapeRewards([], config), {
    name: "TypeError",
    message:
      /"keepPenaltyMode" must be one of "fixed", "normalized": current value is "linear"/,
  });
});
