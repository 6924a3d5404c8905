/**
 * Rewards and similarities: the original's recordings, and laws.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createPythonRandom } from "../../lib/envs/python_random.ts";
import { tokenSetRatio } from "../../lib/envs/token_set_ratio.ts";
import {
  pickWebshopGoal,
  type WebshopGoalOption,
} from "../../lib/envs/webshop_goals.ts";
import {
  classifyWebshopColor,
  classifyWebshopSize,
  normalizeWebshopColor,
  WEBSHOP_COLORS,
  webshopReceiptCode,
} from "../../lib/envs/webshop_normalize.ts";
import { parseNounTable, titleNouns } from "../../lib/envs/webshop_nouns.ts";
import {
  countWebshopAttributes,
  countWebshopOptions,
  scoreWebshopPurchase,
  scoreWebshopType,
  webshopPairText,
  webshopTypeFactor,
} from "../../lib/envs/webshop_reward.ts";
import { readVectors } from "./_webshop_vectors.ts";

interface RecordedProduct {
  readonly name: string;
  readonly query: string;
  readonly product_category: string;
  readonly Title?: string;
  readonly Description?: string;
  readonly BulletPoints?: string | readonly string[];
  readonly Attributes?: readonly string[];
}

/** A product of the recordings. */
function productOf(recorded: RecordedProduct) {
  const bullets = recorded.BulletPoints ?? [];
  return {
    title: recorded.name,
    query: recorded.query,
    productCategory: recorded.product_category,
    attributes: recorded.Attributes ?? [],
    // Where the original was given one text, it joined its characters by spaces.
    bullets: typeof bullets === "string" ? [...bullets] : bullets,
    description: recorded.Description ?? "",
  };
}

interface RecordedGoal extends RecordedProduct {
  readonly attributes: readonly string[];
  readonly price_upper: number;
  readonly goal_options: readonly string[] | Readonly<Record<string, string>>;
}

