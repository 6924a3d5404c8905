/**
 * `adapter_config.json` of PEFT: which projections of a decoder are changed, with which ranks and factors.
 *
 * @module
 * @see {@link https://huggingface.co/docs/peft/package_reference/lora | LoraConfig}
 */

import { isObject, readJsonObject } from "../../text_file.ts";

type Json = Readonly<Record<string, unknown>>;

/** Rank and factor of one projection's change. */
export interface ModuleChange {
  readonly rank: number;
  /** `alpha / rank`, or `alpha / √rank` with rsLoRA. */
  readonly scale: number;
}

/** An adapter's settings. */
export interface AdapterConfig {
  /** File that holds them. */
  readonly file: string;
  /** Rank of projections without one of their own. */
  readonly rank: number;
  /** What is divided by the rank, or by its root. */
  readonly alpha: number;
  /** Contents of the file, kept for saving. */
  readonly settings: Json;
  /** The change of a projection, by its name in the decoder; `undefined` if it has none. */
  changeOf(module: string): ModuleChange | undefined;
}

/** Settings that are read. */
const READ = new Set([
  "peft_type",
  "task_type",
  "r",
  "lora_alpha",
  "target_modules",
  "exclude_modules",
  "use_rslora",
  "rank_pattern",
  "alpha_pattern",
  "layers_to_transform",
  "layers_pattern",
  "init_lora_weights",
]);

/** Settings of training, and names of other files, which do not change what an adapter computes. */
const WITHOUT_EFFECT = new Set([
  "auto_mapping",
  "base_model_name_or_path",
  "revision",
  "inference_mode",
  "lora_dropout",
  "megatron_core",
  "peft_version",
  "runtime_config",
  "qalora_group_size",
  "loftq_config", // of an initialization that is refused below
  "corda_config",
  "lora_ga_config",
  "eva_config", // of an initialization of A alone
]);

/** Settings that have a neutral value beside absent, null, false, and empty. */
const NEUTRAL: Readonly<Record<string, unknown>> = { bias: "none" };

/** Initializations that leave the frozen weights as they were. */
const PLAIN_STARTS: readonly unknown[] = [
  true,
  false,
  null,
  undefined,
  "gaussian",
  "orthogonal",
  "eva",
];

/**
 * Reads the settings of an adapter.
 *
 * @throws {TypeError} If it is no LoRA, or a setting that changes what is computed is not supported; the
 * message names file, setting and value.
 */
export async function readAdapterConfig(file: string): Promise<AdapterConfig> {
  const settings = await readJsonObject(file);
  const refuse = (
    name: string,
    must: string,
    value: unknown = settings[name],
  ) =>
    new TypeError(
      `Cannot read "${file}" as "${name}" must be ${must}: current value is ${
        JSON.stringify(value)
      }`,
    );
  if (settings["peft_type"] !== "LORA") throw refuse("peft_type", '"LORA"');
  const { task_type = null } = settings;
  if (task_type !== null && task_type !== "CAUSAL_LM") {
    throw refuse("task_type", '"CAUSAL_LM"');
  }
  if (!PLAIN_STARTS.includes(settings["init_lora_weights"])) {
    throw refuse(
      "init_lora_weights",
      `true, false, "gaussian", "orthogonal" or "eva", as others change the frozen weights (PEFT converts them: save_pretrained with "path_initial_model_for_weight_conversion")`,
    );
  }
  for (const [name, value] of Object.entries(settings)) {
    if (READ.has(name) || WITHOUT_EFFECT.has(name)) continue;
    if (isEmpty(value) || value === NEUTRAL[name]) continue;
    const neutral = NEUTRAL[name];
    const expected = neutral === undefined
      ? typeof value === "boolean" ? "false" : "absent or null"
      : JSON.stringify(neutral);
    throw refuse(name, expected);
  }
  const rank = positiveInteger(
    settings["r"],
    () => refuse("r", "a positive integer"),
  );
  const alpha = settings["lora_alpha"];
  if (typeof alpha !== "number" || !Number.isFinite(alpha)) {
    throw refuse("lora_alpha", "a number");
  }
  const ranks = patterns(settings, "rank_pattern", refuse);
  const alphas = patterns(settings, "alpha_pattern", refuse);
  for (const [pattern, own] of ranks) {
    positiveInteger(
      own,
      () => refuse(`rank_pattern.${pattern}`, "a positive integer", own),
    );
  }
  const isTarget = targetOf(settings, refuse);
  const root = settings["use_rslora"] === true;
  return {
    file,
    rank,
    alpha,
    settings,
    changeOf(module) {
      if (!isTarget(module)) return undefined;
      const own = patternOf(ranks, module) ?? rank;
      const top = patternOf(alphas, module) ?? alpha;
      return { rank: own, scale: top / (root ? Math.sqrt(own) : own) };
    },
  };
}

