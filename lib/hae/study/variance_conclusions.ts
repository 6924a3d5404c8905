/**
 * Conclusions from the numbers of the variance study, in sentences.
 *
 * Nothing is assumed: every claim is a comparison of rows with their standard errors.
 *
 * @module
 */

import type { VarianceRow } from "./variance.ts";
import type { VarianceStudyRow } from "./variance_study.ts";

/** Standard errors from which a difference counts; strict, as a study makes many comparisons. */
const CLEAR = 4;

/**
 * Expects the squared error of a batch's mean gradient, the step size being free.
 *
 * `tan² + variance / (n · scale² · ‖∇J‖²)`, in squared lengths of the exact gradient: what is left of
 * the error once the estimate is divided by its scale.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { batchError } from "@hiper/lab/studies";
 *
 * const row = {
 *   scale: 1,
 *   gradientNorm: 2,
 *   directionError: 0.25,
 *   directionErrorStandardError: 0,
 *   variance: 40,
 *   varianceStandardError: 0,
 * };
 * strictEqual(batchError(row, 10).error, 1.25);
 * strictEqual(batchError(row, 1000).error, 0.26); // variance fades, bias stays
 * ```
 *
 * @param episodes Episodes in the batch, `n`.
 * @returns The error and its standard error.
 */
export function batchError(
  row: Pick<
    VarianceRow,
    | "scale"
    | "gradientNorm"
    | "directionError"
    | "directionErrorStandardError"
    | "variance"
    | "varianceStandardError"
  >,
  episodes: number,
): { readonly error: number; readonly standardError: number } {
  const unit = episodes * (row.scale * row.gradientNorm) ** 2;
  return {
    error: Math.max(0, row.directionError) + row.variance / unit,
    standardError: Math.hypot(
      row.directionErrorStandardError,
      row.varianceStandardError / unit,
    ),
  };
}

/** Whether a row's bias is more than chance. */
function isBiased(row: VarianceStudyRow): boolean {
  return row.biasSquared > CLEAR * row.biasSquaredStandardError;
}

/** Rows of the whole gradient. */
function whole(rows: readonly VarianceStudyRow[]): VarianceStudyRow[] {
  return rows.filter(({ decision }) => decision === "all");
}

/** Names joined as in a sentence. */
function list(names: readonly string[]): string {
  return new Intl.ListFormat("en-GB").format(names) || "none";
}

const percent = (value: number) => `${(100 * value).toPrecision(2)} %`;
const bias = (row: VarianceStudyRow) =>
  percent(Math.sqrt(Math.max(0, row.biasSquared)));

/**
 * Names the estimators that are biased with a critic.
 *
 * @example
 * ```ts
 * import { match } from "node:assert/strict";
 * import { describeBias, varianceStudy } from "@hiper/lab/studies";
 *
 * const [, wrong] = varianceStudy({ episodes: 640, lambdas: [0] });
 * match(describeBias(wrong!, "wrong"), /At lambda 0: biased .*HAE/);
 * ```
 */
export function describeBias(
  rows: readonly VarianceStudyRow[],
  critic: VarianceStudyRow["critic"],
): string {
  const judged = whole(rows).filter((row) =>
    row.critic === critic && row.lambda !== null
  );
  const biased = judged.filter(isBiased);
  if (judged.length === 0) return "Nothing was measured.";
  const name = critic === "exact" ? "an exact critic" : "a wrong critic";
  if (biased.length === 0) {
    const worst = judged.reduce((a, b) =>
      a.biasSquared > b.biasSquared ? a : b
    );
    return `With ${name} the bias of none of ${judged.length} estimators stands out from chance by ${CLEAR} standard errors; the largest found is that of ${worst.family} at lambda ${worst.lambda}, ${
      bias(worst)
    } of the gradient's length.`;
  }
  const top = Math.max(...judged.map(({ lambda }) => lambda!));
  const atTop = judged.filter(({ lambda }) => lambda === top);
  const named = (some: readonly VarianceStudyRow[]) =>
    list(some.map((row) => `${row.family} (${bias(row)})`));
  const free = atTop.filter((row) => !isBiased(row)).map(({ family }) =>
    family
  );
  return `With ${name} ${biased.length} of ${judged.length} estimators are biased beyond chance. At lambda ${top}: biased ${
    named(atTop.filter(isBiased))
  }, in lengths of the gradient; not distinguishable from unbiased: ${
    list(free)
  }.`;
}

