/**
 * `config.json` of a decoder: what is read, what must have one value, what does not matter.
 *
 * @module
 */

import { isObject, readJsonObject } from "../../text_file.ts";
import {
  type Architecture,
  ARCHITECTURES,
  headSizes,
  type Qwen2Config,
  type RopeScaling,
} from "./config.ts";

type Json = Readonly<Record<string, unknown>>;

/** Names in `config.json` of the sizes that must be positive integers. */
const SIZES = {
  vocabSize: "vocab_size",
  hiddenSize: "hidden_size",
  intermediateSize: "intermediate_size",
  layers: "num_hidden_layers",
  heads: "num_attention_heads",
  kvHeads: "num_key_value_heads",
  maxLength: "max_position_embeddings",
} as const;

/** Settings that are read. */
const READ = new Set<string>([
  ...Object.values(SIZES),
  "model_type",
  "head_dim",
  "rms_norm_eps",
  "rope_theta",
  "rope_scaling",
  "rope_parameters",
  "tie_word_embeddings",
  "layer_types",
]);

/** Settings that change what is computed; each must be absent, null, or have one of these values. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  hidden_act: ["silu", "swish"],
  use_sliding_window: [false],
  attention_bias: [false],
  mlp_bias: [false],
  partial_rotary_factor: [1],
  use_mrope: [false],
  rope_interleaved: [false],
  is_decoder: [true, false],
  add_cross_attention: [false],
  is_encoder_decoder: [false],
  quantization_config: [],
};

/** Settings of training, of generation and of other programs, which change nothing that is computed here. */
const WITHOUT_EFFECT = new Set([
  "architectures",
  "attention_dropout",
  "bos_token_id",
  "eos_token_id",
  "pad_token_id",
  "dtype",
  "torch_dtype",
  "initializer_range",
  "is_llama_config",
  "max_window_layers", // read only where a sliding window is used
  "sliding_window",
  "pretraining_tp",
  "transformers_version",
  "use_cache",
  "_attn_implementation_autoset",
  "_attn_implementation",
  "attn_implementation",
  "output_attentions",
]);

/** Names of settings that are likely to change what is computed. */
const SUSPECT =
  /rope|rotary|attn|attention|norm|scal|bias|quant|logit|window|expert|multiplier|softcap|mup|activation|_act$|parallel|residual|embed|alibi|position|layers|head|moe|conv|ssm|linear/;

/**
 * Reads `config.json`. Settings that are unknown and whose names do not suggest an effect are left
 * alone.
 *
 * @throws {TypeError} If a size is missing or wrong, the model is of another kind, or a setting that
 * changes what is computed is not at its neutral value; the message names file, setting and value.
 */
export function parseDecoderConfig(file: string, json: Json): Qwen2Config {
  const refuse = (name: string, must: string, value: unknown = json[name]) =>
    new TypeError(
      `Cannot read "${file}" as "${name}" must be ${must}: current value is ${
        JSON.stringify(value)
      }`,
    );
  const architecture = architectureOf(json);
  if (!architecture) {
    throw refuse("model_type", `one of ${ARCHITECTURES.join(", ")}`);
  }
  checkNeutral(json, refuse);
  const size = (key: keyof typeof SIZES, instead?: number): number => {
    const value = json[SIZES[key]] ?? instead;
    if (!Number.isSafeInteger(value) || Number(value) < 1) {
      throw refuse(SIZES[key], "a positive integer");
    }
    return Number(value);
  };
  const heads = size("heads");
  const kvHeads = size("kvHeads", architecture === "llama" ? heads : undefined);
  const hiddenSize = size("hiddenSize");
  if (heads % kvHeads !== 0) {
    throw refuse("num_key_value_heads", `a divisor of ${heads} heads`);
  }
  const { head_dim: stated } = json;
  const headSize = stated ?? (architecture === "qwen3" ? 128 : undefined);
  if (headSize === undefined && hiddenSize % (2 * heads) !== 0) {
    throw refuse("hidden_size", `an even number for each of ${heads} heads`);
  }
  const even = (value: unknown) =>
    Number.isSafeInteger(value) && Number(value) > 0 &&
    Number(value) % 2 === 0;
  if (headSize !== undefined && !even(headSize)) {
    throw refuse("head_dim", "a positive even number");
  }
  const number = (name: string, value: unknown): number => {
    if (typeof value === "number" && value > 0) return value;
    throw refuse(name, "a positive number", value);
  };
  const scaling = readScaling(json, refuse);
  const { tie_word_embeddings: tied = false } = json;
  if (typeof tied !== "boolean") {
    throw refuse("tie_word_embeddings", "true or false");
  }
  return {
    ...(architecture === "qwen2" ? {} : { architecture }),
    vocabSize: size("vocabSize"),
    hiddenSize,
    intermediateSize: size("intermediateSize"),
    layers: size("layers"),
    heads,
    kvHeads,
    ...(headSize === undefined || headSize === hiddenSize / heads
      ? {}
      : { headSize: Number(headSize) }),
    maxLength: size("maxLength"),
    rmsEpsilon: number("rms_norm_eps", json["rms_norm_eps"] ?? 1e-6),
    ropeTheta: number("rope_theta", ropeThetaOf(json)),
    ...(scaling && { ropeScaling: scaling }),
    tieEmbeddings: tied,
  };
}

/** The kind that a file states; files without one are Qwen2's. */
function architectureOf(
  { model_type = "qwen2" }: Json,
): Architecture | undefined {
  return ARCHITECTURES.find((known) => known === model_type);
}

