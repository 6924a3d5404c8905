/**
 * A training and its folder: going on where it stopped, writing every iteration, saving now and then.
 *
 * @module
 */

import type { ImitationProgress } from "../imitation/imitation.ts";
import type { Run } from "./run_store.ts";
import type { IterationRecord, Training } from "../training.ts";

/** When a recorded training ends besides having done its iterations. */
export interface RecordTrainingOptions {
  /** Ends it after the iteration that is under way; at once, and before that iteration, if the training has the same signal. */
  readonly signal?: AbortSignal;
  /** Ends it after the iteration in which this time is over, in minutes. */
  readonly minutes?: number;
  /** Is called after every pass of a warm start. */
  readonly onPass?: (progress: ImitationProgress) => void;
}

/**
 * Trains, and keeps the run's folder in step: whenever and however the process ends, another
 * one can resume the run and writes what an uninterrupted run would have written.
 *
 * @param training What to iterate; goes on from the run's checkpoint if there is one.
 * @param run Where to write; a last checkpoint is saved however iterating ends.
 * @returns The records, each after it was written.
 * @throws {Error} If a write fails; the newest checkpoint stays as it was.
 */
export async function* recordTraining(
  training: Training,
  run: Run,
  options: RecordTrainingOptions = {},
): AsyncGenerator<IterationRecord, void, void> {
  const { signal, minutes = Infinity } = options;
  const { checkpointEvery } = training.config.record;
  if (run.checkpoint) await training.load(run.checkpoint.directory);
  const deadline = performance.now() + minutes * 60_000;
  let saved = training.iteration;
  const save = async () => {
    if (training.iteration === saved) return;
    await run.save(training);
    saved = training.iteration;
  };
  if (await unlessStopped(training.warmUp(options.onPass), signal)) {
    await run.save(training);
  }
  let sound = true;
  try {
    const records = training[Symbol.asyncIterator]();
    while (!signal?.aborted && performance.now() < deadline) {
      sound = false;
      const next = await unlessStopped(records.next(), signal);
      if (next && !next.done) await run.append(next.value);
      sound = true;
      if (!next || next.done) break;
      if (training.iteration % checkpointEvery === 0) await save();
      yield next.value;
    }
    await records.return?.();
  } finally {
    // After a failed update or write the newest checkpoint is the last good one.
    if (sound) await save();
  }
}

/** The result of a piece of work; `undefined` where the signal stopped it. */
async function unlessStopped<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return undefined;
    throw error;
  }
}
