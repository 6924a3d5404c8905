/**
 * Importer of ALFRED's recorded tasks as household games.
 *
 * A recording has positions of objects, but neither containment nor furniture. Furniture and doors come
 * from the known scenes; containment is that of the nearest known spot of the same scene. Objects far
 * from any known spot are marked uncertain.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import { HOUSEHOLD_TASK_TYPES } from "../household/task.ts";
import { type AlfredTask, humanSentence } from "./alfred_task.ts";
import { OBJECT_CLASSES } from "../household/tables.ts";
import { placementWeights } from "../household/house.ts";
import { alfredLayout } from "../household/layout.ts";
import {
  goalSentences,
  type HouseholdGoal,
  type HouseholdLayout,
  type HouseholdWorld,
  type Standpoint,
  type Thing,
  thorId,
} from "../household/world.ts";
import { solveHousehold } from "../household/solution.ts";

/** Known spots of a scene: centimetres along x, y and z, and the receptacles a thing there is in. */
export type AlfredSpots = readonly (readonly [
  x: number,
  y: number,
  z: number,
  inside: readonly number[],
])[];

/** Known spots by scene. */
export type AlfredPlacements = ReadonlyMap<number, AlfredSpots>;

/** Why a task was not imported. */
export type AlfredRefusal =
  | "kind of task"
  | "movable receptacle"
  | "sliced object"
  | "floor lamp"
  | "unknown scene"
  | "no solution";

/** An imported game. */
export interface AlfredGame {
  /** The household. */
  readonly world: HouseholdWorld;
  /** Commands that win it. */
  readonly walkthrough: readonly string[];
  /** Names of objects whose receptacle was guessed. */
  readonly uncertain: readonly string[];
}

/** Options of {@linkcode importAlfredTask}. */
export interface ImportAlfredOptions {
  /** Known spots, see {@linkcode readAlfredPlacements}. */
  readonly placements: AlfredPlacements;
  /** Whether to ask in ALFWorld's words or in those of the first annotator. @default {"template"} */
  readonly wording?: "template" | "human";
}

/** Distance beyond which the nearest spot is unreliable, in centimetres. */
const FAR = 40;
/** How far from its middle a receptacle may hold a thing, in metres. */
const REACH = 1;
/** Height counts more than width: shelves lie above each other. */
const HEIGHT_WEIGHT = 2.5;

/**
 * Loads the known spots of ALFRED's scenes.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { readAlfredPlacements } from "@hiper/lab/envs/household";
 *
 * const placements = await readAlfredPlacements();
 * ok(placements.get(301)!.length > 0);
 * ```
 *
 * @returns Spots by scene.
 */
export async function readAlfredPlacements(): Promise<AlfredPlacements> {
  const { default: data } = await import(
    "../household/data/alfred_placements.json",
    {
      with: { type: "json" },
    }
  );
  const rows: Readonly<Record<string, readonly (readonly unknown[])[]>> =
    data.scenes;
  return new Map(
    Object.entries(rows).map(([scene, spots]) => [
      Number(scene),
      spots.map(([x, y, z, inside]) =>
        [
          Number(x),
          Number(y),
          Number(z),
          Array.isArray(inside) ? inside.map(Number) : [],
        ] as const
      ),
    ]),
  );
}

/**
 * Makes a household game of a recorded task.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   importAlfredTask,
 *   readAlfredPlacements,
 * } from "@hiper/lab/envs/household";
 *
 * const placements = await readAlfredPlacements();
 * const at = (x: number, y: number, z: number) => ({ x, y, z });
 * const game = importAlfredTask({
 *   task_id: "trial_1",
 *   task_type: "look_at_obj_in_light",
 *   pddl_params: {
 *     object_target: "AlarmClock",
 *     parent_target: "",
 *     toggle_target: "DeskLamp",
 *     mrecep_target: "",
 *     object_sliced: false,
 *   },
 *   scene: {
 *     scene_num: 301,
 *     init_action: { x: -0.75, z: -1.25, rotation: 0, horizon: 30 },
 *     object_poses: [
 *       { objectName: "AlarmClock_a684", position: at(-1.35, 1.24, -0.65) },
 *     ],
 *   },
 *   turk_annotations: { anns: [] },
 * }, { placements });
 * strictEqual(typeof game === "string" ? game : game.walkthrough.length, 3);
 * ```
 *
 * @param task The recording, reduced or whole.
 * @param options Known spots and wording.
 * @returns The game, or why there is none.
 */