/** Throws if a setting is not at its neutral value. */
function checkNeutral(
  json: Json,
  refuse: (name: string, must: string) => TypeError,
): void {
  for (const [name, value] of Object.entries(json)) {
    if (READ.has(name) || WITHOUT_EFFECT.has(name)) continue;
    if (value === null || value === undefined) continue;
    const neutral = NEUTRAL[name];
    if (neutral) {
      if (neutral.includes(value)) continue;
      const values = neutral.map((x) => JSON.stringify(x)).join(" or ");
      throw refuse(name, values === "" ? "absent" : values);
    }
    if (isEmpty(value) || !SUSPECT.test(name)) continue;
    throw refuse(
      name,
      "absent, as this decoder does not know a setting of that name, which may change what is computed",
    );
  }
  const { layer_types: kinds } = json;
  if (kinds === undefined || kinds === null) return;
  if (
    Array.isArray(kinds) && kinds.every((kind) => kind === "full_attention")
  ) return;
  throw refuse("layer_types", '"full_attention" in every layer');
}

/** Whether a value turns a setting off. */
function isEmpty(value: unknown): boolean {
  return value === false || value === 0 ||
    (typeof value === "object" && Object.keys(value ?? {}).length === 0);
}

/** The group of rotary settings, under its newer or its older name. */
function ropeGroup(json: Json): { name: string; group: Json } | undefined {
  for (const name of ["rope_parameters", "rope_scaling"]) {
    const group = json[name];
    if (group !== undefined && group !== null) {
      return { name, group: isObject(group) ? group : { rope_type: group } };
    }
  }
  return undefined;
}

/** The rotary base, which newer files keep in a group of its own. */
function ropeThetaOf(json: Json): unknown {
  return json["rope_theta"] ?? ropeGroup(json)?.group["rope_theta"] ?? 10000;
}

/** Rotary scaling; absent where rates are as they are. */
function readScaling(
  json: Json,
  refuse: (name: string, must: string, value?: unknown) => TypeError,
): RopeScaling | undefined {
  const found = ropeGroup(json);
  if (!found) return undefined;
  const { name, group } = found;
  const { rope_type, type, rope_theta: _, ...rest } = group;
  const settings: Record<string, unknown> = rest;
  const kind = rope_type ?? type ?? "default";
  const take = (key: string): number => {
    const value = settings[key];
    delete settings[key];
    if (typeof value === "number" && value > 0) return value;
    throw refuse(`${name}.${key}`, "a positive number", value ?? null);
  };
  let scaling: RopeScaling | undefined;
  switch (kind) {
    case "default":
      break;
    case "linear":
      scaling = { kind: "linear", factor: take("factor") };
      break;
    case "llama3":
      scaling = {
        kind: "llama3",
        factor: take("factor"),
        lowFactor: take("low_freq_factor"),
        highFactor: take("high_freq_factor"),
        originalLength: take("original_max_position_embeddings"),
      };
      break;
    default:
      throw refuse(
        `${name}.rope_type`,
        '"default", "linear" or "llama3"',
        kind,
      );
  }
  const neutral = (key: string, value: unknown) =>
    value === null || (key === "partial_rotary_factor" && value === 1) ||
    key === "original_max_position_embeddings"; // read by llama3 alone
  for (const [key, value] of Object.entries(settings)) {
    if (neutral(key, value)) continue;
    throw refuse(`${name}.${key}`, `absent with "${kind}"`, value);
  }
  return scaling;
}

/**
 * Reads the sizes of a decoder from its folder.
 *
 * @throws {SyntaxError} If it is no JSON.
 * @throws {TypeError} If a size is missing or wrong, or the model is of another kind.
 */
export async function readDecoderConfig(
  directory: string,
): Promise<Qwen2Config> {
  const file = `${directory}/config.json`;
  return parseDecoderConfig(file, await readJsonObject(file));
}

/** Class of each kind in transformers. */
const CLASSES: Readonly<Record<Architecture, string>> = {
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  llama: "LlamaForCausalLM",
};

/** Writes the contents of `config.json`. */
export function formatDecoderConfig(
  config: Qwen2Config,
): Record<string, unknown> {
  const { architecture = "qwen2", ropeScaling } = config;
  return {
    architectures: [CLASSES[architecture]],
    model_type: architecture,
    hidden_act: "silu",
    ...Object.fromEntries(
      Object.entries(SIZES).map(([key, name]) => [
        name,
        config[key as keyof typeof SIZES],
      ]),
    ),
    ...(architecture === "qwen2" && config.headSize === undefined
      ? {}
      : { head_dim: headSizes(config).size }),
    rms_norm_eps: config.rmsEpsilon,
    rope_theta: config.ropeTheta,
    ...(ropeScaling && { rope_scaling: formatScaling(ropeScaling) }),
    tie_word_embeddings: config.tieEmbeddings,
    torch_dtype: "float32",
    ...(architecture === "llama" ? {} : { use_sliding_window: false }),
  };
}

/** Rotary scaling as `config.json` has it. */
function formatScaling(scaling: RopeScaling): Record<string, unknown> {
  if (scaling.kind === "factors") {
    throw new TypeError(
      'Cannot write "config.json" as rotary rates must be scaled by a rule: current value is a list of factors, which only GGUF files can hold',
    );
  }
  const { kind, factor } = scaling;
  if (kind === "linear") return { rope_type: kind, factor };
  return {
    rope_type: kind,
    factor,
    low_freq_factor: scaling.lowFactor,
    high_freq_factor: scaling.highFactor,
    original_max_position_embeddings: scaling.originalLength,
  };
}
