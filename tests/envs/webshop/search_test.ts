/**
 * Laws of the analyzer and the ranking.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createBm25Index } from "../../../lib/envs/webshop/search/bm25.ts";
import { porterStem } from "../../../lib/envs/webshop/search/porter_stemmer.ts";
import { createWebshopAnalyzer } from "../../../lib/envs/webshop/search/analyzer.ts";
import { proposeWebshopQueries } from "../../../lib/envs/webshop/subgoals.ts";

const analyzer = createWebshopAnalyzer();
const text = fc.string({ unit: "binary", maxLength: 60 });

Deno.test("words on both sides of a space are found apart", () => {
  fc.assert(fc.property(text, text, (a, b) => {
    deepStrictEqual(analyzer.terms(`${a} ${b}`), [
      ...analyzer.terms(a),
      ...analyzer.terms(b),
    ]);
  }));
});

Deno.test("words are as Unicode breaks them, where other tokenizers differ", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["color:red fl.oz 3.5mm 1,000", ["color:r", "fl.oz", "3.5mm", "1,000"]],
    ['t-shirt 18"x18" m/l #1 $19.99', [
      "t",
      "shirt",
      "18",
      "x18",
      "m",
      "l",
      "1",
      "19.99",
    ]],
    ["❤️ 👩‍👩‍👧 🇩🇪 #️⃣ 1️⃣", ["❤️", "👩‍👩‍👧", "🇩🇪", "#️⃣", "1️⃣"]],
    ["x".repeat(300), ["x".repeat(255), "x".repeat(45)]],
    ["İZMİR ΣΑΣ", ["izmir", "σασ"]],
    ["1.x x.1 1,x _ __", ["1", "x", "x", "1", "1", "x"]],
  ];
  for (const [text, terms] of cases) {
    deepStrictEqual(analyzer.terms(text), terms, text);
  }
});

Deno.test("porterStem() never lengthens a word by more than a letter and keeps short words", () => {
  fc.assert(fc.property(fc.stringMatching(/^[a-z]{1,12}$/), (word) => {
    const stem = porterStem(word);
    ok(stem.length <= word.length + 1);
    if (word.length <= 2) strictEqual(stem, word);
  }));
  deepStrictEqual(
    ["ies", "eeds", "skyed", "relational", "hopping"].map(porterStem),
    ["i", "eed", "sky", "relat", "hop"],
  );
});

const word = fc.constantFrom("red", "lamp", "soft", "tea", "oak", "big");
const documents = fc.array(fc.array(word, { maxLength: 30 }), {
  maxLength: 60,
});

Deno.test("a search finds exactly the documents that hold a word, best first, ties by id", () => {
  fc.assert(
    fc.property(documents, fc.array(word, { maxLength: 4 }), (texts, query) => {
      const ids = texts.map((_, i) => `B${(i * 37) % 1000}`);
      const index = createBm25Index(
        texts.map((terms, i) => ({ id: ids[i]!, terms })),
      );
      const { documents, scores } = index.search(query, 100);
      const holding = texts.flatMap((terms, i) =>
        terms.some((term) => query.includes(term)) ? [i] : []
      );
      deepStrictEqual([...documents].sort((a, b) => a - b), holding);
      for (let k = 1; k < scores.length; k++) {
        const [before, here] = [documents[k - 1]!, documents[k]!];
        ok(
          scores[k - 1]! > scores[k]! ||
            scores[k - 1] === scores[k] && ids[before]! < ids[here]!,
        );
      }
      const few = index.search(query, 5);
      deepStrictEqual([...few.documents], [...documents.slice(0, 5)]);
      deepStrictEqual(index.search(query, 100).documents, documents);
    }),
  );
});

Deno.test("a document with more of a word scores higher at the same length", () => {
  const index = createBm25Index([
    { id: "a", terms: ["red", "lamp", "lamp"] },
    { id: "b", terms: ["red", "red", "lamp"] },
    { id: "c", terms: ["tea", "tea", "tea"] },
  ]);
  deepStrictEqual([...index.search(["red"], 9).documents], [1, 0]);
});

Deno.test("proposed searches are distinct, can be typed, and come from the wish", () => {
  fc.assert(fc.property(text, (wish) => {
    const queries = proposeWebshopQueries(wish);
    ok(queries.length >= 1 && queries.length <= 4);
    strictEqual(new Set(queries).size, queries.length);
    ok(queries.every((query) => !/[[\]\n]/.test(query) && query !== ""));
  }));
  deepStrictEqual(
    proposeWebshopQueries(
      "Find me double sided window coverings with metal legs with color: red, and size: m, and price lower than 50.00 dollars",
    )[0],
    "double sided window coverings metal legs color red size m",
  );
});
