/**
 * Hierarchical advantages for a critic of measured trust: between the published estimator and Monte-Carlo returns.
 *
 * @module
 */

import type { CreditColumns, EpisodeBatch } from "../episode_batch.ts";
import { creditBatch } from "./credit.ts";
import type { HaeCreditOptions } from "./hae.ts";

/**
 * Discounted returns from each turn to the end of its episode, with a value behind the last turn of truncated episodes.
 *
 * @param batch Episodes as columns.
 * @param options `gamma`, the discount per turn; `tails`, what follows the last turn of each truncated episode, shape
 *   `(episodes,)`. @default {`tails`: zeros}
 * @returns Returns, in units of reward. Shape `(turns,)`.
 */
export function returnsToGo(
  batch: Pick<EpisodeBatch, "offsets" | "rewards" | "truncated">,
  options: { gamma: number; tails?: ArrayLike<number> },
): Float64Array {
  const { offsets, rewards, truncated } = batch;
  const { gamma, tails } = options;
  const returns = new Float64Array(rewards.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let next = truncated[i] === 1 ? tails?.[i] ?? 0 : 0;
    for (let t = offsets[i + 1]! - 1; t >= offsets[i]!; t--) {
      returns[t] = next = rewards[t]! + gamma * next;
    }
  }
  return returns;
}

/**
 * Assigns hierarchical credit where values are trusted by a share `trust`.
 *
 * With `G[n]` the return from the next segment's start `n` on, execution and switching lead to
 * `trust · V_planning[n] + (1 − trust) · G[n]` instead of `V_planning[n]`, and lambdas become
 * `1 − trust · (1 − lambda)`. A trust of 1 is the published estimator; with 0 every advantage is the return minus the
 * value of its own decision, which no error of the values can bias.
 *
 * @param batch Episodes with values.
 * @param settings Settings of the estimator `hae`; `planningToSwitching` must be off and `switching` be `return`.
 * @param trust Share, in `[0, 1]`.
 * @returns Credit of every turn.
 * @throws {RangeError} If the trust is outside `[0, 1]`.
 * @throws {TypeError} If a setting mixes what is estimated apart here.
 */
export function trustedCredit(
  batch: EpisodeBatch,
  settings: HaeCreditOptions,
  trust: number,
): CreditColumns {
  if (!(trust >= 0 && trust <= 1)) {
    throw new RangeError(
      `Cannot assign credit as "trust" must be in [0, 1]: current value is ${trust}`,
    );
  }
  checkTrustSettings(settings);
  const { gamma = 1, lambdaTurn = 1, lambdaSegment = 0.95 } = settings;
  const { lambdaBoundary = 0, truncation = "bootstrap" } = settings;
  const estimator = {
    ...settings,
    name: "hae",
    lambdaTurn: 1 - trust * (1 - lambdaTurn),
    lambdaSegment: 1 - trust * (1 - lambdaSegment),
    lambdaBoundary: trust * lambdaBoundary,
  } as const;
  const plans = creditBatch(batch, estimator);
  if (trust === 1) return plans;
  const { offsets, switched, values } = batch;
  const returns = returnsToGo(batch, {
    gamma,
    ...(truncation === "bootstrap" && { tails: batch.bootstrap.switching }),
  });
  // What is not trusted of the next segment's value is added to the reward that leads there.
  const rewards = batch.rewards.slice();
  for (let i = 0; i + 1 < offsets.length; i++) {
    for (let n = offsets[i]! + 1; n < offsets[i + 1]!; n++) {
      if (switched[n] !== 1) continue;
      rewards[n - 1]! += gamma * (1 - trust) *
        (returns[n]! - values.planning[n]!);
    }
  }
  const acts = creditBatch({ ...batch, rewards }, estimator);
  return {
    trained: plans.trained,
    advantages: { ...acts.advantages, planning: plans.advantages.planning },
    ...(acts.targets && plans.targets && {
      targets: { ...acts.targets, planning: plans.targets.planning },
    }),
  };
}

/**
 * Refuses settings under which planning and switching cannot be estimated apart.
 *
 * @throws {TypeError} If there is one.
 */
export function checkTrustSettings(settings: HaeCreditOptions): void {
  const { planningToSwitching = false, switching = "return" } = settings;
  const { heads = 3, truncation = "bootstrap" } = settings;
  const wanted = [
    ["planningToSwitching", planningToSwitching, false],
    ["switching", switching, "return"],
    ["heads", heads, 3],
  ] as const;
  for (const [name, value, must] of wanted) {
    if (value === must) continue;
    throw new TypeError(
      `Cannot trust a critic in part as "estimator.${name}" must be ${
        JSON.stringify(must)
      }: current value is ${JSON.stringify(value)}`,
    );
  }
  if (truncation !== "reference") return;
  throw new TypeError(
    'Cannot trust a critic in part as "estimator.truncation" must be "bootstrap" or "zero": current value is "reference"',
  );
}
