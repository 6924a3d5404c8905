/**
 * Who plays in an evaluation: the policy first, then whoever is asked for beside it.
 *
 * @module
 */

import {
  assembleBaseline,
  assembleTraining,
  type Evaluation,
  type Training,
} from "../../mod.ts";
import type { Flags, OtherPlayer, Request } from "./request.ts";

/** One player's name and its evaluation. */
export type Played = readonly [name: string, evaluation: Evaluation];

/**
 * Lets every player play the same episodes, one after the other.
 *
 * @param request What is evaluated.
 * @param training The policy, with its weights.
 * @param flags Who else plays.
 */
export async function* playAll(
  { config, checkpoint }: Request,
  training: Training,
  { baseline = [] }: Flags,
): AsyncGenerator<Played, void, void> {
  const name = checkpoint ? `iteration ${checkpoint.iteration}` : "untrained";
  yield [name, await training.evaluate()];
  for (const other of baseline.filter((other) => other !== name)) {
    yield [other, await playOther(other, config, training)];
  }
}

async function playOther(
  name: OtherPlayer,
  config: Training["config"],
  training: Training,
): Promise<Evaluation> {
  if (name !== "untrained") {
    return await training.evaluate(await assembleBaseline(config, name));
  }
  await using untrained = await assembleTraining(config);
  return await untrained.evaluate();
}
