/**
 * One run of an ablation, in a Worker of its own: from settings to a finished folder.
 *
 * @module
 */

import { assembleTraining } from "../assemble.ts";
import { serveCalls, type Tell } from "../../rpc.ts";
import type { TrainingConfig } from "../config/config.ts";
import { describeEnvironment } from "../runs/environment_facts.ts";
import { recordTraining } from "../runs/record_training.ts";
import { openRun } from "../runs/run_store.ts";

/** Types of the calls that a run's Worker answers. */
export type AblationHandlers = ReturnType<typeof ablationHandlers>;

/** What an ablation can ask of the Worker of a run. */
function ablationHandlers() {
  const stop = new AbortController();
  return {
    /** Runs to the end, or to the next iteration after a stop; tells each iteration. */
    async run({ directory, config }: {
      directory: string;
      config: TrainingConfig;
    }, tell: Tell): Promise<void> {
      const { signal } = stop;
      await using training = await assembleTraining(config, { signal });
      await using opened = await openRun(directory, config, {
        resume: true,
        environment: describeEnvironment(training.backend),
      });
      const records = recordTraining(training, opened, { signal });
      for await (const { iteration, metrics } of records) {
        tell({ iteration, metrics } satisfies AblationNews);
      }
      if (signal.aborted) return;
      try {
        await opened.writeEvaluation(await training.evaluate());
      } catch (error) {
        if (error !== signal.reason) throw error;
      }
    },
    stop(_request: undefined): void {
      stop.abort(new Error("stopped"));
    },
  };
}

/** What a run tells of an iteration. */
export interface AblationNews {
  /** Counted from 0. */
  readonly iteration: number;
  /** Its numbers. */
  readonly metrics: Readonly<Record<string, number>>;
}

serveCalls(ablationHandlers(), { concurrent: true });
