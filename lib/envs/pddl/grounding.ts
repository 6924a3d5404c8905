/**
 * Every action that can ever be taken in a game, with the facts it needs and changes.
 *
 * @module
 */

import type { Domain, Problem } from "./parser.ts";
import type { Effect } from "./formula.ts";
import {
  emptyScope,
  extendScope,
  type Node,
  planJoin,
  prepare,
  resolveTerm,
  type Scope,
  withoutStatic,
} from "./join.ts";
import {
  distinct,
  type Ground,
  groundAtom,
  type Grounding,
  groundLimit,
  groundNode,
  membershipOf,
  runJoin,
  toDisjunction,
} from "./ground_formula.ts";
import { Symbols } from "./symbols.ts";

/** Facts that change together when a condition held before. */
export interface Change {
  /** Literals that must hold for the change; empty means always. */
  readonly condition: readonly number[];
  readonly adds: readonly number[];
  /** Atoms that become false, unless also added. */
  readonly deletes: readonly number[];
}

/** An action with its entities, under one of the ways to satisfy its precondition. */
export interface Operator {
  /** Index of the action in the domain. */
  readonly schema: number;
  readonly params: readonly number[];
  /** Literals that must hold: twice the atom, plus one where it must be false. */
  readonly condition: readonly number[];
  /** What it changes; the first change is the unconditional one. */
  readonly changes: readonly Change[];
}

/** A game without variables. */
export interface GroundTask {
  readonly symbols: Symbols;
  /** Actions that can be reached, in the order of the domain. */
  readonly operators: readonly Operator[];
  readonly goal: Ground;
}

const MAX_BINDINGS = 500_000;
const MAX_OPERATORS = 50_000;

type EffectNode =
  | {
    readonly kind: "change";
    readonly predicate: number;
    readonly terms: readonly number[];
    readonly adds: boolean;
  }
  | { readonly kind: "and"; readonly parts: readonly EffectNode[] }
  | {
    readonly kind: "when";
    readonly condition: Node;
    readonly part: EffectNode;
  }
  | {
    readonly kind: "forall";
    readonly binds: readonly { slot: number; type: string }[];
    readonly part: EffectNode;
  };

function prepareEffect(
  symbols: Symbols,
  effect: Effect,
  scope: Scope,
): EffectNode {
  switch (effect.kind) {
    case "add":
    case "delete":
      return {
        kind: "change",
        predicate: symbols.predicate(effect.atom.predicate),
        terms: effect.atom.args.map((arg) => resolveTerm(symbols, arg, scope)),
        adds: effect.kind === "add",
      };
    case "and":
      return {
        kind: "and",
        parts: effect.parts.map((part) => prepareEffect(symbols, part, scope)),
      };
    case "when":
      return {
        kind: "when",
        condition: prepare(symbols, effect.condition, scope),
        part: prepareEffect(symbols, effect.part, scope),
      };
    case "forall": {
      const { scope: inner, binds } = extendScope(scope, effect.variables);
      return {
        kind: "forall",
        binds,
        part: prepareEffect(symbols, effect.part, inner),
      };
    }
  }
}

interface Literal {
  readonly condition: Ground;
  readonly atom: number;
  readonly adds: boolean;
}

/** Lists the single changes of an effect for the entities now in the slots. */
function groundEffect(
  grounding: Grounding,
  effect: EffectNode,
  condition: readonly Ground[],
  out: Literal[],
): void {
  switch (effect.kind) {
    case "change": {
      const atom = groundAtom(grounding, effect.predicate, effect.terms);
      const whole: Ground = condition.length === 0
        ? true
        : { kind: "and", parts: condition };
      out.push({ condition: whole, atom, adds: effect.adds });
      break;
    }
    case "and":
      for (const part of effect.parts) {
        groundEffect(grounding, part, condition, out);
      }
      break;
    case "when": {
      const when = groundNode(grounding, effect.condition);
      if (when === false) break;
      const inner = when === true ? condition : [...condition, when];
      groundEffect(grounding, effect.part, inner, out);
      break;
    }
    case "forall": {
      const steps = effect.binds.map((bind) => ({
        source: {
          slot: bind.slot,
          entities: grounding.symbols.members(bind.type),
        },
        binds: [bind],
        known: [],
        checks: [],
      }));
      runJoin(grounding, { steps, checks: [] }, () => {
        groundEffect(grounding, effect.part, condition, out);
        return false;
      });
    }
  }
}

type PlainChange = EffectNode & { readonly kind: "change" };

/** The changes of an effect that has no conditions; nothing for other effects. */
function plainChanges(effect: EffectNode): PlainChange[] | undefined {
  if (effect.kind === "change") return [effect];
  if (effect.kind !== "and") return undefined;
  const parts = effect.parts.map(plainChanges);
  return parts.includes(undefined) ? undefined : parts.flatMap((part) => part!);
}

function groundPlain(
  grounding: Grounding,
  changes: readonly PlainChange[],
): Change {
  const adds: number[] = [], deletes: number[] = [];
  for (const { predicate, terms, adds: isAdd } of changes) {
    (isAdd ? adds : deletes).push(groundAtom(grounding, predicate, terms));
  }
  const added = membershipOf(adds);
  return {
    condition: [],
    adds: distinct(adds),
    deletes: distinct(deletes).filter((atom) => !added(atom)),
  };
}

