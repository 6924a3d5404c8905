/**
 * Rooms drawn at random from measured figures, or taken from ALFRED's scenes.
 *
 * @module
 */

import scenes from "./data/alfred_scenes.json" with { type: "json" };
import { drawIndex, type Random, shuffled } from "../../random.ts";
import {
  type Histogram,
  type HouseholdRoom,
  OBJECT_CLASSES,
  ROOM_FIGURES,
} from "./tables.ts";
import {
  type HouseholdLayout,
  type Receptacle,
  type Standpoint,
  type Thing,
  thorId,
} from "./world.ts";

/** What makes a household harder or easier; recorded in every game file. */
export interface HouseholdDifficulty {
  /** Most receptacles in a room. */
  readonly maxReceptacles: number;
  /** Fewest receptacles in a room. */
  readonly minReceptacles: number;
  /** Share of the doors measured that are there: 0 leaves everything open. */
  readonly doors: number;
  /** Objects besides the wanted ones, 1 being as many as measured. */
  readonly clutter: number;
  /** Probability that every wanted object starts behind a door, where there is one. */
  readonly hidden: number;
}

/** Named difficulties. */
export const HOUSEHOLD_DIFFICULTIES = {
  easy: {
    maxReceptacles: 8,
    minReceptacles: 0,
    doors: 0,
    clutter: 0.5,
    hidden: 0,
  },
  alfworld: {
    maxReceptacles: 60,
    minReceptacles: 0,
    doors: 1,
    clutter: 1,
    hidden: 0,
  },
  hard: {
    maxReceptacles: 60,
    minReceptacles: 25,
    doors: 1,
    clutter: 1.25,
    hidden: 0.8,
  },
} as const satisfies Record<string, HouseholdDifficulty>;

/** Receptacles of even the smallest room, which its tasks need. */
const CORE: Readonly<Record<HouseholdRoom, readonly string[]>> = {
  kitchen: ["Fridge", "Microwave", "SinkBasin", "CounterTop"],
  livingroom: ["Sofa"],
  bedroom: ["Bed"],
  bathroom: ["SinkBasin", "Toilet"],
};
/** Receptacles of every room that is large enough. */
const INDISPENSABLE: Readonly<Record<HouseholdRoom, readonly string[]>> = {
  kitchen: [
    "Fridge",
    "Microwave",
    "SinkBasin",
    "CounterTop",
    "Cabinet",
    "GarbageCan",
    "CoffeeMachine",
    "Toaster",
    "StoveBurner",
  ],
  livingroom: ["Sofa", "GarbageCan"],
  bedroom: ["Bed", "GarbageCan"],
  bathroom: [
    "SinkBasin",
    "Toilet",
    "GarbageCan",
    "ToiletPaperHanger",
    "HandTowelHolder",
    "TowelHolder",
  ],
};
/** Classes that always have a door, where there are doors at all. */
const APPLIANCES: ReadonlySet<string> = new Set([
  "Fridge",
  "Microwave",
  "Safe",
]);
/** Basins are named after the thing they are part of. */
const BASINS: Readonly<Record<string, string>> = {
  SinkBasin: "Sink",
  BathtubBasin: "Bathtub",
};
/** Half the side of a room, in metres. */
const HALF_SIDE = 4;

/** Draws a value from a histogram with numbers as keys. */
export function drawCount(random: Random, histogram: Histogram): number {
  const values = Object.keys(histogram);
  return Number(values[drawIndex(random, Object.values(histogram))]);
}

/**
 * Draws a position inside a room that no used name has, and adds the name in THOR's format to
 * `used`.
 */
export function drawId(
  random: Random,
  type: string,
  used: Set<string>,
): string {
  for (;;) {
    const across = () => (2 * random.uniform() - 1) * HALF_SIDE;
    const basin = BASINS[type];
    const position = [across(), 2 * random.uniform(), across()];
    const id = thorId(basin ?? type, position) +
      (basin === undefined ? "" : `|${type}`);
    if (used.has(id)) continue;
    used.add(id);
    return id;
  }
}

/** A receptacle before it has a place. */
export type Furniture = Pick<Receptacle, "type" | "openable">;

/**
 * Draws a room with its furniture and fixtures, independent of any task; undefined where the
 * furniture is not accepted.
 */
export function drawLayout(
  room: HouseholdRoom,
  key: string,
  options: {
    readonly difficulty: HouseholdDifficulty;
    readonly random: Random;
    readonly accept: (furniture: readonly Furniture[]) => boolean;
  },
): HouseholdLayout | undefined {
  const { difficulty, random, accept } = options;
  const doors = random.fork("doors");
  const furniture = drawFurniture(room, difficulty, random.fork("furniture"))
    .map((type) => {
      const figures = ROOM_FIGURES[room].receptacles[type]!;
      const share = APPLIANCES.has(type)
        ? 1
        : figures.openable_instances / figures.instances;
      return { type, openable: doors.uniform() < share * difficulty.doors };
    });
  // Before the costly rest: nineteen in twenty are refused for the unseen split.
  if (!accept(furniture)) return undefined;
  const standpoints = drawStandpoints(
    furniture.length,
    ROOM_FIGURES[room].receptacles_sharing_one_location_hist,
    random.fork("standpoints"),
  );
  const used = new Set<string>();
  const ids = random.fork("ids");
  const receptacles = furniture.map(({ type, openable }, i): Receptacle => ({
    id: drawId(ids, type, used),
    type,
    standpoint: standpoints[i]!,
    openable,
  }));
  const fixtures = drawFixtures(room, receptacles, random.fork("fixtures"));
  return { key, room, receptacles, fixtures };
}

