/**
 * A model as it lies on disk, in one of the formats that are read: its sizes, its settings and its tensors.
 *
 * @module
 */

import { readJsonObject } from "../../text_file.ts";
import type { Qwen2Config } from "./config.ts";
import { parseDecoderConfig } from "./config_file.ts";
import { type GgufFile, openGguf } from "./gguf.ts";
import { ggufConfig, ggufTensors } from "./gguf_model.ts";
import { findModel } from "./model_path.ts";
import { openSafetensors, type TensorSource } from "./safetensors.ts";

/** A model on disk. */
export interface PublishedModel {
  /** Its folder, or its GGUF file. */
  readonly path: string;
  readonly config: Qwen2Config;
  /** Its weights, by their names in Hugging Face checkpoints. */
  readonly tensors: TensorSource;
  /** Contents of its `config.json`; absent for GGUF files. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The GGUF file, whose metadata hold the tokenizer. */
  readonly gguf?: GgufFile;
}

/**
 * Opens a model: a folder with `config.json` and safetensors, a GGUF file, or a name on the hub that is in
 * the cache.
 *
 * @throws {Deno.errors.NotFound} If there is no such model.
 * @throws {SyntaxError} If a file is not in its format.
 * @throws {TypeError} If it is of another kind, or a setting is not supported.
 */
export async function openPublished(name: string): Promise<PublishedModel> {
  const path = await findModel(name);
  if (path.endsWith(".gguf")) {
    const gguf = await openGguf(path);
    const config = await ggufConfig(gguf);
    return { path, config, tensors: ggufTensors(gguf, config), gguf };
  }
  const file = `${path}/config.json`;
  const settings = await readJsonObject(file);
  const config = parseDecoderConfig(file, settings);
  return { path, config, settings, tensors: await openSafetensors(path) };
}

/** Tables that are one where `tie_word_embeddings` is set. */
const INPUT_TABLE = "model.embed_tokens.weight",
  OUTPUT_TABLE = "lm_head.weight";

/**
 * Throws if a tensor of a model was not taken. Rotary rates, which older checkpoints hold and which follow
 * from the settings, are left alone, and so is a second copy of a table that is shared.
 *
 * @throws {TypeError} If a tensor is left over; the message names file, tensor and shape.
 */
export async function checkAllTaken(
  { config, tensors: source }: PublishedModel,
  taken: ReadonlySet<string>,
): Promise<void> {
  for (const [name, { file, format, shape }] of source.tensors) {
    if (taken.has(name) || name.endsWith("rotary_emb.inv_freq")) continue;
    const must = name === OUTPUT_TABLE && config.tieEmbeddings
      ? await areSame(source, [INPUT_TABLE, OUTPUT_TABLE])
        ? undefined
        : `"tie_word_embeddings" must be false where "${OUTPUT_TABLE}" differs from "${INPUT_TABLE}"`
      : `every tensor must be part of a ${
        config.architecture ?? "qwen2"
      } decoder of ${config.layers} layers`;
    if (must === undefined) continue;
    throw new TypeError(
      `Cannot read "${file}" as ${must}: current value is "${name}" (${format} [${shape}])`,
    );
  }
}

/** Whether two tensors hold the same numbers. */
async function areSame(
  source: TensorSource,
  [a, b]: readonly [string, string],
): Promise<boolean> {
  const [x, y] = await Promise.all([source.read(a), source.read(b)]);
  return String(x.shape) === String(y.shape) &&
    x.values.every((value, i) => value === y.values[i]);
}
