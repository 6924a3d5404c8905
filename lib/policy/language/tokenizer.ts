/**
 * Text to tokens and back, with the chat template, as the files of a model define them.
 *
 * @module
 */

import { Template } from "npm:@huggingface/jinja@0.5.11";
import { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";
import { isObject } from "../../text_file.ts";
import { BLOCKS, opensThought } from "./blocks.ts";
import { readTokenizerFiles } from "./tokenizer_files.ts";
import type { TokenizerFiles } from "./word_tokenizer.ts";

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
  /** Whether the chat template opens a thought, `<think>`, for the model. */
  readonly opensThought: boolean;
  /** Token ids of a text; special tokens written in it are found. Shape `(tokens,)`. */
  encode(text: string): Int32Array<ArrayBuffer>;
  /** Text of token ids; `special` keeps special tokens. @default {special: false} */
  decode(tokens: ArrayLike<number>, options?: { special?: boolean }): string;
  /** Text of a reply: all of its tokens but those that end it or pad it. */
  replyText(tokens: ArrayLike<number>): string;
  /** Text of one token by itself, special or not. */
  piece(token: number): string;
  /** A conversation as the model was trained to read it, with the opening of its own turn. */
  chat(messages: readonly ChatMessage[]): string;
  /**
   * Token ids of a conversation. Special tokens of the template are found; those written in a message's
   * content are spelled out, except for the tags of replies. Shape `(tokens,)`.
   */
  encodeChat(messages: readonly ChatMessage[]): Int32Array<ArrayBuffer>;
  /**
   * Marks a foreign text, such as an observation, so that {@linkcode TextTokenizer.encodeChat} and
   * {@linkcode TextTokenizer.encode} spell out every added token in it, tags included.
   */
  guard(text: string): string;
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
  const added = addedTokens(json);
  const guards = {
    all: tokenPattern(added.map(({ content }) => content)),
    control: tokenPattern(
      added.filter(({ special, content }) => special && !TAGS.has(content))
        .map(({ content }) => content),
    ),
  };
  let spelling: Tokenizer | undefined; // without added tokens
  const spell = (text: string): number[] => {
    spelling ??= new Tokenizer({ ...json, added_tokens: [] }, config);
    return spelling.encode(text, { add_special_tokens: false }).ids;
  };
  const find = (text: string): number[] =>
    text === ""
      ? []
      : tokenizer.encode(text, { add_special_tokens: false }).ids;
  const encode = (text: string) =>
    Int32Array.from(
      text.includes(MARK)
        ? splitAt(text, guards.all).flatMap((part) =>
          part.includes(MARK) ? spell(part.replaceAll(MARK, "")) : find(part)
        )
        : find(text),
    );
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
  let template: Template | undefined, thinks: boolean | undefined;
  const idOf = (text: string | undefined) =>
    text === undefined ? undefined : tokenizer.token_to_id(text);
  const ends = [...END_TOKENS, textOf(config["eos_token"])]
    .flatMap((text) => idOf(text) ?? []);
  const endTokens = [...new Set([...ends, ...files.endTokens ?? []])];
  const padding = idOf(textOf(config["pad_token"]));
  const render = (messages: readonly ChatMessage[]) => {
    template ??= new Template(
      files.template ?? templateOf(config["chat_template"]) ?? CHAT_TEMPLATE,
    );
    return template.render({
      messages: messages.map((message) => ({ ...message })),
      add_generation_prompt: true,
      bos_token: textOf(config["bos_token"]) ?? "",
      eos_token: textOf(config["eos_token"]) ?? "",
    });
  };
  return {
    vocabSize: largest + 1,
    endTokens,
    get opensThought() {
      return thinks ??= opensThought(render([{ role: "user", content: "" }]));
    },
    encode,
    decode: (tokens, options = {}) =>
      decode(Array.from(tokens), options.special ?? false),
    piece: (token) =>
      pieces.getOrInsertComputed(token, () => decode([token], true)),
    replyText: (tokens) =>
      decode(
        Array.from(tokens).filter((id) =>
          id !== padding && !endTokens.includes(id)
        ),
        true,
      ),
    chat: render,
    encodeChat: (messages) =>
      encode(
        render(
          messages.map(({ role, content }) => ({
            role,
            content: marked(content, guards.control),
          })),
        ),
      ),
    guard: (text) => marked(text, guards.all),
  };
}

/**
 * Opens the tokenizer of a model's folder, or of a GGUF file.
 *
 * @param path Folder with `tokenizer.json` and, if there are, `tokenizer_config.json`,
 * `chat_template.jinja` and `generation_config.json`; or a GGUF file.
 * @returns The tokenizer.
 * @throws {Deno.errors.NotFound} If there is no `tokenizer.json`.
 * @throws {TypeError} If the files do not say how to tokenize, or a setting is not supported.
 */
export async function readTokenizer(path: string): Promise<TextTokenizer> {
  return createTokenizer(await readTokenizerFiles(path));
}

/** A character that no text holds: it stands inside of each added token that is to be spelled out. */
const MARK = "\uFDD0";

/** Tags of replies, which a tokenizer may hold as special tokens. */
const TAGS: ReadonlySet<string> = new Set(
  BLOCKS.flatMap((name) => [`<${name}>`, `</${name}>`]),
);

/** Tokens beside those of the model's vocabulary. */
function addedTokens(
  json: TokenizerFiles["tokenizer"],
): { content: string; special: boolean }[] {
  const { added_tokens: list } = json;
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).map(({ content, special }) => ({
    content: String(content),
    special: special === true,
  }));
}

/** Finds any of some tokens, the longest first; `undefined` if there are none. */
function tokenPattern(tokens: readonly string[]): RegExp | undefined {
  const written = tokens.filter((token) => token !== "");
  if (written.length === 0) return undefined;
  const longestFirst = written.toSorted((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(RegExp.escape).join("|"), "g");
}

/** A text whose tokens of a kind are marked. */
function marked(text: string, pattern: RegExp | undefined): string {
  if (!pattern) return text;
  return text.replace(pattern, (token) => {
    const [first = ""] = token;
    return first + MARK + token.slice(first.length);
  });
}

/** A text in parts: added tokens, and what stands between them. */
function splitAt(text: string, pattern: RegExp | undefined): string[] {
  if (!pattern) return [text];
  const parts: string[] = [];
  let at = 0;
  for (const { 0: token, index } of text.matchAll(pattern)) {
    parts.push(text.slice(at, index), token);
    at = index + token.length;
  }
  return [...parts, text.slice(at)].filter((part) => part !== "");
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
