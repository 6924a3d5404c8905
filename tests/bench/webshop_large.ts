/**
 * What a shop of 100,000 products costs: `deno run -P=bench tests/bench/webshop_large.ts [size]`.
 *
 * A program of its own, because memory is the process's.
 *
 * @module
 */

import { openWebshopEpisode } from "../../lib/envs/webshop/webshop.ts";
import { generateWebshop } from "../../lib/envs/webshop/shop.ts";
import { describeMachine, residentMegabytes } from "./_machine.ts";

const size = Number(Deno.args[0] ?? 100_000);
const started = performance.now();
const shop = generateWebshop({ size, seed: 1 });
const seconds = (performance.now() - started) / 1000;
const megabytes = residentMegabytes();

const searching = performance.now();
const queries = shop.goals.slice(0, 500);
for (const { instruction } of queries) {
  shop.search.find(instruction.split(" "));
}
const perSearch = (performance.now() - searching) / queries.length;

const playing = performance.now();
let turns = 0;
for (const goal of shop.goals.slice(0, 500)) {
  const env = openWebshopEpisode(shop, { goal, seed: 1 });
  env.start();
  for (let hint = env.hint(); hint; hint = env.hint(), turns++) {
    env.step(hint.action);
  }
}
const perSecond = Math.round(turns / (performance.now() - playing) * 1000);

console.log(describeMachine());
console.log(
  `${size} products, ${shop.goals.length} goals: ready in ${
    seconds.toFixed(1)
  } s, ${megabytes} MB resident, ${
    perSearch.toFixed(2)
  } ms a search of a whole wish, ${perSecond} expert turns a second`,
);
