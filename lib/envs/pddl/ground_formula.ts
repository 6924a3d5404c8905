/**
 * Conditions without variables: what remains once entities are chosen and constants are folded.
 *
 * @module
 */

import type { Join, Node } from "./join.ts";
import type { Symbols } from "./symbols.ts";
import { GameError } from "./error.ts";

/**
 * A condition over atoms. A number is a literal: twice the atom, plus one where it must be false.
 */
export type Ground =
  | boolean
  | number
  | { readonly kind: "and" | "or"; readonly parts: readonly Ground[] };

/** What grounding one action or goal needs. */
export interface Grounding {
  readonly symbols: Symbols;
  readonly binding: Int32Array;
  /** Bindings that may still be tried. */
  readonly budget: { left: number };
  /** What is being grounded, for errors. */
  readonly where: string;
}

const MAX_CONJUNCTIONS = 10_000;

/** The error for a condition that grows beyond what can be played. */
export function groundLimit(where: string, reason: string): GameError {
  return new GameError(reason, {
    code: "E_GROUND_LIMIT",
    section: "pddl_domain",
    where,
  });
}

function termsToArgs(grounding: Grounding, terms: readonly number[]): number[] {
  const args = new Array<number>(terms.length);
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i]!;
    args[i] = term >= 0 ? term : grounding.binding[-1 - term]!;
  }
  return args;
}

/** Atom of a predicate for the entities now in the slots. */
export function groundAtom(
  grounding: Grounding,
  predicate: number,
  terms: readonly number[],
): number {
  const args = termsToArgs(grounding, terms);
  return grounding.symbols.atoms.intern(predicate, args);
}

/**
 * Substitutes entities into a condition and simplifies it to atoms that can change.
 *
 * @throws {GameError} If quantifiers try more bindings than the budget allows.
 */
export function groundNode(grounding: Grounding, node: Node): Ground {
  switch (node.kind) {
    case "equal": {
      const [left, right] = termsToArgs(grounding, node.terms);
      return (left === right) !== node.negated;
    }
    case "literal": {
      if (!node.isStatic) {
        const atom = groundAtom(grounding, node.predicate, node.terms);
        return 2 * atom + (node.negated ? 1 : 0);
      }
      const { symbols } = grounding;
      const args = termsToArgs(grounding, node.terms);
      const atom = symbols.atoms.find(node.predicate, args);
      return (atom >= 0 && symbols.holdsInitially(atom)) !== node.negated;
    }
    case "and":
    case "or": {
      const decided = node.kind === "or";
      const parts: Ground[] = [];
      for (const part of node.parts) {
        const ground = groundNode(grounding, part);
        if (ground === decided) return decided;
        if (ground !== !decided) parts.push(ground);
      }
      return combine(node.kind, parts);
    }
    default: {
      const decided = node.kind === "exists";
      const parts: Ground[] = [];
      const stopped = runJoin(grounding, node.join, () => {
        const ground = groundNode(grounding, node.part);
        if (ground === decided) return true;
        if (ground !== !decided) parts.push(ground);
        return false;
      });
      return stopped ? decided : combine(decided ? "or" : "and", parts);
    }
  }
}

function combine(kind: "and" | "or", parts: readonly Ground[]): Ground {
  if (parts.length === 0) return kind === "and";
  return parts.length === 1 ? parts[0]! : { kind, parts };
}

/**
 * Visits every binding of a join, overwriting its slots, until a visitor returns true. Returns
 * whether one did.
 *
 * @throws {GameError} If the budget is used up.
 */
