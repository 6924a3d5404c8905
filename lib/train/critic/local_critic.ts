/**
 * Credit where the engine has no critic: values from this machine, trusted as far as they were seen to explain returns.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import type { CreditColumns, EpisodeBatch } from "../../episode_batch.ts";
import { returnsToGo, trustedCredit } from "../../hae/boundary_trust.ts";
import { creditBatch, type EstimatorConfig } from "../../hae/credit.ts";
import { readSettings } from "../../settings.ts";
import { parseJson } from "../../text_file.ts";
import { type ByDecision, byDecision } from "../../trajectory.ts";
import { groupBaselines } from "./group_baseline.ts";
import {
  explainedBeyond,
  NO_TRUST,
  type Trust,
  trustOf,
  updateTrust,
} from "./trust.ts";

/** Values of a batch, from a model that has not seen their episodes' tasks in this iteration. */
export interface HeldOutValues {
  /** Before each decision. Shape `(turns,)` each. */
  readonly turns: ByDecision<Float64Array>;
  /** After the last turn of each episode, the held subgoal in force. Shape `(episodes,)`. */
  readonly tails: Float64Array;
}

/** A model of values on this machine. */
export interface ValueModel {
  /** Values of a batch; then learns from it. `baselines` are those of the group, `returns` what followed. */
  evaluate(
    batch: EpisodeBatch,
    known: {
      returns: Float64Array;
      baselines: { turns: Float64Array; tails: Float64Array };
    },
  ): HeldOutValues | Promise<HeldOutValues>;
  /** Writes its state into a folder. */
  save(directory: string): Promise<void>;
  /** Reads it. */
  load(directory: string): Promise<void>;
  /** Frees it. */
  dispose?(): void;
}

/** A batch with values, its credit, and what was measured. */
export interface ValuedCredit {
  /** The batch with the critic's values. */
  readonly batch: EpisodeBatch;
  /** Credit of every decision. */
  readonly credit: CreditColumns;
  /** `critic_trust`, `critic_explained_variance`. */
  readonly metrics: Readonly<Record<string, number>>;
}

const FILE = "critic.json";

const fileSchema = z.strictObject({
  format: z.literal("hiper-lab-critic"),
  version: z.literal(1),
  measured: z.int().nonnegative(),
  average: z.number(),
});

/** A critic for policies on an engine. */
export class LocalCritic {
  readonly #estimator: EstimatorConfig;
  readonly #model: ValueModel | undefined;
  #trust: Trust = NO_TRUST;

  /** Makes a critic of an estimator and a model; without a model baselines of the group are all there is. */
  constructor(estimator: EstimatorConfig, model: ValueModel | undefined) {
    this.#estimator = estimator;
    this.#model = model;
  }

  /** Share by which values are trusted now. */
  get trust(): number {
    return trustOf(this.#trust);
  }

  /** Values a batch and assigns its credit. */
  async credit(batch: EpisodeBatch): Promise<ValuedCredit> {
    const estimator = this.#estimator;
    const { gamma = 1 } = "gamma" in estimator ? estimator : {};
    const returns = returnsToGo(batch, { gamma });
    const baselines = groupBaselines(batch, returns);
    const trust = this.trust;
    const values = await this.#model?.evaluate(batch, { returns, baselines });
    let explained = 0;
    if (values) {
      explained = this.#measure(batch, { returns, baselines, values });
      this.#trust = updateTrust(this.#trust, explained);
    }
    // A critic that explains nothing yet is not asked: the group's baselines are unbiased and less noisy.
    const used = values && trust > 0 ? values : {
      turns: byDecision(() => baselines.turns),
      tails: baselines.tails,
    };
    const valued: EpisodeBatch = {
      ...batch,
      values: used.turns,
      bootstrap: byDecision(() =>
        used.tails.map((value, i) =>
          batch.truncated[i] === 1 ? trust * value : 0
        )
      ),
    };
    const metrics = {
      critic_trust: trust,
      critic_explained_variance: explained,
    };
    if (estimator.name !== "hae") {
      return { batch: valued, credit: creditBatch(valued, estimator), metrics };
    }
    const { name: _, ...settings } = estimator;
    const credit = trustedCredit(valued, settings, trust);
    return { batch: valued, credit, metrics };
  }

  /** What the planning values explain where segments start. */
  #measure(
    { offsets, switched }: EpisodeBatch,
    known: {
      returns: Float64Array;
      baselines: { turns: Float64Array };
      values: HeldOutValues;
    },
  ): number {
    const starts = new Set(offsets);
    const rows = Array.from(switched.keys())
      .filter((t) => switched[t] === 1 || starts.has(t));
    const pick = (column: Float64Array) => rows.map((t) => column[t]!);
    return explainedBeyond(
      pick(known.returns),
      pick(known.values.turns.planning),
      pick(known.baselines.turns),
    );
  }

  /** Frees the model. */
  dispose(): void {
    this.#model?.dispose?.();
  }

  /** Writes trust and model into a folder. */
  async save(directory: string): Promise<void> {
    const state: z.input<typeof fileSchema> = {
      format: "hiper-lab-critic",
      version: 1,
      ...this.#trust,
    };
    await Deno.writeTextFile(
      `${directory}/${FILE}`,
      JSON.stringify(state, undefined, 1) + "\n",
    );
    await this.#model?.save(directory);
  }

  /** Reads them. */
  async load(directory: string): Promise<void> {
    const path = `${directory}/${FILE}`;
    const { measured, average } = readSettings(
      fileSchema,
      parseJson(await Deno.readTextFile(path), path),
      `load "${path}"`,
    );
    this.#trust = { measured, average };
    await this.#model?.load(directory);
  }
}