/** A goal of the recordings. */
function goalOf(recorded: RecordedGoal) {
  const { goal_options: wanted } = recorded;
  const options: WebshopGoalOption[] = isTexts(wanted)
    ? wanted.map((value) => ({ value }))
    : Object.entries(wanted).map(([name, value]) => ({ name, value }));
  return {
    name: recorded.name,
    query: recorded.query,
    productCategory: recorded.product_category,
    attributes: recorded.attributes,
    priceUpper: recorded.price_upper,
    options,
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

/** Scores a recorded purchase and names the parts as the original does. */
function recordedScore(
  purchase: { purchased: RecordedProduct; price: number },
  goal: RecordedGoal,
  options: Readonly<Record<string, string>>,
) {
  const wanted = goalOf(goal);
  const score = scoreWebshopPurchase({
    product: productOf(purchase.purchased),
    price: purchase.price,
    options: Object.values(options),
  }, wanted);
  const parts = wanted.attributes.length + wanted.options.length + 1;
  return {
    reward: score.total,
    r_type: score.type.factor,
    query_match: score.type.queryMatch,
    category_match: score.type.categoryMatch,
    title_score: score.type.titleScore,
    r_att: score.attributes / wanted.attributes.length,
    w_att: wanted.attributes.length / parts,
    r_price: score.price,
    w_price: 1 / parts,
    ...(wanted.options.length > 0
      ? {
        r_option: score.options / wanted.options.length,
        w_option: wanted.options.length / parts,
      }
      : {}),
  };
}

/** Asserts what a recording expects: numbers within a tolerance, the rest exactly. */
function assertRecorded(
  actual: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
  where: string,
): void {
  for (const [field, wanted] of Object.entries(expected)) {
    const value = actual[field], what = `${where} ${field}: ${value}`;
    if (typeof wanted === "number") {
      ok(Math.abs(Number(value) - wanted) <= 1e-9, `${what}, not ${wanted}`);
    } else if (typeof wanted === "object" && wanted !== null) {
      const bound: unknown = Reflect.get(wanted, "less_than");
      if (typeof bound === "number") ok(Number(value) < bound, what);
      else {
        const off = Math.abs(
          Number(value) - Number(Reflect.get(wanted, "value")),
        );
        ok(off <= Number(Reflect.get(wanted, "abs_tol")), what);
      }
    } else strictEqual(value, wanted, what);
  }
}

/** A type comparison with the names of the original. */
function recordedType(purchased: RecordedProduct, goal: RecordedProduct) {
  const type = scoreWebshopType(productOf(purchased), {
    name: goal.name,
    query: goal.query,
    productCategory: goal.product_category,
  }, titleNouns);
  return {
    r_type: type.factor,
    query_match: type.queryMatch,
    category_match: type.categoryMatch,
    title_score: type.titleScore,
  };
}

type RandomCase =
  & { readonly id: string }
  & (
    | {
      readonly fn: "token_set_ratio";
      readonly a: string;
      readonly b: string;
      readonly expected: number;
    }
    | {
      readonly fn: "token_set_ratio_pair";
      readonly option_name: string;
      readonly option_value: string;
      readonly purchased: string;
      readonly expected: number;
    }
    | {
      readonly fn: "reward";
      readonly purchased: RecordedProduct;
      readonly goal: RecordedGoal;
      readonly price: number;
      readonly options: Readonly<Record<string, string>>;
      readonly nouns_purchased: readonly string[];
      readonly nouns_goal: readonly string[];
      readonly expected: Readonly<Record<string, unknown>>;
    }
    | {
      readonly fn: "typeReward";
      readonly purchased: RecordedProduct;
      readonly goal: RecordedProduct;
      readonly nouns_purchased: readonly string[];
      readonly nouns_goal: readonly string[];
      readonly expected: Readonly<Record<string, unknown>>;
    }
  );

/** Replays one case of `random.json`. */
function replayRandom(vector: RandomCase): void {
  switch (vector.fn) {
    case "token_set_ratio":
      strictEqual(
        tokenSetRatio(vector.a, vector.b),
        vector.expected,
        vector.id,
      );
      break;
    case "token_set_ratio_pair": {
      const pair = webshopPairText(vector.option_name, vector.option_value);
      const ratio = tokenSetRatio(vector.purchased, pair);
      strictEqual(ratio, vector.expected, vector.id);
      break;
    }
    case "reward": {
      const { goal, options, expected, id } = vector;
      const score = recordedScore(vector, goal, options);
      assertRecorded(score, expected, id);
      strictEqual("r_option" in score, "r_option" in expected, id);
      deepStrictEqual(titleNouns(goal.name), vector.nouns_goal, id);
      break;
    }
    case "typeReward": {
      const { purchased, goal, expected, id } = vector;
      deepStrictEqual(titleNouns(purchased.name), vector.nouns_purchased, id);
      assertRecorded(recordedType(purchased, goal), expected, id);
      break;
    }
    default:
      throw new TypeError(`no such case: ${JSON.stringify(vector)}`);
  }
}

const random = readVectors<{ cases: readonly RandomCase[] }>("random.json");
Deno.test({
  name:
    "vectors webshop/random.json are reproduced: similarities, rewards of made-up products",
  ignore: random === undefined, // the folder holds no such vectors
  fn: () => random!.cases.forEach(replayRandom),
});

type PeerCase =
  & { readonly id: string }
  & (
    | {
      readonly fn: "typeReward";
      readonly input: {
        readonly purchased: RecordedProduct;
        readonly goal: RecordedProduct;
      };
      readonly expected: Readonly<Record<string, unknown>>;
    }
    | {
      readonly fn: "attributeReward";
      readonly input: {
        readonly purchased: RecordedProduct;
        readonly goal: { readonly attributes: readonly string[] };
      };
      readonly expected: Readonly<Record<string, unknown>>;
    }
    | {
      readonly fn: "optionReward";
      readonly input: {
        readonly purchased_options: readonly string[];
        readonly goal_options: readonly string[];
      };
      readonly expected: Readonly<Record<string, unknown>>;
    }
    | {
      readonly fn: "reward";
      readonly input: {
        readonly purchased: RecordedProduct;
        readonly goal: RecordedGoal;
        readonly price: number;
        readonly options: Readonly<Record<string, string>>;
      };
      readonly expected: Readonly<Record<string, unknown>>;
    }
    | {
      readonly fn: "normalizeColor";
      readonly input: { readonly s: string };
      readonly expected: string;
    }
    | {
      readonly fn: "colorMapping";
      readonly input: { readonly color: string };
      readonly expected: string;
    }
    | {
      readonly fn: "sizeMapping";
      readonly input: { readonly size: string };
      readonly expected: string;
    }
    | {
      readonly fn: "mturkCode";
      readonly input: { readonly session_id: string };
      readonly expected: string;
    }
    | {
      readonly fn: "randomIdx";
      readonly input: {
        readonly python_seed: number;
        readonly draw: number;
        readonly weights: readonly number[];
        readonly uniform01: number;
      };
      readonly expected: number;
    }
    | {
      readonly fn: "combine";
      readonly input: {
        readonly num_attributes: number;
        readonly num_attr_matches: number;
        readonly num_options: number;
        readonly num_option_matches: number;
        readonly r_price: boolean;
        readonly r_type: number;
      };
      readonly expected: number;
    }
    | {
      readonly fn: "typeLadder";
      readonly input: {
        readonly query_match: boolean;
        readonly category_match: boolean;
        readonly title_score: number;
      };
      readonly expected: number;
    }
    | { readonly fn: "nounCountTruth" }
  );

/** Replays one case of `reward.json`. */
function replayPeer(vector: PeerCase): void {
  const { id } = vector;
  switch (vector.fn) {
    case "typeReward": {
      const { purchased, goal } = vector.input;
      assertRecorded(recordedType(purchased, goal), vector.expected, id);
      break;
    }
    case "attributeReward": {
      const { purchased, goal } = vector.input;
      const matches = countWebshopAttributes(
        { ...productOf(purchased), title: purchased.Title ?? "" },
        goal.attributes,
      );
      assertRecorded(
        {
          num_attr_matches: matches,
          r_attr: matches / goal.attributes.length,
        },
        vector.expected,
        id,
      );
      break;
    }
    case "optionReward": {
      const { purchased_options, goal_options } = vector.input;
      const matches = countWebshopOptions(
        purchased_options.map(normalizeWebshopColor),
        goal_options.map(normalizeWebshopColor),
      );
      assertRecorded(
        {
          num_option_matches: matches,
          r_option: matches / goal_options.length,
        },
        vector.expected,
        id,
      );
      break;
    }
    case "reward": {
      const { purchased, goal, price, options } = vector.input;
      const score = recordedScore({ purchased, price }, goal, options);
      assertRecorded(score, vector.expected, id);
      break;
    }
    case "normalizeColor":
      strictEqual(normalizeWebshopColor(vector.input.s), vector.expected, id);
      break;
    case "colorMapping":
      strictEqual(
        classifyWebshopColor(vector.input.color),
        vector.expected,
        id,
      );
      break;
    case "sizeMapping":
      strictEqual(classifyWebshopSize(vector.input.size), vector.expected, id);
      break;
    case "mturkCode":
      strictEqual(
        webshopReceiptCode(vector.input.session_id),
        vector.expected,
        id,
      );
      break;
    case "randomIdx": {
      const { weights, uniform01 } = vector.input;
      const picked = pickWebshopGoal(weights, uniform01, { offByOne: true });
      strictEqual(picked, vector.expected, id);
      break;
    }
    default:
      replayArithmetic(vector);
  }
}

/** Replays the cases that check arithmetic alone; noun counts of a real tagger are informative. */
function replayArithmetic(
  vector: Extract<
    PeerCase,
    { fn: "combine" | "typeLadder" | "nounCountTruth" }
  >,
): void {
  if (vector.fn === "combine") {
    const { input } = vector;
    // A purchase with that many matches: matched phrases are equal, others share no letter.
    const phrases = (total: number, matched: number) =>
      Array.from(
        { length: total },
        (_, i) => i < matched ? `aaa${i}` : `z${i}`,
      );
    const price = input.r_price ? 1 : 1000;
    const title = "one two three four five six seven eight nine ten eleven";
    const words = title.split(" ");
    const name = input.r_type === 1 ? title : `${words[0]} x y z v w u t`;
    const { total, type } = scoreWebshopPurchase({
      product: {
        title,
        query: "a",
        productCategory: "a",
        attributes: phrases(input.num_attributes, input.num_attr_matches)
          .slice(0, input.num_attr_matches),
        bullets: [],
        description: "",
      },
      price,
      options: phrases(input.num_options, input.num_option_matches)
        .slice(0, input.num_option_matches),
    }, {
      name,
      query: "b",
      productCategory: "b",
      attributes: phrases(input.num_attributes, input.num_attr_matches),
      options: phrases(input.num_options, input.num_option_matches)
        .map((value) => ({ value })),
      priceUpper: 500,
    });
    const rescaled = total / type.factor * input.r_type;
    ok(Math.abs(rescaled - vector.expected) <= 1e-9, vector.id);
  } else if (vector.fn === "typeLadder") {
    const { query_match, category_match, title_score } = vector.input;
    const factor = webshopTypeFactor({
      queryMatch: query_match,
      categoryMatch: category_match,
      titleScore: title_score,
    });
    strictEqual(factor, vector.expected, vector.id);
  }
}

const peer = readVectors<{ cases: readonly PeerCase[] }>("reward.json");
Deno.test({
  name:
    "vectors webshop/reward.json are reproduced: the original's own reward tests",
  ignore: peer === undefined, // the folder holds no such vectors
  fn: () => peer!.cases.forEach(replayPeer),
});

Deno.test("tokenSetRatio() is 100 for phrases with the same words and never leaves [0, 100]", () => {
  const words = fc.array(fc.stringMatching(/^[a-z0-9]{1,8}$/), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(fc.property(words, fc.string(), (a, b) => {
    const phrase = a.join(" ");
    strictEqual(tokenSetRatio(phrase, a.toReversed().join("-")), 100);
    const ratio = tokenSetRatio(phrase, b);
    ok(Number.isInteger(ratio) && ratio >= 0 && ratio <= 100);
  }));
});

Deno.test("every base color normalizes to a base color that it contains", () => {
  for (const color of WEBSHOP_COLORS) {
    const base = normalizeWebshopColor(color);
    ok(color.includes(base));
    ok(WEBSHOP_COLORS.includes(base));
  }
  strictEqual(normalizeWebshopColor("fashion black"), "ash");
});

Deno.test("pickWebshopGoal() draws goals by weight, and as upstream when asked to", () => {
  const weights = [3, 1, 0, 4];
  const counts = (offByOne: boolean) => {
    const counts = [0, 0, 0, 0];
    const random = createPythonRandom(1);
    for (let i = 0; i < 8000; i++) {
      counts[pickWebshopGoal(weights, random.random(), { offByOne })]!++;
    }
    return counts.map((count) => Math.round(count / 1000));
  };
  deepStrictEqual(counts(false), [3, 1, 0, 4]);
  deepStrictEqual(counts(true), [0, 3, 1, 4]); // goal 3 has weights 2 and 3: 0 + 4
});

Deno.test("parseNounTable() looks titles up, falls back, and names a bad line", () => {
  const table = parseNounTable('{"title": "Red Lamp", "nouns": ["lamp"]}\n');
  deepStrictEqual(table("Red Lamp"), ["lamp"]);
  deepStrictEqual(table("Old Chair"), ["old", "chair"]);
  let message = "";
  try {
    parseNounTable('\n{"title": 3}');
  } catch (error) {
    message = error instanceof SyntaxError ? error.message : "";
  }
  ok(message.includes("line 2"), message);
});
