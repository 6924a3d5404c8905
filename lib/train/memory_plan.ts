/**
 * Whether a language policy fits in memory before it is loaded: sizes of batches that fit, or a refusal with numbers.
 *
 * @module
 */

import type { Qwen2Config } from "../policy/decoder/config.ts";
import { qwen2Shapes } from "../policy/decoder/config.ts";
import { fillSettings } from "../policy/language/replies.ts";
import type { MemoryLimit } from "../policy/backends/memory_limit.ts";
import {
  type LanguageMemory,
  languageMemory,
  type LanguageMemoryOptions,
} from "./language_memory.ts";

/** Sizes that a user gave; those that are absent may be chosen. */
export interface MemoryWishes
  extends Omit<LanguageMemoryOptions, "batch" | "length" | "replyLength"> {
  /** Longest prompt and reply together, in tokens. */
  readonly contextLength?: number | undefined;
  /** The same where it is not given. */
  readonly usualContext: number;
  /** Longest reply, in tokens. */
  readonly maxReplyTokens?: number;
}

/** Sizes that fit. */
export interface MemoryPlan {
  /** Longest prompt and reply together, in tokens. */
  readonly contextLength: number;
  /** Tokens of one microbatch; absent where nothing limits them. */
  readonly microbatchTokens?: number;
  /** Tokens that are read and written together; absent where the number of replies is limit enough. */
  readonly readTokens?: number;
  /** What was chosen and why, in words; absent where nothing had to be. */
  readonly notice?: string;
}

/** Share of the memory that is planned with; the rest is lost to gaps between tensors and to small ones. */
const USABLE = 0.9;

/** Fewest tokens of prompt and reply that a context is shortened to. */
const LEAST_CONTEXT = 256;

/**
 * Plans the sizes of batches of a policy that is to be loaded.
 *
 * What the user gave stays. A context that was not given is halved, to 256 tokens at the least, until one sequence can
 * be learned from and written; then as many tokens are learned from, read and written at once as fit.
 *
 * @param config Sizes of the decoder.
 * @param name What the model is called in messages.
 * @throws {RangeError} If nothing fits; the message says what is needed, what there is, and what to change.
 */
export function planMemory(
  config: Qwen2Config,
  options: {
    readonly name: string;
    readonly limit: MemoryLimit;
    readonly wishes: MemoryWishes;
  },
): MemoryPlan {
  const { name, limit, wishes } = options;
  checkTensors(config, options);
  const most = limit.bytes === undefined ? Infinity : USABLE * limit.bytes;
  const usual = Math.min(wishes.usualContext, config.maxLength);
  const { contextLength: asked } = wishes;
  const { microbatchTokens: wanted, batchSize } = fillSettings(wishes);
  const given = wishes.microbatchTokens !== undefined;
  let last: LanguageMemory | undefined;
  let context = Math.min(asked ?? usual, config.maxLength);
  while (true) {
    const ask = (tokens: number, rows: number) =>
      askMemory(config, wishes, { context, tokens, rows });
    const { fit: tokens, asked: needed } = largest(
      { from: wanted, least: given ? wanted : Math.min(wanted, context) },
      (count) => ask(count, 1),
      ({ learning }) => learning.bytes <= most,
    );
    const rows = mostRows(
      batchSize,
      (count) => ask(wanted, count).writing.bytes <= most,
    );
    last = needed;
    if (tokens !== undefined && rows !== undefined) {
      const readTokens = rows < batchSize ? rows * context : undefined;
      const notice = describe(
        { ...options, most, needed },
        {
          ...(context < usual && asked === undefined &&
            { contextLength: context }),
          ...(tokens < wanted && { microbatchTokens: tokens }),
          ...(readTokens !== undefined && { readTokens }),
        },
      );
      return {
        contextLength: context,
        microbatchTokens: tokens,
        ...(readTokens !== undefined && { readTokens }),
        ...(notice !== undefined && { notice }),
      };
    }
    if (asked !== undefined || context / 2 < LEAST_CONTEXT) break;
    context = Math.floor(context / 2);
  }
  const { learning, writing } = last;
  throw new RangeError(
    `Cannot load "${name}" as ${limit.place} must hold it, with gradients of one sequence of ${context} tokens, in ${
      gib(most)
    }: ${weightsOf(last)} of weights, ${gib(writing.bytes)} while writing and ${
      gib(learning.bytes)
    } while learning are needed; ${advice(wishes, { context, config })}`,
  );
}

