/**
 * A household with numbers instead of names, its state (what commands change), and the state as PDDL
 * facts.
 *
 * Things are numbered in the order in which texts list them, by name.
 *
 * @module
 */

import { HOUSEHOLD_AGENT } from "./problem.ts";
import {
  MOVABLE_RECEPTACLES,
  PICKUPABLE,
  SLICEABLE,
  TOGGLEABLE,
} from "./tables.ts";
import { transformationOf } from "./task.ts";
import {
  displayNames,
  type HouseholdGoal,
  type HouseholdWorld,
  mangle,
  type Standpoint,
  standpointId,
} from "./world.ts";

/** Bits of what was done to a thing. */
export const MARKS = { clean: 1, heat: 2, cool: 4, sliced: 8, toggled: 16 };

/** A receptacle as a play sees it. */
interface IndexedReceptacle {
  /** Name in PDDL. */
  readonly key: string;
  /** Name as displayed. */
  readonly name: string;
  readonly type: string;
  /** Number of the place it is reached from. */
  readonly place: number;
  readonly openable: boolean;
}

/** A thing as a play sees it. */
export interface IndexedThing {
  /** Name in PDDL. */
  readonly key: string;
  /** Name as displayed. */
  readonly name: string;
  readonly type: string;
  /** Receptacles that contain it at the start. */
  readonly inside: readonly number[];
  /** Places where it is at the start: one, or none. */
  readonly at: readonly number[];
  /** What holds of it at the start, as {@linkcode MARKS}. */
  readonly marks: number;
  readonly pickupable: boolean;
  readonly toggleable: boolean;
  readonly sliceable: boolean;
  /** Whether it can slice other things. */
  readonly knife: boolean;
  /** Whether it is a container itself. */
  readonly container: boolean;
}

/** A household with numbers instead of names. */
export interface IndexedHousehold {
  /** In the order of the layout. */
  readonly receptacles: readonly IndexedReceptacle[];
  /** Fixtures and things, in the order in which texts list them. */
  readonly things: readonly IndexedThing[];
  /** Names of places in PDDL. */
  readonly places: readonly string[];
  /** Receptacles reached from each place, in the order in which texts list them. */
  readonly at: readonly (readonly number[])[];
  /** Every receptacle, in the order in which texts list them. */
  readonly listed: readonly number[];
  /** Commands that go to a receptacle, sorted, with its place. */
  readonly walks: readonly (readonly [command: string, place: number])[];
  /** Place where the agent starts. */
  readonly start: number;
  /** Things of the wanted class. */
  readonly wanted: readonly number[];
  /** Marks that a wanted thing needs. */
  readonly needed: number;
}

/** Numbers everything in a household. */
export function indexHousehold(world: HouseholdWorld): IndexedHousehold {
  const names = displayNames(world);
  const keyOf = (id: string) => mangle(id).toLowerCase();
  const places: string[] = [], numbers = new Map<string, number>();
  const number = (standpoint: Standpoint): number => {
    const key = standpoint.join("|");
    let known = numbers.get(key);
    if (known === undefined) {
      known = places.push(keyOf(standpointId(standpoint))) - 1;
      numbers.set(key, known);
    }
    return known;
  };
  const start = number(world.start);
  const receptacles = world.layout.receptacles.map((receptacle) => ({
    key: keyOf(receptacle.id),
    name: names.get(receptacle.id)!,
    type: receptacle.type,
    place: number(receptacle.standpoint),
    openable: receptacle.openable,
  }));
  const things = [...world.layout.fixtures, ...world.things].map((thing) => {
    const [first] = thing.inside;
    const at = first !== undefined
      ? [receptacles[first]!.place]
      : thing.standpoint === undefined
      ? []
      : [number(thing.standpoint)];
    return indexThing(thing, keyOf(thing.id), names.get(thing.id)!, at);
  }).sort((a, b) => a.key < b.key ? -1 : 1);
  const listed = receptacles.map((_, r) => r)
    .sort((a, b) => receptacles[a]!.key < receptacles[b]!.key ? -1 : 1);
  const at = places.map((): number[] => []);
  for (const r of listed) at[receptacles[r]!.place]!.push(r);
  const walks = receptacles.map(({ name, place }) =>
    [`go to ${name}`, place] as const
  ).sort(([a], [b]) => a < b ? -1 : 1);
  const { goal } = world;
  const how = transformationOf(goal.type);
  return {
    receptacles,
    things,
    places,
    at,
    listed,
    walks,
    start,
    wanted: things.flatMap(({ type }, o) => type === goal.object ? [o] : []),
    needed: how === undefined ? 0 : MARKS[how],
  };
}

