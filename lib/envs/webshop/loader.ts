/**
 * Loader of WebShop's own files.
 *
 * @see {@link https://github.com/princeton-nlp/WebShop | WebShop}
 *
 * @module
 */

import { isObject, readJson, readText } from "../../text_file.ts";
import { readJsonRows } from "./json_rows.ts";
import {
  createWebshopCataloger,
  type WebshopAnnotations,
  type WebshopCatalog,
  type WebshopInstruction,
} from "./catalog.ts";
import { isTexts, type NounTagger, parseNounTable } from "./nouns.ts";

/** Names of WebShop's files within a folder. */
export interface WebshopFiles {
  /** The folder. */
  folder: string;
  /** Products. @default {"items_shuffle_1000.json"} */
  products?: string;
  /** Mined attributes and templated wishes. @default {"items_ins_v2_1000.json"} */
  attributes?: string;
  /** Human wishes; read if the file exists. @default {"items_human_ins.json"} */
  human?: string;
  /** Table of title nouns made with a real tagger, as JSON lines. @default {none} */
  nouns?: string;
  /** How many rows to read at most, before any is dropped. @default {all} */
  limit?: number;
  /** Whether a damaged product file gives the rows before the damage. @default {false} */
  lenient?: boolean;
}

/**
 * Reads a catalog from WebShop's files; needs permission to read the folder.
 *
 * @param files The folder and, where they differ, the names of the files in it.
 * @returns Cleaned products with their attributes and wishes.
 * @throws {SyntaxError} If a file is not JSON; the message names the file and the place.
 * @throws {TypeError} If a record has a wrong field; the message names file, product and field.
 */
export async function readWebshopCatalog(
  files: WebshopFiles,
): Promise<WebshopCatalog> {
  const {
    folder,
    products = "items_shuffle_1000.json",
    attributes = "items_ins_v2_1000.json",
    human = "items_human_ins.json",
    limit = Infinity,
    lenient = false,
  } = files;
  const pathOf = (name: string) => `${folder}/${name}`;
  const annotations = parseWebshopAnnotations({
    attributes: {
      name: pathOf(attributes),
      json: await readJson(pathOf(attributes)),
    },
    human: { name: pathOf(human), json: await readIfThere(pathOf(human)) },
  });
  const cataloger = createWebshopCataloger(annotations);
  const name = pathOf(products);
  using file = await Deno.open(name, { read: true });
  let rows = 0;
  const stream = file.readable.values({ preventCancel: true });
  for await (const row of readJsonRows(stream, { name, lenient })) {
    if (rows++ >= limit) break;
    cataloger.add(row);
  }
  return cataloger.finish();
}

/**
 * Reads the noun table beside WebShop's files, if one is named.
 *
 * @param files The folder, and the table's name in it.
 * @returns A tagger that looks titles up first; undefined if no table is named.
 * @throws {SyntaxError} If a line is malformed; the message names the line.
 */
export async function readWebshopNouns(
  files: WebshopFiles,
): Promise<NounTagger | undefined> {
  const { folder, nouns } = files;
  if (nouns === undefined) return undefined;
  const path = `${folder}/${nouns}`;
  return parseNounTable(await readText(path), { name: path });
}

/** A parsed JSON file and its name. */
export interface NamedJson {
  /** Name of the file, for error messages: its path. */
  readonly name: string;
  /** What it holds; `undefined` if there is no such file. */
  readonly json: unknown;
}

/**
 * Checks the annotations of products.
 *
 * @param files The attribute file (`items_ins_v2`) and the file of human wishes, parsed.
 * @returns Lookups by product id.
 * @throws {TypeError} If a record has a wrong field; the message names file, product and field.
 */
export function parseWebshopAnnotations(files: {
  attributes?: NamedJson;
  human?: NamedJson;
}): WebshopAnnotations {
  const attributes = new Map<string, readonly string[]>();
  const instructions = new Map<string, WebshopInstruction>();
  const human = new Map<string, readonly WebshopInstruction[]>();
  for (const [asin, record] of entriesOf(files.attributes)) {
    const reader = createReader(`${files.attributes!.name}: "${asin}"`, record);
    const mined = reader.texts("attributes", true);
    if (mined) attributes.set(asin, mined);
    const text = reader.text("instruction");
    const wanted = reader.texts("instruction_attributes", true);
    if (text !== undefined && wanted) {
      instructions.set(asin, { text, attributes: wanted, options: [] });
    }
  }
  for (const [asin, records] of entriesOf(files.human)) {
    const where = `${files.human!.name}: "${asin}"`;
    if (!Array.isArray(records)) throw wrong(where, "an array", records);
    human.set(
      asin,
      records.map((record: unknown, i) => {
        const reader = createReader(`${where}[${i}]`, record);
        const text = reader.text("instruction");
        if (text === undefined) {
          throw wrong(`${where}[${i}].instruction`, "text", text);
        }
        return {
          text,
          attributes: reader.texts("instruction_attributes") ?? [],
          options: reader.texts("instruction_options") ?? [],
        };
      }),
    );
  }
  return {
    attributes: (asin) => attributes.get(asin),
    instruction: (asin) => instructions.get(asin),
    humanInstructions: (asin) => human.get(asin) ?? [],
  };
}

/** Names and values of a file that must hold an object; nothing of a file that is absent. */
function entriesOf(file: NamedJson | undefined): [string, unknown][] {
  if (!file || file.json === undefined) return [];
  const { json, name } = file;
  if (!isObject(json)) throw wrong(name, "an object of records", json);
  return Object.entries(json);
}

/** Reads checked fields of one record. */
function createReader(where: string, record: unknown) {
  if (!isObject(record)) throw wrong(where, "an object", record);
  const fields = new Map(Object.entries(record));
  return {
    /** A text; `undefined` where it is absent or null. */
    text(field: string): string | undefined {
      const value = fields.get(field) ?? undefined;
      if (value !== undefined && typeof value !== "string") {
        throw wrong(`${where}.${field}`, "text", value);
      }
      return value;
    },
    /** A list of texts; `undefined` where it may be absent. */
    texts(field: string, optional = false): readonly string[] | undefined {
      const value = fields.get(field) ?? undefined;
      if (value === undefined && optional) return undefined;
      if (!isTexts(value)) {
        throw wrong(`${where}.${field}`, "an array of texts", value);
      }
      return value;
    },
  };
}

/** The error for a field of the wrong kind. */
function wrong(where: string, kind: string, value: unknown): TypeError {
  const shown = JSON.stringify(value)?.slice(0, 80);
  return new TypeError(
    `Cannot read WebShop files as ${where} must be ${kind}: current value is ${shown}`,
  );
}

/** Reads a file of JSON; nothing if there is no such file. */
async function readIfThere(path: string): Promise<unknown> {
  try {
    return await readJson(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
