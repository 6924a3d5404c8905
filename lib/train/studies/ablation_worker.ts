/**
 * One run of an ablation, in a Worker of its own: from settings to a finished folder.
 *
 * @module
 */

import { assembleTraining } from "../assemble.ts";
import type { TrainingConfig } from "../config/config.ts";
import { describeEnvironment } from "../runs/environment_facts.ts";
import { recordTraining } from "../runs/record_training.ts";
import { openRun } from "../runs/run_store.ts";

/** A Worker's own scope, as far as it is used here. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
};

/** What a Worker is told: to run, or, with `stop`, to save and end. */
export type AblationOrder =
  | {
    readonly kind: "run";
    readonly directory: string;
    readonly config: TrainingConfig;
  }
  | { readonly kind: "stop" };

/** What a Worker tells. */
export type AblationNews =
  | {
    readonly kind: "record";
    readonly iteration: number;
    readonly metrics: Readonly<Record<string, number>>;
  }
  | { readonly kind: "end" }
  | { readonly kind: "failure"; readonly message: string };

async function run(
  directory: string,
  config: TrainingConfig,
  signal: AbortSignal,
): Promise<void> {
  await using training = await assembleTraining(config, { signal });
  await using opened = await openRun(directory, config, {
    resume: true,
    environment: describeEnvironment(training.backend),
  });
  for await (
    const { iteration, metrics } of recordTraining(training, opened, { signal })
  ) {
    tell({ kind: "record", iteration, metrics });
  }
  if (!signal.aborted) await opened.conclude(await training.evaluate());
}

function tell(news: AblationNews): void {
  self.postMessage(news);
}

function serve(): void {
  const stop = new AbortController();
  self.onmessage = async ({ data }: MessageEvent<AblationOrder>) => {
    if (data.kind === "stop") {
      stop.abort(new Error("stopped"));
      return;
    }
    try {
      await run(data.directory, data.config, stop.signal);
      tell({ kind: "end" });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      tell({ kind: "failure", message });
    }
  };
}

if ("DedicatedWorkerGlobalScope" in globalThis) serve();
