/**
 * The settings of a language policy.
 *
 * Defaults are imported from the policy.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { LORA_TARGETS } from "../../policy/decoder/lora.ts";
import { SMALL_MODEL } from "../../policy/language/loading.ts";
import { LANGUAGE_DEFAULTS } from "../../policy/language/replies.ts";
import {
  count,
  countOrNone,
  optional,
  positive,
  rate,
  unit,
} from "../../settings.ts";

/** Settings of a language policy: kind, default and meaning of each. */
export const languageSettings = z.strictObject({
  name: z.literal("language").describe(
    "A language model: a published one from a folder, or a small one made for the worlds it learns in.",
  ),
  directory: optional(
    z.string().min(
      1,
      'must name the folder of a model, with "config.json", weights as safetensors and "tokenizer.json"',
    ),
    "Folder of a model with its tokenizer; absent makes a small model of the words that the expert meets.",
  ),
  adapter: optional(
    z.string().min(1, "must name the folder of an adapter"),
    "Folder of an adapter of PEFT's form to start from; its rank and targets are its own.",
  ),
  prompt: optional(
    z.enum(["rules", "facts", "brief", "transcript"]),
    "What the model reads: the rules of the three blocks, an example and the last turns; the last turns alone; the facts of the last turn, for small models; or the whole conversation, whose keys and values are cached from turn to turn.",
    '"rules" with a directory, else "brief"',
  ),
  historyLength: optional(
    countOrNone,
    "Turns shown before the present one.",
    '2 in "rules" and "facts", 1 in "brief"; a transcript shows all',
  ),
  observationLimit: optional(
    count,
    "Longest observation shown, in characters.",
    "600 in a transcript, else all of it",
  ),
  contextLength: optional(
    count,
    "Longest prompt and reply together, in tokens; an episode that outgrows it is truncated.",
    "4096, or the model's own if shorter",
  ),
  planning: optional(
    z.enum(["free", "listed"]),
    "Whether a subgoal is written freely, or is one of those that the world proposes; then a switch takes another than the held one.",
    "free",
  ),
  executor: optional(
    z.enum(["task", "subgoal"]),
    "Whether an action is written after plan and prompt, or to a prompt of its own, which knows the task by the subgoal alone.",
    "task",
  ),
  executorHistory: optional(
    countOrNone,
    "Turns under the present subgoal that an executor of its own prompt is shown.",
    0,
  ),
  switchBias: optional(
    z.number(),
    "Logit of SWITCH before training, on the average of turns played by the untrained model: an offset of KEEP is found that makes it so, and stays; absent leaves the model as it is.",
  ),
  layers: optional(count, "Layers of a small model.", SMALL_MODEL.layers),
  hiddenSize: optional(
    count,
    "Hidden size of a small model.",
    SMALL_MODEL.hiddenSize,
  ),
  loraRank: optional(
    countOrNone,
    "Rank of LoRA adapters beside frozen weights; 0 trains all weights.",
    0,
  ),
  loraAlpha: optional(
    positive,
    "Factor of an adapter's change times its rank.",
    "2 · policy.loraRank",
  ),
  loraTargets: optional(
    z.array(z.enum(LORA_TARGETS)).nonempty(),
    "Projections that adapters change.",
    "all seven",
  ),
  critic: optional(
    z.enum(["shared", "separate"]),
    "Whether value heads read the policy's hidden states, or those of a critic with weights (or an adapter) of its own.",
    "shared",
  ),
  decoding: optional(
    z.enum(["free", "skeleton", "admissible"]),
    "How constrained replies are: not at all; tags given and contents free; or only admissible actions.",
    LANGUAGE_DEFAULTS.decoding,
  ),
  valueScale: optional(
    positive,
    "Units of return that a value head's output of 1 stands for.",
    1,
  ),
  maxReplyTokens: optional(
    count,
    "Longest reply, in tokens.",
    LANGUAGE_DEFAULTS.maxReplyTokens,
  ),
  maxContentTokens: optional(
    count,
    "Longest free content of a tag, in tokens, where tags are given.",
    LANGUAGE_DEFAULTS.maxContentTokens,
  ),
  batchSize: optional(
    count,
    "Replies generated at once.",
    LANGUAGE_DEFAULTS.batchSize,
  ),
  readTokens: optional(
    count,
    "Tokens of prompts and replies, padding included, that are read and written together; other episodes wait their turn.",
    "as many as fit in memory",
  ),
  microbatchTokens: optional(
    count,
    "Tokens, padding included, whose activations are held at once while learning; a minibatch of more is differentiated in parts.",
    `${LANGUAGE_DEFAULTS.microbatchTokens}, or as many as fit in memory`,
  ),
  tokensPerReadback: optional(
    count,
    "Tokens generated on WebGPU between two readbacks to the processor.",
    LANGUAGE_DEFAULTS.tokensPerReadback,
  ),
  recompute: optional(
    z.boolean(),
    "Whether gradients compute layers again instead of holding what they passed (gradient checkpointing).",
    "true with a directory, else false",
  ),
  frozenPrecision: optional(
    z.enum(["float32", "float16", "bfloat16"]),
    "How frozen matrices are stored beside adapters: float16 needs WebGPU, bfloat16 WebAssembly.",
    '"bfloat16" on WebAssembly for models published so, else "float32"',
  ),
  temperature: optional(
    rate,
    "Sampling temperature.",
    LANGUAGE_DEFAULTS.temperature,
  ),
  temperatures: optional(
    z.strictObject({
      switching: optional(rate, "Of KEEP or SWITCH.", "policy.temperature"),
      planning: optional(rate, "Of subgoals.", "policy.temperature"),
      execution: optional(rate, "Of actions.", "policy.temperature"),
    }),
    "Sampling temperatures by decision, where tags are given.",
  ),
  topP: optional(
    unit,
    "Nucleus of top-p sampling; learning assumes 1.",
    LANGUAGE_DEFAULTS.topP,
  ),
  topK: optional(
    countOrNone,
    "Likeliest tokens that top-k sampling keeps, 0 for all; learning assumes 0.",
    LANGUAGE_DEFAULTS.topK,
  ),
  skipThinking: optional(
    z.boolean(),
    "Whether a reply's thought, up to the last </think>, is skipped in reading, in training and in stopping; for models that reason, with free replies.",
    LANGUAGE_DEFAULTS.skipThinking,
  ),
  mode: optional(
    z.enum([
      "strict",
      "alfworld",
      "webshop",
      "alfworld-flat",
      "webshop-flat",
    ]),
    "How replies are read: each block once and in order, or as the reference environments do.",
    LANGUAGE_DEFAULTS.mode,
  ),
});
