/**
 * Applicable actions, effects and goal test; a state is one byte for each fact that can change and
 * that a condition, the goal or a text can read.
 *
 * Each operator counts its unsatisfied conditions. A fact that changes updates only the operators
 * that mention it, so the applicable set is maintained incrementally.
 *
 * @module
 */

import type { Change, GroundTask, Operator } from "./grounding.ts";
import type { Ground } from "./ground_formula.ts";

/** Bit of a fact's byte: the fact holds. */
export const HOLDS = 1;
/** Bit of a fact's byte: the fact was deleted and not added since, so that `not_fact` holds. */
export const DENIED = 2;

/** The atoms of a game that a state stores, and their places in it. */
export interface Fluents {
  /** Place of each atom in the state, or -1. Shape `(atoms,)`. */
  readonly places: Int32Array;
  /** Atom at each place. Shape `(places,)`. */
  readonly atoms: Int32Array;
  /** Byte of each fact after it was deleted: {@linkcode DENIED} if a text can read that, else 0. */
  readonly deleted: Uint8Array;
}

/**
 * Chooses the atoms a state stores: those that a condition, the goal or an observed predicate
 * (`not_` in front where its deletions are read) can read.
 */
export function chooseFluents(
  task: GroundTask,
  observed: ReadonlySet<string>,
): Fluents {
  const { atoms, predicates, fluent } = task.symbols;
  const relevant = new Set<number>();
  for (const name of observed) relevant.add(task.symbols.predicate(name));
  const predicateOf = (literal: number) => atoms.predicates[literal >> 1]!;
  for (const { condition } of task.operators) {
    for (const literal of condition) relevant.add(predicateOf(literal));
  }
  visitLiterals(task.goal, (literal) => relevant.add(predicateOf(literal)));
  for (let grown = -1; grown !== relevant.size;) {
    grown = relevant.size;
    for (const { changes } of task.operators) {
      for (const { condition, adds, deletes } of changes) {
        if (condition.length === 0) continue;
        const matters = (atom: number) => relevant.has(atoms.predicates[atom]!);
        if (!adds.some(matters) && !deletes.some(matters)) continue;
        for (const literal of condition) relevant.add(predicateOf(literal));
      }
    }
  }
  const used = new Uint8Array(atoms.predicates.length);
  const use = (atom: number) => {
    const predicate = atoms.predicates[atom]!;
    if (fluent[predicate] && relevant.has(predicate)) used[atom] = 1;
  };
  for (let p = 0; p < predicates.length; p++) {
    task.symbols.facts[p]!.forEach(use);
  }
  for (const { condition, changes } of task.operators) {
    for (const literal of condition) use(literal >> 1);
    for (const change of changes) {
      for (const literal of change.condition) use(literal >> 1);
      change.adds.forEach(use);
      change.deletes.forEach(use);
    }
  }
  visitLiterals(task.goal, (literal) => use(literal >> 1));
  const places = new Int32Array(used.length).fill(-1);
  const kept: number[] = [];
  for (let atom = 0; atom < used.length; atom++) {
    if (used[atom]) places[atom] = kept.push(atom) - 1;
  }
  const deleted = Uint8Array.from(
    kept,
    (atom) =>
      observed.has(`not_${predicates[atoms.predicates[atom]!]}`) ? DENIED : 0,
  );
  return { places, atoms: Int32Array.from(kept), deleted };
}

function visitLiterals(ground: Ground, visit: (literal: number) => void): void {
  if (typeof ground === "boolean") return;
  if (typeof ground === "number") visit(ground);
  else for (const part of ground.parts) visitLiterals(part, visit);
}

/** Lists of numbers, one after the other in one array. */
interface Lists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

function packLists(lists: readonly (readonly number[])[]): Lists {
  const starts = new Int32Array(lists.length + 1);
  for (const [i, list] of lists.entries()) {
    starts[i + 1] = starts[i]! + list.length;
  }
  const items = new Int32Array(starts[lists.length]!);
  for (const [i, list] of lists.entries()) items.set(list, starts[i]!);
  return { starts, items };
}

/** A condition over the bytes of a state. */
type Test = (facts: Uint8Array) => boolean;

