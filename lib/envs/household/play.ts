/**
 * Plays a household directly, by the rules that its game file spells out.
 *
 * Opening a household costs a fraction of compiling its file, which training does tens of thousands
 * of times. Tests compare both engines turn by turn.
 *
 * @module
 */

import { type GamePlay, NOTHING_HAPPENS, type PlayStep } from "../pddl/play.ts";
import {
  copyHouseholdState,
  firstState,
  householdFacts,
  type HouseholdState,
  householdStateKey,
  type HouseholdTables,
  isAccessible,
  MARKS,
} from "./state.ts";
import { HOUSEHOLD_HELP } from "./rules.ts";
import { canContain, TRANSFORMABLE } from "./tables.ts";
import { TRANSFORMATION, TRANSFORMATIONS } from "./task.ts";
import { pythonStrip } from "../../python_text.ts";
import {
  introText,
  inventoryText,
  lookText,
  thingText,
  viewText,
} from "./text.ts";

/** One play of a household. */
export class HouseholdPlay implements GamePlay {
  readonly #tables: HouseholdTables;
  readonly #state: HouseholdState;
  /** Commands accepted now; computed on first use. */
  #admissible: string[] | undefined;

  /** Begins a play, at the start unless a state is given. */
  constructor(tables: HouseholdTables, state?: HouseholdState) {
    this.#tables = tables;
    this.#state = state ?? firstState(tables);
  }

  get intro(): string {
    return introText(this.#tables);
  }

  get won(): boolean {
    const { goal, index: { wanted, needed, receptacles } } = this.#tables;
    const { inside, marks, held, place } = this.#state;
    if (goal.type === "look_at_obj_in_light") {
      return wanted.includes(held) && this.#litLampAt(place);
    }
    const delivered = wanted.filter((o) => (marks[o]! & needed) === needed)
      .flatMap((o) => inside[o]!)
      .filter((r) => receptacles[r]!.type === goal.target);
    return goal.type === "pick_two_obj_and_place"
      ? new Set(delivered).size < delivered.length
      : delivered.length > 0;
  }

  #litLampAt(place: number): boolean {
    const { goal, index: { things, receptacles } } = this.#tables;
    const { marks, inside } = this.#state;
    return things.some(({ type, toggleable }, o) =>
      toggleable && type === goal.target && (marks[o]! & MARKS.toggled) !== 0 &&
      inside[o]!.some((r) => receptacles[r]!.place === place)
    );
  }

  admissible(): string[] {
    return this.#admissible ??= householdCommands(
      this.#tables,
      this.#state,
    );
  }

  step(command: string): PlayStep {
    const trimmed = pythonStrip(command);
    const accepted = this.admissible().includes(trimmed);
    if (!accepted) return { text: NOTHING_HAPPENS, accepted, won: this.won };
    this.#admissible = undefined;
    return { text: this.#take(trimmed), accepted, won: this.won };
  }

  /** Applies an admissible command. */
  #take(command: string): string {
    if (command === "help") return HOUSEHOLD_HELP;
    if (command === "inventory") {
      return inventoryText(this.#tables, this.#state);
    }
    if (command === "look") return lookText(this.#tables, this.#state);
    const words = command.split(" ");
    const first = `${words[1]} ${words[2]}`, second = `${words[4]} ${words[5]}`;
    switch (words[0]) {
      case "go":
        return this.#goTo(this.#receptacle(`${words[2]} ${words[3]}`));
      case "open":
        return this.#open(this.#receptacle(first));
      case "close":
        this.#state.opened[this.#receptacle(first)] = 0;
        return `You close the ${first}.`;
      case "take":
        return this.#pickUp(this.#thing(first), this.#receptacle(second));
      case "move":
        return this.#putDown(this.#thing(first), this.#receptacle(second));
      case "slice":
        this.#state.marks[this.#thing(first)]! |= MARKS.sliced;
        return `You sliced the ${first} with the ${second}.`;
      case "use":
        this.#state.marks[this.#thing(first)]! |= MARKS.toggled;
        return `You turn on the ${first}.`;
      case "examine":
        return this.#examine(first);
      default:
        return this.#transform(words[0]!, first, second);
    }
  }

  #receptacle(name: string): number {
    return this.#tables.index.receptacles.findIndex((r) => r.name === name);
  }

  #thing(name: string): number {
    return this.#tables.index.things.findIndex((o) => o.name === name);
  }

  #goTo(r: number): string {
    const { name, place } = this.#tables.index.receptacles[r]!;
    this.#state.place = place;
    return `You arrive at ${name}. ${this.#view(r)}`;
  }

  #open(r: number): string {
    this.#state.opened[r] = 1;
    const { name } = this.#tables.index.receptacles[r]!;
    return `You open the ${name}. ${this.#view(r)}`;
  }

  #pickUp(o: number, r: number): string {
    const state = this.#state, { things, receptacles } = this.#tables.index;
    state.inside[o] = without(state.inside[o]!, r);
    state.gone[o] = including(state.gone[o]!, r);
    state.at[o] = without(state.at[o]!, state.place);
    state.held = o;
    return `You pick up the ${things[o]!.name} from the ${
      receptacles[r]!.name
    }.`;
  }

  #putDown(o: number, r: number): string {
    const state = this.#state, { things, receptacles } = this.#tables.index;
    state.inside[o] = including(state.inside[o]!, r);
    state.gone[o] = without(state.gone[o]!, r);
    state.at[o] = including(state.at[o]!, state.place);
    state.held = -1;
    return `You move the ${things[o]!.name} to the ${receptacles[r]!.name}.`;
  }

  #transform(verb: string, thing: string, station: string): string {
    const { marks } = this.#state;
    const o = this.#thing(thing);
    if (verb === "heat") marks[o] = (marks[o]! & ~MARKS.cool) | MARKS.heat;
    else if (verb === "cool") marks[o] = (marks[o]! & ~MARKS.heat) | MARKS.cool;
    else marks[o]! |= MARKS.clean;
    return `You ${verb} the ${thing} using the ${station}.`;
  }

  #view(r: number): string {
    return viewText(this.#tables, this.#state, r);
  }

  #examine(name: string): string {
    const r = this.#receptacle(name);
    return r >= 0
      ? this.#view(r)
      : thingText(this.#tables, this.#state, this.#thing(name));
  }

  stateKey(): string {
    return householdStateKey(this.#tables, this.#state);
  }

  facts(predicate: string): (readonly string[])[] {
    return householdFacts(this.#tables, this.#state, predicate);
  }

  fork(): GamePlay {
    return new HouseholdPlay(this.#tables, copyHouseholdState(this.#state));
  }
}

function without(list: readonly number[], item: number): readonly number[] {
  return list.includes(item) ? list.filter((other) => other !== item) : list;
}

/** Sorted, so that equal sets are equal lists. */
function including(list: readonly number[], item: number): readonly number[] {
  return list.includes(item) ? list : [...list, item].sort((a, b) => a - b);
}

/** Lists the admissible commands, sorted by code point, each once. */
function householdCommands(
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
        receptacle.type === TRANSFORMATION[how].station &&
        TRANSFORMABLE[how].has(type)
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
