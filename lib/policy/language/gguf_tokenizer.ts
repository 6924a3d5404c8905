/**
 * The tokenizer of a GGUF file: its metadata in the form of `tokenizer.json` and `tokenizer_config.json`.
 *
 * @module
 */

import type { GgufFile } from "../decoder/gguf.ts";
import type { TokenizerFiles } from "./word_tokenizer.ts";

/** Kinds of tokens, by their number. */
const NORMAL = 1, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5;

/** How words are split before they are merged, as regular expressions of their tokenizers. */
const QWEN2 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const LLAMA3 = QWEN2.replace("|\\p{N}|", "|\\p{N}{1,3}|");

/** Bytes as visible characters, without splitting. */
const BYTES = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: false,
  use_regex: false,
};

/** Splits by a regular expression, then bytes. */
const splitBy = (pattern: string) => ({
  type: "Sequence",
  pretokenizers: [{
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  }, BYTES],
});

/** What precedes merging, by the name in `tokenizer.ggml.pre`. */
const PRE_TOKENIZERS: Readonly<
  Record<string, { normalizer: unknown; pre: unknown; ignoreMerges?: boolean }>
> = {
  qwen2: { normalizer: { type: "NFC" }, pre: splitBy(QWEN2) },
  "llama-bpe": { normalizer: null, pre: splitBy(LLAMA3), ignoreMerges: true },
  smollm: {
    normalizer: null,
    pre: {
      type: "Sequence",
      pretokenizers: [
        { type: "Digits", individual_digits: true },
        { ...BYTES, use_regex: true },
      ],
    },
  },
  "gpt-2": { normalizer: null, pre: { ...BYTES, use_regex: true } },
};

/** Metadata of the tokenizer that are read, or change nothing here: texts are encoded without tokens added. */
const KNOWN = new Set([
  "model",
  "pre",
  "tokens",
  "token_type",
  "merges",
  "scores",
  "add_bos_token",
  "add_eos_token",
  "add_space_prefix",
  "add_sep_token",
]);

/**
 * Reads the tokenizer of a GGUF file.
 *
 * @throws {TypeError} If it is not a byte-level BPE of a known kind; the message names file, key and value.
 */
export function ggufTokenizer({ path, metadata }: GgufFile): TokenizerFiles {
  const own = (name: string) => metadata[`tokenizer.ggml.${name}`];
  const refuse = (name: string, must: string, value = own(name)) =>
    new TypeError(
      `Cannot read "${path}" as "tokenizer.ggml.${name}" must be ${must}: current value is ${
        JSON.stringify(value)?.slice(0, 80)
      }`,
    );
  if (own("model") !== "gpt2") {
    throw refuse("model", '"gpt2", a byte-level BPE');
  }
  const kind = PRE_TOKENIZERS[String(own("pre"))];
  if (!kind) {
    throw refuse("pre", `one of ${Object.keys(PRE_TOKENIZERS).join(", ")}`);
  }
  if (own("add_space_prefix") === true) {
    throw refuse("add_space_prefix", "false");
  }
  for (const name of Object.keys(metadata)) {
    const [, key] = /^tokenizer\.ggml\.(.*)$/.exec(name) ?? [];
    if (key === undefined || KNOWN.has(key) || key.endsWith("_token_id")) {
      continue;
    }
    throw refuse(key, "a setting that is known here");
  }
  const list = (name: string): unknown[] => {
    const value = own(name);
    if (Array.isArray(value)) return value;
    throw refuse(name, "a list");
  };
  const tokens = list("tokens").map(String),
    merges = list("merges").map(String);
  const kinds = (own("token_type") ?? tokens.map(() => NORMAL)) as number[];
  const vocabulary: Record<string, number> = {};
  const added: Record<string, unknown>[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = kinds[id];
    if (type === UNUSED) continue;
    if (type !== CONTROL && type !== USER_DEFINED) {
      vocabulary[content] = id;
      continue;
    }
    added.push({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: type === CONTROL,
    });
  }
  const tokenOf = (name: string) => {
    const id = own(`${name}_token_id`);
    return typeof id === "number" ? tokens[id] : undefined;
  };
  const named = Object.fromEntries(
    ["bos", "eos", "unknown", "padding"].flatMap((name) => {
      const token = tokenOf(name);
      const key = { unknown: "unk_token", padding: "pad_token" }[name] ??
        `${name}_token`;
      return token === undefined ? [] : [[key, token]];
    }),
  );
  const template = metadata["tokenizer.chat_template"];
  const endTokens = ["eos", "eot", "eom"]
    .map((name) => own(`${name}_token_id`))
    .filter((id) => typeof id === "number");
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: kind.normalizer,
      pre_tokenizer: kind.pre,
      post_processor: null,
      decoder: { ...BYTES, use_regex: true },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: kind.ignoreMerges ?? false,
        vocab: vocabulary,
        merges,
      },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      ...named,
      ...(typeof template === "string" && { chat_template: template }),
    },
    endTokens,
    others: {
      "generation_config.json": JSON.stringify({ eos_token_id: endTokens }) +
        "\n",
    },
  };
}
