/**
 * Normalizing advantages over a batch, and saying which decisions take part.
 *
 * @module
 */

import { checkChoice } from "../checks.ts";
import {
  type ByDecision,
  byDecision,
  type Credit,
  DECISIONS,
  type Trajectory,
} from "../trajectory.ts";

/**
 * How advantages are normalized.
 *
 * - `none`: left alone.
 * - `standard`: `(x − mean) / deviation`, population deviation; 0 where the deviation is below
 *   `1e-6 · max(1, |mean|)`, so that rounding residues of equal numbers are not blown up.
 * - `reference`: `(x − mean) / (deviation + 1e-8)`, as the authors do, residues included.
 * - `whiten`: `(x − mean) / sqrt(variance + 1e-8)` with the sample variance, as PPO implementations do.
 */
export type Normalization = "none" | "standard" | "reference" | "whiten";

/** The words of {@linkcode Normalization}. */
export const NORMALIZATIONS: readonly Normalization[] = [
  "none",
  "standard",
  "reference",
  "whiten",
];

/** Options of {@linkcode normalizeCredit}. */
export interface NormalizeOptions {
  /** The formula. @default {"standard"} */
  mode?: Normalization;
  /**
   * What is compared: each kind of decision with its own kind, or all decisions with each other.
   *
   * @default {"decision"}
   */
  across?: "decision" | "all";
}

/** Shift and scale of a normalization. */
export interface Standardizer {
  /** Subtracted first. */
  readonly center: number;
  /** Divided by then; `Infinity` where there is no spread. */
  readonly scale: number;
}

/**
 * Says which decisions of an episode were taken, and so have something to learn from.
 *
 * Switching and execution are taken on every turn, planning on the first turn of each segment. A first
 * switching decision whose recorded log-probability is 0 was forced, as no subgoal was held, and is not taken.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { decisionsTaken } from "@hiper/lab";
 *
 * const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
 * const turn = (switched: boolean) => ({
 *   observation,
 *   decision: {
 *     switched,
 *     subgoal: "leave",
 *     action: "go",
 *     valid: true,
 *     trace: { kind: "untrainable" },
 *   } as const,
 *   reward: 0,
 * });
 * deepStrictEqual(decisionsTaken([turn(true), turn(false)]), {
 *   switching: new Uint8Array([1, 1]),
 *   planning: new Uint8Array([1, 0]),
 *   execution: new Uint8Array([1, 1]),
 * });
 * ```
 *
 * @param turns Turns of one episode.
 * @returns 1 where the decision was taken. Shape `(turns,)` each.
 */
export function decisionsTaken(
  turns: Trajectory["turns"],
): ByDecision<Uint8Array> {
  const planning = new Uint8Array(turns.length);
  for (let t = 0; t < turns.length; t++) {
    planning[t] = t === 0 || turns[t]!.decision.switched ? 1 : 0;
  }
  const switching = new Uint8Array(turns.length).fill(1);
  const first = turns[0]?.decision.trace;
  if (first?.kind === "choices" && first.logProbs.switching === 0) {
    switching[0] = 0;
  }
  const execution = new Uint8Array(turns.length).fill(1);
  return { switching, planning, execution };
}

/**
 * Normalizes advantages over a batch of episodes; targets stay in units of return.
 *
 * Statistics are taken over the decisions that are trained, each counted once however many tokens it has.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { assignCredit, collectTrajectories, createRandom, normalizeCredit, planExecute } from "@hiper/lab";
 * import { proposeCorridorSubgoals, randomExecutor, randomPlanner, scheduleEpisodes } from "@hiper/lab";
 *
 * const agent = planExecute(randomPlanner({ proposeSubgoals: proposeCorridorSubgoals }), randomExecutor());
 * const plays = { random: createRandom(1), tasks: 2, groupSize: 4, maxTurns: 20 };
 * const schedule = scheduleEpisodes([{ kind: "corridor" }], plays);
 * const trajectories = await collectTrajectories(agent, schedule);
 *
 * const credits = assignCredit(trajectories, { name: "reinforce" });
 * const normalized = normalizeCredit(trajectories, credits);
 * const all = normalized.flatMap((one) => [...one.advantages.execution]);
 * const sum = all.reduce((a, b) => a + b, 0);
 * ok(Math.abs(sum) < 1e-9);
 * ```
 *
 * @param trajectories Episodes of the batch.
 * @param credits Credit of each episode, in the same order; left as they are.
 * @param options The formula, and what is compared with what.
 * @returns New credits; advantages are 0 where a decision is not trained.
 * @throws {RangeError} If there is not one credit for each trajectory, or the mode is unknown.
 */
