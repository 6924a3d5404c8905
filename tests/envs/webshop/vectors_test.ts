/**
 * Replays recorded random numbers, cleaned products, goals and searches of the original.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { createBm25Index } from "../../../lib/envs/webshop/search/bm25.ts";
import { createPythonRandom } from "../../../lib/envs/webshop/parity/python_random.ts";
import { createNumpyRandom } from "../../reference/webshop/wrapper.ts";
import { createWebshopAnalyzer } from "../../../lib/envs/webshop/search/analyzer.ts";
import {
  createWebshopCataloger,
  type WebshopProduct,
} from "../../../lib/envs/webshop/catalog.ts";
import {
  drawWebshopPrices,
  listWebshopGoals,
  type WebshopGoal,
} from "../../../lib/envs/webshop/goals.ts";
import {
  catalogOf,
  type LoaderVectors,
  readVectors,
  replay,
} from "./_vectors.ts";

type RandomCase =
  & { readonly seed: number }
  & (
    | {
      readonly fn: "python_random";
      readonly random: readonly number[];
      readonly getrandbits32: readonly number[];
      readonly getrandbits3: readonly number[];
      readonly shuffle_range12: readonly number[];
      readonly sample_4_choose_2: readonly number[][];
      readonly sample_3_choose_2: readonly number[][];
      readonly sample_2_choose_2: readonly number[][];
      readonly "uniform_1.5_9.25": readonly number[];
      readonly choices_ascii_lowercase_k10: string;
    }
    | {
      readonly fn: "python_shuffle_big";
      readonly n: number;
      readonly first: readonly number[];
      readonly sha1_of_comma_joined: string;
    }
    | {
      readonly fn: "numpy_randomstate_choice";
      readonly population: string;
      readonly size: number;
      readonly draw1: readonly number[];
      readonly draw2: readonly number[];
    }
  );

replay<{ cases: readonly RandomCase[] }>("rng.json", ({ cases }) => {
  for (const expected of cases) {
    if (expected.fn === "numpy_randomstate_choice") {
      const [, numbers] = expected.population.match(/range\(([\d, ]+)\)/)!;
      const bounds = numbers!.split(",").map(Number);
      const start = bounds.length > 1 ? bounds[0]! : 0;
      const random = createNumpyRandom(expected.seed);
      for (const draw of [expected.draw1, expected.draw2]) {
        const drawn = random.choice(bounds.at(-1)! - start, expected.size);
        deepStrictEqual(drawn.map((index) => start + index), draw);
      }
      continue;
    }
    if (expected.fn === "python_shuffle_big") {
      const items = Array.from({ length: expected.n }, (_, i) => i);
      createPythonRandom(expected.seed).shuffle(items);
      deepStrictEqual(items.slice(0, expected.first.length), expected.first);
      const digest = createHash("sha1").update(items.join(",")).digest("hex");
      strictEqual(digest, expected.sha1_of_comma_joined);
      continue;
    }
    const fresh = () => createPythonRandom(expected.seed);
    const repeat = <T>(times: number, draw: () => T) =>
      Array.from({ length: times }, draw);
    let random = fresh();
    deepStrictEqual(repeat(4, () => random.random()), expected.random);
    random = fresh();
    deepStrictEqual(repeat(4, () => random.bits(32)), expected.getrandbits32);
    random = fresh();
    deepStrictEqual(repeat(8, () => random.bits(3)), expected.getrandbits3);
    const items = Array.from({ length: 12 }, (_, i) => i);
    fresh().shuffle(items);
    deepStrictEqual(items, expected.shuffle_range12);
    random = fresh(); // one stream for lists of four, three and two
    for (
      const [size, draws] of [
        [4, expected.sample_4_choose_2],
        [3, expected.sample_3_choose_2],
        [2, expected.sample_2_choose_2],
      ] as const
    ) {
      const pool = [10, 20, 30, 40].slice(0, size);
      for (const draw of draws) deepStrictEqual(random.sample(pool, 2), draw);
    }
    random = fresh();
    deepStrictEqual(
      repeat(3, () => random.between(1.5, 9.25)),
      expected["uniform_1.5_9.25"],
    );
    strictEqual(
      fresh().choices("abcdefghijklmnopqrstuvwxyz", 10).join(""),
      expected.choices_ascii_lowercase_k10,
    );
  }
});

/** A cleaned product in the words of the recordings. */
function recorded(product: WebshopProduct): Record<string, unknown> {
  const values = [...product.options.values()].flat();
  return {
    asin: product.asin,
    Title: product.title,
    Description: product.description,
    BulletPoints: product.bullets,
    pricing: product.prices,
    Price: product.priceText,
    options: Object.fromEntries(product.options),
    option_to_image: Object.fromEntries(
      values.map((v) => [v, product.optionImages.get(v) ?? null]),
    ),
    Attributes: product.attributes,
    MainImage: product.image,
    category: product.category,
    query: product.query,
    product_category: product.productCategory,
    Rating: "N.A.",
    Reviews: [],
    n_instructions: product.humanInstructions.length,
  };
}

