/**
 * The state of a household as the facts that its game file speaks of.
 *
 * @module
 */

import { type IndexedThing, MARKS } from "./index.ts";
import { HOUSEHOLD_AGENT } from "./problem.ts";
import type { HouseholdState, HouseholdTables } from "./state.ts";

const MARKED: Readonly<Record<string, number>> = {
  isclean: MARKS.clean,
  ishot: MARKS.heat,
  iscool: MARKS.cool,
  issliced: MARKS.sliced,
  istoggled: MARKS.toggled,
};

/**
 * Lists the facts of a predicate that hold now.
 *
 * @param tables What no command changes.
 * @param state Where the play stands.
 * @param predicate Name in lower case.
 * @returns Arguments of each fact, as names in PDDL.
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
