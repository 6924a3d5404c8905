/**
 * How fast households are made, opened and played: directly and from their compiled files.
 *
 * @module
 */

import { createRandom } from "../../lib/random.ts";
import { compileGame } from "../../lib/envs/pddl/game.ts";
import type { CompiledGame } from "../../lib/envs/pddl/game.ts";
import { generateHousehold } from "../../lib/envs/household/household.ts";
import { openHousehold } from "../../lib/envs/household/household.ts";
import {
  importAlfredTask,
  readAlfredPlacements,
} from "../../lib/envs/alfworld/alfred_import.ts";
import { proposeHouseholdSubgoals } from "../../lib/envs/household/subgoals.ts";
import type { Turn } from "../../lib/trajectory.ts";

let seed = 0;

for (const split of ["train", "unseen"] as const) {
  for (const difficulty of ["easy", "alfworld", "hard"] as const) {
    Deno.bench(`draw and open, ${difficulty}, ${split}`, {
      group: "a fresh game",
      baseline: split === "train" && difficulty === "alfworld",
    }, () => {
      openHousehold({ split, difficulty }, seed++).start();
    });
  }
}

Deno.bench(
  "draw, write, read and compile, alfworld",
  { group: "a fresh game" },
  () => {
    const { file } = generateHousehold({}, seed++);
    compileGame(JSON.stringify(file)).start().admissible();
  },
);

const placements = await readAlfredPlacements();
const task = {
  task_id: "bench",
  task_type: "pick_and_place_simple",
  pddl_params: {
    object_target: "Mug",
    parent_target: "CoffeeMachine",
    toggle_target: "",
    mrecep_target: "",
    object_sliced: false,
  },
  scene: {
    scene_num: 1,
    init_action: { x: 0, z: 0, rotation: 0, horizon: 30 },
    object_poses: Array.from({ length: 45 }, (_, i) => ({
      objectName: i % 9 === 0 ? "Mug_1" : "Apple_1",
      position: { x: -2.1 + 0.05 * i, y: 0.9, z: -2.5 + 0.01 * i },
    })),
  },
  turk_annotations: { anns: [] },
};
Deno.bench("import a recorded task", { group: "a fresh game" }, () => {
  importAlfredTask(task, { placements });
});

const direct = generateHousehold({ room: "kitchen" }, 1);
const compiled = compileGame(direct.file);

/** Plays at random, as an untrained agent does, asking for everything a turn shows. */
function playAtRandom(game: CompiledGame, turns: number): void {
  const random = createRandom(1);
  const play = game.start();
  for (let t = 0; t < turns; t++) {
    const actions = play.admissible();
    play.step(actions[random.integer(actions.length)]!);
    play.stateKey();
  }
}

Deno.bench(
  "100 turns, played directly",
  { group: "play", baseline: true },
  () => {
    playAtRandom(direct, 100);
  },
);
Deno.bench("100 turns, from the compiled file", { group: "play" }, () => {
  playAtRandom(compiled, 100);
});

const env = openHousehold({ room: "kitchen" }, 1);
const start = env.start();
const past: Turn[] = [];
let observation = start.observation;
const random = createRandom(3);
for (let t = 0; t < 30; t++) {
  const actions = observation.admissibleActions;
  const action = actions[random.integer(actions.length)]!;
  const trace = { kind: "untrainable" } as const;
  past.push({
    observation,
    decision: { switched: false, subgoal: "", action, valid: true, trace },
    reward: 0,
  });
  ({ observation } = env.step(action));
}
Deno.bench(
  "subgoals of a situation after 30 turns",
  { group: "propose" },
  () => {
    proposeHouseholdSubgoals({ task: start.task, past, observation });
  },
);