/** What the project keeps where the original keeps nulls, labels without text, or absurd prices. */
function harmless(field: string, value: unknown): unknown {
  if (field === "pricing" && Array.isArray(value)) {
    return value.map((price) => Math.min(price, 1e9));
  }
  if (field === "options" && typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, values]) => [
        name,
        Array.isArray(values) ? values.filter((v) => v !== "") : values,
      ]),
    );
  }
  return Array.isArray(value) ? value.map((x) => x ?? "") : value ?? "";
}

replay<LoaderVectors>("loader.json", (file) => {
  const catalog = catalogOf(file);
  const { order, products, prices_seed_7 } = file.human_mode;
  deepStrictEqual(catalog.products.map(({ asin }) => asin), order);
  for (const [i, expected] of products.entries()) {
    const actual = recorded(catalog.products[i]!);
    for (const [field, value] of Object.entries(expected)) {
      if (field === "option_to_image") continue; // compared below
      const wanted = harmless(field, value);
      deepStrictEqual(actual[field], wanted, `${expected["asin"]}.${field}`);
    }
    const { optionImages, options } = catalog.products[i]!;
    // Pictures of values that another list of the same name replaced are not kept.
    for (const value of [...options.values()].flat()) {
      const wanted = Reflect.get(Object(expected["option_to_image"]), value);
      strictEqual(optionImages.get(value) ?? null, wanted, value);
    }
  }
  const prices = drawWebshopPrices(catalog, createPythonRandom(7));
  for (const [i, { asin }] of catalog.products.entries()) {
    strictEqual(prices[i], prices_seed_7[asin], asin);
  }
});

replay<LoaderVectors>("loader.json", ({ edge_base, edges }) => {
  for (const edge of edges) {
    const row = { ...edge_base, ...edge.change };
    if (edge.missing !== undefined) delete row[edge.missing];
    const cataloger = createWebshopCataloger();
    cataloger.add(row);
    const { products, cleaning } = cataloger.finish();
    const name = JSON.stringify(edge.change ?? edge.missing);
    if (products.length === 0) {
      // The original keeps a product without an id, which nothing can link to.
      const kept = row["asin"] === "" ? 0 : edge.products?.length ?? 0;
      strictEqual(kept, 0, name);
      strictEqual(Object.values(cleaning.dropped)[0], 1, name);
      continue;
    }
    const actual = recorded(products[0]!);
    if (edge.pricing) {
      const pricing = harmless("pricing", edge.pricing);
      deepStrictEqual(actual["pricing"], pricing, name);
      const clamped = edge.pricing.some((price) => price > 1e9);
      if (!clamped) strictEqual(actual["Price"], edge.Price, name);
    }
    for (const [field, value] of Object.entries(edge.products?.[0] ?? {})) {
      if (field === "option_to_image") continue; // images of replaced values are not kept
      const expected = harmless(field, value);
      deepStrictEqual(actual[field], expected, `${name} ${field}`);
    }
    if (edge.upstream_raises && edge.change && "pricing" in edge.change) {
      // Where the original crashes, the price is unknown.
      deepStrictEqual(actual["pricing"], [100], name);
      strictEqual(cleaning.mended["pricing cannot be read"], 1, name);
    }
    if (edge.upstream_raises) {
      const mended = Object.values(cleaning.mended).length;
      const lacksOptions = edge.missing === "customization_options";
      ok(lacksOptions || mended > 0, `${name} is mended and counted`);
    }
  }
});

