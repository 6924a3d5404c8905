/**
 * A household with numbers instead of names: what a play looks up on every turn.
 *
 * Things are numbered in the order in which texts list them, by name.
 *
 * @module
 */

import {
  displayNames,
  type HouseholdWorld,
  mangle,
  type Standpoint,
  standpointId,
  transformationOf,
} from "./world.ts";
import {
  MOVABLE_RECEPTACLES,
  PICKUPABLE,
  SLICEABLE,
  TOGGLEABLE,
  TRANSFORMABLE,
} from "./tables.ts";

/** Bits of what was done to a thing. */
export const MARKS = { clean: 1, heat: 2, cool: 4, sliced: 8, toggled: 16 };

/** A receptacle as a play sees it. */
export interface IndexedReceptacle {
  /** Name in PDDL. */
  readonly key: string;
  /** Name as displayed. */
  readonly name: string;
  /** Receptacle class. */
  readonly type: string;
  /** Number of the place it is reached from. */
  readonly place: number;
  /** Whether it has a door. */
  readonly openable: boolean;
}

/** A thing as a play sees it. */
export interface IndexedThing {
  /** Name in PDDL. */
  readonly key: string;
  /** Name as displayed. */
  readonly name: string;
  /** Object class. */
  readonly type: string;
  /** Receptacles that contain it at the start. */
  readonly inside: readonly number[];
  /** Places where it is at the start: one, or none. */
  readonly at: readonly number[];
  /** What holds of it at the start, as {@linkcode MARKS}. */
  readonly marks: number;
  /** Whether it can be taken. */
  readonly pickupable: boolean;
  /** Whether it can be turned on. */
  readonly toggleable: boolean;
  /** Whether it can be sliced. */
  readonly sliceable: boolean;
  /** Whether it slices. */
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

/** Whether something can be done to things of a class. */
export function isTransformable(
  how: "clean" | "heat" | "cool",
  type: string,
): boolean {
  return TRANSFORMABLE[how].has(type);
}
