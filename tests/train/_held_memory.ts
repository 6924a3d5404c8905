/**
 * What is held in memory after playing and learning, again and again.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { openCorridorSpec } from "../../lib/envs/corridor.ts";
import { assignCredit } from "../../lib/hae/credit.ts";
import type { DifferentiablePolicy } from "../../lib/policy/policy.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import { toSamples } from "../../lib/train/batch.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import type { HeapWatch } from "./_heap_watch.ts";

/** What is held at one moment. */
export interface Held {
  /** Steps taken. */
  readonly steps: number;
  /** Tensors that are not disposed. */
  readonly tensors: number;
  /** Their bytes. */
  readonly tensorBytes: number;
  /** Bytes allocated on the heap of the `wasm` backend. */
  readonly heapBytes: number;
}

/** Looks. */
export function lookAtMemory(steps: number, watch: HeapWatch): Held {
  const { numTensors, numBytes } = tf.memory();
  return {
    steps,
    tensors: numTensors,
    tensorBytes: numBytes,
    heapBytes: watch.live(),
  };
}

/**
 * Plays two short corridors and learns from them, again and again.
 *
 * @param policy Who plays and learns.
 * @param looks After how many steps to look.
 * @param watch Counts the heap since before the policy was made.
 * @returns What was held each time.
 */
export async function playAndLearn(
  policy: DifferentiablePolicy,
  looks: readonly number[],
  watch: HeapWatch,
): Promise<Held[]> {
  const learner = createPpoLearner(policy);
  const held: Held[] = [];
  for (let step = 1; step <= Math.max(...looks); step++) {
    const random = createRandom(1).fork("step", step);
    const episodes = scheduleEpisodes([
      { kind: "corridor", length: 3, doors: 0 },
    ], { random, tasks: 2, maxTurns: 2 });
    const played = await collectTrajectories(policy, episodes, {
      open: openCorridorSpec,
    });
    const credits = assignCredit(played, { name: "hae" });
    await learner.update(toSamples(played, credits), {
      random,
      epochs: 1,
      klCoefficient: 0.1,
    });
    if (looks.includes(step)) held.push(lookAtMemory(step, watch));
  }
  return held;
}