export function normalizeCredit(
  trajectories: readonly Trajectory[],
  credits: readonly Credit[],
  options: NormalizeOptions = {},
): Credit[] {
  const { mode = "standard", across = "decision" } = options;
  checkChoice("assign credit", { mode }, NORMALIZATIONS);
  checkChoice("assign credit", { across }, ["decision", "all"]);
  if (trajectories.length !== credits.length) {
    throw new RangeError(
      `Cannot normalize credit as each of ${trajectories.length} trajectories must have one: current value is ${credits.length}`,
    );
  }
  if (mode === "none") return [...credits];
  const masks = credits.map((credit, i) =>
    credit.trained ?? decisionsTaken(trajectories[i]!.turns)
  );
  const taken = byDecision((name) =>
    credits.map((credit, i) => pick(credit.advantages[name], masks[i]![name]))
  );
  const standardizers = byDecision((name) => {
    const pool = across === "decision"
      ? taken[name]
      : DECISIONS.flatMap((other) => taken[other]);
    return standardizer(pool, mode);
  });
  return credits.map((credit, i) => ({
    ...credit,
    advantages: byDecision((name) => {
      const { center, scale } = standardizers[name];
      const mask = masks[i]![name];
      return credit.advantages[name].map((x, t) =>
        mask[t] === 1 ? (x - center) / scale : 0
      );
    }),
  }));
}

/** The values where the mask is 1. */
function pick(values: Float64Array, mask: Uint8Array): Float64Array {
  return values.filter((_, t) => mask[t] === 1);
}

/**
 * Finds center and scale of numbers that come in parts.
 *
 * @param parts Numbers. Any shapes.
 * @param mode The formula; not `none`.
 */
export function standardizer(
  parts: readonly Float64Array[],
  mode: Normalization,
): Standardizer {
  let count = 0, sum = 0;
  for (const part of parts) {
    count += part.length;
    for (let i = 0; i < part.length; i++) sum += part[i]!;
  }
  if (count === 0 || mode === "none") return { center: 0, scale: 1 };
  const center = sum / count;
  let squares = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) squares += (part[i]! - center) ** 2;
  }
  return { center, scale: scaleOf({ count, center, squares }, mode) };
}

/** The divisor of a normalization, from sums over `count` numbers. */
function scaleOf(
  sums: { count: number; center: number; squares: number },
  mode: Normalization,
): number {
  const { count, center, squares } = sums;
  if (mode === "whiten") {
    return Math.sqrt((count > 1 ? squares / (count - 1) : 0) + 1e-8);
  }
  const deviation = Math.sqrt(squares / count);
  if (mode === "reference") return deviation + 1e-8;
  const flat = deviation < 1e-6 * Math.max(1, Math.abs(center));
  return flat ? Infinity : deviation;
}

/**
 * Normalizes one column over the elements where a mask is 1.
 *
 * @param values Shape `(n,)`; left as it is.
 * @param mask Shape `(n,)`.
 * @param mode The formula.
 * @returns Normalized where the mask is 1, else 0. Shape `(n,)`.
 */
export function normalizeColumn(
  values: Float64Array,
  mask: Uint8Array,
  mode: Normalization,
): Float64Array {
  const copy = values.slice();
  normalizeInPlace(copy, mask, mode);
  return copy;
}

/** {@linkcode normalizeColumn} for callers that own the column: large batches need no second one. */
export function normalizeInPlace(
  values: Float64Array,
  mask: Uint8Array,
  mode: Normalization,
): void {
  if (mode === "none") return;
  let count = 0, sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask[i] !== 1) continue;
    count++;
    sum += values[i]!;
  }
  const center = count > 0 ? sum / count : 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask[i] === 1) squares += (values[i]! - center) ** 2;
  }
  const scale = scaleOf({ count, center, squares }, mode);
  for (let i = 0; i < values.length; i++) {
    values[i] = mask[i] === 1 ? (values[i]! - center) / scale : 0;
  }
}
