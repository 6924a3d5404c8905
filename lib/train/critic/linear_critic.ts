/**
 * A linear model of values for the three heads, on hashed words: what the group's baseline leaves is fitted by ridge
 * regression, crosswise, so that no return takes part in its own baseline.
 *
 * @module
 */

import {
  openSafetensors,
  writeSafetensors,
} from "../../policy/decoder/safetensors.ts";
import { byDecision } from "../../trajectory.ts";
import type { HeldOutValues, ValueModel } from "./local_critic.ts";
import { dotRow, fitRidge, type WeightedRows } from "./ridge.ts";
import {
  FEATURES,
  hashText,
  type Head,
  headFeatures,
  type SparseRows,
  turnTexts,
} from "./text_features.ts";

/** How a linear critic is fitted. */
export interface LinearCriticOptions {
  /** Most turns of an episode, by which counts are scaled. */
  readonly maxTurns: number;
  /** Weight of the squared weights. @default {10} */
  readonly alpha?: number;
  /** Steps of conjugate gradients. @default {30} */
  readonly steps?: number;
  /** Parts of the tasks; a row's value comes from the fit without its part. @default {5} */
  readonly folds?: number;
  /** Iterations whose rows are fitted. @default {5} */
  readonly memory?: number;
  /** Weight of a row after each iteration. @default {0.7} */
  readonly decay?: number;
}

const HEADS = ["planning", "switching", "execution"] as const;

/** Rows of one iteration, with what baselines left of returns. */
interface PastRows {
  readonly features: Readonly<Record<Head, SparseRows>>;
  readonly residuals: Float64Array<ArrayBuffer>;
}

const FILE = "critic.safetensors";

/** Makes a linear critic. */
export function createLinearCritic(options: LinearCriticOptions): ValueModel {
  return new LinearCritic(options);
}

class LinearCritic implements ValueModel {
  readonly #options: LinearCriticOptions;
  #past: PastRows[] = []; // newest first

  constructor(options: LinearCriticOptions) {
    this.#options = options;
  }

  evaluate(
    batch: Parameters<ValueModel["evaluate"]>[0],
    { returns, baselines }: Parameters<ValueModel["evaluate"]>[1],
  ): HeldOutValues {
    const { maxTurns, folds = 5, memory = 5 } = this.#options;
    const texts = turnTexts(batch, maxTurns);
    const residuals = returns.map((g, t) => g - baselines.turns[t]!);
    const features = {
      planning: headFeatures(texts.turns, "planning"),
      switching: headFeatures(texts.turns, "switching"),
      execution: headFeatures(texts.turns, "execution"),
    };
    const parts = batch.episodes.map(({ group }) => hashText(group) % folds);
    const partOfRow = new Int32Array(returns.length);
    for (const [i, part] of parts.entries()) {
      partOfRow.fill(part, batch.offsets[i]!, batch.offsets[i + 1]!);
    }
    const ends = texts.tails.map((one) => one ?? EMPTY);
    const tailFeatures = headFeatures(ends, "switching");
    const values = byDecision(() => Float64Array.from(baselines.turns));
    const tails = Float64Array.from(baselines.tails);
    for (let part = 0; part < folds; part++) {
      if (!parts.includes(part)) continue;
      for (const head of HEADS) {
        const weights = Float64Array.from(
          partOfRow,
          (one) => one === part ? 0 : 1,
        );
        const fit = this.#fit(head, {
          features: features[head],
          targets: residuals,
          weights,
        });
        for (const [t, one] of partOfRow.entries()) {
          if (one === part) values[head][t]! += dotRow(features[head], t, fit);
        }
        if (head !== "switching") continue;
        for (const [i, one] of parts.entries()) {
          if (one === part && texts.tails[i]) {
            tails[i]! += dotRow(tailFeatures, i, fit);
          }
        }
      }
    }
    this.#past = [{ features, residuals }, ...this.#past].slice(0, memory - 1);
    return { turns: values, tails };
  }

  #fit(head: Head, now: WeightedRows): Float64Array {
    const { alpha = 10, steps = 30, decay = 0.7 } = this.#options;
    const older = this.#past.map(({ features, residuals }, age) => ({
      features: features[head],
      targets: residuals,
      weights: new Float64Array(residuals.length).fill(decay ** (age + 1)),
    }));
    return fitRidge([now, ...older], { size: FEATURES, alpha, steps });
  }

  async save(directory: string): Promise<void> {
    const tensors: Record<
      string,
      {
        shape: number[];
        values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
      }
    > = {};
    const add = (
      name: string,
      values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
    ) => tensors[name] = { shape: [values.length], values };
    for (const [age, { features, residuals }] of this.#past.entries()) {
      // Doubles as their bits, so that a resumed run has the same numbers.
      add(`${age}.residuals`, new Int32Array(residuals.buffer.slice(0)));
      for (const head of HEADS) {
        add(`${age}.${head}.offsets`, features[head].offsets);
        add(`${age}.${head}.indices`, features[head].indices);
        add(`${age}.${head}.values`, features[head].values);
      }
    }
    await writeSafetensors(`${directory}/${FILE}`, tensors, {
      metadata: { iterations: String(this.#past.length) },
    });
  }

  async load(directory: string): Promise<void> {
    const saved = await openSafetensors(`${directory}/${FILE}`);
    const past: PastRows[] = [];
    const ints = async (name: string) =>
      Int32Array.from((await saved.read(name)).values);
    const floats = async (name: string) =>
      Float32Array.from((await saved.read(name)).values);
    for (let age = 0; age < Number(saved.metadata.iterations); age++) {
      const read = async (head: Head): Promise<SparseRows> => ({
        offsets: await ints(`${age}.${head}.offsets`),
        indices: await ints(`${age}.${head}.indices`),
        values: await floats(`${age}.${head}.values`),
      });
      past.push({
        residuals: new Float64Array((await ints(`${age}.residuals`)).buffer),
        features: {
          planning: await read("planning"),
          switching: await read("switching"),
          execution: await read("execution"),
        },
      });
    }
    this.#past = past;
  }
}

/** What stands for an end that was not recorded. */
const EMPTY = {
  task: "",
  observation: "",
  lastAction: "",
  held: "",
  chosen: "",
  dense: [],
};
