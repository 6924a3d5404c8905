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
import { evaluateIntervention } from "../../mod/plans.ts";
import type { Flags, OtherPlayer, Request } from "./request.ts";

/** One player's name and its evaluation. */
export type Played = readonly [name: string, evaluation: Evaluation];

/**
 * Lets every player play the same episodes, one after the other.
 *
 * @param request What is evaluated.
 * @param training The policy, with its weights.
 * @param flags Who else plays, and which interventions on the plan are played.
 */
export async function* playAll(
  request: Request,
  training: Training,
  { baseline = [], intervene = [], servedModel }: Flags,
): AsyncGenerator<Played, void, void> {
  const { checkpoint, schedule } = request;
  const name = servedModel ??
    (checkpoint ? `iteration ${checkpoint.iteration}` : "untrained");
  const unperturbed = await training.evaluate(undefined, schedule);
  yield [name, unperturbed];
  for (const intervention of intervene) {
    const played = await evaluateIntervention(
      training,
      intervention,
      unperturbed,
    );
    yield [`${name}, ${intervention}`, played];
  }
  // Success without a plan that matters is no better than this floor.
  const others = new Set<OtherPlayer>(baseline);
  if (intervene.length > 0) others.add("untrained");
  for (const other of [...others].filter((other) => other !== name)) {
    yield [other, await playOther(other, request, training)];
  }
}

async function playOther(
  name: OtherPlayer,
  { config, schedule }: Request,
  training: Training,
): Promise<Evaluation> {
  if (name !== "untrained") {
    const baseline = await assembleBaseline(config, name);
    return await training.evaluate(baseline, schedule);
  }
  await using untrained = await assembleTraining(config);
  return await untrained.evaluate(undefined, schedule);
}