function compileTest(ground: Ground, places: Int32Array): Test {
  if (typeof ground === "boolean") return () => ground;
  if (typeof ground === "number") {
    const place = places[ground >> 1]!, wanted = (ground & 1) ^ 1;
    return (facts) => (facts[place]! & HOLDS) === wanted;
  }
  const parts = ground.parts.map((part) => compileTest(part, places));
  return ground.kind === "and"
    ? (facts) => {
      for (const part of parts) if (!part(facts)) return false;
      return true;
    }
    : (facts) => {
      for (const part of parts) if (part(facts)) return true;
      return false;
    };
}

/** The rules of one game, shared by all its plays. */
export class Engine {
  /** Index of the action in the domain, for each operator. */
  readonly schemas: Uint16Array;
  /** Facts of the state at the start. */
  readonly initialFacts: Uint8Array;
  /** Unsatisfied conditions of each operator at the start. */
  readonly initialMissing: Uint16Array;
  /** Operators that can be taken at the start, one bit each. */
  readonly initialApplicable: Uint32Array;
  /** Whether the goal holds. */
  readonly goalHolds: Test;
  readonly #deleted: Uint8Array;
  readonly #labels: string[] = [];
  readonly #params: Lists;
  readonly #adds: Lists;
  readonly #deletes: Lists;
  readonly #conditional: ReadonlyMap<number, readonly Change[]>;
  readonly #neededTrue: Lists;
  readonly #neededFalse: Lists;