function indexThing(
  { type, inside, cool }: HouseholdWorld["things"][number],
  key: string,
  name: string,
  at: readonly number[],
): IndexedThing {
  return {
    key,
    name,
    type,
    inside,
    at,
    marks: cool === true ? MARKS.cool : 0,
    pickupable: PICKUPABLE.has(type),
    toggleable: TOGGLEABLE.has(type),
    sliceable: SLICEABLE.has(type),
    knife: type === "Knife" || type === "ButterKnife",
    container: MOVABLE_RECEPTACLES.has(type),
  };
}

/** Everything of a play that no command changes. */
export interface HouseholdTables {
  readonly index: IndexedHousehold;
  readonly goal: HouseholdGoal;
  /** The same in words, without a period. */
  readonly sentence: HouseholdWorld["sentence"];
  /** Text that differs between games. */
  readonly hash: string;
  /** Arguments of the facts of a predicate that hold at the start. */
  readonly firstFacts: (predicate: string) => (readonly string[])[];
}

/** What commands change. */
export interface HouseholdState {
  /** Place where the agent is. */
  place: number;
  /** Thing in hand, or -1. */
  held: number;
  /** 1 for receptacles that are open. Shape `(receptacles,)`. */
  readonly opened: Uint8Array;
  /** What was done to each thing, as bits. Shape `(things,)`. */
  readonly marks: Uint8Array;
  /** Receptacles that contain each thing; lists are replaced, never edited. */
  readonly inside: (readonly number[])[];
  /** Places where each thing is. */
  readonly at: (readonly number[])[];
  /** Receptacles that each thing was taken from and not put back into. */
  readonly gone: (readonly number[])[];
}

/** The state at the start. */
export function firstState({ index }: HouseholdTables): HouseholdState {
  const { things, receptacles, start } = index;
  return {
    place: start,
    held: -1,
    opened: new Uint8Array(receptacles.length),
    marks: Uint8Array.from(things, ({ marks }) => marks),
    inside: things.map(({ inside }) => inside),
    at: things.map(({ at }) => at),
    gone: things.map(() => []),
  };
}

/** An independent copy of a state. */
export function copyHouseholdState(state: HouseholdState): HouseholdState {
  const { opened, marks, inside, at, gone } = state;
  return {
    ...state,
    opened: opened.slice(),
    marks: marks.slice(),
    inside: inside.slice(),
    at: at.slice(),
    gone: gone.slice(),
  };
}

/** Equal texts for equal states of one game; only what differs from the start is written. */
export function householdStateKey(
  { hash, index: { things } }: HouseholdTables,
  state: HouseholdState,
): string {
  const { place, held, opened, marks, inside, at, gone } = state;
  let key = `${hash}:${place}.${held}.${opened.join("")}`;
  for (const [o, thing] of things.entries()) {
    if (
      marks[o] === thing.marks && gone[o]!.length === 0 &&
      isSame(inside[o]!, thing.inside) && isSame(at[o]!, thing.at)
    ) continue;
    key += `;${o},${marks[o]},${inside[o]},${at[o]},${gone[o]}`;
  }
  return key;
}

/** Whether a receptacle is open, or has no door. */
export function isAccessible(
  { index }: HouseholdTables,
  { opened }: HouseholdState,
  r: number,
): boolean {
  return !index.receptacles[r]!.openable || opened[r] === 1;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a === b || a.length === b.length && a.every((x, i) => x === b[i]);
}

const MARKED: Readonly<Record<string, number>> = {
  isclean: MARKS.clean,
  ishot: MARKS.heat,
  iscool: MARKS.cool,
  issliced: MARKS.sliced,
  istoggled: MARKS.toggled,
};

/**
 * Lists the current facts of a predicate (in lower case): the arguments of each, as names in PDDL.
 */
export function householdFacts(
  tables: HouseholdTables,
  state: HouseholdState,
  predicate: string,
): (readonly string[])[] {
  const { things, receptacles, places } = tables.index;
  const { place, held, opened, marks, inside, at } = state;
  const pairs = (
    lists: readonly (readonly number[])[],
    nameOf: (index: number) => string,
  ) =>
    things.flatMap(({ key }, o) =>
      lists[o]!.map((index): readonly string[] => [key, nameOf(index)])
    );
  const chosen = (holds: (thing: IndexedThing, o: number) => boolean) =>
    things.filter(holds).map(({ key }) => [key]);
  switch (predicate) {
    case "atlocation":
      return [[HOUSEHOLD_AGENT, places[place]!]];
    case "inreceptacle":
      return pairs(inside, (r) => receptacles[r]!.key);
    case "objectatlocation":
      return pairs(at, (l) => places[l]!);
    case "opened":
      return receptacles.filter((_, r) => opened[r] === 1)
        .map(({ key }) => [key]);
    case "holds":
      return held < 0 ? [] : [[HOUSEHOLD_AGENT, things[held]!.key]];
    case "holdsany":
      return held < 0 ? [] : [[HOUSEHOLD_AGENT]];
  }
  const mark = MARKED[predicate];
  if (mark === undefined) return tables.firstFacts(predicate);
  return chosen((_, o) => (marks[o]! & mark) !== 0);
}
