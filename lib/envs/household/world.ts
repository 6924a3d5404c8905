/**
 * A household as data: furniture, objects and task. A game file follows from it; generator and importer
 * create it.
 *
 * @module
 */

import {
  type HouseholdTaskType,
  TRANSFORMATION,
  transformationOf,
} from "./task.ts";
import type { HouseholdRoom } from "./tables.ts";

/** A location of the agent: x and z in steps of 0.25 m, turn in quarters, tilt in degrees. */
export type Standpoint = readonly [
  x: number,
  z: number,
  turn: number,
  tilt: number,
];

/** A piece of furniture that holds things. */
export interface Receptacle {
  /** THOR's name, `Drawer|-01.56|+00.33|-00.20`: class and position in metres. */
  readonly id: string;
  /** Receptacle class. */
  readonly type: string;
  /** Where it is reached from. */
  readonly standpoint: Standpoint;
  /** Whether it has to be opened. */
  readonly openable: boolean;
}

/** A thing that is no furniture: to be taken, or a fixture such as a lamp. */
export interface Thing {
  /** THOR's name, `Mug|-00.10|+00.95|+01.20`. */
  readonly id: string;
  /** Object class. */
  readonly type: string;
  /** Indices of the receptacles that contain it; usually one. */
  readonly inside: readonly number[];
  /** Where it is reached from, if it is in no receptacle. */
  readonly standpoint?: Standpoint;
  /** Whether it starts cooled. */
  readonly cool?: boolean;
}

/** A room with its furniture. */
export interface HouseholdLayout {
  /** Tells layouts apart: `kitchen/train/12`, or a number of ALFRED's scenes. */
  readonly key: string;
  /** Kind of room. */
  readonly room: HouseholdRoom;
  /** Furniture. */
  readonly receptacles: readonly Receptacle[];
  /** Things that cannot be taken. */
  readonly fixtures: readonly Thing[];
}

/** A task by the classes of what it is about, spelled as in the tables: `SideTable`. */
export interface HouseholdGoal {
  /** Which of the six. */
  readonly type: HouseholdTaskType;
  /** Class of the object. */
  readonly object: string;
  /** Class of the receptacle, or of the lamp. */
  readonly target: string;
}

/** One household game. */
export interface HouseholdWorld {
  /** The room. */
  readonly layout: HouseholdLayout;
  /** Things that can be taken. */
  readonly things: readonly Thing[];
  /** Where the agent starts; no receptacle is reached from there. */
  readonly start: Standpoint;
  /** The task. */
  readonly goal: HouseholdGoal;
  /** The same in words, without a period. */
  readonly sentence: string;
}

/** ALFWorld's two wordings of a task, without a period. */
export function goalSentences(goal: HouseholdGoal): readonly [string, string] {
  const object = goal.object.toLowerCase();
  const target = goal.target.toLowerCase();
  const how = transformationOf(goal.type);
  if (how !== undefined) {
    return [
      `put a ${TRANSFORMATION[how].adjective} ${object} in ${target}`,
      `${how} some ${object} and put it in ${target}`,
    ];
  }
  if (goal.type === "look_at_obj_in_light") {
    return [
      `look at ${object} under the ${target}`,
      `examine the ${object} with the ${target}`,
    ];
  }
  return goal.type === "pick_two_obj_and_place"
    ? [
      `put two ${object} in ${target}`,
      `find two ${object} and put them in ${target}`,
    ]
    : [`put a ${object} in ${target}`, `put some ${object} on ${target}`];
}

/** Name of a standpoint in THOR's manner, `loc|-4|-7|2|-30`. */
export function standpointId(standpoint: Standpoint): string {
  return `loc|${standpoint.join("|")}`;
}

const MANGLED: Readonly<Record<string, string>> = {
  "-": "_minus_",
  "#": "-",
  "|": "_bar_",
  "+": "_plus_",
  ".": "_dot_",
  ",": "_comma_",
};

/** Spells a THOR name as a PDDL name: without signs, bars, points and commas. */
export function mangle(id: string): string {
  return id.replace(/[-#|+.,]/g, (sign) => MANGLED[sign]!);
}

/**
 * Formats a position in metres as THOR does, `Mug|-00.10|+00.95|00.00`: sign, two digits, two
 * decimals; zero has no sign.
 */
export function thorId(type: string, position: readonly number[]): string {
  const parts = position.map((metres) => {
    // Half a centimetre rounds away from zero.
    const centimetres = Math.round(Math.abs(metres) * 100 + 1e-9);
    const digits = `${Math.floor(centimetres / 100)}`.padStart(2, "0") + "." +
      `${centimetres % 100}`.padStart(2, "0");
    return centimetres === 0 ? digits : `${metres < 0 ? "-" : "+"}${digits}`;
  });
  return [type, ...parts].join("|");
}

/**
 * Display names by THOR name, `mug 2`, of receptacles, things and fixtures: within a class the
 * first name by code points gets the highest number.
 */
export function displayNames(
  world: Pick<HouseholdWorld, "layout" | "things">,
): Map<string, string> {
  const ids = [
    ...world.layout.receptacles,
    ...world.layout.fixtures,
    ...world.things,
  ].map(({ id }) => ({ id, key: mangle(id).toLowerCase() }));
  // Comparing by code units: localeCompare would order by language.
  ids.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const counts = new Map<string, number>();
  const prefixes = ids.map(({ key }) => {
    const bar = key.indexOf("_bar_");
    const prefix = key.slice(0, bar) + (key.includes("basin") ? "basin" : "");
    counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    return prefix;
  });
  const names = new Map<string, string>();
  for (const [i, { id }] of ids.entries()) {
    const prefix = prefixes[i]!, number = counts.get(prefix)!;
    counts.set(prefix, number - 1);
    names.set(id, `${prefix} ${number}`);
  }
  return names;
}
