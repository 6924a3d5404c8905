/**
 * Which facts of a game a state remembers, and what its bytes mean.
 *
 * @module
 */

import type { GroundTask } from "./grounding.ts";
import type { Ground } from "./ground_formula.ts";

/** Bit of a fact's byte: the fact holds. */
export const HOLDS = 1;
/** Bit of a fact's byte: the fact was deleted and not added since, so that `not_fact` holds. */
export const DENIED = 2;

/** Which atoms of a game a state has to remember, and their places in it. */
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
