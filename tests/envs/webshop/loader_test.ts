/**
 * Reading WebShop's files: rows cut out of any stream, errors that say where.
 *
 * @module
 */

import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import fc from "fast-check";
import { createEnvOpener } from "../../../lib/envs/open_env.ts";
import { readJsonRows } from "../../../lib/envs/webshop/json_rows.ts";
import {
  parseWebshopAnnotations,
  readWebshopCatalog,
} from "../../../lib/envs/webshop/loader.ts";

/** A text as bytes in chunks of a size. */
async function* chunksOf(
  text: string,
  size: number,
): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.slice(at, at + size);
  }
}

Deno.test("readJsonRows() gives what JSON.parse gives, however the bytes arrive", async () => {
  const rows = fc.array(fc.jsonValue(), { maxLength: 8 });
  const size = fc.integer({ min: 1, max: 40 });
  await fc.assert(
    fc.asyncProperty(rows, size, fc.boolean(), async (rows, size, pretty) => {
      const text = JSON.stringify(rows, null, pretty ? 2 : 0);
      const read = await Array.fromAsync(
        readJsonRows(chunksOf(text, size), { name: "x" }),
      );
      deepStrictEqual(read, JSON.parse(text));
    }),
  );
});

Deno.test("readJsonRows() names file, byte and row of damage, or keeps the rows before it", async () => {
  const read = (text: string, lenient = false) =>
    Array.fromAsync(
      readJsonRows(chunksOf(text, 4), { name: "items.json", lenient }),
    );
  for (const text of ["", "{}", "[1, 2", "[1, 2] 3", "[1, nope]", '["\\']) {
    await rejects(read(text), (error) =>
      error instanceof SyntaxError &&
      /"items\.json" .* byte \d+, row \d/.test(error.message));
  }
  deepStrictEqual(await read("[1, 2, nope, 3]", true), [1, 2]);
});

Deno.test("readWebshopCatalog() reads a folder, limits rows, and needs no file of people's wishes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const products = ["A", "A", "B"].map((asin) => ({ asin, name: asin }));
    const write = (name: string, json: unknown) =>
      Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(json));
    await write("items_shuffle_1000.json", products);
    await write("items_ins_v2_1000.json", {
      A: {
        attributes: ["soft touch"],
        instruction: "Find me a",
        instruction_attributes: ["soft touch"],
      },
    });
    const catalog = await readWebshopCatalog({ folder });
    deepStrictEqual(catalog.products.map(({ asin }) => asin), ["A", "B"]);
    deepStrictEqual(catalog.cleaning.dropped, { "asin is a duplicate": 1 });
    deepStrictEqual(catalog.products[0]!.attributes, ["soft touch"]);
    strictEqual(catalog.products[0]!.instruction?.text, "Find me a");
    await Deno.writeTextFile(
      `${folder}/nouns.jsonl`,
      '{"title": "A", "nouns": ["lamp"]}',
    );
    const open = createEnvOpener();
    const spec = {
      kind: "webshop",
      catalog: { folder, nouns: "nouns.jsonl" },
      splits: "webshop",
    };
    const env = await open(spec, 1);
    await env.start();
    await env.step("search[<r>]"); // "A" alone is a stop word, so no search finds it
    await env.step("click[a]");
    strictEqual((await env.step("click[buy now]")).score, 1);
    const short = await readWebshopCatalog({ folder, limit: 2 });
    strictEqual(short.products.length, 1); // cut before rows are dropped
    await Deno.writeTextFile(`${folder}/items_ins_v2_1000.json`, "{");
    await rejects(readWebshopCatalog({ folder }), /items_ins_v2_1000\.json/);
    await rejects(readWebshopCatalog({ folder: `${folder}/none` }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a wrong field is named with its file and product", () => {
  throws(
    () =>
      parseWebshopAnnotations({
        attributes: {
          name: "items_ins_v2.json",
          json: { B01: { attributes: "x" } },
        },
      }),
    /items_ins_v2\.json: "B01"\.attributes must be an array of texts: current value is "x"/,
  );
  throws(
    () =>
      parseWebshopAnnotations({
        human: { name: "items_human_ins.json", json: { B01: [{}] } },
      }),
    /items_human_ins\.json: "B01"\[0\]\.instruction must be text/,
  );
});

Deno.test("ids that are names of every object are ids like any other", () => {
  const json: unknown = JSON.parse(
    '{"__proto__": {"attributes": ["a b"]}, "constructor": {"attributes": []}}',
  );
  const { attributes } = parseWebshopAnnotations({
    attributes: { name: "x", json },
  });
  deepStrictEqual(attributes("__proto__"), ["a b"]);
  deepStrictEqual(attributes("constructor"), []);
  strictEqual(attributes("toString"), undefined);
  ok(!("attributes" in {}));
});
