/**
 * Rewards and similarities: the original's recordings, and laws.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createPythonRandom } from "../../../lib/envs/webshop/parity/python_random.ts";
import { tokenSetRatio } from "../../../lib/envs/webshop/parity/token_set_ratio.ts";
import { pickWebshopGoal } from "../../../lib/envs/webshop/goals.ts";
import { parseNounTable, titleNouns } from "../../../lib/envs/webshop/nouns.ts";
import {
  normalizeWebshopColor,
  WEBSHOP_COLORS,
  webshopPairText,
} from "../../../lib/envs/webshop/reward.ts";
import {
  assertRecorded,
  type RecordedGoal,
  type RecordedProduct,
  recordedScore,
  recordedType,
} from "./_recorded.ts";
import { readVectors } from "./_vectors.ts";

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
    "vectors webshop/random.json are reproduced: similarities, rewards of made-up products [needs a file of HIPER_VECTORS]",
  ignore: random === undefined,
  fn: () => {
    ok(random!.cases.length > 0);
    random!.cases.forEach(replayRandom);
  },
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