export function importAlfredTask(
  task: AlfredTask,
  options: ImportAlfredOptions,
): AlfredGame | AlfredRefusal {
  const { placements, wording = "template" } = options;
  const goal = readGoal(task);
  if (typeof goal === "string") return goal;
  const { scene_num: scene } = task.scene;
  const layout = alfredLayout(scene);
  const spots = placements.get(scene);
  if (layout === undefined || spots === undefined) return "unknown scene";
  const { things, uncertain } = placeThings(task, goal, layout, spots);
  const world = {
    layout,
    things,
    start: standpointOf(task),
    goal,
    sentence: wordGoal(task, goal, wording),
  };
  const walkthrough = solveHousehold(world);
  if (walkthrough === undefined || walkthrough.length === 0) {
    return "no solution";
  }
  return { world, walkthrough, uncertain };
}

function readGoal(task: AlfredTask): HouseholdGoal | AlfredRefusal {
  const { pddl_params: params } = task;
  if (params.mrecep_target !== "") return "movable receptacle";
  if (params.object_sliced) return "sliced object";
  if (params.toggle_target === "FloorLamp") return "floor lamp";
  const type = HOUSEHOLD_TASK_TYPES.find((name) => name === task.task_type);
  if (type === undefined) return "kind of task";
  const target = type === "look_at_obj_in_light"
    ? params.toggle_target
    : params.parent_target;
  return { type, object: params.object_target, target };
}

function standpointOf({ scene: { init_action } }: AlfredTask): Standpoint {
  const { x, z, rotation, horizon } = init_action;
  const turn = ((Math.round(rotation / 90) % 4) + 4) % 4;
  // Adding zero turns -0 into 0, which would be spelled differently.
  return [
    Math.round(4 * x) + 0,
    Math.round(4 * z) + 0,
    turn,
    Math.round(horizon),
  ];
}

/** Names and containment of all objects. */
function placeThings(
  task: AlfredTask,
  goal: HouseholdGoal,
  layout: HouseholdLayout,
  spots: AlfredSpots,
): { things: Thing[]; uncertain: string[] } {
  const things = new Map<string, Thing>();
  const uncertain: string[] = [];
  for (const { objectName, position } of task.scene.object_poses) {
    const type = objectName.split("_")[0]!;
    if (!OBJECT_CLASSES.includes(type)) continue;
    const at = [position.x, position.y, position.z];
    const id = thorId(type, at);
    const nearest = nearestSpot(spots, at);
    let inside = nearest.inside;
    if (nearest.distance > FAR) {
      uncertain.push(id);
      inside = guessReceptacle(layout, type, at) ?? inside;
    }
    // In ALFWorld's games such objects start cooled, for every task.
    const cool = type === goal.object &&
      inside.some((index) => layout.receptacles[index]!.type === "Fridge");
    things.set(id, { id, type, inside, ...(cool ? { cool } : {}) });
  }
  return { things: [...things.values()], uncertain };
}

/** Spot nearest to a position in metres; distance in centimetres. */
function nearestSpot(
  spots: AlfredSpots,
  at: readonly number[],
): { inside: readonly number[]; distance: number } {
  const [x = 0, y = 0, z = 0] = at;
  let inside: readonly number[] = [], least = Infinity;
  for (const spot of spots) {
    const dx = spot[0] - 100 * x, dz = spot[2] - 100 * z;
    const dy = HEIGHT_WEIGHT * (spot[1] - 100 * y);
    const square = dx * dx + dy * dy + dz * dz;
    if (square < least) [inside, least] = [spot[3], square];
  }
  return { inside, distance: Math.sqrt(least) };
}

/** The likeliest receptacle within reach of a position. */
function guessReceptacle(
  { room, receptacles }: HouseholdLayout,
  object: string,
  at: readonly number[],
): readonly number[] | undefined {
  const types = receptacles.map(({ type }) => type);
  const weights = placementWeights(room, types, object);
  let best = -1;
  for (const [i, { id }] of receptacles.entries()) {
    const middle = id.split("|").slice(1, 4).map(Number);
    const distance = Math.hypot(...middle.map((m, axis) => m - at[axis]!));
    if (distance > REACH) weights[i] = 0;
    if (weights[i]! > (best < 0 ? 0 : weights[best]!)) best = i;
  }
  return best < 0 ? undefined : [best];
}

/** The task in words; which template is used depends on the task's name alone. */
function wordGoal(
  task: AlfredTask,
  goal: HouseholdGoal,
  wording: "template" | "human",
): string {
  const said = wording === "human"
    ? humanSentence(task.turk_annotations)
    : undefined;
  if (said !== undefined) return said;
  const random = createRandom(0).fork("alfred", task.task_id);
  return goalSentences(goal)[random.integer(2)]!;
}
