/**
 * Language policies: checkpoints, LoRA, tokenizers, prompts and replies.
 *
 * @module
 */

export { describeAdapter } from "../lib/policy/backends/webgpu/backend.ts";
export type { AdapterReport } from "../lib/policy/backends/webgpu/backend.ts";
export type {
  Architecture,
  Qwen2Config,
  RopeScaling,
} from "../lib/policy/decoder/config.ts";
export type { FrozenPrecision } from "../lib/policy/decoder/fp16.ts";
export {
  LORA_TARGETS,
  mergeLoraCheckpoint,
} from "../lib/policy/decoder/lora.ts";
export type { LoraOptions, LoraTarget } from "../lib/policy/decoder/lora.ts";
export type {
  FloatFormat,
  StoredFormat,
} from "../lib/policy/decoder/number_formats.ts";
export {
  openSafetensors,
  writeSafetensors,
} from "../lib/policy/decoder/safetensors.ts";
export type {
  Safetensors,
  StoredTensor,
  TensorValues,
  WriteSafetensorsOptions,
} from "../lib/policy/decoder/safetensors.ts";
export { QWEN2_SIZES } from "../lib/policy/decoder/config.ts";
export { exportModel } from "../lib/policy/language/export_model.ts";
export type { ExportModelOptions } from "../lib/policy/language/export_model.ts";
export { locateBlocks } from "../lib/policy/language/blocks.ts";
export type {
  BlockSpans,
  LocateOptions,
} from "../lib/policy/language/blocks.ts";
export {
  BLOCKS,
  formatReply,
  parseReply,
} from "../lib/policy/language/blocks.ts";
export type {
  BlockName,
  ParsedReply,
  ParseReplyOptions,
  ReplyMode,
  ReplyProblem,
} from "../lib/policy/language/blocks.ts";
export type { Decoding } from "../lib/policy/language/grammar.ts";
export {
  createLanguagePolicy,
  openLanguagePolicy,
} from "../lib/policy/language/loading.ts";
export type {
  CreateLanguageOptions,
  LanguageTrainingOptions,
  OpenLanguageOptions,
} from "../lib/policy/language/loading.ts";
export type { LanguagePolicy } from "../lib/policy/language/policy.ts";
export {
  formatPrompt,
  historyWindow,
  readReply,
} from "../lib/policy/language/prompts.ts";
export type {
  PromptOptions,
  ReadReply,
  ReadReplyOptions,
} from "../lib/policy/language/prompts.ts";
export {
  formatActionPrompt,
  formatFacts,
  formatTaught,
} from "../lib/policy/language/model_prompts.ts";
export type { FactsOptions } from "../lib/policy/language/model_prompts.ts";
export {
  formatStrategic,
  formatStrategicFacts,
} from "../lib/policy/language/strategy_prompts.ts";
export type { LanguageOptions } from "../lib/policy/language/replies.ts";
export {
  createWorldTokenizer,
  formatBriefPrompt,
  formatTranscript,
} from "../lib/policy/language/small_model.ts";
export type {
  BriefPromptOptions,
  TranscriptOptions,
} from "../lib/policy/language/small_model.ts";
export {
  createTokenizer,
  readTokenizer,
} from "../lib/policy/language/tokenizer.ts";
export type {
  ChatMessage,
  TextTokenizer,
} from "../lib/policy/language/tokenizer.ts";
export { createWordTokenizer } from "../lib/policy/language/word_tokenizer.ts";
export type {
  TokenizerFiles,
  WordTokenizerOptions,
} from "../lib/policy/language/word_tokenizer.ts";
export { lookWhileComputing } from "../lib/pause.ts";
export { languageMemory } from "../lib/train/language_memory.ts";
export type {
  LanguageMemory,
  LanguageMemoryOptions,
  MemoryPeak,
} from "../lib/train/language_memory.ts";
