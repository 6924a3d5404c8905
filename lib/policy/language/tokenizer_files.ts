/**
 * The files of a tokenizer: reading them, from a folder or a GGUF file, checking them, and writing them as
 * they were.
 *
 * @module
 */

import { isObject, readJsonObject } from "../../text_file.ts";
import { type GgufFile, openGguf } from "../decoder/gguf.ts";
import { ggufTokenizer } from "./gguf_tokenizer.ts";
import type { TokenizerFiles } from "./word_tokenizer.ts";

/** Files that are kept as they are. */
const KEPT = [
  "generation_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "LICENSE",
];

/** Parts of `tokenizer.json`. */
const PARTS = [
  "version",
  "truncation",
  "padding",
  "added_tokens",
  "normalizer",
  "pre_tokenizer",
  "post_processor",
  "decoder",
  "model",
];

/**
 * Reads the files of a tokenizer.
 *
 * @param source A model's folder, its GGUF file, or the open GGUF file.
 * @throws {Deno.errors.NotFound} If there is no `tokenizer.json`.
 * @throws {SyntaxError} If a file is no JSON.
 * @throws {TypeError} If `tokenizer.json` does not say how to tokenize, or a setting is not supported; the
 * message names file, key and value.
 */
export async function readTokenizerFiles(
  source: string | GgufFile,
): Promise<TokenizerFiles> {
  if (typeof source !== "string") return ggufTokenizer(source);
  if (source.endsWith(".gguf")) return ggufTokenizer(await openGguf(source));
  const place = (name: string) => `${source}/${name}`;
  const tokenizer = await readJsonObject(place("tokenizer.json"));
  const config = await ifThere(readJsonObject(place("tokenizer_config.json")));
  const template = await ifThere(
    Deno.readTextFile(place("chat_template.jinja")),
  );
  const others: Record<string, string> = {};
  for (const name of KEPT) {
    const text = await ifThere(Deno.readTextFile(place(name)));
    if (text !== undefined) others[name] = text;
  }
  const files = {
    tokenizer,
    config: config ?? {},
    ...(template !== undefined && { template }),
    endTokens: await endTokensOf(source),
    others,
  };
  checkTokenizer(source, files);
  return files;
}

/** What reading gives, or `undefined` if there is no such file. */
async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Ids of the tokens that end a text, by the settings of generation and of the model. */
async function endTokensOf(folder: string): Promise<number[]> {
  const ids = new Set<number>();
  for (const name of ["generation_config.json", "config.json"]) {
    const file = `${folder}/${name}`;
    const settings = await ifThere(readJsonObject(file));
    const ends = [settings?.["eos_token_id"] ?? []].flat();
    for (const id of ends) {
      if (Number.isSafeInteger(id) && Number(id) >= 0) ids.add(Number(id));
      else {
        throw refusal(
          file,
          "eos_token_id",
          "a token's id, or some of them",
          ends,
        );
      }
    }
  }
  return [...ids];
}

/** The error of a setting that is not supported. */
function refusal(file: string, key: string, must: string, value: unknown) {
  return new TypeError(
    `Cannot read "${file}" as "${key}" must be ${must}: current value is ${
      JSON.stringify(value)?.slice(0, 120)
    }`,
  );
}

/** Throws if the files hold a setting that changes tokens and is not followed. */
function checkTokenizer(
  folder: string,
  { tokenizer, config }: TokenizerFiles,
): void {
  const file = `${folder}/tokenizer.json`;
  const { model, added_tokens: added = [] } = tokenizer;
  if (!isObject(model)) {
    throw new TypeError(
      `Cannot read "${file}" as "model" must say how to tokenize: current value is ${
        JSON.stringify(model)
      }`,
    );
  }
  for (const [name, value] of Object.entries(tokenizer)) {
    if (PARTS.includes(name)) continue;
    throw refusal(file, name, `absent, or one of ${PARTS.join(", ")}`, value);
  }
  if (model["dropout"]) {
    throw refusal(file, "model.dropout", "null", model["dropout"]);
  }
  if (!Array.isArray(added)) {
    throw refusal(file, "added_tokens", "a list", added);
  }
  const known = new Map<string, number>();
  for (const [i, token] of added.entries()) {
    if (!isObject(token) || typeof token["content"] !== "string") {
      throw refusal(
        file,
        `added_tokens.${i}`,
        'a token with "content" and "id"',
        token,
      );
    }
    const { content, id, single_word } = token;
    if (single_word === true) {
      throw refusal(
        file,
        `added_tokens.${i}.single_word`,
        "false",
        single_word,
      );
    }
    known.set(content as string, Number(id));
  }
  checkConfig(
    `${folder}/tokenizer_config.json`,
    config,
    (token) => known.get(token) ?? vocabularyOf(model)?.[token],
  );
}

/** The vocabulary of a model that has one by name. */
function vocabularyOf(
  model: Record<string, unknown>,
): Record<string, unknown> | undefined {
  return isObject(model["vocab"]) ? model["vocab"] : undefined;
}

/** Throws if `tokenizer_config.json` has tokens that `tokenizer.json` lacks, or splits texts otherwise. */
function checkConfig(
  file: string,
  config: TokenizerFiles["config"],
  idOf: (token: string) => unknown,
): void {
  for (const name of ["split_special_tokens", "add_prefix_space"]) {
    if (config[name] === true) throw refusal(file, name, "false", true);
  }
  const { added_tokens_decoder: byId } = config;
  if (isObject(byId)) {
    for (const [id, token] of Object.entries(byId)) {
      const content = isObject(token) ? token["content"] : undefined;
      if (typeof content === "string" && idOf(content) === Number(id)) continue;
      throw refusal(
        file,
        `added_tokens_decoder.${id}`,
        'a token of "tokenizer.json" with that id',
        token,
      );
    }
  }
  for (const name of ["additional_special_tokens", "extra_special_tokens"]) {
    const listed = config[name];
    const tokens = isObject(listed) ? Object.values(listed) : listed ?? [];
    if (!Array.isArray(tokens)) {
      throw refusal(file, name, "a list of tokens", listed);
    }
    for (const token of tokens) {
      const content = isObject(token) ? token["content"] : token;
      if (typeof content === "string" && idOf(content) !== undefined) continue;
      throw refusal(file, name, 'tokens of "tokenizer.json"', content);
    }
  }
}

/** Writes the files of a tokenizer, and those that were kept with them. */
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
  const texts = {
    ...files.others,
    ...(files.template !== undefined &&
      { "chat_template.jinja": files.template }),
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${directory}/${name}`, text);
  }
}
