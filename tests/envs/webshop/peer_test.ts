/**
 * Replays the original's own tests of its reward, and purchases that its server logged.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import { pickWebshopGoal } from "../../../lib/envs/webshop/goals.ts";
import { webshopReceiptCode } from "../../../lib/envs/webshop/site/html.ts";
import {
  classifyWebshopColor,
  classifyWebshopSize,
} from "../../reference/webshop/tables.ts";
import {
  countWebshopAttributes,
  countWebshopOptions,
  normalizeWebshopColor,
  scoreWebshopPurchase,
  webshopTypeFactor,
} from "../../../lib/envs/webshop/reward.ts";
import {
  assertRecorded,
  productOf,
  type RecordedGoal,
  type RecordedProduct,
  recordedScore,
  recordedType,
} from "./_recorded.ts";
import { readVectors } from "./_vectors.ts";

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
  } else if (vector.fn !== "nounCountTruth") {
    throw new TypeError(`no such case: ${JSON.stringify(vector)}`);
  }
}

const peer = readVectors<{ cases: readonly PeerCase[] }>("reward.json");
Deno.test({
  name:
    "vectors webshop/reward.json are reproduced: the original's own reward tests [needs a file of HIPER_VECTORS]",
  ignore: peer === undefined,
  fn: () => {
    ok(peer!.cases.length > 0);
    peer!.cases.forEach(replayPeer);
  },
});
