/**
 * Facts as texts see them: for each predicate the ones that can ever hold, sorted by their
 * arguments, with an index for each argument.
 *
 * @module
 */

import { GameError } from "./error.ts";
import type { GroundTask } from "./grounding.ts";
import type { Symbols } from "./symbols.ts";
import { DENIED, type Fluents, HOLDS } from "./engine.ts";

/** The facts that an atom of a query can match, in the order in which they are tried. */
export interface FactList {
  /** Entities of each fact, one column for each argument. */
  readonly columns: readonly Int32Array[];
  /** Place in the state, or -1 for facts that always hold. */
  readonly places: Int32Array;
  /** Bit that must be set at that place. */
  readonly mask: number;
  /** Facts by the entity at an argument, built on first use. */
  readonly indexes: (FactIndex | undefined)[];
  readonly entities: number;
}

/** Facts by entity: those of entity `e` are `items[starts[e]]` up to `items[starts[e + 1]]`. */
interface FactIndex {
  /** Where the facts of each entity begin. Shape `(entities + 1,)`. */
  readonly starts: Int32Array;
  /** Facts, in their order for each entity. */
  readonly items: Int32Array;
}

/** Index of a list for one argument, built on first use. */
export function factIndex(list: FactList, position: number): FactIndex {
  return list.indexes[position] ??= indexColumn(
    list.columns[position]!,
    list.entities,
  );
}

function indexColumn(column: Int32Array, entities: number): FactIndex {
  const starts = new Int32Array(entities + 1);
  for (const entity of column) starts[entity + 1]!++;
  for (let e = 0; e < entities; e++) starts[e + 1]! += starts[e]!;
  const next = starts.slice();
  const items = new Int32Array(column.length);
  for (let fact = 0; fact < column.length; fact++) {
    items[next[column[fact]!]!++] = fact;
  }
  return { starts, items };
}

