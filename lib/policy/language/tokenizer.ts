/**
 * Text to tokens and back, and the chat template around it, as a model's folder defines them.
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
 * @param directory The folder.
 * @returns Their contents; a template in a file of its own is put into the configuration.
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

/**
 * Writes the files of a tokenizer.
 *
 * @param files Their contents.
 * @param directory An existing folder.
 */
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
