/**
 * Generates household games: objects in a house, and a solvable task.
 *
 * @module
 */

import { drawIndex, type Random } from "../../random.ts";
import {
  HOUSEHOLD_TASK_TYPES,
  type HouseholdTaskType,
  TRANSFORMATION,
  transformationOf,
} from "./task.ts";
import {
  canContain,
  HOUSEHOLD_ROOMS,
  type HouseholdRoom,
  ROOM_FIGURES,
  TARGET_FIGURES,
  TASK_FIGURES,
  TOGGLEABLE,
  TRANSFORMABLE,
} from "./tables.ts";
import {
  drawCount,
  drawId,
  drawStandpoint,
  type HouseholdDifficulty,
} from "./layout.ts";
import type { House } from "./house.ts";
import {
  goalSentences,
  type HouseholdGoal,
  type HouseholdWorld,
  type Standpoint,
  type Thing,
} from "./world.ts";
import { solveHousehold } from "./solution.ts";

/** A game together with a shortest way to win it. */
export interface SolvedHousehold {
  /** The game. */
  readonly world: HouseholdWorld;
  /** Commands that win it. */
  readonly walkthrough: readonly string[];
}

/** Receptacle classes that no task of ALFRED brings two things to. */
const NOT_FOR_TWO: ReadonlySet<string> = new Set([
  "CoffeeMachine",
  "ToiletPaperHanger",
  "HandTowelHolder",
  "Toaster",
]);
/** Share of tasks drawn from all feasible ones, not from those of ALFRED. */
const UNUSUAL = 0.1;

/** Task types that occur in a room. */
export function taskTypesOf(room: HouseholdRoom): HouseholdTaskType[] {
  return HOUSEHOLD_TASK_TYPES.filter((type) =>
    TASK_FIGURES[type][room] !== undefined
  );
}

/** Draws the room for a task, weighted by how often ALFRED has such tasks there. */
export function drawRoom(
  random: Random,
  type: HouseholdTaskType,
): HouseholdRoom {
  const weights = HOUSEHOLD_ROOMS.map((room) => {
    const cases = TASK_FIGURES[type][room] ?? {};
    let total = 0;
    for (const [pair, count] of Object.entries(cases)) {
      // No command uses floor lamps, which are in no receptacle.
      if (!pair.endsWith(">FloorLamp")) total += count;
    }
    return total;
  });
  return HOUSEHOLD_ROOMS[drawIndex(random, weights)]!;
}

/**
 * Draws one game in a house, with its solution; undefined where the house lacks what the task
 * needs.
 */
export function drawGame(
  house: House,
  type: HouseholdTaskType,
  options: {
    readonly difficulty: HouseholdDifficulty;
    readonly random: Random;
  },
): SolvedHousehold | undefined {
  const { difficulty, random } = options;
  const goal = drawGoal(house, type, random.fork("goal"));
  if (goal === undefined) return undefined;
  const things = drawThings(house, [goal], difficulty, random);
  const start = drawStart(house, random);
  const sentence = drawSentence(goal, random);
  const world = { layout: house.layout, things, start, goal, sentence };
  const walkthrough = solveHousehold(world);
  if (walkthrough === undefined || walkthrough.length === 0) return undefined;
  return { world, walkthrough };
}

/**
 * Draws one house with several tasks, each about objects of its own; undefined where the house lacks what one of them
 * needs.
 *
 * Every task can be done from the start, and as no two are about one class of objects, also after any of the others.
 *
 * @returns The same house once for each task, in the order of the tasks.
 */
export function drawChores(
  house: House,
  types: readonly HouseholdTaskType[],
  options: {
    readonly difficulty: HouseholdDifficulty;
    readonly random: Random;
  },
): HouseholdWorld[] | undefined {
  const { difficulty, random } = options;
  const goals: HouseholdGoal[] = [];
  for (const [i, type] of types.entries()) {
    const goal = drawGoal(house, type, random.fork("goal", i));
    if (goal === undefined) return undefined;
    if (goals.some(({ object }) => object === goal.object)) return undefined;
    if (!canBePutDown(house, goal)) return undefined;
    goals.push(goal);
  }
  const things = drawThings(house, goals, difficulty, random);
  const start = drawStart(house, random);
  const worlds = goals.map((goal, i) => ({
    ...{ layout: house.layout, things, start, goal },
    sentence: drawSentence(goal, random.fork("chore", i)),
  }));
  return worlds.every(isToBeDone) ? worlds : undefined;
}

/** Whether a task can be done and is not done at the start. */
function isToBeDone(world: HouseholdWorld): boolean {
  const walkthrough = solveHousehold(world);
  return walkthrough !== undefined && walkthrough.length > 0;
}

/** Whether a task's object fits somewhere, so that hands are free for the next task. */
function canBePutDown({ layout }: House, { object }: HouseholdGoal): boolean {
  return layout.receptacles.some(({ type }) => canContain(type, object));
}

/** A start from which no receptacle is reached. */
function drawStart(house: House, random: Random): Standpoint {
  const standpoints = new Set(
    house.layout.receptacles.map(({ standpoint }) => standpoint.join("|")),
  );
  return drawStandpoint(random.fork("start"), standpoints);
}

