/**
 * Reads the recorded WebShop vectors and makes shops of their made-up products.
 *
 * Source: recordings of princeton-nlp/WebShop (commit 64fa2a5), Apache Lucene 8.7.0 and the wrapper
 * of JonP07/HiPER-agent (commit 9d3c118); each file says how it was made.
 *
 * @module
 */

import {
  createWebshopCataloger,
  type WebshopCatalog,
} from "../../../lib/envs/webshop/catalog.ts";
import { parseWebshopAnnotations } from "../../../lib/envs/webshop/loader.ts";

const FOLDER = Deno.env.get("HIPER_VECTORS")
  ? new URL(`file://${Deno.realPathSync(Deno.env.get("HIPER_VECTORS")!)}/`)
  : new URL("../../vectors/", import.meta.url);

/**
 * Reads one file of vectors; `undefined` if the folder has no such file.
 *
 * @typeParam File What the file holds; trusted, as a wrong one fails its test at once.
 * @param name Name of the file.
 */
export function readVectors<File>(name: string): File | undefined {
  try {
    return JSON.parse(
      Deno.readTextFileSync(new URL(`webshop/${name}`, FOLDER)),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The made-up data behind loader, goals and transcripts. */
export interface LoaderVectors {
  readonly raw_items: readonly unknown[];
  readonly ins: unknown;
  readonly human: unknown;
  readonly edge_base: Record<string, unknown>;
  readonly edges: readonly {
    readonly change?: Record<string, unknown>;
    readonly missing?: string;
    readonly pricing?: readonly number[];
    readonly Price?: string;
    readonly upstream_raises?: string;
    readonly products?: readonly Record<string, unknown>[];
  }[];
  readonly human_mode: {
    readonly order: readonly string[];
    readonly products: readonly Record<string, unknown>[];
    readonly prices_seed_7: Readonly<Record<string, number>>;
  };
}

/** Cleans the made-up data. */
export function catalogOf(vectors: LoaderVectors): WebshopCatalog {
  const cataloger = createWebshopCataloger(parseWebshopAnnotations({
    attributes: { name: "items_ins_v2.json", json: vectors.ins },
    human: { name: "items_human_ins.json", json: vectors.human },
  }));
  for (const row of vectors.raw_items) cataloger.add(row);
  return cataloger.finish();
}

/** Registers a test that is ignored where the vectors are not there. */
export function replay<File>(
  name: string,
  test: (file: File) => void,
): void {
  const file = readVectors<File>(name);
  Deno.test({
    name: `vectors webshop/${name} are reproduced${
      file ? "" : " [needs a file of HIPER_VECTORS]"
    }`,
    ignore: file === undefined,
    fn: () => test(file!),
  });
}
