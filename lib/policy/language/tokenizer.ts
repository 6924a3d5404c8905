/**
 * Text to tokens and back, with the chat template, as the files of a model's folder define them; and
 * such files for a small world: its words as tokens, bytes for everything else.
 *
 * @module
 */

import { Template } from "npm:@huggingface/jinja@0.5.11";
import { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";
import { isObject, readJsonObject } from "../../text_file.ts";

/** One message of a conversation. */
export interface ChatMessage {
  /** Role of the author. */
  readonly role: "system" | "user" | "assistant";
  /** Its text. */
  readonly content: string;
}

/** A tokenizer with its chat template. */
export interface TextTokenizer {
  /** One more than the largest token id. */
  readonly vocabSize: number;
  /** Tokens that end a reply. */
  readonly endTokens: readonly number[];
  /** Token ids of a text; special tokens written in it are found. Shape `(tokens,)`. */
  encode(text: string): Int32Array<ArrayBuffer>;
  /** Text of token ids; `special` keeps special tokens. @default {special: false} */
  decode(tokens: ArrayLike<number>, options?: { special?: boolean }): string;
  /** Text of one token by itself, special or not. */
  piece(token: number): string;
  /** A conversation as the model was trained to read it, with the opening of its own turn. */
  chat(messages: readonly ChatMessage[]): string;
}

/** Files of a tokenizer, as plain data. */
export interface TokenizerFiles {
  /** Contents of `tokenizer.json`. */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** Contents of `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** The template of models that come without one: ChatML. */
const CHAT_TEMPLATE = "{% for message in messages %}" +
  "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** Special tokens that end a turn or a text, whatever the configuration calls them. */
const END_TOKENS = ["<|im_end|>", "<|endoftext|>"];

/**
 * Opens a tokenizer from the contents of its files.
 *
 * @param files `tokenizer.json` and `tokenizer_config.json`.
 * @returns The tokenizer.
 * @throws {TypeError} If the files do not say how to tokenize.
 */
export function createTokenizer(files: TokenizerFiles): TextTokenizer {
  const { tokenizer: json, config } = files;
  if (typeof json["model"] !== "object") {
    throw new TypeError(
      `Cannot open a tokenizer as "model" must say how to tokenize: current value is ${
        JSON.stringify(json["model"])
      }`,
    );
  }
  const tokenizer = new Tokenizer(json, config);
  let largest = -1;
  for (const id of tokenizer.get_vocab(true).values()) {
    largest = Math.max(largest, id);
  }
  const decode = (tokens: number[], special: boolean) =>
    tokens.length === 0 ? "" : tokenizer.decode(tokens, {
      skip_special_tokens: !special,
      clean_up_tokenization_spaces: false,
    });
  const pieces = new Map<number, string>();
  let template: Template | undefined;
  return {
    vocabSize: largest + 1,
    endTokens: [...END_TOKENS, textOf(config["eos_token"])].flatMap((text) => {
      const id = text === undefined ? undefined : tokenizer.token_to_id(text);
      return id ?? [];
    }).filter((id, i, all) => all.indexOf(id) === i),
    encode: (text) =>
      Int32Array.from(
        text === ""
          ? []
          : tokenizer.encode(text, { add_special_tokens: false }).ids,
      ),
    decode: (tokens, options = {}) =>
      decode(Array.from(tokens), options.special ?? false),
    piece: (token) =>
      pieces.getOrInsertComputed(token, () => decode([token], true)),
    chat: (messages) => {
      template ??= new Template(
        templateOf(config["chat_template"]) ?? CHAT_TEMPLATE,
      );
      return template.render({
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: true,
        bos_token: textOf(config["bos_token"]) ?? "",
        eos_token: textOf(config["eos_token"]) ?? "",
      });
    },
  };
}

/**
 * Opens the tokenizer of a model's folder.
 *
 * @param directory Folder with `tokenizer.json` and, if there is one, `tokenizer_config.json`
 * and `chat_template.jinja`.
 * @returns The tokenizer.
 * @throws {Deno.errors.NotFound} If there is no `tokenizer.json`.
 */
export async function readTokenizer(directory: string): Promise<TextTokenizer> {
  return createTokenizer(await readTokenizerFiles(directory));
}

/**
 * Reads the files of a tokenizer.
 *
 * @throws {Deno.errors.NotFound} If there is no `tokenizer.json`.
 * @throws {SyntaxError} If a file is no JSON.
 * @throws {TypeError} If `tokenizer.json` does not say how to tokenize.
 */
export async function readTokenizerFiles(
  directory: string,
): Promise<TokenizerFiles> {
  const file = `${directory}/tokenizer.json`;
  const tokenizer = await readJsonObject(file);
  if (!isObject(tokenizer["model"])) {
    throw new TypeError(
      `Cannot read "${file}" as "model" must say how to tokenize: current value is ${
        JSON.stringify(tokenizer["model"])
      }`,
    );
  }
  const ifThere = async <T>(reading: Promise<T>): Promise<T | undefined> => {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  const config = await ifThere(
    readJsonObject(`${directory}/tokenizer_config.json`),
  ) ?? {};
  const template = await ifThere(
    Deno.readTextFile(`${directory}/chat_template.jinja`),
  );
  return {
    tokenizer,
    config: template === undefined
      ? config
      : { ...config, chat_template: template },
  };
}

/** Writes the files of a tokenizer. */
export async function writeTokenizerFiles(
  files: TokenizerFiles,
  directory: string,
): Promise<void> {
  const write = (name: string, contents: unknown) =>
    Deno.writeTextFile(
      `${directory}/${name}`,
      JSON.stringify(contents, undefined, 1) + "\n",
    );
  await write("tokenizer.json", files.tokenizer);
  await write("tokenizer_config.json", files.config);
}

/** A token given as text, or as an object that holds it. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "content" in value) {
    return String(value.content);
  }
  return undefined;
}

/** A template given as text, or as the default one of a list. */
function templateOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  const chosen = value.find((entry) => entry?.name === "default") ?? value[0];
  return chosen?.template;
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
