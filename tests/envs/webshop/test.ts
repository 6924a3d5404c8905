/**
 * Generated shops and episodes in them: laws of a world, an expert that wins, splits without leaks.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { createEnvOpener, listEnvs } from "../../../lib/envs/open_env.ts";
import { openWebshopEpisode } from "../../../lib/envs/webshop/webshop.ts";
import {
  generateWebshop,
  generateWebshopCatalog,
} from "../../../lib/envs/webshop/shop.ts";
import {
  countWebshopAlternatives,
  measureWebshopGoal,
} from "../../reference/webshop/difficulty.ts";
import type { WebshopDifficulty } from "../../../lib/envs/webshop/families.ts";
import { generateWebshopProducts } from "../../../lib/envs/webshop/generator.ts";
import type { WebshopGoal } from "../../../lib/envs/webshop/goals.ts";
import { splitWebshopGoals } from "../../../lib/envs/webshop/splits.ts";
import { createCache } from "../../../lib/envs/cache.ts";
import {
  openWebshopSpec,
  type StockedWebshop,
} from "../../../lib/envs/webshop/spec.ts";
import { proposeWebshopSubgoals } from "../../../lib/envs/webshop/subgoals.ts";
import type { Situation } from "../../../lib/trajectory.ts";
import { conformance } from "../_conformance.ts";

const catalog = { size: 200, seed: 3 };
const open = createEnvOpener();

conformance("webshop", open, { kind: "webshop", catalog }, {
  complains: false,
});
conformance("webshop in rich text", open, {
  kind: "webshop",
  catalog,
  observation: "text_rich",
  showAttributes: true,
  split: "test",
});

Deno.test("the expert wins every goal of a generated shop with proposed subgoals and admissible actions", () => {
  for (const goals of ["human", "synthetic"] as const) {
    const shop = generateWebshop({ size: 1000, seed: 11 }, { kind: goals });
    ok(shop.goals.length > 300, `${shop.goals.length} ${goals} goals`);
    for (const goal of shop.goals) {
      const env = openWebshopEpisode(shop, { goal, seed: 1 });
      const { task, observation } = env.start();
      let situation: Situation = { task, past: [], observation };
      let won = false;
      for (let turn = 0; turn < 12 && !won; turn++) {
        const hint = env.hint()!;
        ok(situation.observation.admissibleActions.includes(hint.action));
        const proposed = proposeWebshopSubgoals(situation);
        ok(proposed.includes(hint.subgoal), `${hint.subgoal}: ${proposed}`);
        strictEqual(new Set(proposed).size, proposed.length);
        ok(proposed.length <= 16);
        const step = env.step(hint.action);
        situation = { ...situation, observation: step.observation };
        won = step.success && step.reward === 1 && step.score === 1;
      }
      ok(won, goal.instruction);
      strictEqual(env.hint(), undefined);
    }
  }
});

Deno.test("a harder catalog still has only winnable goals, a wider rank more of them", () => {
  const difficulty = {
    attributes: 5,
    options: 3,
    optionFanout: 12,
    distractors: 8,
    lexicalGap: 1,
    priceTrap: 1,
    noise: 1,
  };
  const generated = { size: 400, seed: 5, difficulty };
  const near = generateWebshop(generated, { rank: [1, 10] });
  const far = generateWebshop(generated, { rank: [1, 50] });
  ok(near.goals.length > 20 && far.goals.length >= near.goals.length);
  for (const goal of far.goals) {
    const env = openWebshopEpisode(far, { goal, seed: 1 });
    env.start();
    for (let hint = env.hint(); hint; hint = env.hint()) {
      const { success, ending } = env.step(hint.action);
      if (ending !== undefined) strictEqual(success, true);
    }
    strictEqual(env.state().page, "done");
  }
});

Deno.test("a small catalog is the beginning of a large one and of no other seed", () => {
  const small = [...generateWebshopProducts({ size: 50, seed: 4 })];
  const large = generateWebshopProducts({ size: 500, seed: 4 }).take(50);
  deepStrictEqual([...large], small);
  const other = [...generateWebshopProducts({ size: 50, seed: 5 })];
  ok(other.some(({ row }, i) => row["name"] !== small[i]!.row["name"]));
});

Deno.test("version 1 of the generator gives these very catalogs", () => {
  const digest = (size: number) => {
    const hash = createHash("sha256");
    for (const product of generateWebshopProducts({ size, seed: 0 })) {
      hash.update(`${JSON.stringify(product)}\n`);
    }
    return hash.digest("hex").slice(0, 16);
  };
  // A change of the generator makes other goals: record new digests then.
  deepStrictEqual([digest(100), digest(1000)], [
    "8a077f1a8154268a",
    "c6561841cea08369",
  ]);
});

Deno.test("alternatives are counted among products of the same kind", () => {
  const shop = generateWebshop({ size: 300, seed: 1 });
  const counts = shop.goals.map((goal) => countWebshopAlternatives(shop, goal));
  ok(counts.some((count) => count > 0) && counts.some((count) => count === 0));
  const [goal] = shop.goals;
  const other = { ...goal!, priceUpper: -1 };
  strictEqual(countWebshopAlternatives(shop, other), 0);
});

Deno.test("difficulty is what the knobs say: more is hidden, wished for, and found later", () => {
  const mean = (difficulty: WebshopDifficulty) => {
    const { goals, ...shop } = generateWebshop(
      { size: 400, seed: 8, difficulty },
      { rank: [1, 50] },
    );
    const facts = goals
      .map((goal) => measureWebshopGoal({ ...shop, goals }, goal));
    const average = (key: "attributes" | "options" | "hidden" | "rank") =>
      facts.reduce((sum, fact) => sum + fact[key], 0) / facts.length;
    return {
      attributes: average("attributes"),
      options: average("options"),
      hidden: average("hidden") / average("attributes"),
      rank: average("rank"),
    };
  };
  const easy = mean({
    attributes: 1,
    options: 0,
    distractors: 0,
    lexicalGap: 0,
  });
  const hard = mean({
    attributes: 4,
    options: 3,
    distractors: 9,
    lexicalGap: 1,
  });
  deepStrictEqual([easy.attributes, easy.options], [1, 0]);
  ok(easy.hidden < 0.3); // titles name three attributes at most
  ok(hard.attributes > 2 && hard.options > 0.5 && hard.hidden > 0.9);
  ok(hard.rank > easy.rank, `rank ${easy.rank} to ${hard.rank}`);
});

Deno.test("every generated product is kept, and shares follow the measured ones", () => {
  const { products, cleaning } = generateWebshopCatalog({ size: 4000 });
  strictEqual(products.length, 4000);
  deepStrictEqual(cleaning.dropped, {});
  const share = (matches: (product: typeof products[number]) => boolean) =>
    products.filter(matches).length / products.length;
  ok(Math.abs(share(({ category }) => category === "beauty") - 0.24) < 0.05);
  ok(Math.abs(share(({ category }) => category === "grocery") - 0.12) < 0.05);
  ok(products.every(({ asin }) => /^B0[0-9A-Z]{8}$/.test(asin)));
});

Deno.test("a generated catalog refuses settings out of range and says which", () => {
  throws(
    () => generateWebshopCatalog({ size: 0 }),
    /"size" must be an integer in \[1, 10_000_000\]: current value is 0/,
  );
  throws(
    () => generateWebshopCatalog({ size: 9, difficulty: { distractors: 99 } }),
    /"difficulty.distractors" must be in \[0, 12\]: current value is 99/,
  );
});

Deno.test("leak-free splits share no product, kind or phrase with training where they say so", () => {
  const { goals } = generateWebshop({ size: 2000, seed: 2 });
  const parts = splitWebshopGoals(goals);
  const keys = (
    part: readonly number[],
    key: (goal: WebshopGoal) => string[],
  ) => new Set(part.flatMap((i) => key(goals[i]!)));
  const asins = (part: readonly number[]) => keys(part, (g) => [g.asin]);
  const leaves = (part: readonly number[]) => keys(part, (g) => [g.query]);
  const phrases = (part: readonly number[]) =>
    keys(part, (g) => [...g.attributes]);
  const { train, validation, test } = parts;
  ok(asins(train).isDisjointFrom(asins(parts["unseen-product"])));
  ok(leaves(train).isDisjointFrom(leaves(parts["unseen-leaf"])));
  ok(asins(train).isDisjointFrom(asins(test)));
  const isNew = (i: number) =>
    goals[i]!.attributes.some((phrase) => !phrases(train).has(phrase));
  ok(parts["unseen-phrase"].every(isNew));
  ok(new Set(train).isDisjointFrom(new Set(validation)));
  for (const [name, part] of Object.entries(parts)) {
    ok(part.length > 0, `${name} has goals`);
  }
  ok(train.length > goals.length / 3);
});

Deno.test("splits by position are WebShop's and the reference trainer's", () => {
  const { goals } = generateWebshop({ size: 100, seed: 2 });
  const many = Array.from({ length: 6910 }, () => goals[0]!);
  const sizes = (scheme: "webshop" | "hiper", goals: WebshopGoal[]) => {
    const { train, validation, test } = splitWebshopGoals(goals, scheme);
    return [test.length, validation.length, train.length];
  };
  deepStrictEqual(sizes("webshop", many), [500, 1000, 5410]);
  deepStrictEqual(sizes("webshop", many.slice(0, 105)), [10, 10, 85]);
  deepStrictEqual(sizes("hiper", many), [500, 500, 6410]);
});

Deno.test("openWebshopSpec() draws a goal by seed, takes one by number, and refuses what is not there", async () => {
  const shelf = createCache<StockedWebshop>(2);
  const spec = { kind: "webshop", catalog };
  const task = async (extra: object, seed: number) =>
    (await (await openWebshopSpec({ ...spec, ...extra }, seed, shelf)).start())
      .task;
  strictEqual(await task({}, 1), await task({}, 1));
  const tasks = new Set<string>();
  for (let seed = 0; seed < 20; seed++) tasks.add(await task({}, seed));
  ok(tasks.size > 10);
  strictEqual(await task({ goal: 3 }, 1), await task({ goal: 3 }, 2));
  throws(() => openWebshopSpec({ ...spec, goal: 1e6 }, 1, shelf), RangeError);
  throws(
    () => openWebshopSpec({ ...spec, catalogue: 1 }, 1, shelf),
    /"catalogue" is not a setting: did you mean "catalog"/,
  );
});

Deno.test("a dataset lists every goal of its split once", async () => {
  const specs = await listEnvs({
    dataset: "webshop",
    catalog,
    split: "validation",
  });
  ok(specs.length > 3);
  const tasks = new Set<string>();
  for (const spec of specs) {
    const env = await open(spec, 1);
    tasks.add((await env.start()).task);
  }
  strictEqual(tasks.size, specs.length);
});

Deno.test("the reference preset pays 10, shortens observations and ends after 50 actions", async () => {
  const spec = {
    kind: "webshop",
    catalog: { size: 1000, seed: 1 },
    preset: "webshop-reference",
    split: "validation",
    goal: 0,
  };
  const env = await open(spec, 1);
  const { observation } = await env.start();
  strictEqual(observation.text, "'Search'");
  let last;
  for (let hint = env.hint!(); hint; hint = env.hint!()) {
    last = await env.step(hint.action);
  }
  strictEqual(last?.reward, 10);
  const idle = await open(spec, 1);
  await idle.start();
  for (let turn = 1; turn < 50; turn++) {
    strictEqual((await idle.step("wait")).ending, undefined);
  }
  strictEqual((await idle.step("wait")).ending, "terminated");
});
