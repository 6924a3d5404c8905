/**
 * What an update on an engine did, from the log-probabilities that came back.
 *
 * @module
 */

import { mean } from "../../numeric.ts";
import type { PassResult } from "../../remote/tinker/codec.ts";
import type { PpoSettings } from "../ppo/update_settings.ts";
import type { StepData } from "./step_data.ts";

/** Means over the optimizer steps of an update. */
export class StepReport {
  epochs = 0;
  readonly #rows: Record<string, number>[] = [];
  #gap: number | undefined;

  add(
    { step, result, measured, settings }: {
      step: StepData;
      result: PassResult;
      measured: Readonly<Record<string, number>>;
      settings: PpoSettings;
    },
  ): void {
    const gaps: number[] = [], logProbs: number[] = [];
    let clipped = 0, loss = 0, units = 0;
    const { clipRange } = settings;
    const [below, above] = typeof clipRange === "number"
      ? [clipRange, clipRange]
      : clipRange;
    for (const [d, { arrays }] of step.data.entries()) {
      const now = result.outputs[d]?.["logprobs"];
      const { weights, logprobs, advantages } = arrays;
      if (!now || !weights || !logprobs || !advantages) continue;
      for (let i = 0; i < weights.length; i++) {
        if (weights[i] === 0) continue;
        checkLogProb(now[i]!);
        const a = advantages[i]!;
        const gap = settings.onPolicy ? 0 : logprobs[i]! - now[i]!;
        const ratio = Math.exp(-gap);
        const bound = Math.min(Math.max(ratio, 1 - below), 1 + above);
        if (bound * a < ratio * a) clipped++;
        loss -= Math.min(ratio * a, bound * a);
        logProbs.push(now[i]!);
        gaps.push(gap);
        units++;
      }
    }
    // Before the first step the weights are those that sampled: what differs is arithmetic.
    this.#gap ??= gaps.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    const norm = Object.entries(measured)
      .find(([name]) => /grad(ient)?_norm/.test(name))?.[1];
    if (norm !== undefined && !Number.isFinite(norm)) {
      throw new RangeError(
        `Cannot go on as the norm of the gradient must be finite: current value is ${norm}`,
      );
    }
    this.#rows.push({
      policy_loss: units > 0 ? loss / units : 0,
      approximate_kl: mean(gaps),
      clip_fraction: units > 0 ? clipped / units : 0,
      log_prob: mean(logProbs),
      ...(norm !== undefined && { gradient_norm: norm }),
    });
  }

  get lastKl(): number {
    return this.#rows.at(-1)?.["approximate_kl"] ?? 0;
  }

  row(): Record<string, number> {
    const names = Object.keys(this.#rows[0] ?? {});
    return {
      updates: this.#rows.length,
      epochs: this.epochs,
      ...Object.fromEntries(
        names.map((name) => [
          name,
          mean(this.#rows.map((row) => row[name] ?? NaN)),
        ]),
      ),
      ...(this.#gap !== undefined && { log_prob_gap: this.#gap }),
    };
  }
}

function checkLogProb(value: number): void {
  if (Number.isFinite(value)) return;
  throw new RangeError(
    `Cannot go on as log-probabilities must be finite: current value is ${value}; a token outside the vocabulary poisons every gradient`,
  );
}
