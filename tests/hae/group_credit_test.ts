import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { anchorGroups } from "../../lib/hae/gigpo.ts";
import {
  filterGroups,
  informativeEpisodes,
} from "../../lib/hae/group_filter.ts";
import { bestOfGroup, groupAdvantages } from "../../lib/hae/group_credit.ts";
import { selectDiverse, strategyReward } from "../../lib/hae/strata.ts";
import { discountedReturns } from "../../lib/numeric.ts";
import { assertClose } from "../_vectors.ts";
import { batch, quarter } from "./_episodes.ts";

const scored = fc.array(fc.tuple(quarter, fc.constantFrom("a", "b", "c")), {
  minLength: 1,
  maxLength: 20,
})
  .map((pairs) => ({
    scores: pairs.map(([s]) => s),
    groups: pairs.map(([, g]) => g),
  }));
const comparison = fc.constantFrom(
  "deviation" as const,
  "center" as const,
  "leave-one-out" as const,
);

Deno.test("groupAdvantages() sum to zero in every group and keep the order of scores", () => {
  fc.assert(fc.property(scored, comparison, ({ scores, groups }, how) => {
    const advantages = groupAdvantages(scores, groups, { comparison: how });
    for (const group of new Set(groups)) {
      const rows = groups.flatMap((g, i) => g === group ? [i] : []);
      const sum = rows.reduce((total, i) => total + advantages[i]!, 0);
      ok(Math.abs(sum) < 1e-6);
      for (const i of rows) {
        for (const j of rows) {
          if (scores[i]! < scores[j]!) ok(advantages[i]! < advantages[j]!);
        }
      }
    }
  }));
});

Deno.test("groupAdvantages() do not change when all scores of a group shift", () => {
  fc.assert(
    fc.property(
      scored,
      comparison,
      quarter,
      ({ scores, groups }, how, shift) => {
        const moved = scores.map((score, i) =>
          groups[i] === "a" ? score + shift : score
        );
        assertClose(
          groupAdvantages(moved, groups, { comparison: how }),
          groupAdvantages(scores, groups, { comparison: how }),
          { tolerance: 1e-6, what: "advantages" },
        );
      },
    ),
  );
});

Deno.test("groupAdvantages() with weights count a score as often as it weighs", () => {
  const weighted = groupAdvantages([3, 0], ["a", "a"], {
    comparison: "center",
    weights: [2, 1],
  });
  deepStrictEqual(weighted, Float64Array.of(1, -2));
  const alone = groupAdvantages([7], ["a"], { singleton: "score" });
  deepStrictEqual(alone, Float64Array.of(7));
});

Deno.test("bestOfGroup() pays the margin to the first of the best", () => {
  deepStrictEqual(
    bestOfGroup([1, 4, 4, 2, 0], ["a", "a", "a", "b", "b"], {
      scaleByDeviation: false,
    }),
    Float64Array.of(0, 0, 0, 2, 0),
  );
});

Deno.test("anchorGroups() are equal exactly for equal observations of one group", () => {
  const seen = fc.array(
    fc.tuple(fc.constantFrom("x", "y", "z"), fc.constantFrom("a", "b")),
    { maxLength: 20 },
  );
  fc.assert(fc.property(seen, (rows) => {
    const anchors = anchorGroups(rows.map(([o]) => o), rows.map(([, g]) => g));
    for (const [i, [o, g]] of rows.entries()) {
      for (const [j, [p, h]] of rows.entries()) {
        strictEqual(anchors[i] === anchors[j], o === p && g === h);
      }
    }
  }));
});

Deno.test("anchorGroups() by similarity compare with the first member", () => {
  const seen = ["abcd", "abce", "abfe"];
  const groups = ["g", "g", "g"];
  deepStrictEqual(
    anchorGroups(seen, groups, { similarity: 0.7 }),
    Int32Array.of(0, 0, 1),
  );
  deepStrictEqual(
    anchorGroups(seen, groups, { similarity: 0.5 }),
    Int32Array.of(0, 0, 0),
  );
});

Deno.test("discountedReturns() satisfy their recurrence in each episode", () => {
  const rewards = fc.array(quarter, { maxLength: 20 });
  fc.assert(fc.property(rewards, rewards, (first, second) => {
    const returns = discountedReturns(Float64Array.of(...first, ...second), {
      gamma: 0.5,
      offsets: Int32Array.of(0, first.length, first.length + second.length),
    });
    for (const [t, r] of [...first, ...second].entries()) {
      const last = t === first.length - 1 || t === returns.length - 1;
      const after = last ? 0 : returns[t + 1]!;
      deepStrictEqual(returns[t], r + 0.5 * after);
    }
  }));
});

Deno.test("filterGroups() keeps whole groups, and exactly those with unequal scores", () => {
  fc.assert(fc.property(batch, (episodes) => {
    const score = (one: typeof episodes[number]) =>
      one.turns.reduce((sum, t) => sum + t.reward, 0);
    const kept = new Set(filterGroups(episodes));
    for (const one of episodes) {
      const peers = episodes.filter((other) => other.group === one.group);
      strictEqual(
        kept.has(one),
        peers.some((peer) => score(peer) !== score(peers[0]!)),
      );
    }
  }));
});

Deno.test("informativeEpisodes() by spread keep the groups that differ most", () => {
  const kept = informativeEpisodes([0, 1, 0, 9, 5, 5], [
    "a",
    "a",
    "b",
    "b",
    "c",
    "c",
  ], {
    keep: "spread",
    fraction: 0.34,
  });
  deepStrictEqual(kept, [2, 3]);
});

Deno.test("selectDiverse() spreads its choice, first candidate first", () => {
  deepStrictEqual(selectDiverse([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], 3), [
    0,
    3,
    2,
  ]);
  deepStrictEqual(selectDiverse([[1, 0], [1, 0]], 2), [0, 1]);
  throws(() => selectDiverse([[1]], 2), {
    name: "RangeError",
    message: /"count" must be in \[0, 1\]/,
  });
});

Deno.test("strategyReward() averages the best share, at least one", () => {
  strictEqual(strategyReward([1, 0, 1, 0], 0.5), 1);
  strictEqual(strategyReward([0, 0, 1, 0], 0.5), 0.5);
  strictEqual(strategyReward([3, 1, 2, 0, 4], 0.2), 4);
  throws(() => strategyReward([], 0.5), { name: "RangeError" });
});