/** Changes by their condition; a delete yields to an add under the same condition. */
function groupedChanges(grounding: Grounding, effect: EffectNode): Change[] {
  const literals: Literal[] = [];
  groundEffect(grounding, effect, [], literals);
  const groups = new Map<
    string,
    { condition: number[]; adds: Set<number>; deletes: Set<number> }
  >();
  groups.set("", { condition: [], adds: new Set(), deletes: new Set() });
  for (const { condition, atom, adds } of literals) {
    for (const way of toDisjunction(condition, grounding.where)) {
      const key = way.join();
      let group = groups.get(key);
      if (group === undefined) {
        group = { condition: way, adds: new Set(), deletes: new Set() };
        groups.set(key, group);
      }
      (adds ? group.adds : group.deletes).add(atom);
    }
  }
  return [...groups.values()].map(({ condition, adds, deletes }) => ({
    condition,
    adds: [...adds],
    deletes: [...deletes].filter((atom) => !adds.has(atom)),
  }));
}

/** What is left of the changes where `condition` holds already; nothing if nothing is. */
function effective(
  changes: readonly Change[],
  condition: readonly number[],
): Change[] | undefined {
  let alive = false;
  const holds = membershipOf(condition);
  const left = changes.map((change, index): Change => {
    if (change.condition.some((literal) => holds(literal ^ 1))) {
      return { condition: change.condition, adds: [], deletes: [] };
    }
    const adds = change.adds.filter((atom) => !holds(2 * atom));
    const deletes = change.deletes.filter((atom) => !holds(2 * atom + 1));
    if (adds.length + deletes.length > 0) alive = true;
    return index === 0 || adds.length + deletes.length > 0
      ? { condition: change.condition, adds, deletes }
      : { condition: change.condition, adds: [], deletes: [] };
  });
  if (!alive) return undefined;
  return left.filter((change, index) =>
    index === 0 || change.adds.length + change.deletes.length > 0
  );
}

/** Grounds one kind of action. */
function groundAction(
  symbols: Symbols,
  domain: Domain,
  schema: number,
  operators: Operator[],
  budget: { left: number },
): void {
  const action = domain.actions[schema]!;
  const where = `action ${action.name}`;
  const { scope, binds } = extendScope(emptyScope(), action.parameters);
  const precondition = prepare(symbols, action.precondition, scope);
  const effect = prepareEffect(symbols, action.effect, scope);
  const grounding: Grounding = {
    symbols,
    binding: new Int32Array(scope.counter.next).fill(-1),
    budget,
    where,
  };
  const join = planJoin(symbols, precondition, binds, new Set());
  const rest = withoutStatic(precondition); // the join checks what is static
  const plain = plainChanges(effect);
  runJoin(grounding, join, () => {
    const ground = groundNode(grounding, rest);
    const ways = toDisjunction(ground, where);
    if (ways.length === 0) return false;
    budget.left -= ways.length - 1;
    const params = Array.from(grounding.binding.subarray(0, binds.length));
    const changes = plain === undefined
      ? groupedChanges(grounding, effect)
      : [groundPlain(grounding, plain)];
    for (const condition of ways) {
      const left = effective(changes, condition);
      if (left === undefined) continue;
      operators.push({ schema, params, condition, changes: left });
    }
    if (operators.length > MAX_OPERATORS) {
      throw groundLimit(
        where,
        `a game may have ${MAX_OPERATORS} actions with their entities: this one has ${
          action.parameters.map(({ type }) => symbols.members(type).length)
            .join(" × ")
        }`,
      );
    }
    return false;
  });
}

/**
 * Grounds every action with its entities, and the goal; actions that can never be taken are left
 * out.
 *
 * @throws {GameError} If there are more actions or bindings than can be played.
 */
export function groundGame(domain: Domain, problem: Problem): GroundTask {
  const symbols = new Symbols(domain, problem);
  const operators: Operator[] = [];
  const budget = { left: MAX_BINDINGS };
  for (let schema = 0; schema < domain.actions.length; schema++) {
    groundAction(symbols, domain, schema, operators, budget);
  }
  const scope = emptyScope();
  const node = prepare(symbols, problem.goal, scope);
  const goal = groundNode({
    symbols,
    binding: new Int32Array(scope.counter.next).fill(-1),
    budget,
    where: "the goal",
  }, node);
  return { symbols, operators: reachableOperators(symbols, operators), goal };
}

/** Keeps the actions that are reachable in the delete relaxation. */
function reachableOperators(
  symbols: Symbols,
  operators: readonly Operator[],
): Operator[] {
  // Delete relaxation: a change is a rule from its positive conditions to its adds.
  const rules: { operator: number; adds: readonly number[] }[] = [];
  const missing: number[] = [];
  const waiting = new Map<number, number[]>();
  const met = new Set<number>();
  const queue: number[] = [];
  const fired = new Uint8Array(operators.length);
  const fire = (rule: number) => {
    fired[rules[rule]!.operator] = 1;
    for (const atom of rules[rule]!.adds) {
      if (met.has(atom)) continue;
      met.add(atom);
      queue.push(atom);
    }
  };
  for (const facts of symbols.facts) {
    for (const atom of facts) met.add(atom);
  }
  for (const [index, operator] of operators.entries()) {
    for (const change of operator.changes) {
      const needs = new Set(
        [...operator.condition, ...change.condition]
          .filter((literal) => literal % 2 === 0).map((literal) => literal / 2)
          .filter((atom) => !symbols.holdsInitially(atom)),
      );
      const rule = rules.push({ operator: index, adds: change.adds }) - 1;
      missing.push(needs.size);
      for (const atom of needs) {
        const list = waiting.get(atom);
        if (list === undefined) waiting.set(atom, [rule]);
        else list.push(rule);
      }
    }
  }
  for (let rule = 0; rule < rules.length; rule++) {
    if (missing[rule] === 0) fire(rule);
  }
  for (let atom = queue.pop(); atom !== undefined; atom = queue.pop()) {
    for (const rule of waiting.get(atom) ?? []) {
      if (--missing[rule]! === 0) fire(rule);
    }
  }
  return operators.filter((_, index) => fired[index]);
}
