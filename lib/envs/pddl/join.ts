/**
 * Conditions prepared for grounding: variables become slots, `not` sinks to the atoms, and
 * quantifiers become joins that are driven by facts which never change.
 *
 * @module
 */

import type { Formula, TypedName } from "./formula.ts";
import { GameError } from "./error.ts";
import type { Symbols } from "./symbols.ts";

/** A prepared condition. A term is an entity's number, or `-1 - slot`. */
export type Node =
  & { readonly free: ReadonlySet<number>; readonly isStatic: boolean }
  & (
    | {
      readonly kind: "literal";
      readonly predicate: number;
      readonly terms: readonly number[];
      readonly negated: boolean;
    }
    | {
      readonly kind: "equal";
      readonly terms: readonly number[];
      readonly negated: boolean;
    }
    | { readonly kind: "and" | "or"; readonly parts: readonly Node[] }
    | {
      readonly kind: "exists" | "forall";
      /** Bindings for which `part` can hold (`exists`) or can fail (`forall`). */
      readonly join: Join;
      /** What the join leaves to be checked. */
      readonly part: Node;
    }
  );

/** Ways to bind some slots so that what is known of a condition holds. */
export interface Join {
  readonly steps: readonly JoinStep[];
  /** Static conditions that need no slot of the join. */
  readonly checks: readonly Node[];
}

interface JoinStep {
  /** A static positive literal whose facts bind its free slots, or one slot over some entities. */
  readonly source:
    | { readonly predicate: number; readonly terms: readonly number[] }
    | { readonly slot: number; readonly entities: readonly number[] };
  /** Slots bound here, with the type that each must have. */
  readonly binds: readonly { readonly slot: number; readonly type: string }[];
  /** Argument positions that are bound before this step. */
  readonly known: readonly number[];
  /** Static conditions whose slots are all bound after this step. */
  readonly checks: readonly Node[];
}

/** What preparing a condition needs to know. */
export interface Scope {
  /** Slot of each variable in reach. */
  readonly slots: ReadonlyMap<string, number>;
  /** First unused slot, and conditions that may still be prepared; shared within one action. */
  readonly counter: { next: number; left: number };
}

const NO_SLOTS: ReadonlySet<number> = new Set();
const MAX_CONDITIONS = 50_000;
/** Conditions on one slot that are tried before a join begins. */
const MAX_FILTERS = 8;

/** A scope without variables. */
export function emptyScope(): Scope {
  return { slots: new Map(), counter: { next: 0, left: MAX_CONDITIONS } };
}

/** Opens a scope with variables, each in a slot of its own. */
export function extendScope(
  scope: Scope,
  variables: readonly TypedName[],
): { scope: Scope; binds: { slot: number; type: string }[] } {
  const slots = new Map(scope.slots);
  const binds = variables.map(({ name, type }) => {
    const slot = scope.counter.next++;
    slots.set(name, slot);
    return { slot, type };
  });
  return { scope: { slots, counter: scope.counter }, binds };
}

/** Number of a term: a variable's slot or an entity. */
export function resolveTerm(
  symbols: Symbols,
  name: string,
  scope: Scope,
): number {
  if (!name.startsWith("?")) return symbols.entity(name);
  const slot = scope.slots.get(name);
  if (slot === undefined) {
    throw new GameError(`variable "${name}" must be declared`, {
      code: "E_PDDL_VARIABLE",
      section: "pddl_domain",
    });
  }
  return -1 - slot;
}

function slotsOf(terms: readonly number[]): Set<number> {
  return new Set(terms.filter((term) => term < 0).map((term) => -1 - term));
}

/** Prepares a condition, or its negation, for grounding. */
export function prepare(
  symbols: Symbols,
  formula: Formula,
  scope: Scope,
  negated = false,
): Node {
  // Quantifiers inside quantifiers are prepared both ways, so their number can explode.
  if (--scope.counter.left < 0) {
    throw new GameError(
      `the conditions of one action must stay below ${MAX_CONDITIONS}`,
      { code: "E_GROUND_LIMIT", section: "pddl_domain" },
    );
  }
  switch (formula.kind) {
    case "not":
      return prepare(symbols, formula.part, scope, !negated);
    case "equal": {
      const terms = [formula.left, formula.right].map((name) =>
        resolveTerm(symbols, name, scope)
      );
      return {
        kind: "equal",
        terms,
        negated,
        free: slotsOf(terms),
        isStatic: true,
      };
    }
    case "atom": {
      const predicate = symbols.predicate(formula.atom.predicate);
      const terms = formula.atom.args.map((name) =>
        resolveTerm(symbols, name, scope)
      );
      const isStatic = !symbols.fluent[predicate]!;
      return {
        kind: "literal",
        predicate,
        terms,
        negated,
        free: slotsOf(terms),
        isStatic,
      };
    }
    case "and":
    case "or": {
      const kind = (formula.kind === "and") === negated ? "or" : "and";
      const parts = formula.parts.map((part) =>
        prepare(symbols, part, scope, negated)
      );
      return group(kind, parts);
    }
    default: {
      const kind = (formula.kind === "exists") === negated
        ? "forall"
        : "exists";
      const inner = extendScope(scope, formula.variables);
      const part = prepare(symbols, formula.part, inner.scope, negated);
      const driver = kind === "exists"
        ? part
        : prepare(symbols, formula.part, inner.scope, !negated);
      const bound = new Set(inner.binds.map(({ slot }) => slot));
      const free = new Set([...part.free].filter((slot) => !bound.has(slot)));
      const join = planJoin(symbols, driver, inner.binds, free);
      // The join of an "exists" has checked the static conditions of its part.
      const rest = kind === "exists" ? withoutStatic(part) : part;
      return { kind, join, part: rest, free, isStatic: part.isStatic };
    }
  }
}