interface RecordedGoal {
  readonly asin: string;
  readonly instruction_text: string;
  readonly attributes: readonly string[];
  readonly price_upper: number;
  readonly goal_options: readonly string[] | Readonly<Record<string, string>>;
  readonly weight: number;
}

/** Options of a goal in the words of the recordings. */
function recordedOptions(goal: WebshopGoal): RecordedGoal["goal_options"] {
  const { options } = goal;
  return options.every(({ name }) => name === undefined)
    ? options.map(({ value }) => value)
    : Object.fromEntries(options.map(({ name, value }) => [name!, value]));
}

type GoalVectors = Record<"human" | "synthetic", {
  readonly n: number;
  readonly goals: readonly RecordedGoal[];
  readonly cum_weights: readonly number[];
}>;

replay<GoalVectors>("goals.json", (file) => {
  const catalog = catalogOf(readVectors<LoaderVectors>("loader.json")!);
  for (const kind of ["human", "synthetic"] as const) {
    const { n, goals: expected, cum_weights } = file[kind];
    const { goals } = listWebshopGoals(catalog, { kind, priceSeed: 7 });
    strictEqual(goals.length, n);
    let sum = 0;
    for (const [i, goal] of goals.entries()) {
      const wanted = expected[i]!;
      strictEqual(goal.asin, wanted.asin, `${kind} goal ${i}`);
      strictEqual(goal.instruction, wanted.instruction_text);
      deepStrictEqual(goal.attributes, wanted.attributes);
      strictEqual(goal.priceUpper, wanted.price_upper);
      if (goal.options.length > 0) {
        deepStrictEqual(recordedOptions(goal), wanted.goal_options);
        const pairs = Object.entries(wanted.goal_options);
        if (kind === "synthetic") {
          deepStrictEqual(goal.options.map((o) => [o.name, o.value]), pairs);
        }
      } else strictEqual(Object.keys(wanted.goal_options).length, 0);
      ok(Math.abs(goal.weight - wanted.weight) <= 1e-12);
      sum += goal.weight;
      ok(Math.abs(sum - cum_weights[i + 1]!) <= 1e-12 * (1 + sum));
    }
  }
});

interface SearchVectors {
  readonly stats: {
    readonly docCount: number;
    readonly sumTotalTermFreq: number;
    readonly sumDocFreq: number;
    readonly uniqueTerms: number;
  };
  readonly norm_bytes: readonly number[];
  readonly analyzer: readonly {
    readonly text: string;
    readonly tokens: readonly string[];
  }[];
  readonly docs: readonly (readonly [string, string])[];
  readonly queries: readonly {
    readonly q: string;
    readonly hits: readonly (readonly [string, number])[];
  }[];
}

replay<SearchVectors>("search.json", (file) => {
  const analyzer = createWebshopAnalyzer();
  for (const { text, tokens } of file.analyzer) {
    deepStrictEqual(analyzer.terms(text), tokens, text);
  }
  const index = createBm25Index(
    file.docs.map(([id, text]) => ({ id, terms: analyzer.terms(text) })),
  );
  const { documents, tokens, postings, terms } = index.statistics;
  deepStrictEqual({
    docCount: documents,
    sumTotalTermFreq: tokens,
    sumDocFreq: postings,
    uniqueTerms: terms,
  }, file.stats);
  // Lucene stores no norms after the last document that has the field.
  const bytes = [...index.lengthBytes];
  deepStrictEqual(bytes.slice(0, file.norm_bytes.length), file.norm_bytes);
  ok(bytes.slice(file.norm_bytes.length).every((byte) => byte === 0));
  for (const { q, hits } of file.queries) {
    const found = index.search(analyzer.terms(q), 50);
    const ids = [...found.documents].map((i) => file.docs[i]![0]);
    deepStrictEqual(ids, hits.map(([id]) => id), q);
    deepStrictEqual(
      [...found.scores],
      hits.map(([, score]) => Math.fround(score)),
      q,
    );
  }
});
