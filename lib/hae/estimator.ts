/**
 * What an estimator is, and the parts that estimators share: settings, checks of numbers, and one advantage for a turn.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import {
  type CreditColumns,
  decisionsTaken,
  type EpisodeBatch,
  type EpisodeColumns,
} from "../episode_batch.ts";
import {
  type ByDecision,
  byDecision,
  type DecisionName,
} from "../trajectory.ts";
import { NORMALIZATIONS } from "./normalize.ts";

/** Kinds of policy that learn. */
export const TRAINABLE = ["compact", "language", "tinker"] as const;

/** Runs of this project that show an estimator learn, with where they are found from `docs/`. */
export const SHOWN = {
  "corridor": "../tests/train/methods_test.ts",
  "household-easy": "results.md#methods",
  "corridor-language": "results.md#methods",
} as const;

/** One estimator: its settings, what it needs, and how it assigns credit. */
export interface Estimator<Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** Settings with defaults and help. */
  readonly settings: z.ZodObject<Shape, z.core.$strict>;
  /** Whether it reads values, and so needs a critic. */
  readonly critic: boolean;
  /** Whether it compares the episodes of a group, whose gradients then depend on each other. */
  readonly grouped: boolean;
  /** Name of the method or its authors. */
  readonly title: string;
  /** Whether it compares with an episode of each group that is played greedily. @default {false} */
  readonly greedy?: boolean;
  /** Where it was published. */
  readonly paper: string;
  /** The advantage, in the notation of `docs/estimators.md`. */
  readonly equation: string;
  /** What shares one advantage: a decision, a turn, an episode. */
  readonly unit: string;
  /** Kinds of policy that a config can train by it. @default {TRAINABLE} */
  readonly policies?: readonly (typeof TRAINABLE[number])[];
  /** What a turn costs beyond playing it. */
  readonly cost: string;
  /** Where runs of this project show that it learns: names of `SHOWN`. */
  readonly shown: readonly (keyof typeof SHOWN)[];
  /** Whether every turn gets the credit of the whole episode under some settings. @default {never} */
  creditsEpisode?(
    settings: z.output<z.ZodObject<Shape, z.core.$strict>>,
  ): boolean;
  /** Credits the decisions of a batch. */
  credit(
    batch: EpisodeBatch,
    settings: z.output<z.ZodObject<Shape, z.core.$strict>>,
  ): CreditColumns;
}

/** Checks the type of an estimator's record, and returns it. */
export function defineEstimator<Shape extends z.ZodRawShape>(
  estimator: Estimator<Shape>,
): Estimator<Shape> {
  return estimator;
}

/** A number in `[0, 1]`. */
export const unitInterval: z.ZodNumber = z.number("must be in [0, 1]")
  .min(0, "must be in [0, 1]").max(1, "must be in [0, 1]");

/** Discount per turn. */
export const gamma: z.ZodDefault<z.ZodNumber> = unitInterval.default(1)
  .describe("discount per turn");

/** How advantages are normalized. */
export const normalize: z.ZodDefault<
  z.ZodEnum<{ [Mode in typeof NORMALIZATIONS[number]]: Mode }>
> = z.enum(NORMALIZATIONS).default("none")
  .describe("how advantages are normalized over the batch");

/** The same where whitening is the default. */
export const whiten: typeof normalize = normalize.removeDefault()
  .default("whiten").describe("how advantages are normalized over the batch");

/** Settings of estimators that compare the episodes of a group. */
export const grouping = {
  weightBy: z.enum(["episodes", "turns"]).default("episodes").describe(
    "whether an episode counts once in its group, or once for each of its turns",
  ),
  singleton: z.enum(["zero", "score"]).default("zero").describe(
    "advantage of an episode that is alone in its group: 0, or its score",
  ),
};

/** Name of an episode for messages: its id, or else its number. */
export function episodeName(
  batch: { readonly episodes?: EpisodeBatch["episodes"] },
  episode: number,
): string {
  return batch.episodes?.[episode]?.id ?? `#${episode}`;
}

/**
 * Checks the numbers that an estimator reads: rewards, and values of the decisions that it `needs`, those of planning
 * at segment starts only.
 *
 * @throws {TypeError} If a turn lacks values that the estimator needs.
 * @throws {RangeError} If a reward or value is not finite.
 */
export function checkNumbers(
  estimator: string,
  batch:
    & Pick<EpisodeColumns, "offsets" | "rewards" | "switched" | "values">
    & { readonly episodes?: EpisodeBatch["episodes"] },
  needs: { readonly values?: readonly DecisionName[] } = {},
): void {
  const { offsets, rewards, switched, values } = batch;
  const fail = (t: number, name?: DecisionName): Error => {
    const episode = offsets.findLastIndex((offset) => offset <= t);
    const turn = `turn ${t - offsets[episode]!} of episode "${
      episodeName(batch, episode)
    }"`;
    const none = name &&
      needs.values!.every((one) => Number.isNaN(values[one][t]));
    if (none) {
      return new TypeError(
        `Cannot assign credit "${estimator}" as every turn needs values: ${turn} has none`,
      );
    }
    const value = name ? values[name][t]! : rewards[t]!;
    return notFinite(
      estimator,
      `the ${name ? `${name} value` : "reward"} of ${turn}`,
      value,
    );
  };
  for (let t = 0; t < rewards.length; t++) {
    if (!Number.isFinite(rewards[t])) throw fail(t);
  }
  for (const name of needs.values ?? []) {
    const column = values[name];
    for (let t = 0; t < column.length; t++) {
      if (Number.isFinite(column[t])) continue;
      const read = name !== "planning" || switched[t] === 1 ||
        offsets.includes(t);
      if (read) throw fail(t, name);
    }
  }
}

/** The error for a number that is not finite. */
export function notFinite(
  estimator: string,
  what: string,
  value: number,
): RangeError {
  return new RangeError(
    `Cannot assign credit "${estimator}" as ${what} must be finite: current value is ${value}`,
  );
}

/** Gives every decision that was taken on a turn the turn's advantage, shape `(turns,)`; no targets. */
export function shareTurns(
  batch: EpisodeBatch,
  advantages: Float64Array,
): CreditColumns {
  const trained = decisionsTaken(batch);
  return {
    advantages: byDecision((name) => {
      const mask = trained[name], column = new Float64Array(advantages.length);
      for (let t = 0; t < column.length; t++) {
        if (mask[t] === 1) column[t] = advantages[t]!;
      }
      return column;
    }),
    trained,
  };
}

/** Gives every turn of an episode the episode's number. */
export function overTurns(
  { offsets, rewards }: Pick<EpisodeColumns, "offsets" | "rewards">,
  numbers: Float64Array,
): Float64Array {
  const column = new Float64Array(rewards.length);
  for (let i = 0; i < numbers.length; i++) {
    column.fill(numbers[i]!, offsets[i]!, offsets[i + 1]!);
  }
  return column;
}

/** A column of zeros for each decision. */
export function emptyColumns(turns: number): ByDecision<Float64Array> {
  return byDecision(() => new Float64Array(turns));
}