function group(kind: "and" | "or", parts: readonly Node[]): Node {
  // Nested groups of one kind become one list, so that joins see every conjunct.
  const flat = parts.flatMap((part) =>
    part.kind === kind ? part.parts : [part]
  );
  if (flat.length === 1) return flat[0]!;
  const free = flat.length === 0
    ? NO_SLOTS
    : new Set(flat.flatMap((part) => [...part.free]));
  return {
    kind,
    parts: flat,
    free,
    isStatic: flat.every((part) => part.isStatic),
  };
}

/** What is left of a condition once its static conjuncts are known to hold. */
export function withoutStatic(node: Node): Node {
  const parts = node.kind === "and" ? node.parts : [node];
  return group("and", parts.filter((part) => !part.isStatic));
}

/** Facts of a literal to expect when some of its positions are known. */
function expectedFacts(
  symbols: Symbols,
  predicate: number,
  known: readonly number[],
): number {
  let expected = symbols.facts[predicate]!.length;
  for (const position of known) {
    expected /= Math.max(1, symbols.distinctAt(predicate, position));
  }
  return expected;
}

/**
 * Orders the slots of a condition so that few bindings are tried; `bound` slots already have
 * entities.
 */
export function planJoin(
  symbols: Symbols,
  condition: Node,
  binds: readonly { slot: number; type: string }[],
  bound: ReadonlySet<number>,
): Join {
  const conjuncts = condition.kind === "and" ? condition.parts : [condition];
  const isKnown = new Set(bound);
  const open = new Map(binds.map(({ slot, type }) => [slot, type]));
  const waiting = new Set(conjuncts.filter((part) => part.isStatic));
  const takeReady = () => {
    const ready = [...waiting].filter((part) => isSubset(part.free, isKnown));
    for (const part of ready) waiting.delete(part);
    return ready;
  };
  const checks = takeReady();
  const candidates = new Map(
    binds.map((
      { slot, type },
    ) => [slot, fitting(symbols, waiting, slot, type)]),
  );
  const steps: JoinStep[] = [];
  while (open.size > 0) {
    const step = nextStep(symbols, waiting, open, isKnown, candidates);
    for (const { slot } of step.binds) {
      isKnown.add(slot);
      open.delete(slot);
    }
    // A literal that drives a step is checked once more with the rest: repeated slots stay simple.
    steps.push({ ...step, checks: takeReady() });
  }
  return { steps, checks };
}

/** Entities of a type that pass the conditions on their slot alone. */
function fitting(
  symbols: Symbols,
  waiting: ReadonlySet<Node>,
  slot: number,
  type: string,
): readonly number[] {
  const filters = [...waiting].filter(({ free, kind }) =>
    free.size === 1 && free.has(slot) && kind !== "exists" && kind !== "forall"
  ).slice(0, MAX_FILTERS);
  if (filters.length === 0) return symbols.members(type);
  return symbols.members(type).filter((entity) =>
    filters.every((filter) => holdsFor(symbols, filter, entity))
  );
}

/** Whether a static condition on one slot holds for an entity; quantifiers are let pass. */
function holdsFor(symbols: Symbols, node: Node, entity: number): boolean {
  switch (node.kind) {
    case "equal":
    case "literal": {
      const args = node.terms.map((term) => term >= 0 ? term : entity);
      if (node.kind === "equal") return (args[0] === args[1]) !== node.negated;
      const atom = symbols.atoms.find(node.predicate, args);
      return (atom >= 0 && symbols.holdsInitially(atom)) !== node.negated;
    }
    case "and":
      return node.parts.every((part) => holdsFor(symbols, part, entity));
    case "or":
      return node.parts.some((part) => holdsFor(symbols, part, entity));
    default:
      return true;
  }
}

function nextStep(
  symbols: Symbols,
  waiting: ReadonlySet<Node>,
  open: ReadonlyMap<number, string>,
  isKnown: ReadonlySet<number>,
  candidates: ReadonlyMap<number, readonly number[]>,
): Omit<JoinStep, "checks"> {
  let best: Omit<JoinStep, "checks"> | undefined, bestCost = Infinity;
  for (const part of waiting) {
    if (part.kind !== "literal" || part.negated) continue;
    const fresh = [...part.free].filter((slot) => open.has(slot));
    if (fresh.length === 0) continue;
    const known = part.terms.flatMap((term, position) =>
      term >= 0 || isKnown.has(-1 - term) ? [position] : []
    );
    const cost = expectedFacts(symbols, part.predicate, known);
    if (cost >= bestCost) continue;
    bestCost = cost;
    best = {
      source: { predicate: part.predicate, terms: part.terms },
      binds: fresh.map((slot) => ({ slot, type: open.get(slot)! })),
      known,
    };
  }
  for (const [slot, type] of open) {
    const entities = candidates.get(slot)!;
    if (entities.length >= bestCost) continue;
    bestCost = entities.length;
    best = { source: { slot, entities }, binds: [{ slot, type }], known: [] };
  }
  return best!;
}

function isSubset(
  small: ReadonlySet<number>,
  large: ReadonlySet<number>,
): boolean {
  for (const element of small) if (!large.has(element)) return false;
  return true;
}
