/**
 * Which commands a household accepts, sorted as its game file sorts them.
 *
 * @module
 */

import { canContain, STATION_CLASS } from "./tables.ts";
import { isTransformable } from "./index.ts";
import {
  type HouseholdState,
  type HouseholdTables,
  isAccessible,
} from "./state.ts";

const TRANSFORMATIONS = ["clean", "heat", "cool"] as const;

/** Lists the admissible commands, sorted by code point, each once. */
export function householdCommands(
  tables: HouseholdTables,
  state: HouseholdState,
): string[] {
  const others: string[] = ["help", "inventory", "look"];
  addReceptacleCommands(others, tables, state);
  if (state.held >= 0) addHeldCommands(others, tables, state);
  addThingCommands(others, tables, state);
  others.sort();
  const list: string[] = [];
  let next = 0;
  while (next < others.length && others[next]! < "go to") {
    list.push(others[next++]!);
  }
  for (const [command, there] of tables.index.walks) {
    if (there !== state.place) list.push(command);
  }
  for (let last = ""; next < others.length; next++) {
    // One lamp in two receptacles here gives one command twice.
    if (others[next] !== last) list.push(last = others[next]!);
  }
  return list;
}

/** Commands about what is reached from here, as far as they need no thing. */
function addReceptacleCommands(
  list: string[],
  { index: { at, receptacles } }: HouseholdTables,
  { place, opened }: HouseholdState,
): void {
  for (const r of at[place]!) {
    const { name, openable } = receptacles[r]!;
    list.push(`examine ${name}`);
    if (openable) list.push(`${opened[r] ? "close" : "open"} ${name}`);
  }
}

/** Commands about the thing in hand. */
function addHeldCommands(
  list: string[],
  tables: HouseholdTables,
  state: HouseholdState,
): void {
  const { at, receptacles, things } = tables.index;
  const { place, held } = state;
  const { name, type, knife } = things[held]!;
  list.push(`examine ${name}`);
  for (const r of at[place]!) {
    const receptacle = receptacles[r]!;
    if (
      isAccessible(tables, state, r) && canContain(receptacle.type, type)
    ) {
      list.push(`move ${name} to ${receptacle.name}`);
    }
    for (const how of TRANSFORMATIONS) {
      if (
        receptacle.type === STATION_CLASS[how] && isTransformable(how, type)
      ) {
        list.push(`${how} ${name} with ${receptacle.name}`);
      }
    }
  }
  if (!knife) return;
  for (const [o, thing] of things.entries()) {
    if (thing.sliceable && state.at[o]!.includes(place)) {
      list.push(`slice ${thing.name} with ${name}`);
    }
  }
}

/** Commands about things that lie here. */
function addThingCommands(
  list: string[],
  tables: HouseholdTables,
  state: HouseholdState,
): void {
  const { receptacles, things } = tables.index;
  for (let o = 0; o < things.length; o++) {
    const thing = things[o]!;
    for (const r of state.inside[o]!) {
      const { place, name } = receptacles[r]!;
      if (place !== state.place) continue;
      if (thing.toggleable) list.push(`use ${thing.name}`);
      if (
        state.held < 0 && thing.pickupable && isAccessible(tables, state, r)
      ) {
        list.push(`take ${thing.name} from ${name}`);
      }
    }
  }
}
