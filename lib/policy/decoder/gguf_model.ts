/**
 * A decoder in a GGUF file: its sizes from the metadata, its weights under their names in Hugging Face
 * checkpoints.
 *
 * @module
 */

import {
  type Architecture,
  ARCHITECTURES,
  headSizes,
  type Qwen2Config,
  type RopeScaling,
} from "./config.ts";
import type { GgufFile } from "./gguf.ts";
import type { TensorSource } from "./safetensors.ts";

/** Names of a layer's parts, in GGUF and elsewhere. */
const LAYER_PARTS: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  ffn_norm: "post_attention_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  attn_output: "self_attn.o_proj",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** Names outside of the layers. */
const OUTER: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};

/** Divisors of the rotary rates, which are a setting elsewhere. */
const ROPE_FACTORS = "rope_freqs.weight";

/** A weight's name in Hugging Face checkpoints; one that is unknown stays as it is. */
function checkpointName(name: string): string {
  const outer = OUTER[name];
  if (outer) return outer;
  const [, layer, part, kind] =
    /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const known = part === undefined ? undefined : LAYER_PARTS[part];
  return known ? `model.layers.${layer}.${known}.${kind}` : name;
}

/**
 * Reads the sizes of the decoder in a GGUF file.
 *
 * @throws {TypeError} If it is of another kind, a size is missing, or a setting that changes what is
 * computed is unknown; the message names file, key and value.
 */
export async function ggufConfig(file: GgufFile): Promise<Qwen2Config> {
  const { path, metadata } = file;
  const refuse = (name: string, must: string) =>
    new TypeError(
      `Cannot read "${path}" as "${name}" must be ${must}: current value is ${
        JSON.stringify(metadata[name])
      }`,
    );
  const architecture = ARCHITECTURES.find((known) =>
    known === metadata["general.architecture"]
  );
  if (!architecture) {
    throw refuse("general.architecture", `one of ${ARCHITECTURES.join(", ")}`);
  }
  const taken = new Set<string>();
  const own = (name: string) => {
    taken.add(`${architecture}.${name}`);
    return metadata[`${architecture}.${name}`];
  };
  const number = (name: string, instead?: number): number => {
    const value = own(name) ?? instead;
    if (typeof value === "number" && value > 0) return value;
    throw refuse(`${architecture}.${name}`, "a positive number");
  };
  const heads = number("attention.head_count");
  const hiddenSize = number("embedding_length");
  const size = number("attention.key_length", hiddenSize / heads);
  for (const same of ["attention.value_length", "rope.dimension_count"]) {
    if (number(same, size) !== size) {
      throw refuse(`${architecture}.${same}`, `${size}, the numbers of a head`);
    }
  }
  const words = file.tensors.tensors.get("token_embd.weight")?.shape[0];
  if (words === undefined) {
    throw new TypeError(
      `Cannot read "${path}" as it must hold tensor "token_embd.weight": it does not`,
    );
  }
  const stated = number("vocab_size", words);
  if (stated !== words) {
    throw refuse(
      `${architecture}.vocab_size`,
      `${words}, the rows of "token_embd.weight"`,
    );
  }
  const scaling = await ropeScaling(
    file,
    own,
    (name, must) => refuse(`${architecture}.${name}`, must),
  );
  const config: Qwen2Config = {
    ...(architecture === "qwen2" ? {} : { architecture }),
    vocabSize: words,
    hiddenSize,
    intermediateSize: number("feed_forward_length"),
    layers: number("block_count"),
    heads,
    kvHeads: number("attention.head_count_kv", heads),
    ...(size === hiddenSize / heads ? {} : { headSize: size }),
    maxLength: number("context_length"),
    rmsEpsilon: withFewDigits(number("attention.layer_norm_rms_epsilon")),
    ropeTheta: number("rope.freq_base", 10000),
    ...(scaling && { ropeScaling: scaling }),
    tieEmbeddings: !file.tensors.tensors.has("output.weight"),
  };
  checkRest(file, architecture, taken);
  return config;
}

