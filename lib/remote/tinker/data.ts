/**
 * From recorded replies with credit to data of an engine: alignment, checks, and the factors that make one objective
 * of every reduction.
 *
 * @module
 */

import type { TokenTrace } from "../../trajectory.ts";
import type { Datum } from "./codec.ts";
import type { Dialect, LossName } from "./dialects.ts";

/** Credit of the tokens of one reply. Shape `(reply tokens,)` each. */
export interface ReplyCredit {
  /** Advantage of each token; 0 where it is not trained. */
  readonly advantages: Float32Array;
  /** 1 where the policy gradient sees a token. */
  readonly mask: Float32Array;
}

/**
 * Lays a reply and its credit out by position: position `i` is about token `i + 1` of prompt and reply, so that token
 * `j` of the reply stands at `prompt tokens - 1 + j`. Positions of the prompt have zeros.
 *
 * @throws {RangeError} If the prompt is empty, or a column has another length than the reply.
 */
export function replyDatum(
  { prompt, reply, logProbs }: Pick<
    TokenTrace,
    "prompt" | "reply" | "logProbs"
  >,
  { advantages, mask }: ReplyCredit,
): Datum {
  if (prompt.length === 0) {
    throw new RangeError(
      "Cannot lay out a reply as its prompt must not be empty: current length is 0",
    );
  }
  for (const column of [logProbs, advantages, mask]) {
    if (column.length === reply.length) continue;
    throw new RangeError(
      `Cannot lay out a reply as each of its ${reply.length} tokens must have a log-probability and credit: current length is ${column.length}`,
    );
  }
  const whole = new Int32Array(prompt.length + reply.length);
  whole.set(prompt);
  whole.set(reply, prompt.length);
  const positions = whole.length - 1, start = prompt.length - 1;
  const column = (values: Float32Array) => {
    const laid = new Float32Array(positions);
    laid.set(values, start);
    return laid;
  };
  return {
    tokens: whole.subarray(0, positions),
    targets: whole.subarray(1),
    arrays: {
      advantages: column(advantages),
      logprobs: column(logProbs),
      weights: column(mask),
    },
  };
}

/** Sum of the weights of a datum. */
export function weightOf({ arrays: { weights } }: Datum): number {
  return weights?.reduce((sum, one) => sum + one, 0) ?? 0;
}

/**
 * Scales advantages so that the gradient of one step is that of the mean over `units` tokens, whatever the engine's
 * reduction is: with `c = 1 / units`, `c` on engines that sum, and `c · data · W` on those that take the mean over data
 * of means over a datum's `W` trained tokens. All data of the step must be given, as their number counts.
 *
 * @param data All data of one step.
 * @param options The engine's reduction, and the tokens that the mean is taken over.
 * @returns The data with scaled advantages.
 */
export function scaleAdvantages(
  data: readonly Datum[],
  options: { reduction: Dialect["reduction"]; units: number },
): Datum[] {
  const { reduction, units } = options;
  return data.map((datum) => {
    const factor = reduction === "sum"
      ? 1 / units
      : data.length * weightOf(datum) / units;
    const advantages = datum.arrays["advantages"]!.map((a) => a * factor);
    return { ...datum, arrays: { ...datum.arrays, advantages } };
  });
}

/** Arrays that a loss needs besides targets and weights. */
const NEEDED: Readonly<Record<LossName, readonly string[]>> = {
  cross_entropy: [],
  importance_sampling: ["logprobs", "advantages"],
  ppo: ["logprobs", "advantages"],
  cispo: ["logprobs", "advantages"],
  dro: ["logprobs", "advantages"],
};

/**
 * Checks data before anything is sent. What engines do otherwise: empty data are never answered, an id outside the
 * vocabulary makes all gradients `NaN`, arrays of another length are padded, data without weight dilute the mean.
 *
 * @throws {RangeError} If a number is out of range or an array has another length.
 * @throws {TypeError} If there is nothing to send, an array is missing, or the dialect lacks the loss.
 */
export function checkData(
  data: readonly Datum[],
  options: {
    loss: LossName;
    dialect: Dialect;
    vocabSize?: number;
    maxLength?: number;
    forwardOnly?: boolean;
  },
): void {
  const { loss, dialect, vocabSize = Infinity, maxLength = Infinity } = options;
  const cannot = "Cannot send data to an engine as";
  if (data.length === 0) {
    throw new TypeError(
      `${cannot} there must be some: current number is 0, which it never answers`,
    );
  }
  if (!dialect.losses.includes(loss)) {
    throw new TypeError(
      `${cannot} its dialect "${dialect.name}" must have the loss, one of ${
        dialect.losses.join(", ")
      }: current value is "${loss}"`,
    );
  }
  for (const [d, { tokens, targets, arrays }] of data.entries()) {
    const where = `of datum ${d}`;
    if (tokens.length === 0 || tokens.length > maxLength) {
      throw new RangeError(
        `${cannot} the length ${where} must be in [1, ${maxLength}]: current value is ${tokens.length}`,
      );
    }
    for (const ids of [tokens, targets]) {
      const bad = ids.find((id) => !(id >= 0 && id < vocabSize));
      if (bad === undefined) continue;
      throw new RangeError(
        `${cannot} token ids ${where} must be in [0, ${vocabSize}), or gradients become NaN: current value is ${bad}`,
      );
    }
    for (const name of NEEDED[loss]) {
      if (arrays[name]) continue;
      throw new TypeError(
        `${cannot} the loss "${loss}" needs "${name}" ${where}: it is absent`,
      );
    }
    for (
      const [name, column] of Object.entries({ ...arrays, targets })
    ) {
      if (column.length !== tokens.length) {
        throw new RangeError(
          `${cannot} "${name}" ${where} must have one element for each of ${tokens.length} positions: current length is ${column.length}`,
        );
      }
      const bad = column.find((value) => !Number.isFinite(value));
      if (bad === undefined) continue;
      throw new RangeError(
        `${cannot} "${name}" ${where} must be finite: current value is ${bad}`,
      );
    }
    if (options.forwardOnly || !arrays["weights"]) continue;
    if (arrays["weights"].some((weight) => weight > 0)) continue;
    throw new RangeError(
      `${cannot} the weights ${where} must have a positive sum, or it dilutes the mean over data: current value is 0`,
    );
  }
}

/** Estimated bytes of a datum on the wire. */
export function estimateBytes({ tokens, arrays }: Datum): number {
  return tokens.length * (4 + 8 + 4 * Object.keys(arrays).length) + 64;
}
