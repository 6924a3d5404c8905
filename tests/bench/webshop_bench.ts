/**
 * Speed of shops: turns a second, searches a second, and what a large catalog costs.
 *
 * The goal is 20 thousand turns a second on 1,000 products, searches included. A large catalog is
 * measured by `webshop_large.ts` in a process of its own, as its memory counts as much as its time.
 *
 * @module
 */

import { createRandom } from "../../lib/random.ts";
import { openWebshopEpisode } from "../../lib/envs/webshop/webshop.ts";
import { createWebshopSearch } from "../../lib/envs/webshop/search/search.ts";
import {
  generateWebshop,
  generateWebshopCatalog,
} from "../../lib/envs/webshop/shop.ts";

const TURNS = 1000;
const shop = generateWebshop({ size: 1000, seed: 1 });

/** Plays random episodes of at most 15 turns, each with its purchase scored. */
function playTurns(observation: "text" | "text_rich" | "trainer"): void {
  const random = createRandom(7);
  for (let turn = 0, episode = 0; turn < TURNS; episode++) {
    const goal = shop.goals[episode % shop.goals.length]!;
    const env = openWebshopEpisode(shop, { goal, seed: episode, observation });
    let actions = env.start().observation.admissibleActions;
    for (let t = 0; t < 15 && turn < TURNS; t++, turn++) {
      const last = t === 14 && actions.includes("click[buy now]");
      const action = last
        ? "click[buy now]"
        : t % 5 === 0
        ? `search[${goal.attributes.join(" ")} ${goal.query}]`
        : actions[random.integer(actions.length)]!;
      const step = env.step(action);
      actions = step.observation.admissibleActions;
      if (step.ending !== undefined) break;
    }
  }
}

for (const observation of ["text", "text_rich", "trainer"] as const) {
  Deno.bench(`${TURNS} turns, ${observation}`, {
    group: "1,000 products: turns, a search every fifth",
  }, () => playTurns(observation));
}

const search = createWebshopSearch(shop.catalog);
const queries = shop.goals.map(({ instruction }) => instruction.split(" "));
let asked = 0;
Deno.bench("a search of 10 to 20 words", {
  group: "1,000 products: search",
}, () => {
  search.find(queries[asked++ % queries.length]!);
});

for (const size of [100, 1000]) {
  Deno.bench(`${size} products`, { group: "generate and clean" }, () => {
    generateWebshopCatalog({ size, seed: 3 });
  });
  Deno.bench(
    `${size} products`,
    { group: "generate, index, check goals" },
    () => {
      generateWebshop({ size, seed: 3 });
    },
  );
}
