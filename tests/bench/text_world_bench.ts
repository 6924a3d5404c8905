/**
 * Speed of text worlds: a step with its observation, admissible actions and state key; loading;
 * asking the expert. Real games are measured where `ALFWORLD_DATA` or the shared folder has them.
 *
 * @module
 */

import { createRandom } from "../../lib/random.ts";
import { type GameEnv, openGame } from "../../lib/envs/pddl/game_env.ts";
import { createHouseholdExpert } from "../../lib/envs/household/expert.ts";
import {
  generateHousehold,
  openHouseholdGame,
} from "../../lib/envs/household/household.ts";
import { compileGame } from "../../lib/envs/pddl/game.ts";
import { samplesFolder } from "../envs/alfworld/_alfworld_data.ts";

const STEPS = 1_000;

/** Plays a thousand random actions; a world that ends is opened again. */
function playAtRandom(open: () => GameEnv): () => void {
  const random = createRandom(1);
  return () => {
    let env = open();
    let actions = env.start().observation.admissibleActions;
    for (let step = 0; step < STEPS; step++) {
      const { observation, ending } = env.step(
        actions[random.integer(actions.length)]!,
      );
      actions = observation.admissibleActions;
      if (ending === undefined) continue;
      env = open();
      actions = env.start().observation.admissibleActions;
    }
  };
}

const drawn = generateHousehold({}, 1);
const texts = new Map<string, string>([[
  "a drawn household",
  JSON.stringify(drawn.file),
]]);
const folder = samplesFolder();
if (folder !== undefined) {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".tw-pddl")).sort();
  for (const name of names) {
    texts.set(
      name.slice(0, name.lastIndexOf(".")),
      Deno.readTextFileSync(`${folder}/${name}`),
    );
  }
}

for (const [name, text] of texts) {
  const game = compileGame(text);
  Deno.bench(
    `${STEPS} steps: ${name}`,
    { group: "steps" },
    playAtRandom(() => openGame(game)),
  );
}
Deno.bench(
  `${STEPS} steps: a drawn household, played without its file`,
  { group: "steps", baseline: true },
  playAtRandom(() => openHouseholdGame(drawn, { hints: false })),
);

for (const [name, text] of texts) {
  Deno.bench(`load: ${name}`, { group: "load" }, () => {
    compileGame(text);
  });
}

for (const [name, text] of texts) {
  const game = compileGame(text);
  const expert = createHouseholdExpert(game)!;
  const play = game.start();
  Deno.bench(`plan: ${name}`, { group: "expert" }, () => {
    expert(play);
  });
}
