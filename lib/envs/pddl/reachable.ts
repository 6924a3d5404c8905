/**
 * Which actions of a game can ever be taken, judged as if nothing were ever deleted.
 *
 * @module
 */

import type { Operator } from "./grounding.ts";
import type { Symbols } from "./symbols.ts";

/** Keeps the actions whose positive conditions can all become true. */
export function reachableOperators(
  symbols: Symbols,
  operators: readonly Operator[],
): Operator[] {
  // Each change is a rule: when all its needs are met, its adds are.
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
