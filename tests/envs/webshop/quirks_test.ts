/**
 * Quirks of the original shop that recordings rarely meet.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";
import { pythonJsonString } from "../../../lib/python_text.ts";
import { createWebshopCataloger } from "../../../lib/envs/webshop/catalog.ts";
import { createWebshop } from "../../../lib/envs/webshop/shop.ts";
import { createWebshopSession } from "../../reference/webshop/session.ts";
import type { WebshopGoal } from "../../../lib/envs/webshop/goals.ts";
import { createWebshopSearch } from "../../../lib/envs/webshop/search/search.ts";
import { parseWebshopAction } from "../../../lib/envs/webshop/state.ts";

/** Two lamps, one of them in a department without a name. */
function lamps() {
  const cataloger = createWebshopCataloger();
  for (const [asin, category] of [["B000000001", ""], ["B000000002", "x"]]) {
    cataloger.add({
      asin,
      name: "Lamp",
      full_description: "",
      small_description: [],
      pricing: "$5",
      images: ["i"],
      product_category: "",
      category,
      query: "lamp",
      customization_options: {
        color: [{ value: "red" }, { value: "lamp" }],
      },
    });
  }
  return cataloger.finish();
}

const goal: WebshopGoal = {
  asin: "B000000001",
  category: "",
  query: "lamp",
  name: "Lamp",
  productCategory: "",
  instruction: "a red lamp",
  attributes: ["red"],
  priceUpper: 10,
  options: [],
  weight: 1,
};

Deno.test("a quoted word of the query makes an option look chosen before any is", () => {
  const shop = createWebshop(lamps(), { kind: "human" });
  const open = (query: string) => {
    const session = createWebshopSession(shop, {
      goal,
      id: "0",
      mode: "text_rich",
    });
    session.reset();
    session.step(`search[${query}]`);
    return session.step("click[b000000001]").observation;
  };
  const quoted = open('"Lamp"');
  ok(quoted.startsWith("You have clicked lamp.\n"), quoted);
  ok(quoted.includes("[clicked button] lamp [clicked button_]"));
  ok(quoted.includes("[button] red [button_]"));
  ok(!open("lamp").includes("clicked"));
});

Deno.test("the reserved query for departments finds the one without a name, and nothing without a second word", () => {
  const search = createWebshopSearch(lamps());
  const find = (query: string) => [
    ...search.find(query.split(" "), createRandom(0)),
  ];
  strictEqual(find("<c>").join(), "");
  strictEqual(find("<c> ").join(), "0");
  strictEqual(find("<c> x y").join(), "1");
});

Deno.test("long queries are cut, not refused", () => {
  const action = parseWebshopAction(`search[${"lamp ".repeat(2000)}] now`);
  strictEqual(action?.name, "search");
  strictEqual(action.argument, "lamp ".repeat(2000).slice(0, 4096));
});

Deno.test("JSON escapes the delete character as Python does", () => {
  strictEqual(
    pythonJsonString("a\x7f~é😀"),
    '"a\\u007f~\\u00e9\\ud83d\\ude00"',
  );
});
