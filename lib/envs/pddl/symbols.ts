/**
 * Numbers for the names of a game: entities, types, predicates and atoms.
 *
 * @module
 */

import type { Domain, Problem } from "./parser.ts";
import type { Atom, Effect } from "./formula.ts";

/** Atoms numbered in the order of their first use. */
class AtomTable {
  readonly predicates: number[] = [];
  readonly args: (readonly number[])[] = [];
  // A tree with one edge for each argument: node to entity to node.
  readonly #children: (Map<number, number> | undefined)[] = [];
  readonly #atomAt: number[] = [];

  constructor(predicates: number) {
    for (let p = 0; p < predicates; p++) this.#atomAt.push(-1);
  }

  /** Number of the atom, or -1 if it was never numbered. */
  find(predicate: number, args: readonly number[]): number {
    let node = predicate;
    for (let i = 0; i < args.length; i++) {
      const next = this.#children[node]?.get(args[i]!);
      if (next === undefined) return -1;
      node = next;
    }
    return this.#atomAt[node]!;
  }

  /** Number of the atom, a new one if it had none. */
  intern(predicate: number, args: readonly number[]): number {
    let node = predicate;
    for (let i = 0; i < args.length; i++) {
      const children = this.#children[node] ??= new Map();
      let next = children.get(args[i]!);
      if (next === undefined) {
        next = this.#atomAt.push(-1) - 1;
        children.set(args[i]!, next);
      }
      node = next;
    }
    if (this.#atomAt[node]! < 0) {
      this.#atomAt[node] = this.predicates.length;
      this.predicates.push(predicate);
      this.args.push(args.slice());
    }
    return this.#atomAt[node]!;
  }
}

/** Everything that has a name in a game, with its number. */
export class Symbols {
  /** Names of the entities in the order of declaration; undeclared names come last. */
  readonly entities: string[] = [];
  /** Type of each entity; empty for undeclared names. */
  readonly types: string[] = [];
  readonly predicates: string[] = [];
  /** Whether an action can change facts of a predicate. */
  readonly fluent: boolean[] = [];
  /** The atoms numbered so far. */
  readonly atoms: AtomTable;
  /** Facts of each predicate at the start, as atoms. */
  readonly facts: (readonly number[])[] = [];
  readonly #entityNumbers = new Map<string, number>();
  readonly #predicateNumbers = new Map<string, number>();
  readonly #parents: ReadonlyMap<string, string>;
  readonly #members = new Map<string, readonly number[]>();
  readonly #membership = new Map<string, Uint8Array>();
  readonly #index = new Map<number, readonly number[]>();
  readonly #distinct = new Map<number, number>();
  readonly #initial: Set<number>;

  /** Numbers the names of a problem and its domain. */
  constructor(domain: Domain, problem: Problem) {
    this.#parents = domain.types;
    for (const { name, type } of problem.entities) this.#addEntity(name, type);
    const changed = new Set<string>();
    for (const action of domain.actions) collectChanged(action.effect, changed);
    for (const name of domain.arities.keys()) {
      this.#predicateNumbers.set(name, this.predicates.length);
      this.predicates.push(name);
      this.fluent.push(changed.has(name));
    }
    this.atoms = new AtomTable(this.predicates.length);
    const facts = this.predicates.map((): number[] => []);
    for (const atom of problem.facts) {
      facts[this.predicate(atom.predicate)]!.push(this.#atom(atom));
    }
    this.facts = facts;
    this.#initial = new Set(facts.flat());
  }

  #atom(atom: Atom): number {
    const args = atom.args.map((name) => this.entity(name));
    return this.atoms.intern(this.predicate(atom.predicate), args);
  }

  #addEntity(name: string, type: string): number {
    const number = this.entities.length;
    this.#entityNumbers.set(name, number);
    this.entities.push(name);
    this.types.push(type);
    return number;
  }

  /** Number of an entity; an undeclared name becomes an entity of no type. */
  entity(name: string): number {
    return this.#entityNumbers.get(name) ?? this.#addEntity(name, "");
  }

  /** Number of a declared predicate, or -1. */
  predicate(name: string): number {
    return this.#predicateNumbers.get(name) ?? -1;
  }

  /** Whether a fact holds at the start. */
  holdsInitially(atom: number): boolean {
    return this.#initial.has(atom);
  }

  /** Whether `type` is `ancestor` or below it. */
  isA(type: string, ancestor: string): boolean {
    if (type === "") return false;
    for (let at: string | undefined = type; at !== undefined;) {
      if (at === ancestor) return true;
      at = at === "object" ? undefined : this.#parents.get(at);
    }
    return false;
  }

  /** Entities of a type and of the types below it, in the order of declaration. */
  members(type: string): readonly number[] {
    let members = this.#members.get(type);
    if (members === undefined) {
      const flags = this.membership(type);
      members = this.entities.flatMap((_, e) => flags[e] ? [e] : []);
      this.#members.set(type, members);
    }
    return members;
  }

  /** 1 for each entity of a type or of a type below it; shape `(declared entities,)`. */
  membership(type: string): Uint8Array {
    let flags = this.#membership.get(type);
    if (flags === undefined) {
      flags = Uint8Array.from(this.types, (t) => this.isA(t, type) ? 1 : 0);
      this.#membership.set(type, flags);
    }
    return flags;
  }

  /** First facts of a predicate whose argument at `position` is `entity`. */
  factsWith(
    predicate: number,
    position: number,
    entity: number,
  ): readonly number[] {
    const slot = predicate * 16 + position;
    if (!this.#index.has(-1 - slot)) {
      this.#indexFacts(predicate, position, slot);
    }
    return this.#index.get(slot * 2 ** 20 + entity) ?? [];
  }

  /** Number of distinct entities at one argument of a predicate's initial facts. */
  distinctAt(predicate: number, position: number): number {
    const slot = predicate * 16 + position;
    let count = this.#distinct.get(slot);
    if (count === undefined) {
      const { args } = this.atoms;
      count = new Set(this.facts[predicate]!.map((a) =>
        args[a]![position]
      )).size;
      this.#distinct.set(slot, count);
    }
    return count;
  }

  #indexFacts(predicate: number, position: number, slot: number): void {
    const lists = new Map<number, number[]>();
    for (const atom of this.facts[predicate]!) {
      const entity = this.atoms.args[atom]![position]!;
      const list = lists.get(entity);
      if (list === undefined) lists.set(entity, [atom]);
      else list.push(atom);
    }
    for (const [entity, list] of lists) {
      this.#index.set(slot * 2 ** 20 + entity, list);
    }
    this.#index.set(-1 - slot, []);
  }
}

function collectChanged(effect: Effect, changed: Set<string>): void {
  switch (effect.kind) {
    case "add":
    case "delete":
      changed.add(effect.atom.predicate);
      break;
    case "and":
      for (const part of effect.parts) collectChanged(part, changed);
      break;
    default:
      collectChanged(effect.part, changed);
  }
}
