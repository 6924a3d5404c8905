/**
 * Conditions and effects of PDDL as trees, parsed from nested lists.
 *
 * @module
 */

import { nearestName } from "../../checks.ts";
import type { PddlSource, Sexp, SexpList } from "./sexp.ts";
import { quoted } from "./error.ts";

/** A name and the type it was declared with. */
export interface TypedName {
  /** Variables keep their `?`. */
  readonly name: string;
  /** Lower-case name of the type; `object` where none was written. */
  readonly type: string;
}

/** A predicate with its arguments: variables start with `?`, everything else names an entity. */
export interface Atom {
  /** Lower-case name. */
  readonly predicate: string;
  /** Arguments in order. */
  readonly args: readonly string[];
}

/** A condition. */
export type Formula =
  | { readonly kind: "atom"; readonly atom: Atom }
  | { readonly kind: "equal"; readonly left: string; readonly right: string }
  | { readonly kind: "not"; readonly part: Formula }
  | { readonly kind: "and" | "or"; readonly parts: readonly Formula[] }
  | {
    readonly kind: "exists" | "forall";
    readonly variables: readonly TypedName[];
    readonly part: Formula;
  };

/** What an action changes. */
export type Effect =
  | { readonly kind: "add" | "delete"; readonly atom: Atom }
  | { readonly kind: "and"; readonly parts: readonly Effect[] }
  | {
    readonly kind: "when";
    readonly condition: Formula;
    readonly part: Effect;
  }
  | {
    readonly kind: "forall";
    readonly variables: readonly TypedName[];
    readonly part: Effect;
  };

const MAX_VARIABLES = 64;

/** What a formula may mention: declared predicates with their number of arguments. */
export type Arities = ReadonlyMap<string, number>;

/** Splits `a b - t c` into names with types. */
export function readTypedNames(
  source: PddlSource,
  items: readonly Sexp[],
  parent: Sexp,
): TypedName[] {
  const names: TypedName[] = [];
  let waiting: string[] = [];
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    const word = source.word(item, "a declared name", parent);
    if (word !== "-") {
      waiting.push(word);
      continue;
    }
    const type = items[++i];
    if (type !== undefined && "items" in type) {
      throw source.error(
        "E_PDDL_TYPES",
        type.offset,
        '"either" types are not supported',
      );
    }
    const typeName = source.word(type, 'the type after "-"', item);
    for (const name of waiting) names.push({ name, type: typeName });
    waiting = [];
  }
  for (const name of waiting) names.push({ name, type: "object" });
  return names;
}

/** Reads the variables of an action or a quantifier. */
export function readVariables(
  source: PddlSource,
  items: readonly Sexp[],
  parent: Sexp,
): TypedName[] {
  const variables = readTypedNames(source, items, parent);
  if (variables.length <= MAX_VARIABLES) return variables;
  throw source.error(
    "E_PDDL_LIMIT",
    parent.offset,
    `${MAX_VARIABLES} variables may stand in one place, not ${variables.length}`,
  );
}

/** Reads one atom and checks predicate and number of arguments. */
export function readAtom(
  source: PddlSource,
  list: SexpList,
  arities: Arities,
  where?: string,
): Atom {
  const predicate = source.word(list.items[0], "a predicate", list);
  const arity = arities.get(predicate);
  if (arity === undefined) {
    throw source.error(
      "E_PDDL_UNDECLARED_PREDICATE",
      list.offset,
      `predicate ${quoted(predicate)} must be declared${
        didYouMean(predicate, arities.keys())
      }`,
      where,
    );
  }
  const args = list.items.slice(1).map((item) =>
    source.word(item, "an argument", list)
  );
  if (args.length !== arity) {
    throw source.error(
      "E_PDDL_ARITY",
      list.offset,
      `predicate ${
        quoted(predicate)
      } takes ${arity} arguments, not ${args.length}`,
      where,
    );
  }
  return { predicate, args };
}

/** Parses a condition; an empty list is always true. `source` and `where` locate errors. */
export function readFormula(
  source: PddlSource,
  sexp: Sexp,
  arities: Arities,
  where?: string,
): Formula {
  const items = source.list(sexp, "a condition", sexp);
  if (items.length === 0) return { kind: "and", parts: [] };
  const head = source.word(items[0], "the head of a condition", sexp);
  const read = (item: Sexp) => readFormula(source, item, arities, where);
  const expect = (count: number) => {
    if (items.length === count) return;
    throw source.error(
      "E_PDDL_FORM",
      sexp.offset,
      `${quoted(head)} takes ${count - 1} parts, not ${items.length - 1}`,
      where,
    );
  };
  switch (head) {
    case "and":
    case "or":
      return { kind: head, parts: items.slice(1).map(read) };
    case "not":
      expect(2);
      return { kind: "not", part: read(items[1]!) };
    case "imply":
      expect(3);
      return {
        kind: "or",
        parts: [{ kind: "not", part: read(items[1]!) }, read(items[2]!)],
      };
    case "exists":
    case "forall": {
      expect(3);
      const declared = source.list(items[1], "quantified variables", sexp);
      const variables = readVariables(source, declared, sexp);
      return { kind: head, variables, part: read(items[2]!) };
    }
    case "=": {
      expect(3);
      const left = source.word(items[1], "a compared term", sexp);
      const right = source.word(items[2], "a compared term", sexp);
      return { kind: "equal", left, right };
    }
    default:
      return {
        kind: "atom",
        atom: readAtom(source, sexp as SexpList, arities, where),
      };
  }
}

/** Reads an effect; costs are skipped. */
export function readEffect(
  source: PddlSource,
  sexp: Sexp,
  arities: Arities,
  where?: string,
): Effect {
  const items = source.list(sexp, "an effect", sexp);
  if (items.length === 0) return { kind: "and", parts: [] };
  const head = source.word(items[0], "the head of an effect", sexp);
  const rest = items.slice(1);
  const read = (item: Sexp) => readEffect(source, item, arities, where);
  const missing = () =>
    source.error(
      "E_PDDL_FORM",
      sexp.offset,
      `${quoted(head)} lacks a part`,
      where,
    );
  switch (head) {
    case "and":
      return { kind: "and", parts: rest.map(read) };
    case "increase":
      return { kind: "and", parts: [] };
    case "not": {
      const [list] = rest;
      if (list === undefined || rest.length > 1) throw missing();
      source.list(list, "a deleted atom", sexp);
      return {
        kind: "delete",
        atom: readAtom(source, list as SexpList, arities, where),
      };
    }
    case "when": {
      const [condition, part] = rest;
      if (condition === undefined || part === undefined) throw missing();
      return {
        kind: "when",
        condition: readFormula(source, condition, arities, where),
        part: read(part),
      };
    }
    case "forall": {
      const [variables, part] = rest;
      if (variables === undefined || part === undefined) throw missing();
      const declared = source.list(variables, "quantified variables", sexp);
      return {
        kind: "forall",
        variables: readVariables(source, declared, sexp),
        part: read(part),
      };
    }
    default:
      return {
        kind: "add",
        atom: readAtom(source, sexp as SexpList, arities, where),
      };
  }
}

/** A hint with the nearest known name, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearestName(name, [...known]);
  return near === undefined ? "" : ` (did you mean ${quoted(near)}?)`;
}