/** One of the two wordings of a goal. */
function drawSentence(goal: HouseholdGoal, random: Random): string {
  return goalSentences(goal)[random.fork("sentence").integer(2)]!;
}

/** Draws a goal among those that the house allows. */
function drawGoal(
  house: House,
  type: HouseholdTaskType,
  random: Random,
): HouseholdGoal | undefined {
  const { receptacles, fixtures, room } = house.layout;
  const holders = new Set(receptacles.map((receptacle) => receptacle.type));
  const lamps = fixtures.filter(({ type, inside }) =>
    TOGGLEABLE.has(type) && inside.length > 0
  );
  const targets = type === "look_at_obj_in_light"
    ? new Set(lamps.map((lamp) => lamp.type))
    : holders;
  const how = transformationOf(type);
  if (how !== undefined && !holders.has(TRANSFORMATION[how].station)) {
    return undefined;
  }
  const makesSense = (object: string, target: string) => {
    if (!house.classes.has(object) || !targets.has(target)) return false;
    if (type === "look_at_obj_in_light") return true;
    if (!canContain(target, object)) return false;
    if (type === "pick_two_obj_and_place") return !NOT_FOR_TWO.has(target);
    return how === undefined ||
      (TRANSFORMABLE[how].has(object) &&
        TRANSFORMATION[how].station !== target);
  };
  const usual = Object.entries(TASK_FIGURES[type][room] ?? {}).flatMap((
    [pair, count],
  ) => {
    const [object = "", target = ""] = pair.split(">");
    return makesSense(object, target) ? [{ object, target, count }] : [];
  });
  const isUnusual = random.uniform() < UNUSUAL || usual.length === 0;
  const pairs = !isUnusual
    ? usual
    : [...house.classes].flatMap((object) =>
      [...targets].filter((target) => makesSense(object, target))
        .map((target) => ({ object, target, count: 0 }))
    );
  if (pairs.length === 0) return undefined;
  const weights = pairs.map(({ count }) => count + 0.5);
  const { object, target } = pairs[drawIndex(random, weights)]!;
  return { type, object, target };
}

/** Draws which of a house's things are there, and where. */
function drawThings(
  house: House,
  goals: readonly HouseholdGoal[],
  difficulty: HouseholdDifficulty,
  random: Random,
): Thing[] {
  const { room } = house.layout;
  const counts = random.fork("counts"), places = random.fork("places");
  const ids = random.fork("ids");
  const used = new Set(house.layout.fixtures.map(({ id }) => id));
  const behindDoors = random.fork("hidden").uniform() < difficulty.hidden;
  const loads = new Uint16Array(house.layout.receptacles.length);
  const things: Thing[] = [];
  for (const type of house.classes) {
    const figures = ROOM_FIGURES[room].objects[type]!;
    const goal = goals.find(({ object }) => object === type);
    const present =
      counts.uniform() < figures.task_fraction * difficulty.clutter;
    const drawn = goal
      ? drawCount(counts, TARGET_FIGURES[goal.type])
      : drawCount(counts, figures.count_hist);
    if (!goal && !present) continue;
    const weights = house.weights(type);
    if (goal) restrictTarget(house, goal, behindDoors, weights);
    for (let i = 0; i < drawn; i++) {
      const place = drawPlace(house, weights, loads, places);
      if (place === undefined) break;
      if (place >= 0) loads[place]!++;
      const id = drawId(ids, type, used);
      things.push({ id, type, inside: place < 0 ? [] : [place] });
    }
  }
  return things;
}

/** Excludes the target receptacle, the station and, if `behindDoors`, open receptacles for wanted objects. */
function restrictTarget(
  house: House,
  goal: HouseholdGoal,
  behindDoors: boolean,
  weights: Float64Array,
): void {
  const { receptacles } = house.layout;
  const how = transformationOf(goal.type);
  const station = how === undefined ? undefined : TRANSFORMATION[how].station;
  weights[receptacles.length] = 0; // the last weight is that of being nowhere
  // What is still to be cleaned, heated or cooled may start where it belongs.
  const away = how === undefined ? goal.target : undefined;
  const allowed = (type: string) => type !== away && type !== station;
  for (const [i, { type }] of receptacles.entries()) {
    if (!allowed(type)) weights[i] = 0;
  }
  if (!behindDoors) return;
  const shut = receptacles.some(({ openable }, i) =>
    openable && weights[i]! > 0
  );
  if (!shut) return;
  for (const [i, { openable }] of receptacles.entries()) {
    if (!openable) weights[i] = 0;
  }
}

/** Index of a receptacle with room left, -1 for nowhere, `undefined` where nothing fits. */
function drawPlace(
  house: House,
  weights: Float64Array,
  loads: Uint16Array,
  random: Random,
): number | undefined {
  let total = 0;
  for (let i = 0; i < loads.length; i++) {
    if (loads[i]! >= house.capacities[i]!) weights[i] = 0;
    total += weights[i]!;
  }
  if (total + weights[loads.length]! <= 0) return undefined;
  const place = drawIndex(random, weights);
  return place === loads.length ? -1 : place;
}