/** Display names of a game's entities, numbered as ALFWorld's demangler numbers them. */
export function displayNames(task: GroundTask): string[] {
  const { symbols } = task;
  const mentioned = new Set<number>();
  for (const facts of symbols.facts) {
    for (const atom of facts) {
      for (const entity of symbols.atoms.args[atom]!) mentioned.add(entity);
    }
  }
  const names = symbols.entities.slice();
  const sorted = [...mentioned].sort((a, b) =>
    compare(symbols.entities[a]!, symbols.entities[b]!)
  );
  const prefixOf = (id: string) => {
    const end = id.indexOf("_bar_");
    if (end < 0) return undefined;
    return id.slice(0, end) + (id.includes("basin") ? "basin" : "");
  };
  const counts = new Map<string, number>();
  for (const entity of sorted) {
    const prefix = prefixOf(symbols.entities[entity]!);
    if (prefix !== undefined) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  for (const entity of sorted) {
    const id = symbols.entities[entity]!;
    const prefix = prefixOf(id);
    if (prefix === undefined) {
      names[entity] = `${unmangled(id)} `;
      continue;
    }
    const number = counts.get(prefix)!;
    counts.set(prefix, number - 1);
    names[entity] = `${prefix} ${number}`;
  }
  return names;
}

function unmangled(id: string): string {
  return id.replaceAll("_minus_", "-").replaceAll("_plus_", "+")
    .replaceAll("_dot_", ".").replaceAll("_comma_", ",");
}

/** Compares by code unit, which for ASCII is by code point. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const MAX_LOOKED_AT = 5_000_000;

/** What facts are listed from. */
interface FactSources {
  readonly symbols: Symbols;
  readonly fluents: Fluents;
  /** Place of each entity in the order of ids. */
  readonly ranks: Int32Array;
  /** 1 for each atom that can ever hold. */
  readonly added: Uint8Array;
  /** 1 for each atom that can be deleted. */
  readonly deleted: Uint8Array;
  readonly byPredicate: readonly (readonly number[])[];
}

function findSources(task: GroundTask, fluents: Fluents): FactSources {
  const { symbols } = task;
  const order = symbols.entities.map((_, e) => e)
    .sort((a, b) => compare(symbols.entities[a]!, symbols.entities[b]!));
  const ranks = new Int32Array(order.length);
  for (const [rank, entity] of order.entries()) ranks[entity] = rank;
  const count = symbols.atoms.predicates.length;
  const added = new Uint8Array(count), deleted = new Uint8Array(count);
  for (const { changes } of task.operators) {
    for (const { adds, deletes } of changes) {
      for (const atom of adds) added[atom] = 1;
      for (const atom of deletes) deleted[atom] = 1;
    }
  }
  const byPredicate = symbols.predicates.map((): number[] => []);
  for (const facts of symbols.facts) {
    for (const atom of facts) added[atom] = 1;
  }
  for (let atom = 0; atom < count; atom++) {
    byPredicate[symbols.atoms.predicates[atom]!]!.push(atom);
  }
  return { symbols, fluents, ranks, added, deleted, byPredicate };
}

/** Finds the facts of a game, one list for each predicate and choice of argument types. */
export class FactTable {
  #sources: FactSources | undefined;
  readonly #lists = new Map<string, FactList>();
  #budget = MAX_LOOKED_AT;

  /** Looks at every fact that can hold and every fact that can be deleted. */
  constructor(task: GroundTask, fluents: Fluents) {
    this.#sources = findSources(task, fluents);
  }

  /** Releases the game once every text is compiled; compiled texts keep their lists. */
  release(): void {
    this.#sources = undefined;
    this.#lists.clear();
  }

  /** The game, until it is released. */
  get #game(): FactSources {
    if (this.#sources === undefined) {
      throw new Error(
        "Cannot list facts as the table must hold a game: it was released",
      );
    }
    return this.#sources;
  }

  /** Whether the facts of a predicate, `not_` in front or not, can change. */
  canChange(predicate: string): boolean {
    const { symbols } = this.#game;
    const direct = symbols.predicate(predicate);
    if (direct >= 0) return symbols.fluent[direct]!;
    return predicate.startsWith("not_");
  }

  /** Facts of a predicate whose arguments have the given types or types below them. */
  list(predicate: string, types: readonly string[]): FactList {
    const key = JSON.stringify([predicate, types]);
    let list = this.#lists.get(key);
    if (list === undefined) {
      this.#lists.set(key, list = this.#build(predicate, types));
    }
    return list;
  }

  #build(name: string, types: readonly string[]): FactList {
    const { symbols, fluents, added, deleted, byPredicate } = this.#game;
    const { atoms } = symbols;
    const direct = symbols.predicate(name);
    const denied = direct < 0 && name.startsWith("not_");
    const predicate = denied ? symbols.predicate(name.slice(4)) : direct;
    const possible = denied ? deleted : added;
    const found: number[] = [];
    const candidates = byPredicate[predicate] ?? [];
    if ((this.#budget -= candidates.length) < 0) {
      throw new GameError(
        `the facts that texts look at must stay below ${MAX_LOOKED_AT}`,
        { code: "E_GRAMMAR_LIMIT", section: "grammar" },
      );
    }
    for (const atom of candidates) {
      if (!possible[atom]) continue;
      const args = atoms.args[atom]!;
      const fits = args.length === types.length &&
        args.every((e, i) => symbols.isA(symbols.types[e]!, types[i]!));
      if (fits) found.push(atom);
    }
    found.sort((a, b) =>
      this.#compareFacts(atoms.args[a]!, atoms.args[b]!, types)
    );
    const columns = types.map((_, i) =>
      Int32Array.from(found, (atom) => atoms.args[atom]![i]!)
    );
    const changes = predicate >= 0 && symbols.fluent[predicate]!;
    return {
      columns,
      places: Int32Array.from(
        found,
        (atom) => changes ? fluents.places[atom]! : -1,
      ),
      mask: denied ? DENIED : HOLDS,
      indexes: [],
      entities: symbols.entities.length,
    };
  }

  /** Exact types first, then types below in alphabetical order, then ids. */
  #compareFacts(
    a: readonly number[],
    b: readonly number[],
    types: readonly string[],
  ): number {
    const { symbols, ranks } = this.#game;
    for (const [i, type] of types.entries()) {
      const left = symbols.types[a[i]!]!, right = symbols.types[b[i]!]!;
      if (left === right) continue;
      if (left === type) return -1;
      if (right === type) return 1;
      return compare(left, right);
    }
    for (const [i, entity] of a.entries()) {
      const difference = ranks[entity]! - ranks[b[i]!]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