/** Whether a value leaves a setting off. */
function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === false ||
    (typeof value === "object" && Object.keys(value).length === 0);
}

function positiveInteger(value: unknown, refuse: () => TypeError): number {
  if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value);
  throw refuse();
}

type Refuse = (name: string, must: string, value?: unknown) => TypeError;

/** A setting of numbers by patterns of names. */
function patterns(
  settings: Json,
  name: string,
  refuse: Refuse,
): [string, number][] {
  const value = settings[name] ?? {};
  if (!isObject(value)) throw refuse(name, "numbers by patterns of names");
  return Object.entries(value).map(([pattern, own]) => {
    expression(
      pattern,
      () => refuse(`${name}.${pattern}`, "a regular expression"),
    );
    if (typeof own === "number") return [pattern, own];
    throw refuse(`${name}.${pattern}`, "a number", own);
  });
}

/** The number of the first pattern that a module's name ends with. */
function patternOf(
  patterns: readonly [string, number][],
  module: string,
): number | undefined {
  return patterns.find(([pattern]) =>
    new RegExp(`^(?:(?:.*\\.)?(?:${pattern})$)`).test(module)
  )?.[1];
}

/** A regular expression over whole names. */
function expression(pattern: string, refuse: () => TypeError): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    throw refuse();
  }
}

/** Whether a projection is changed, by the rules of PEFT. */
function targetOf(
  settings: Json,
  refuse: Refuse,
): (module: string) => boolean {
  const listed = (name: string) => {
    const value = settings[name];
    if (value === null || value === undefined) return undefined;
    if (typeof value === "string") {
      const whole = expression(
        value,
        () => refuse(name, "a regular expression"),
      );
      return (module: string) => whole.test(module);
    }
    if (!Array.isArray(value) || !value.every((x) => typeof x === "string")) {
      throw refuse(name, "a list of names, or a regular expression");
    }
    return (module: string) =>
      value.some((x) => module === x || module.endsWith(`.${x}`));
  };
  const isAny = settings["target_modules"] === "all-linear";
  const included = isAny ? () => true : listed("target_modules");
  if (!included) {
    throw refuse("target_modules", "a list of names, or a regular expression");
  }
  const excluded = listed("exclude_modules");
  const isInLayers = layersOf(settings, refuse);
  return (module) =>
    included(module) && !excluded?.(module) && isInLayers(module);
}

/** Whether a projection's layer is changed. */
function layersOf(
  settings: Json,
  refuse: Refuse,
): (module: string) => boolean {
  const { layers_to_transform: layers, layers_pattern: names } = settings;
  if (layers === null || layers === undefined) return () => true;
  const chosen = [layers].flat();
  if (!chosen.every((layer) => Number.isSafeInteger(layer))) {
    throw refuse("layers_to_transform", "a layer's number, or a list of them");
  }
  const known = [names ?? []].flat();
  if (!known.every((name) => name === "layers")) {
    throw refuse("layers_pattern", '"layers"');
  }
  return (module) => {
    const [, layer] = /\.layers\.(\d+)\./.exec(module) ?? [];
    return layer !== undefined && chosen.includes(Number(layer));
  };
}
