/**
 * Tokenizers for small worlds: their words as tokens, bytes for everything else.
 *
 * @module
 */

/** Files of a tokenizer, as plain data. */
export interface TokenizerFiles {
  /** Contents of `tokenizer.json`. */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** Contents of `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Contents of `chat_template.jinja`, which goes before the template in `config`. */
  readonly template?: string;
  /** Token ids that end a reply, by `generation_config.json` or `config.json`. */
  readonly endTokens?: readonly number[];
  /** Texts of other files that belong to the model, by name, kept for saving. */
  readonly others?: Readonly<Record<string, string>>;
}

/** Options for {@linkcode createWordTokenizer}. */
export interface WordTokenizerOptions {
  /** Most words to keep; the most frequent win. @default {4096} */
  maxWords?: number;
  /** Texts that are one token wherever they stand: tags and the like. @default {[]} */
  wholes?: readonly string[];
}

/** A word with the space before it, digits, other marks, or white space: every character is in one. */
const WORD = / ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+/gu;

/** Tokens with a meaning of their own. */
const SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

/**
 * Builds a tokenizer from the texts of a world.
 *
 * Words that occur become tokens together with the space before them; anything else is spelled
 * in bytes, so every text can be written and comes back as it was.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createWordTokenizer, createTokenizer } from "@hiper/lab/language";
 *
 * const tokenizer = createTokenizer(createWordTokenizer(["go to shelf 1"]));
 * strictEqual(tokenizer.encode("go to shelf 1").length, 4);
 * strictEqual(tokenizer.decode(tokenizer.encode("élan → 7")), "élan → 7");
 * ```
 *
 * @param texts What the tokenizer should know.
 * @param options How much of it.
 * @returns Files for {@linkcode createTokenizer}.
 */
export function createWordTokenizer(
  texts: Iterable<string>,
  options: WordTokenizerOptions = {},
): TokenizerFiles {
  const { maxWords = 4096, wholes = [] } = options;
  const alphabet = byteAlphabet();
  const words = frequentWords(texts, alphabet).slice(0, maxWords);
  const vocabulary: Record<string, number> = {};
  for (const text of [...alphabet, ...words]) {
    vocabulary[text] ??= Object.keys(vocabulary).length;
  }
  const first = Object.keys(vocabulary).length;
  const added = [...SPECIALS, ...wholes].map((content, i) => ({
    id: first + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: i < SPECIALS.length,
  }));
  return {
    tokenizer: tokenizerJson(vocabulary, added),
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      add_prefix_space: false,
      clean_up_tokenization_spaces: false,
      eos_token: "<|im_end|>",
      pad_token: "<|endoftext|>",
      // Observations stand between marks and replies do not, which tells the roles apart.
      chat_template: "{% for message in messages %}" +
        "{% if message['role'] == 'assistant' %}{{ message['content'] }}" +
        "{% else %}{{ '<|im_start|>' + message['content'] + '<|im_end|>' }}{% endif %}" +
        "{% endfor %}",
    },
  };
}

/** Words of more than one byte, in visible characters, the most frequent first. */
function frequentWords(
  texts: Iterable<string>,
  alphabet: readonly string[],
): string[] {
  const encoder = new TextEncoder();
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(WORD)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const visible = (word: string) =>
    Array.from(encoder.encode(word), (byte) => alphabet[byte]!).join("");
  return [...counts]
    .map(([word, count]) => ({ word: visible(word), count }))
    .filter(({ word }) => word.length > 1)
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1) // one order for one set of texts
    )
    .map(({ word }) => word);
}

/** Contents of `tokenizer.json`: words as they are, never merged from parts. */
function tokenizerJson(
  vocabulary: Readonly<Record<string, number>>,
  added: readonly Record<string, unknown>[],
): Record<string, unknown> {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: false,
    use_regex: false,
  };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: { Regex: WORD.source },
          behavior: "Isolated",
          invert: false,
        },
        byteLevel,
      ],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: vocabulary,
      merges: [],
    },
  };
}

/**
 * One visible character for each byte, as byte-level tokenizers write them: printable Latin-1
 * stands for itself, the rest for the characters from U+0100 on.
 */
function byteAlphabet(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) ||
      (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}
