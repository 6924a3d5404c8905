/**
 * Values of the three heads by regression, cross-fitted: what the group's baseline leaves of returns is fitted without
 * the tasks that it is then asked about, so that no return takes part in its own baseline.
 *
 * @module
 */

import {
  openSafetensors,
  writeSafetensors,
} from "../../policy/decoder/safetensors.ts";
import { byDecision } from "../../trajectory.ts";
import type { HeldOutValues, ValueModel } from "./local_critic.ts";
import type { WeightedRows } from "./ridge.ts";
import {
  hashText,
  type Head,
  headFeatures,
  type SparseRows,
  turnTexts,
} from "./text_features.ts";

/** How rows are divided and kept. */
export interface CrossFitOptions {
  /** Most turns of an episode, by which counts are scaled. */
  readonly maxTurns: number;
  /** Parts of the tasks; a row's value comes from the fit without its part. @default {5} */
  readonly folds?: number;
  /** Iterations whose rows are fitted. @default {5} */
  readonly memory?: number;
  /** Weight of a row after each iteration. @default {0.7} */
  readonly decay?: number;
}

/** What a regression has learned: the value of a row beyond its baseline. */
export type Predictor = (features: SparseRows, row: number) => number;

/** Arrays of a regression by name, as a checkpoint keeps them. */
export type RegressorState = Record<string, Float32Array<ArrayBuffer>>;

/** A kind of regression. One is asked for each head and each part of the tasks, by `key`. */
export interface Regressor {
  /** Its name; a checkpoint of another one is refused. */
  readonly name: string;
  /** Fits rows; a row of weight 0 takes no part. */
  fit(key: string, rows: readonly WeightedRows[]): Predictor;
  /** What it keeps from one fit to the next. */
  state(): RegressorState;
  /** Takes up what was kept. */
  restore(state: RegressorState): void;
}

const HEADS = ["planning", "switching", "execution"] as const;

/** Rows of one iteration, with what baselines left of returns. */
interface PastRows {
  readonly features: Readonly<Record<Head, SparseRows>>;
  readonly residuals: Float64Array<ArrayBuffer>;
}

const FILE = "critic.safetensors";

/** Makes a model of values of a regression. */
export function createCrossFitted(
  regressor: Regressor,
  options: CrossFitOptions,
): ValueModel {
  return new CrossFitted(regressor, options);
}

class CrossFitted implements ValueModel {
  readonly #regressor: Regressor;
  readonly #options: CrossFitOptions;
  #past: PastRows[] = []; // newest first

  constructor(regressor: Regressor, options: CrossFitOptions) {
    this.#regressor = regressor;
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
      const weights = Float64Array.from(
        partOfRow,
        (one) => one === part ? 0 : 1,
      );
      for (const head of HEADS) {
        const predict = this.#fit(`${head}.${part}`, head, {
          features: features[head],
          targets: residuals,
          weights,
        });
        for (const [t, one] of partOfRow.entries()) {
          if (one === part) values[head][t]! += predict(features[head], t);
        }
        if (head !== "switching") continue;
        for (const [i, one] of parts.entries()) {
          if (one === part && texts.tails[i]) {
            tails[i]! += predict(tailFeatures, i);
          }
        }
      }
    }
    this.#past = [{ features, residuals }, ...this.#past].slice(0, memory - 1);
    return { turns: values, tails };
  }

  #fit(key: string, head: Head, now: WeightedRows): Predictor {
    const { decay = 0.7 } = this.#options;
    const older = this.#past.map(({ features, residuals }, age) => ({
      features: features[head],
      targets: residuals,
      weights: new Float64Array(residuals.length).fill(decay ** (age + 1)),
    }));
    return this.#regressor.fit(key, [now, ...older]);
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
    for (const [name, values] of Object.entries(this.#regressor.state())) {
      add(`${STATE}${name}`, values);
    }
    await writeSafetensors(`${directory}/${FILE}`, tensors, {
      metadata: {
        iterations: String(this.#past.length),
        critic: this.#regressor.name,
      },
    });
  }

  /** @throws {TypeError} If the file is of another kind of critic. */
  async load(directory: string): Promise<void> {
    const saved = await openSafetensors(`${directory}/${FILE}`);
    const { critic = "linear" } = saved.metadata; // the only one at first
    if (critic !== this.#regressor.name) {
      throw new TypeError(
        `Cannot load "${directory}/${FILE}" as it must be of the critic "${this.#regressor.name}": current value is "${critic}"`,
      );
    }
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
    const state: RegressorState = {};
    for (const name of saved.tensors.keys()) {
      if (!name.startsWith(STATE)) continue;
      state[name.slice(STATE.length)] = await floats(name);
    }
    this.#regressor.restore(state);
    this.#past = past;
  }
}

/** Beginning of the names of a regression's own arrays. */
const STATE = "state.";

/** What stands for an end that was not recorded. */
const EMPTY = {
  task: "",
  observation: "",
  lastAction: "",
  held: "",
  chosen: "",
  dense: [],
};
