/**
 * Texts of a household: one function for each kind of sentence.
 *
 * @module
 */

import {
  type HouseholdState,
  type HouseholdTables,
  isAccessible,
  MARKS,
} from "./state.ts";

/** Adjectives of an examined thing by its marks, most first. */
const ADJECTIVES: readonly (readonly [marks: number, words: string])[] = [
  [MARKS.clean | MARKS.heat | MARKS.sliced, "a hot and clean sliced"],
  [MARKS.clean | MARKS.cool | MARKS.sliced, "a cool and clean sliced"],
  [MARKS.clean | MARKS.sliced, "a clean sliced"],
  [MARKS.heat | MARKS.sliced, "a hot sliced"],
  [MARKS.cool | MARKS.sliced, "a cool sliced"],
  [MARKS.clean | MARKS.heat, "a hot and clean"],
  [MARKS.clean | MARKS.cool, "a cool and clean"],
  [MARKS.heat, "a hot"],
  [MARKS.clean, "a clean"],
  [MARKS.cool, "a cold"],
  [MARKS.sliced, "a sliced"],
];

/** Lists names as the games do: the comma stays before "and". */
function listNames(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  if (names.length === 1) return names[0]!;
  return `${names.slice(0, -1).join(", ")}, and ${names.at(-1)}`;
}

/** What is read before the first command. */
export function introText({ index, sentence }: HouseholdTables): string {
  const around = index.at[index.start]!.length > 0
    ? facing(index, index.start, [])
    : surroundings(index.listed.map((r) => `a ${index.receptacles[r]!.name}`));
  return `-= Welcome to TextWorld, ALFRED! =-\n\n${around}\n\nYour task is to: ${sentence}.`;
}

/** What is in a receptacle, as far as it can be seen. */
export function viewText(
  tables: HouseholdTables,
  state: HouseholdState,
  r: number,
): string {
  const { receptacles, things } = tables.index;
  const { name, openable } = receptacles[r]!;
  if (!isAccessible(tables, state, r)) return `The ${name} is closed.`;
  const contents: string[] = [];
  for (let o = 0; o < things.length; o++) {
    if (state.inside[o]!.includes(r)) contents.push(`a ${things[o]!.name}`);
  }
  return `${
    openable ? `The ${name} is open. In it` : `On the ${name}`
  }, you see ${listNames(contents)}.`;
}

/** What a held thing looks like. */
export function thingText(
  { index }: HouseholdTables,
  { marks }: HouseholdState,
  o: number,
): string {
  const { name, container } = index.things[o]!;
  if (container) return `This is a normal ${name}. In it, you see nothing.`;
  const found = ADJECTIVES.find(([all]) => (marks[o]! & all) === all);
  return found === undefined
    ? `There's nothing special about ${name}.`
    : `This is ${found[1]} ${name}.`;
}

/** What the agent carries. */
export function inventoryText(
  { index }: HouseholdTables,
  { held }: HouseholdState,
): string {
  return held < 0
    ? "You are not carrying anything."
    : `You are carrying: a ${index.things[held]!.name}.`;
}

/** What is around the agent. */
export function lookText(
  { index }: HouseholdTables,
  { place, at, gone }: HouseholdState,
): string {
  const here = index.at[place]!;
  if (here.length === 0) return surroundings([]);
  // On the floor is what was taken from one receptacle here and put into another.
  const floor = index.things.flatMap((_, o) =>
    at[o]!.includes(place)
      ? here.filter((r) => gone[o]!.includes(r)).map(() => o)
      : []
  );
  return facing(index, place, floor);
}

function facing(
  { at, receptacles, things }: HouseholdTables["index"],
  place: number,
  floor: readonly number[],
): string {
  const names = at[place]!.map((r) => receptacles[r]!.name);
  const lying = floor.map((o) => `a ${things[o]!.name}`);
  return `You are facing the ${listNames(names)}. Next to it, you see ${
    listNames(lying)
  }.`;
}

function surroundings(names: readonly string[]): string {
  return `You are in the middle of a room. Looking quickly around you, you see ${
    listNames(names)
  }.`;
}
