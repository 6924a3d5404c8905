/**
 * The divergence from the reference policy as a part of the reward.
 *
 * @module
 */

import { decisionsTaken, type EpisodeBatch } from "../episode_batch.ts";
import type { Learner, UpdateOptions } from "../policy/policy.ts";

/**
 * Takes the divergence from the reference out of the rewards, where that is its place.
 *
 * @returns The same batch with other rewards; all else is shared.
 * @throws {TypeError} If the learner does not measure it.
 */
export async function penalizeRewards(
  batch: EpisodeBatch,
  { learner, update }: {
    readonly learner: Learner;
    readonly update: Readonly<UpdateOptions>;
  },
): Promise<EpisodeBatch> {
  if (update.klPlacement !== "reward" || !update.klCoefficient) return batch;
  if (!learner.rewardPenalties) {
    throw new TypeError(
      'Cannot take the divergence out of rewards as the learner must have "rewardPenalties": it has none; use update.klPlacement=loss',
    );
  }
  const penalties = await learner.rewardPenalties(
    batch.turns,
    decisionsTaken(batch),
    update,
  );
  return {
    ...batch,
    rewards: batch.rewards.map((reward, t) => reward - penalties[t]!),
  };
}