/** A number that was written with a few digits and stored in 32 bits: 1e-6, not 9.99999997e-7. */
function withFewDigits(value: number): number {
  return Number(value.toPrecision(7));
}

/** Scaling of the rotary rates. */
async function ropeScaling(
  file: GgufFile,
  own: (name: string) => unknown,
  refuse: (name: string, must: string) => TypeError,
): Promise<RopeScaling | undefined> {
  const type = own("rope.scaling.type") ?? "none";
  const factor = own("rope.scaling.factor");
  own("rope.scaling.original_context_length"); // of scalings that are refused
  if (file.tensors.tensors.has(ROPE_FACTORS)) {
    const { values } = await file.tensors.read(ROPE_FACTORS);
    return { kind: "factors", factors: Array.from(values) };
  }
  if (type === "none") return undefined;
  if (type !== "linear") {
    throw refuse("rope.scaling.type", '"none" or "linear"');
  }
  if (typeof factor !== "number" || !(factor > 0)) {
    throw refuse("rope.scaling.factor", "a positive number");
  }
  return { kind: "linear", factor };
}

/** Throws if a setting of the decoder is left over, or the file is one of several. */
function checkRest(
  { path, metadata }: GgufFile,
  architecture: Architecture,
  taken: ReadonlySet<string>,
): void {
  for (const [name, value] of Object.entries(metadata)) {
    const isLeft = name.startsWith(`${architecture}.`) && !taken.has(name) &&
      value !== false && value !== 0;
    const isPart = name === "split.count" && Number(value) > 1;
    if (!isLeft && !isPart) continue;
    throw new TypeError(
      `Cannot read "${path}" as ${
        isPart
          ? 'all of the model must be in one file ("split.count" 1)'
          : `"${name}" must be a setting that this decoder knows`
      }: current value is ${JSON.stringify(value)}`,
    );
  }
}

/**
 * The weights of a GGUF file under their names in Hugging Face checkpoints. Rows of llama's queries and
 * keys, which GGUF stores in another order, are put back.
 */
export function ggufTensors(file: GgufFile, config: Qwen2Config): TensorSource {
  const { path, tensors: stored } = file;
  const names = new Map<string, string>();
  for (const name of stored.tensors.keys()) {
    if (name !== ROPE_FACTORS) names.set(checkpointName(name), name);
  }
  const { heads, kvHeads, size } = headSizes(config);
  const rowsMoved = (name: string) =>
    config.architecture !== "llama"
      ? undefined
      : /\.q_proj\.\w+$/.test(name)
      ? heads
      : /\.k_proj\.\w+$/.test(name)
      ? kvHeads
      : undefined;
  return {
    path,
    tensors: new Map(
      [...names].map(([name, own]) => [name, stored.tensors.get(own)!]),
    ),
    async read(name, expected) {
      const tensor = await stored.read(names.get(name) ?? name);
      if (expected && String(expected) !== String(tensor.shape)) {
        throw new TypeError(
          `Cannot read "${path}" as tensor "${
            names.get(name)
          }" must have shape [${expected}]: current value is [${tensor.shape}]`,
        );
      }
      const moved = rowsMoved(name);
      if (moved === undefined) return tensor;
      const { shape, values } = tensor;
      return {
        shape,
        values: splitPairs(values as Float32Array<ArrayBuffer>, {
          heads: moved,
          size,
        }),
      };
    },
  };
}

/** Rows of each head from pairs of neighbors, `0 h 1 h+1 …`, to halves, `0 1 … h h+1 …`. */
function splitPairs(
  values: Float32Array<ArrayBuffer>,
  { heads, size }: { heads: number; size: number },
): Float32Array<ArrayBuffer> {
  const width = values.length / (heads * size), half = size / 2;
  const moved = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let j = 0; j < size; j++) {
      const from = (head * size + (j % half) * 2 + Math.floor(j / half)) *
        width;
      moved.set(values.subarray(from, from + width), (head * size + j) * width);
    }
  }
  return moved;
}