export function runJoin(
  grounding: Grounding,
  join: Join,
  visit: () => boolean,
): boolean {
  const holds = (checks: readonly Node[]) => {
    for (const check of checks) {
      if (groundNode(grounding, check) !== true) return false;
    }
    return true;
  };
  if (!holds(join.checks)) return false;
  const { symbols, binding, budget } = grounding;
  const spend = () => {
    if (budget.left-- > 0) return;
    throw groundLimit(
      grounding.where,
      "the bindings that are tried for a game must stay below half a million",
    );
  };
  const enter = (depth: number): boolean => {
    const step = join.steps[depth];
    if (step === undefined) return visit();
    const { source, binds } = step;
    if ("slot" in source) {
      for (const entity of source.entities) {
        spend();
        binding[source.slot] = entity;
        if (holds(step.checks) && enter(depth + 1)) return true;
      }
      return false;
    }
    const positions = binds.map(({ slot }) => source.terms.indexOf(-1 - slot));
    const members = binds.map(({ type }) => symbols.membership(type));
    for (const atom of shortestFacts(grounding, source, step.known)) {
      spend();
      const args = symbols.atoms.args[atom]!;
      for (let b = 0; b < binds.length; b++) {
        const entity = args[positions[b]!]!;
        binding[binds[b]!.slot] = members[b]![entity] ? entity : -1;
      }
      if (
        matches(source.terms, args, binding) && holds(step.checks) &&
        enter(depth + 1)
      ) return true;
    }
    return false;
  };
  return enter(0);
}

function matches(
  terms: readonly number[],
  args: readonly number[],
  binding: Int32Array,
): boolean {
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i]!;
    if ((term >= 0 ? term : binding[-1 - term]) !== args[i]) return false;
  }
  return true;
}

function shortestFacts(
  grounding: Grounding,
  source: { readonly predicate: number; readonly terms: readonly number[] },
  known: readonly number[],
): readonly number[] {
  const { symbols, binding } = grounding;
  let best = symbols.facts[source.predicate]!;
  for (const position of known) {
    const term = source.terms[position]!;
    const entity = term >= 0 ? term : binding[-1 - term]!;
    const facts = symbols.factsWith(source.predicate, position, entity);
    if (facts.length < best.length) best = facts;
  }
  return best;
}

/**
 * Converts a condition to disjunctive normal form without contradictions: no conjunction means
 * never, an empty one means always.
 *
 * @throws {GameError} If there are more than ten thousand conjunctions.
 */
export function toDisjunction(ground: Ground, where: string): number[][] {
  if (ground === true) return [[]];
  if (ground === false) return [];
  if (typeof ground === "number") return [[ground]];
  if (
    ground.kind === "and" && ground.parts.every((p) => typeof p === "number")
  ) {
    if (ground.parts.length > MAX_CONJUNCTIONS) {
      throw groundLimit(
        where,
        `a condition may have ${MAX_CONJUNCTIONS} parts`,
      );
    }
    const merged = conjoin([], ground.parts as number[]);
    return merged === undefined ? [] : [merged];
  }
  const parts = ground.parts.map((part) => toDisjunction(part, where));
  const limited = (list: number[][]) => {
    if (list.length <= MAX_CONJUNCTIONS) return list;
    throw groundLimit(
      where,
      `a condition may have ${MAX_CONJUNCTIONS} alternatives`,
    );
  };
  if (ground.kind === "or") return limited(parts.flat());
  return parts.reduce((whole, part) => {
    limited(new Array(whole.length * part.length)); // counts before it allocates
    return whole.flatMap((left) =>
      part.flatMap((right) => {
        const merged = conjoin(left, right);
        return merged === undefined ? [] : [merged];
      })
    );
  }, [[]] as number[][]);
}

/** Says whether a list has a number; long lists are looked up in a set. */
export function membershipOf(
  list: readonly number[],
): (element: number) => boolean {
  if (list.length <= 32) return (element) => list.includes(element);
  const set = new Set(list);
  return (element) => set.has(element);
}

/** Every number of a list once, in the order in which they come first. */
export function distinct(list: readonly number[]): number[] {
  return list.length <= 32
    ? list.filter((element, i) => list.indexOf(element) === i)
    : [...new Set(list)];
}

/** Both conjunctions at once, each literal once; nothing if they contradict each other. */
function conjoin(
  left: readonly number[],
  right: readonly number[],
): number[] | undefined {
  const merged = distinct(left.length === 0 ? right : [...left, ...right]);
  const has = membershipOf(merged);
  return merged.some((literal) => has(literal ^ 1)) ? undefined : merged;
}
