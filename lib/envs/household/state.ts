/**
 * The state of a household: what commands change, what they do not, and the state as PDDL facts.
 *
 * @module
 */

import type { HouseholdGoal, HouseholdWorld } from "./world.ts";
import { type IndexedHousehold, type IndexedThing, MARKS } from "./index.ts";
import { HOUSEHOLD_AGENT } from "./problem.ts";

/** What a play needs to know that no command changes. */
export interface HouseholdTables {
  /** Names, classes, places. */
  readonly index: IndexedHousehold;
  /** What is asked for. */
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

/** A state to go on from without touching the original. */
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
