/**
 * Log-probabilities and entropies of choices from logits, and their gradient; in double precision.
 *
 * @module
 */

/** A choice among candidates. */
export interface ScoredChoice {
  readonly logProb: number;
  /** In nats. */
  readonly entropy: number;
}

/** Logits of the candidates of one choice: candidate `j` has logit `logits[rows[j] ?? j]` from `first` on. */
export interface Choices {
  readonly logits: Float32Array;
  readonly first: number;
  readonly count: number;
  /** Row of each candidate after `first`, where candidates share rows. */
  readonly rows?: Int32Array;
}

/** Scores a choice; log-softmax at `chosen`, and the entropy of the distribution. */
export function scoreChoice(
  { logits, first, count, rows }: Choices,
  chosen: number,
): ScoredChoice {
  const at = (j: number) => logits[first + (rows ? rows[j]! : j)]!;
  let top = -Infinity;
  for (let j = 0; j < count; j++) top = Math.max(top, at(j));
  let total = 0, weighted = 0;
  for (let j = 0; j < count; j++) {
    const gap = at(j) - top, mass = Math.exp(gap);
    total += mass;
    weighted += mass * gap;
  }
  const normalizer = Math.log(total);
  return {
    logProb: at(chosen) - top - normalizer,
    entropy: normalizer - weighted / total,
  };
}

/** Adds the gradient with respect to the logits, given those with respect to log-probability and entropy. */
export function choiceGradient(
  { logits, first, count, rows }: Choices,
  chosen: number,
  { logProb, entropy }: ScoredChoice,
  d: {
    readonly logProb: number;
    readonly entropy: number;
    readonly logits: Float32Array;
  },
): void {
  const place = (j: number) => first + (rows ? rows[j]! : j);
  const normalizer = logits[place(chosen)]! - logProb;
  for (let j = 0; j < count; j++) {
    const log = logits[place(j)]! - normalizer, mass = Math.exp(log);
    d.logits[place(j)]! += -mass * (d.logProb + d.entropy * (log + entropy));
  }
  d.logits[place(chosen)]! += d.logProb;
}
