/**
 * Houses: layouts with the objects they may contain, shared by many games, and split so that no
 * layout is in two splits.
 *
 * @module
 */

import { createRandom, type Random } from "../../random.ts";
import {
  alfredLayout,
  alfredScenes,
  drawLayout,
  type Furniture,
  type HouseholdDifficulty,
} from "./layout.ts";
import {
  canContain,
  type Histogram,
  type HouseholdRoom,
  PICKUPABLE,
  ROOM_FIGURES,
} from "./tables.ts";
import type { HouseholdLayout } from "./world.ts";

/** Divisions of households, as in ALFRED: `seen` has training's houses and other games. */
export const HOUSEHOLD_SPLITS = ["train", "seen", "unseen"] as const;

/** Name of one of the {@linkcode HOUSEHOLD_SPLITS}. */
export type HouseholdSplit = typeof HOUSEHOLD_SPLITS[number];

/** A layout with the objects it may contain. */
export interface House {
  /** The room and its furniture. */
  readonly layout: HouseholdLayout;
  /** Classes of things that may be there. */
  readonly classes: ReadonlySet<string>;
  /** Chances of a class at each receptacle, then nowhere. Shape `(receptacles + 1,)`. */
  readonly weights: (type: string) => Float64Array;
  /** Things that each receptacle holds at most. Shape `(receptacles,)`. */
  readonly capacities: Uint16Array;
}

/** Layouts drawn before an error is thrown; one in twenty suffices on average. */
const MAX_LAYOUTS = 1000;
/** One layout in so many is kept from training. */
const UNSEEN_SHARE = 20;
/** Weight of a placement that fits but was never seen, of the largest weight. */
const SURPRISE = 0.02;

/**
 * Draws house `index` of a split; the same for the same arguments.
 *
 * A layout's signature is the multiset of its receptacle classes with and without doors. One
 * signature in twenty is unseen, with all houses that have it.
 *
 * @throws {RangeError} If the difficulty leaves no layout of the split.
 */
export function drawHouse(
  room: HouseholdRoom,
  index: number,
  options: {
    readonly split: HouseholdSplit;
    readonly difficulty: HouseholdDifficulty;
  },
): House {
  const { difficulty } = options;
  const split = options.split === "unseen" ? "unseen" : "train";
  const key = `${room}/${split}/${index}`;
  const random = householdRandom("house", split, room, index);
  for (let attempt = 0; attempt < MAX_LAYOUTS; attempt++) {
    const layout = drawLayout(room, key, {
      difficulty,
      random: random.fork("layout", attempt),
      accept: (receptacles) => splitOfLayout({ room, receptacles }) === split,
    });
    if (layout !== undefined) return furnish(layout);
  }
  throw new RangeError(
    `Cannot draw a house as the difficulty must allow layouts of the split "${split}": current value is ${
      JSON.stringify(difficulty)
    }, without any in ${MAX_LAYOUTS} draws`,
  );
}

/** Scenes that ALFRED keeps for validation in rooms never seen. */
const ALFRED_UNSEEN: ReadonlySet<number> = new Set([10, 219, 308, 424]);

/**
 * Draws one of ALFRED's scenes as a house; its objects are drawn, not ALFRED's. Unseen is what
 * ALFRED validates on.
 */
export function alfredHouse(
  room: HouseholdRoom,
  split: HouseholdSplit,
  random: Random,
): House {
  const scenes = alfredScenes(room).filter((scene) =>
    ALFRED_UNSEEN.has(scene) === (split === "unseen")
  );
  const scene = scenes[random.integer(scenes.length)]!;
  return furnish(alfredLayout(scene)!);
}

/** The split of a layout: `"unseen"` for one signature in twenty, else `"train"`. */
export function splitOfLayout(
  layout: { room: HouseholdRoom; receptacles: readonly Furniture[] },
): "train" | "unseen" {
  const classes = layout.receptacles.map(({ type, openable }) =>
    openable ? `${type}+` : type
  );
  const signature = [layout.room, ...classes.sort()].join(" ");
  const hash = householdRandom("signature", signature).seed;
  return hash % UNSEEN_SHARE === 0 ? "unseen" : "train";
}

/** Finds which objects may lie in a layout, and where. */
function furnish(layout: HouseholdLayout): House {
  const { room, receptacles } = layout;
  const types = receptacles.map(({ type }) => type);
  const classes = new Set(
    Object.keys(ROOM_FIGURES[room].objects).filter((type) =>
      PICKUPABLE.has(type)
    ),
  );
  const weights = (type: string) => placementWeights(room, types, type);
  const capacities = Uint16Array.from(
    types,
    (type) =>
      highQuantile(ROOM_FIGURES[room].objects_per_receptacle_hist[type]),
  );
  return { layout, classes, weights, capacities };
}

/** The value that 95 % of the cases do not exceed. */
function highQuantile(histogram: Histogram | undefined): number {
  if (histogram === undefined) return 4;
  const values = Object.entries(histogram)
    .map(([value, cases]) => [Number(value), cases] as const)
    .sort(([a], [b]) => a - b);
  const total = values.reduce((sum, [, cases]) => sum + cases, 0);
  let passed = 0;
  for (const [value, cases] of values) {
    passed += cases;
    if (passed >= 0.95 * total) return Math.max(1, value);
  }
  return 1;
}

/**
 * Chances of an object class at each receptacle of a room, then of being in no receptacle. Shape
 * `(receptacles + 1,)`.
 */
export function placementWeights(
  room: HouseholdRoom,
  receptacles: readonly string[],
  object: string,
): Float64Array {
  const figures = ROOM_FIGURES[room];
  const cases: Histogram = figures.placement[object] ?? {};
  const weights = new Float64Array(receptacles.length + 1);
  let largest = 0;
  for (const [i, type] of receptacles.entries()) {
    const { instances } = figures.receptacles[type]!;
    // Cases for each instance of the class, over the states measured.
    weights[i] = (cases[type] ?? 0) * figures.scenes_measured /
      (figures.states_measured * instances);
    largest = Math.max(largest, weights[i]!);
  }
  const surprise = largest > 0 ? SURPRISE * largest : SURPRISE;
  for (const [i, type] of receptacles.entries()) {
    if (canContain(type, object)) weights[i]! += surprise;
  }
  weights[receptacles.length] = (cases["_none"] ?? 0) / figures.states_measured;
  return weights;
}

/** A stream for one purpose of one household. */
export function householdRandom(
  ...path: readonly (string | number)[]
): Random {
  return createRandom(0).fork("household", ...path);
}
