/**
 * Settings of hierarchical advantage estimation and their defaults.
 *
 * @module
 */

import { checkChoice, checkUnitInterval } from "../checks.ts";

/**
 * What a turn after which the episode was cut off leads to.
 *
 * - `bootstrap`: the values recorded after the last turn, as is correct: the switching value, which knows the
 *   state and the held subgoal and stands before any further decision, is what the future is worth to all three
 *   decisions. The held subgoal's execution value stands in for a critic without a switching head.
 * - `reference`: what the authors' code does, which has no row for that state: the execution value of the last
 *   turn itself, and for planning and switching the planning value at the start of the last segment.
 * - `zero`: nothing, as if the episode had ended.
 */
export type Truncation = "bootstrap" | "reference" | "zero";

/** Settings of {@linkcode hierarchicalAdvantages}. */
export interface HaeOptions {
  /** Discount per turn, in `[0, 1]`. @default {1} */
  gamma?: number;
  /** Weight of later residuals within a segment, in `[0, 1]`. @default {1} */
  lambdaTurn?: number;
  /** Weight of later segments' residuals in the planner's advantage, in `[0, 1]`. @default {0.95} */
  lambdaSegment?: number;
  /**
   * How much of the planner's next advantage flows back over a segment's end, in `[0, 1]`.
   *
   * At a segment's last turn, execution and switching lead to
   * `V_planning(next) + lambdaBoundary · A_planning(next)`. With 0, the published HAE, both are cut off from
   * later luck, which removes variance, and trust the planner's value, which is biased while that value is wrong,
   * whatever the other lambdas. With `lambdaTurn = lambdaSegment = lambdaBoundary = 1` every target is the
   * Monte-Carlo return to the end of the episode: no critic can bias the gradient, and the variance is that of
   * flat GAE at `lambda = 1` with values read after each decision. Raise it while the planner's value head is young.
   *
   * @default {0}
   */
  lambdaBoundary?: number;
  /** What the last turn of a cut-off episode leads to. @default {"bootstrap"} */
  truncation?: Truncation;
  /**
   * Value heads of the critic: 3; 2 without switching; 1 when the execution value stands in for planning too.
   *
   * @default {3}
   */
  heads?: 1 | 2 | 3;
  /**
   * Advantage of the switching decision.
   *
   * - `return`: return to the segment's end plus the planner's next value, minus the switching value; needs 3 heads.
   * - `q-minus-beta`: `(q − beta) · (V_planning(s) − V_execution(s, held subgoal))`, where `q` is 1 for SWITCH and
   *   `beta` its probability. Less variance with exact values, biased by any error in them. Needs planning values,
   *   `switchProbability` and `heldSubgoalValue` on every turn but the first, where nothing is held and it is 0.
   *
   * @default {"return"}
   */
  switching?: "return" | "q-minus-beta";
}

/** {@linkcode HaeOptions} with every setting present. */
export type HaeSettings = Required<HaeOptions>;

const TRUNCATIONS: readonly string[] = ["bootstrap", "reference", "zero"];

/**
 * Fills in defaults and checks every setting.
 *
 * @throws {RangeError} If a discount or lambda is outside `[0, 1]`, or a setting has a word it does not know.
 */
export function resolveHaeOptions(options: HaeOptions): HaeSettings {
  const {
    gamma = 1,
    lambdaTurn = 1,
    lambdaSegment = 0.95,
    lambdaBoundary = 0,
    truncation = "bootstrap",
    heads = 3,
    switching = "return",
  } = options;
  const unit = { gamma, lambdaTurn, lambdaSegment, lambdaBoundary };
  checkUnitInterval("assign credit", unit);
  checkChoice("assign credit", { truncation }, TRUNCATIONS);
  checkChoice("assign credit", { heads }, [1, 2, 3]);
  checkChoice("assign credit", { switching }, ["return", "q-minus-beta"]);
  return { ...unit, truncation, heads, switching };
}
