/** Bi-level GAE: a case by hand, RAGEN's recurrences over dense rows, and what the corrected form adds. */

import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { assignCredit } from "../../lib/hae/credit.ts";
import type { BiLevelOptions } from "../../lib/hae/bi_level.ts";
import { DECISIONS, type Trajectory } from "../../lib/trajectory.ts";
import { assertClose } from "../_vectors.ts";
import { batch } from "./_episodes.ts";

const credit = (episodes: readonly Trajectory[], options: BiLevelOptions) =>
  assignCredit(episodes, { name: "bi-level-gae", ...options });

/** Decisions of an episode in order: which turn, which head, and its value. */
const unitsOf = ({ turns }: Trajectory) =>
  turns.flatMap(({ decision: { switched, values } }, t) =>
    DECISIONS.filter((name) => name !== "planning" || t === 0 || switched)
      .map((name) => ({ t, name, value: values![name] }))
  );

/** RAGEN's two passes over the row of an episode, with value 0 after its last decision. Shape `(units,)`. */
function overRow(
  { turns, ...episode }: Trajectory,
  { gamma, gammaTurn, lambda }: Required<
    Pick<BiLevelOptions, "gamma" | "gammaTurn" | "lambda">
  >,
): number[] {
  const units = unitsOf({ turns, ...episode });
  const rewards = units.map(({ t, name }) =>
    name === "execution" ? turns[t]!.reward : 0
  );
  const ends = units.keys().filter((j) => rewards[j] !== 0).toArray();
  const total = [...rewards];
  let after = 0;
  for (const [k, j] of [...ends.entries()].reverse()) {
    const next = ends[k + 1];
    const ahead = next === undefined ? 0 : units[next]!.value;
    after = rewards[j]! + gammaTurn * ahead - units[j]!.value +
      gammaTurn * lambda * after;
    total[j] = after + units[j]!.value;
  }
  const advantages = units.map(() => 0);
  let last = 0;
  for (let j = units.length - 1; j >= 0; j--) {
    const ends = rewards[j] !== 0;
    const ahead = ends ? 0 : units[j + 1]?.value ?? 0;
    last = total[j]! + gamma * ahead - units[j]!.value +
      gamma * lambda * (ends ? 0 : last);
    advantages[j] = last;
  }
  return advantages;
}

const numbers = fc.record({
  gamma: fc.constantFrom(1, 0.9),
  gammaTurn: fc.constantFrom(1, 0.95, 0.5),
  lambda: fc.constantFrom(1, 0.5, 0),
});

Deno.test("bi-level GAE of two turns, by hand", () => {
  const turn = (execution: number, planning: number, switching: number) => ({
    observation: { text: "", admissibleActions: ["go"], stateKey: "" },
    decision: {
      switched: true,
      subgoal: "leave",
      action: "go",
      valid: true,
      trace: { kind: "untrainable" as const },
      values: { switching, planning, execution },
    },
    reward: 1,
  });
  const [given] = credit([{
    id: "a",
    task: "",
    group: "a",
    turns: [turn(0.3, 0.2, 0.1), turn(0.6, 0.5, 0.4)],
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: { switching: 0, planning: 0, execution: 0 },
    seed: 0,
  }], {});
  // High level: 1 − .6 = .4; 1 + .95 · .6 − .3 + .95 · .4 = 1.65, so that the first turn earns 1.95.
  assertClose(given!.advantages.execution, [1.65, 0.4], {
    tolerance: 1e-12,
    what: "execution",
  });
  assertClose(given!.advantages.planning, [1.75, 0.5], {
    tolerance: 1e-12,
    what: "planning",
  });
  assertClose(given!.targets!.switching, [1.95, 1], {
    tolerance: 1e-12,
    what: "targets",
  });
});

Deno.test("turns that end where a reward is not 0 give RAGEN's recurrences", () => {
  fc.assert(fc.property(batch, numbers, (episodes, options) => {
    const credits = credit(episodes, { ...options, turnEnds: "rewarded" });
    for (const [i, episode] of episodes.entries()) {
      const expected = overRow(episode, options);
      const given = unitsOf(episode).map(({ t, name }) =>
        credits[i]!.targets![name][t]! -
        episode.turns[t]!.decision.values![name]
      );
      assertClose(given, expected, { tolerance: 1e-9, what: "advantages" });
    }
  }));
});

Deno.test("both forms agree on ended episodes whose every turn is rewarded", () => {
  fc.assert(fc.property(batch, numbers, (episodes, options) => {
    const ended = episodes.map((episode): Trajectory => ({
      ...episode,
      ending: "terminated",
      turns: episode.turns.map((turn) => ({
        ...turn,
        reward: turn.reward || 1,
      })),
    }));
    deepStrictEqual(
      credit(ended, { ...options, turnEnds: "rewarded" }),
      credit(ended, options),
    );
  }));
});

Deno.test("the corrected form sees what a truncated episode leads to, and turns without reward", () => {
  fc.assert(fc.property(batch, (episodes) => {
    const plain = episodes.map((episode): Trajectory => ({
      ...episode,
      ending: "truncated",
      turns: episode.turns.map((turn) => ({ ...turn, reward: 0 })),
    }));
    const after = (switching: number) =>
      credit(
        plain.map((episode) => ({
          ...episode,
          bootstrap: { switching, planning: 0, execution: 0 },
        })),
        { gammaTurn: 1 },
      );
    const low = after(0), high = after(1);
    for (const [i, { advantages }] of high.entries()) {
      for (const [t, a] of advantages.execution.entries()) {
        ok(Math.abs(a - low[i]!.advantages.execution[t]! - 1) < 1e-9);
      }
    }
  }));
});