/** The largest of halved counts whose memory fits, and what was asked last. */
function largest(
  { from, least }: { from: number; least: number },
  ask: (count: number) => LanguageMemory,
  fits: (memory: LanguageMemory) => boolean,
): { fit: number | undefined; asked: LanguageMemory } {
  let count = from;
  while (true) {
    const asked = ask(count);
    if (fits(asked)) return { fit: count, asked };
    if (count <= least) return { fit: undefined, asked };
    count = Math.max(least, Math.floor(count / 2));
  }
}

/** The most rows that fit, by bisection; nothing where not even one does. */
function mostRows(
  wanted: number,
  fits: (rows: number) => boolean,
): number | undefined {
  if (fits(wanted)) return wanted;
  if (!fits(1)) return undefined;
  let fit = 1, over = wanted;
  while (over - fit > 1) {
    const middle = Math.floor((fit + over) / 2);
    if (fits(middle)) fit = middle;
    else over = middle;
  }
  return fit;
}

/** What sequences of a length take. */
function askMemory(
  config: Qwen2Config,
  wishes: MemoryWishes,
  sizes: { context: number; tokens: number; rows: number },
): LanguageMemory {
  const { context, tokens, rows } = sizes;
  const { maxReplyTokens, reuseKvCache } = fillSettings(wishes);
  return languageMemory({ ...config, maxLength: context }, {
    ...wishes,
    batch: Math.max(1, Math.floor(tokens / context)),
    length: context,
    // A transcript holds all replies of an episode.
    replyLength: reuseKvCache ? context : Math.min(context, maxReplyTokens),
    microbatchTokens: Math.max(tokens, context),
    batchSize: rows,
  });
}

/** Throws where one matrix is larger than a tensor may be. */
function checkTensors(
  config: Qwen2Config,
  { name, limit, wishes }: {
    readonly name: string;
    readonly limit: MemoryLimit;
    readonly wishes: MemoryWishes;
  },
): void {
  const { tensorBytes = Infinity } = limit;
  const { frozenBytes = 4, lora } = wishes;
  const each = lora ? frozenBytes : 4;
  for (const [weight, shape] of Object.entries(qwen2Shapes(config))) {
    const bytes = each * shape.reduce((all, n) => all * n, 1);
    if (bytes <= tensorBytes) continue;
    const smaller = each === 4
      ? '; "policy.frozenPrecision" may be "float16" beside adapters ("policy.loraRank")'
      : "";
    throw new RangeError(
      `Cannot load "${name}" as a tensor on ${limit.place} must have at most ${
        gib(tensorBytes)
      }: current value is ${gib(bytes)} for "${weight}"${smaller}`,
    );
  }
}

/** What was chosen, with the numbers behind it. */
function describe(
  { name, limit, most, needed }: {
    readonly name: string;
    readonly limit: MemoryLimit;
    readonly most: number;
    readonly needed: LanguageMemory;
  },
  chosen: Readonly<Record<string, number>>,
): string | undefined {
  const settings = Object.entries(chosen)
    .map(([key, value]) => `policy.${key}=${value}`);
  if (settings.length === 0) return undefined;
  return `"${name}" has ${
    weightsOf(needed)
  } of weights; so that it fits ${limit.place} (${gib(most)}), ${
    settings.join(", ")
  }`;
}

/** What may be changed where nothing fits. */
function advice(
  { lora, recompute, frozenBytes = 4, contextLength }: MemoryWishes,
  { context }: { context: number; config: Qwen2Config },
): string {
  const changes = [
    ...(lora ? [] : ["policy.loraRank=8 trains adapters alone"]),
    ...(frozenBytes === 2
      ? []
      : ['policy.frozenPrecision="bfloat16" halves frozen weights on wasm']),
    ...(recompute === false
      ? ["policy.recompute=true computes layers again"]
      : []),
    ...(contextLength !== undefined && context > LEAST_CONTEXT
      ? [`policy.contextLength=${Math.floor(context / 2)} shortens sequences`]
      : []),
    "backend=tfjs-node has more than 4 GiB",
    "a smaller model needs less",
  ];
  return changes.join("; ");
}

function weightsOf({ learning }: LanguageMemory): string {
  const { frozen = 0, trained = 0 } = learning.terms;
  return gib(frozen + trained);
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