/**
 * Compares the variances of hierarchical and flat estimators.
 *
 * @example
 * ```ts
 * import { match } from "node:assert/strict";
 * import { describeVariance, varianceStudy } from "@hiper/lab/studies";
 *
 * const [exact] = varianceStudy({ episodes: 640, lambdas: [1] });
 * const sentence = describeVariance(exact!, "exact");
 * match(sentence, /^At lambda 1 turn GAE has \d.* times the variance of HAE/);
 * ```
 */
export function describeVariance(
  rows: readonly VarianceStudyRow[],
  critic: VarianceStudyRow["critic"],
): string {
  const find = (
    family: string,
    lambda: number,
    decision: VarianceStudyRow["decision"],
  ) =>
    rows.find((row) =>
      row.critic === critic && row.family === family &&
      row.lambda === lambda && row.decision === decision
    );
  const lambdas = [
    ...new Set(rows.flatMap(({ lambda }) => lambda === null ? [] : [lambda])),
  ].toSorted((a, b) => a - b);
  const top = lambdas.at(-1);
  if (top === undefined) return "Nothing was measured.";
  const ratio = (decision: VarianceStudyRow["decision"], lambda = top) =>
    find("turn GAE", lambda, decision)!.variance /
    find("HAE", lambda, decision)!.variance;
  const times = (value: number) => `${value.toPrecision(2)} times`;
  const first = `At lambda ${top} turn GAE has ${
    times(ratio("all"))
  } the variance of HAE (switching ${
    ratio("switching").toPrecision(2)
  }, planning ${ratio("planning").toPrecision(2)}, execution ${
    ratio("execution").toPrecision(2)
  }).`;
  const quieter = lambdas.filter((lambda) => {
    const flat = find("turn GAE", lambda, "all")!;
    const hae = find("HAE", lambda, "all")!;
    return hae.variance - flat.variance >
      CLEAR * Math.hypot(hae.varianceStandardError, flat.varianceStandardError);
  });
  return quieter.length === 0
    ? `${first} At no lambda visited is turn GAE the quieter one.`
    : `${first} At lambda ${
      list(quieter.map(String))
    } turn GAE is the quieter one, so HAE is not quieter at every lambda.`;
}

/**
 * Names the estimator with the smallest error in small and in large batches.
 *
 * @example
 * ```ts
 * import { match } from "node:assert/strict";
 * import { describeBatchError, varianceStudy } from "@hiper/lab/studies";
 *
 * const [exact] = varianceStudy({ episodes: 640, lambdas: [1] });
 * const sentence = describeBatchError(exact!, "exact", [8, 4096]);
 * match(sentence, /^With 8 episodes .* errs least .* with 4096 episodes/);
 * ```
 *
 * @param critic Which critic; estimators without one compete too.
 * @param sizes The two batch sizes, in episodes.
 */
export function describeBatchError(
  rows: readonly VarianceStudyRow[],
  critic: VarianceStudyRow["critic"],
  sizes: readonly [small: number, large: number],
): string {
  const judged = whole(rows).filter((row) =>
    row.critic === critic || row.critic === "none"
  );
  if (judged.length === 0) return "Nothing was measured.";
  const label = ({ family, lambda }: VarianceStudyRow) =>
    lambda === null ? family : `${family} at lambda ${lambda}`;
  const ranked = (some: readonly VarianceStudyRow[], size: number) =>
    some.toSorted((a, b) =>
      batchError(a, size).error - batchError(b, size).error
    );
  const best = (size: number) => {
    const [first, ...others] = ranked(judged, size);
    const lead = batchError(first!, size);
    const ties = others.filter((row) => {
      const other = batchError(row, size);
      return other.error - lead.error <
        2 * Math.hypot(other.standardError, lead.standardError);
    });
    const tied = ties.length === 0
      ? ""
      : `, ${ties.length} more within two standard errors`;
    return `${label(first!)} errs least (${
      lead.error.toPrecision(2)
    } squared lengths of the gradient${tied})`;
  };
  const free = judged.filter((row) => row.critic === "none");
  const rival = ranked(free, sizes[1])[0];
  const last = rival === undefined
    ? ""
    : ` The best without a critic is ${rival.family}, at ${
      batchError(rival, sizes[0]).error.toPrecision(2)
    } and ${batchError(rival, sizes[1]).error.toPrecision(2)}.`;
  return `With ${sizes[0]} episodes ${best(sizes[0])}; with ${
    sizes[1]
  } episodes ${best(sizes[1])}.${last}`;
}