/** Receptacle classes of a room, one entry an instance. */
function drawFurniture(
  room: HouseholdRoom,
  difficulty: HouseholdDifficulty,
  random: Random,
): string[] {
  const { receptacles } = ROOM_FIGURES[room];
  const classes = Object.keys(receptacles);
  const draw = (name: string) =>
    drawCount(random, receptacles[name]!.count_hist);
  const counts = new Map<string, number>();
  for (const name of classes) counts.set(name, draw(name));
  for (const name of INDISPENSABLE[room]) {
    if (counts.get(name) === 0) counts.set(name, 1);
  }
  const size = () => [...counts.values()].reduce((sum, n) => sum + n, 0);
  while (size() < difficulty.minReceptacles) {
    const name = classes[random.integer(classes.length)]!;
    const more = draw(name);
    if (receptacles[name]!.count_hist["1"] === undefined || more > 1) {
      counts.set(name, counts.get(name)! + more);
    }
  }
  const first = CORE[room], rest: string[] = [];
  for (const [name, count] of counts) {
    for (let i = first.includes(name) ? 1 : 0; i < count; i++) rest.push(name);
  }
  return [...first, ...shuffled(random, rest)]
    .slice(0, Math.max(difficulty.maxReceptacles, 1)).sort();
}

/** Standpoints of receptacles; some share one, as often as measured. */
function drawStandpoints(
  count: number,
  sharing: Histogram,
  random: Random,
): Standpoint[] {
  const used = new Set<string>();
  const standpoints: Standpoint[] = [];
  while (standpoints.length < count) {
    const size = drawCount(random, sharing);
    const standpoint = drawStandpoint(random, used);
    for (let i = 0; i < size && standpoints.length < count; i++) {
      standpoints.push(standpoint);
    }
  }
  return shuffled(random, standpoints);
}

/** Draws a place to stand that is not in use, and adds it to `used` as `x|z|turn|tilt`. */
export function drawStandpoint(
  random: Random,
  used: Set<string>,
): Standpoint {
  for (;;) {
    const standpoint: Standpoint = [
      random.integer(8 * HALF_SIDE) - 4 * HALF_SIDE,
      random.integer(8 * HALF_SIDE) - 4 * HALF_SIDE,
      random.integer(4),
      15 * (random.integer(7) - 2),
    ];
    const key = standpoint.join("|");
    if (used.has(key)) continue;
    used.add(key);
    return standpoint;
  }
}

/** Draws fixtures that may be in furniture, such as lamps and plants. */
function drawFixtures(
  room: HouseholdRoom,
  receptacles: readonly Receptacle[],
  random: Random,
): Thing[] {
  const { fixtures, scenes_measured } = ROOM_FIGURES[room];
  const used = new Set<string>();
  const drawn: Thing[] = [];
  for (const [type, { scenes_with, in: holders }] of Object.entries(fixtures)) {
    const one = random.fork(type);
    // Floor lamps in furniture are an artifact of the simulator.
    if (holders === undefined || type === "FloorLamp") continue;
    if (one.uniform() >= scenes_with / scenes_measured) continue;
    const weights = receptacles.map((receptacle) =>
      receptacle.openable ? 0 : holders[receptacle.type] ?? 0
    );
    if (weights.every((weight) => weight === 0)) continue;
    const inside = [drawIndex(one, weights)];
    drawn.push({ id: drawId(one, type, used), type, inside });
  }
  return drawn;
}

/** Numbers of ALFRED's scenes whose layout is known, by room. */
export function alfredScenes(room: HouseholdRoom): number[] {
  return Object.entries(SCENES).filter(([, scene]) => scene.room === room)
    .map(([number]) => Number(number));
}

interface SceneRow {
  readonly room: string;
  readonly receptacles: readonly {
    readonly id: string;
    readonly type: string;
    readonly loc: readonly number[];
    readonly openable?: boolean | undefined;
  }[];
  readonly fixtures: readonly {
    readonly id: string;
    readonly loc?: readonly number[] | undefined;
    readonly in?: readonly number[] | undefined;
  }[];
}

const SCENES: Readonly<Record<string, SceneRow>> = scenes.scenes;

/**
 * The layout of one of ALFRED's scenes (kitchens below 100, then from 201, 301 and 401); undefined
 * where it is not known.
 */
export function alfredLayout(scene: number): HouseholdLayout | undefined {
  const row = SCENES[scene];
  if (row === undefined) return undefined;
  const receptacles = row.receptacles.map(({ id, type, loc, openable }) => ({
    id,
    type,
    standpoint: toStandpoint(loc),
    openable: openable === true,
  }));
  const fixtures = row.fixtures.map(({ id, loc, in: inside = [] }): Thing => ({
    id,
    type: id.slice(0, id.indexOf("|")),
    inside,
    ...(loc === undefined ? {} : { standpoint: toStandpoint(loc) }),
  })).filter(({ type }) => OBJECT_CLASSES.includes(type));
  return { key: `${scene}`, room: roomOfScene(scene), receptacles, fixtures };
}

function toStandpoint(loc: readonly number[]): Standpoint {
  const [x = 0, z = 0, turn = 0, tilt = 0] = loc;
  return [x, z, turn, tilt];
}

/** Kind of room of one of ALFRED's scenes, by its number. */
function roomOfScene(scene: number): HouseholdRoom {
  if (scene < 100) return "kitchen";
  return scene < 300 ? "livingroom" : scene < 400 ? "bedroom" : "bathroom";
}