  /** Compiles a ground game; operators are numbered in the order given. */
  constructor(
    task: GroundTask,
    operators: readonly Operator[],
    fluents: Fluents,
  ) {
    const { places } = fluents;
    const place = (atoms: readonly number[]) =>
      atoms.map((atom) => places[atom]!).filter((at) => at >= 0);
    const placeLiterals = (literals: readonly number[]) =>
      literals.map((literal) => 2 * places[literal >> 1]! + (literal & 1));
    this.schemas = Uint16Array.from(operators, ({ schema }) => schema);
    this.#params = packLists(operators.map(({ params }) => params));
    this.#adds = packLists(
      operators.map(({ changes }) => place(changes[0]!.adds)),
    );
    this.#deletes = packLists(
      operators.map(({ changes }) => place(changes[0]!.deletes)),
    );
    const placeChange = (change: Change): Change => ({
      condition: placeLiterals(change.condition),
      adds: place(change.adds),
      deletes: place(change.deletes),
    });
    const conditional = new Map<number, readonly Change[]>();
    const neededTrue = Array.from(fluents.atoms, (): number[] => []);
    const neededFalse = Array.from(fluents.atoms, (): number[] => []);
    for (const [number, { condition, changes }] of operators.entries()) {
      const rest = changes.slice(1)
        .filter(({ adds, deletes }) =>
          place(adds).length + place(deletes).length > 0
        ).map(placeChange);
      if (rest.length > 0) conditional.set(number, rest);
      for (const literal of placeLiterals(condition)) {
        (literal & 1 ? neededFalse : neededTrue)[literal >> 1]!.push(number);
      }
    }
    this.#conditional = conditional;
    this.#neededTrue = packLists(neededTrue);
    this.#neededFalse = packLists(neededFalse);
    this.goalHolds = compileTest(task.goal, places);
    const { symbols } = task;
    this.#deleted = fluents.deleted;
    // Whole words, so that states can be compared four facts at a time.
    this.initialFacts = new Uint8Array((fluents.atoms.length + 3) & ~3);
    for (const [at, atom] of fluents.atoms.entries()) {
      if (symbols.holdsInitially(atom)) this.initialFacts[at] = HOLDS;
    }
    this.initialMissing = new Uint16Array(operators.length);
    this.initialApplicable = new Uint32Array((operators.length + 31) >> 5);
    for (const [number, { condition }] of operators.entries()) {
      const missing = condition.filter((literal) =>
        symbols.holdsInitially(literal >> 1) === ((literal & 1) === 1)
      ).length;
      this.initialMissing[number] = missing;
      if (missing === 0) {
        this.initialApplicable[number >> 5]! |= 1 << (number & 31);
      }
    }
  }

  /** Entities of an operator, in the order of its parameters. */
  params(operator: number): Int32Array {
    const { starts, items } = this.#params;
    return items.subarray(starts[operator]!, starts[operator + 1]!);
  }

  /** Takes an action in a state: conditional effects read the state before. */
  apply(state: EngineState, operator: number): void {
    const { facts } = state;
    const conditional = this.#conditional.get(operator);
    const fired = conditional?.filter(({ condition }) =>
      condition.every((literal) =>
        (facts[literal >> 1]! & HOLDS) === ((literal & 1) ^ 1)
      )
    );
    const deletes = this.#deletes, adds = this.#adds;
    for (
      let i = deletes.starts[operator]!;
      i < deletes.starts[operator + 1]!;
      i++
    ) {
      this.#delete(state, deletes.items[i]!);
    }
    if (fired !== undefined) {
      for (const change of fired) {
        for (const at of change.deletes) this.#delete(state, at);
      }
    }
    for (let i = adds.starts[operator]!; i < adds.starts[operator + 1]!; i++) {
      this.#add(state, adds.items[i]!);
    }
    if (fired !== undefined) {
      for (const change of fired) {
        for (const at of change.adds) this.#add(state, at);
      }
    }
  }

  /**
   * Encodes a state as text: the facts that differ from the start. Equal states have equal texts.
   */
  describe(state: EngineState): string {
    const { facts } = state, before = this.initialFacts;
    const words = new Int32Array(facts.buffer, 0, facts.length >> 2);
    const start = new Int32Array(before.buffer, 0, before.length >> 2);
    let text = "";
    for (let word = 0; word < words.length; word++) {
      if (words[word] === start[word]) continue;
      for (let at = 4 * word; at < 4 * word + 4; at++) {
        if (facts[at] !== before[at]) text += this.#label(at, facts[at]!);
      }
    }
    return text;
  }

  /** Short text for a fact and its byte, made once. */
  #label(at: number, byte: number): string {
    const key = 4 * at + byte;
    return this.#labels[key] ??= `${at.toString(36)}${
      byte & HOLDS ? "+" : byte & DENIED ? "-" : "."
    }`;
  }

  #add(state: EngineState, at: number): void {
    const before = state.facts[at]!;
    state.facts[at] = HOLDS;
    if (before & HOLDS) return;
    satisfy(state, this.#neededTrue, at);
    breakConditions(state, this.#neededFalse, at);
  }

  #delete(state: EngineState, at: number): void {
    const before = state.facts[at]!;
    state.facts[at] = this.#deleted[at]!;
    if (!(before & HOLDS)) return;
    breakConditions(state, this.#neededTrue, at);
    satisfy(state, this.#neededFalse, at);
  }
}

function satisfy(state: EngineState, lists: Lists, at: number): void {
  const { missing, applicable } = state;
  const { starts, items } = lists;
  for (let i = starts[at]!, end = starts[at + 1]!; i < end; i++) {
    const operator = items[i]!;
    if (--missing[operator]! === 0) {
      applicable[operator >> 5]! |= 1 << (operator & 31);
    }
  }
}

function breakConditions(state: EngineState, lists: Lists, at: number): void {
  const { missing, applicable } = state;
  const { starts, items } = lists;
  for (let i = starts[at]!, end = starts[at + 1]!; i < end; i++) {
    const operator = items[i]!;
    if (missing[operator]!++ === 0) {
      applicable[operator >> 5]! &= ~(1 << (operator & 31));
    }
  }
}

/** The state of one play of a game. */
export interface EngineState {
  /** One byte for each fact: {@linkcode HOLDS}, {@linkcode DENIED}, or 0. */
  readonly facts: Uint8Array;
  /** Unsatisfied conditions of each operator. */
  readonly missing: Uint16Array;
  /** Operators that can be taken, one bit each. */
  readonly applicable: Uint32Array;
}

/** A state to play from the start. */
export function initialState(engine: Engine): EngineState {
  return {
    facts: engine.initialFacts.slice(),
    missing: engine.initialMissing.slice(),
    applicable: engine.initialApplicable.slice(),
  };
}

/** A copy to play on without touching the original. */
export function copyState(state: EngineState): EngineState {
  return {
    facts: state.facts.slice(),
    missing: state.missing.slice(),
    applicable: state.applicable.slice(),
  };
}

/** Whether an operator can be taken. */
export function isApplicable(state: EngineState, operator: number): boolean {
  return (state.applicable[operator >> 5]! & (1 << (operator & 31))) !== 0;
}
