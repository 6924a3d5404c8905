/**
 * Samples row by row, for tests that look at single turns.
 *
 * @module
 */

import type { SampleBatch, ScoredTurn } from "../lib/policy/policy.ts";
import {
  type ByDecision,
  byDecision,
  decisionUnits,
  type Observation,
} from "../lib/trajectory.ts";

/** One turn to learn from. */
export interface SampleRow extends ScoredTurn {
  /** What was seen. */
  readonly observation: Observation;
  /** Advantage of each decision. */
  readonly advantages: ByDecision<number>;
  /** Which decisions the policy gradient sees. */
  readonly trained: ByDecision<boolean>;
  /** Targets of the value heads; `undefined` where a head has none. */
  readonly targets?: ByDecision<number | undefined>;
  /** One weight for each unit of the decision. Shape `(units,)`. */
  readonly unitWeights?: Float32Array;
  /** Number of the episode. @default {its own} */
  readonly episode?: number;
}

/** Rows of samples. */
export function toRows(samples: SampleBatch): SampleRow[] {
  const { turns, targets, unitWeights } = samples;
  let unit = 0;
  return turns.map(({ observation, decision }, i) => {
    const start = unit;
    unit += decisionUnits(decision.trace).length;
    return {
      observation,
      decision,
      advantages: byDecision((name) => samples.advantages[name][i]!),
      trained: byDecision((name) => samples.trained[name][i] === 1),
      ...(targets && {
        targets: byDecision((name) => {
          const target = targets[name][i]!;
          return Number.isNaN(target) ? undefined : target;
        }),
      }),
      ...(unitWeights && { unitWeights: unitWeights.slice(start, unit) }),
      episode: samples.episodes[i]!,
    };
  });
}

/** Samples of rows. */
export function fromRows(rows: readonly SampleRow[]): SampleBatch {
  const taught = rows.some(({ targets }) => targets);
  const weighed = rows.some(({ unitWeights }) => unitWeights);
  return {
    turns: rows.map(({ observation, decision }) => ({
      observation,
      decision,
      reward: 0,
    })),
    episodes: Int32Array.from(rows, ({ episode }, i) => episode ?? i),
    advantages: byDecision((name) =>
      Float64Array.from(rows, ({ advantages }) => advantages[name])
    ),
    trained: byDecision((name) =>
      Uint8Array.from(rows, ({ trained }) => trained[name] ? 1 : 0)
    ),
    ...(taught && {
      targets: byDecision((name) =>
        Float64Array.from(rows, ({ targets }) => targets?.[name] ?? NaN)
      ),
    }),
    ...(weighed && {
      unitWeights: Float32Array.from(
        rows.flatMap(({ decision, unitWeights }) => [
          ...(unitWeights ??
            decisionUnits(decision.trace).map(() => 1)),
        ]),
      ),
    }),
  };
}
