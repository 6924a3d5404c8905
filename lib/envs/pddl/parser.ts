/**
 * PDDL text to a typed domain or problem; errors carry line and column.
 *
 * The subset is that of text games: types, constants, conditions with quantifiers and equality,
 * conditional and universal effects. Costs and metrics are read and ignored.
 *
 * @module
 */

import { PddlSource, readSexp, type Sexp, type SexpList } from "./sexp.ts";
import {
  type Arities,
  type Atom,
  didYouMean,
  type Effect,
  type Formula,
  readAtom,
  readEffect,
  readFormula,
  readTypedNames,
  readVariables,
  type TypedName,
} from "./formula.ts";
import { quoted } from "./error.ts";

/** One kind of action. */
export interface ActionSchema {
  /** Lower-case name. */
  readonly name: string;
  /** Variables in order, with their types. */
  readonly parameters: readonly TypedName[];
  /** What must hold. */
  readonly precondition: Formula;
  /** What it changes. */
  readonly effect: Effect;
}

/** Types, predicates and actions of a world. */
export interface Domain {
  /** Lower-case name. */
  readonly name: string;
  /** Parent of each declared type; the root `object` has none. */
  readonly types: ReadonlyMap<string, string>;
  /** Entities that every problem has. */
  readonly constants: readonly TypedName[];
  /** Number of arguments of each predicate. */
  readonly arities: Arities;
  /** Kinds of action that have an effect, in the order of the text. */
  readonly actions: readonly ActionSchema[];
}

/** Head word and list of each section after `(define (…)`. */
function sections(
  source: PddlSource,
  kind: "domain" | "problem",
): { name: string; list: readonly [string, SexpList][] } {
  const root = readSexp(source);
  if (source.word(root.items[0], '"define"', root) !== "define") {
    throw source.error(
      "E_PDDL_FORM",
      root.offset,
      'the text must start with "(define"',
    );
  }
  const title = source.list(root.items[1], `the name of the ${kind}`, root);
  if (source.word(title[0], `"${kind}"`, root) !== kind) {
    throw source.error(
      "E_PDDL_FORM",
      root.offset,
      `a ${kind} must be defined here`,
    );
  }
  const name = source.word(title[1], `the name of the ${kind}`, root);
  const list = root.items.slice(2).map((item): [string, SexpList] => {
    const items = source.list(item, "a section", root);
    return [
      source.word(items[0], "the head of a section", item),
      item as SexpList,
    ];
  });
  return { name, list };
}

/** One section by name; at most one is allowed. */
function onlySection(
  source: PddlSource,
  list: readonly [string, SexpList][],
  name: string,
): SexpList | undefined {
  const found = list.filter(([head]) => head === name);
  if (found.length > 1) {
    throw source.error(
      "E_PDDL_FORM",
      found[1]![1].offset,
      `section ${quoted(name)} may stand only once`,
    );
  }
  return found[0]?.[1];
}

const MAX_TYPES = 1_000;
const MAX_PREDICATES = 5_000;
const MAX_ACTIONS = 1_000;
const MAX_ARITY = 16;

const DOMAIN_SECTIONS = [
  ":requirements",
  ":types",
  ":constants",
  ":predicates",
  ":functions",
  ":action",
];

/** Rejects unknown sections. */
function refuseUnknown(
  source: PddlSource,
  list: readonly [string, SexpList][],
  known: readonly string[],
): void {
  for (const [head, section] of list) {
    if (known.includes(head)) continue;
    throw source.error(
      "E_PDDL_UNSUPPORTED",
      section.offset,
      `section ${quoted(head)} is not supported${didYouMean(head, known)}`,
    );
  }
}

/** Parents of the declared types; rejects cycles. */
function readTypes(
  source: PddlSource,
  section: SexpList | undefined,
): Map<string, string> {
  const types = new Map<string, string>();
  if (section === undefined) return types;
  const declared = readTypedNames(source, section.items.slice(1), section);
  for (const { name, type } of declared) {
    if (name !== "object") types.set(name, type);
  }
  for (const { type } of declared) {
    if (type !== "object" && !types.has(type)) types.set(type, "object");
  }
  if (types.size > MAX_TYPES) {
    throw source.error(
      "E_PDDL_LIMIT",
      section.offset,
      `a domain may have ${MAX_TYPES} types, not ${types.size}`,
    );
  }
  const depths = new Map<string, number>([["object", 0]]);
  for (const name of types.keys()) {
    const path: string[] = [];
    let at = name;
    while (!depths.has(at)) {
      if (path.length > types.size) {
        throw source.error(
          "E_PDDL_TYPES",
          section.offset,
          `type ${quoted(name)} must not be its own ancestor`,
        );
      }
      path.push(at);
      at = types.get(at)!;
    }
    let depth = depths.get(at)!;
    for (const step of path.reverse()) depths.set(step, ++depth);
  }
  return types;
}

function readPredicates(
  source: PddlSource,
  section: SexpList | undefined,
): Map<string, number> {
  const arities = new Map<string, number>();
  if (section === undefined) return arities;
  if (section.items.length > MAX_PREDICATES) {
    throw source.error(
      "E_PDDL_LIMIT",
      section.offset,
      `a domain may have ${MAX_PREDICATES} predicates`,
    );
  }
  for (const item of section.items.slice(1)) {
    const items = source.list(item, "a predicate", section);
    const name = source.word(items[0], "the name of a predicate", item);
    if (arities.has(name)) {
      throw source.error(
        "E_PDDL_FORM",
        item.offset,
        `predicate ${quoted(name)} may be declared only once`,
      );
    }
    const arity = readTypedNames(source, items.slice(1), item).length;
    if (arity > MAX_ARITY) {
      throw source.error(
        "E_PDDL_LIMIT",
        item.offset,
        `a predicate may have ${MAX_ARITY} arguments, not ${arity}`,
      );
    }
    arities.set(name, arity);
  }
  return arities;
}

function readAction(
  source: PddlSource,
  section: SexpList,
  arities: Arities,
): ActionSchema | undefined {
  const name = source.word(section.items[1], "the name of an action", section);
  const where = `action ${name}`;
  const parts = new Map<string, Sexp>();
  for (let i = 2; i < section.items.length; i += 2) {
    const key = source.word(section.items[i], "the head of a part", section);
    const value = section.items[i + 1];
    const known = [":parameters", ":precondition", ":effect"].includes(key);
    if (!known || value === undefined || parts.has(key)) {
      throw source.error(
        "E_PDDL_FORM",
        section.items[i]!.offset,
        known
          ? `${quoted(key)} must stand once, with a list`
          : `part ${quoted(key)} is not supported`,
        where,
      );
    }
    parts.set(key, value);
  }
  const declared = parts.get(":parameters");
  const parameters = declared === undefined ? [] : readVariables(
    source,
    source.list(declared, "the parameters", section),
    section,
  );
  const condition = parts.get(":precondition");
  const effect = parts.get(":effect");
  const precondition: Formula = condition === undefined
    ? { kind: "and", parts: [] }
    : readFormula(source, condition, arities, where);
  if (effect === undefined) return undefined;
  return {
    name,
    parameters,
    precondition,
    effect: readEffect(source, effect, arities, where),
  };
}

/**
 * Reads a domain.
 *
 * @example
 * ```ts
 * import { strictEqual, throws } from "node:assert/strict";
 * import { parseDomain } from "@hiper/lab/envs/pddl";
 *
 * const text = "(define (domain d) (:predicates (on)) (:action press :effect (on)))";
 * strictEqual(parseDomain(text).actions[0]!.name, "press");
 * throws(() => parseDomain(text.replace("effect (on)", "effect (no)")), /did you mean "on"/);
 * ```
 *
 * @param text The text, with comments.
 * @returns Types, predicates and actions.
 * @throws {GameError} If the text is not PDDL of the supported subset.
 */
export function parseDomain(text: string): Domain {
  const source = new PddlSource(text, "pddl_domain");
  const { name, list } = sections(source, "domain");
  refuseUnknown(source, list, DOMAIN_SECTIONS);
  const types = readTypes(source, onlySection(source, list, ":types"));
  const constants = onlySection(source, list, ":constants");
  const arities = readPredicates(
    source,
    onlySection(source, list, ":predicates"),
  );
  const actions: ActionSchema[] = [];
  const names = new Set<string>();
  for (const [head, section] of list) {
    if (head !== ":action") continue;
    const action = readAction(source, section, arities);
    if (action === undefined) continue;
    if (actions.length >= MAX_ACTIONS) {
      throw source.error(
        "E_PDDL_LIMIT",
        section.offset,
        `a domain may have ${MAX_ACTIONS} actions`,
      );
    }
    if (names.has(action.name)) {
      throw source.error(
        "E_PDDL_FORM",
        section.offset,
        `action ${quoted(action.name)} may stand only once`,
      );
    }
    names.add(action.name);
    actions.push(action);
  }
  return {
    name,
    types,
    constants: constants === undefined
      ? []
      : readTypedNames(source, constants.items.slice(1), constants),
    arities,
    actions,
  };
}

/** Entities, first facts and goal of a game. */
export interface Problem {
  /** Lower-case name. */
  readonly name: string;
  /** Every entity, the domain's constants first. */
  readonly entities: readonly TypedName[];
  /** Facts that hold at the start, each once. */
  readonly facts: readonly Atom[];
  /** What is to be reached. */
  readonly goal: Formula;
}

const MAX_ENTITIES = 20_000;
const MAX_FACTS = 200_000;

function readEntities(
  source: PddlSource,
  section: SexpList | undefined,
  domain: Domain,
): TypedName[] {
  const declared = section === undefined
    ? []
    : readTypedNames(source, section.items.slice(1), section);
  const entities = [...domain.constants, ...declared];
  const offset = section?.offset ?? 0;
  if (entities.length > MAX_ENTITIES) {
    throw source.error(
      "E_PDDL_LIMIT",
      offset,
      `a problem may have ${MAX_ENTITIES} entities, not ${entities.length}`,
    );
  }
  const names = new Set<string>();
  for (const { name, type } of entities) {
    if (names.has(name)) {
      throw source.error(
        "E_PDDL_DUPLICATE",
        offset,
        `entity ${quoted(name)} may be declared only once`,
      );
    }
    names.add(name);
    if (type !== "object" && !domain.types.has(type)) {
      throw source.error(
        "E_PDDL_TYPES",
        offset,
        `type ${quoted(type)} of entity ${quoted(name)} must be declared${
          didYouMean(type, domain.types.keys())
        }`,
      );
    }
  }
  return entities;
}

function readFacts(
  source: PddlSource,
  section: SexpList | undefined,
  domain: Domain,
): Atom[] {
  if (section === undefined) return [];
  if (section.items.length > MAX_FACTS) {
    throw source.error(
      "E_PDDL_LIMIT",
      section.offset,
      `a problem may have ${MAX_FACTS} first facts`,
    );
  }
  const facts = new Map<string, Atom>();
  const absent = new Map<string, number>();
  const keyOf = (atom: Atom) => `${atom.predicate} ${atom.args.join(" ")}`;
  for (const item of section.items.slice(1)) {
    const items = source.list(item, "a first fact", section);
    const head = source.word(items[0], "a predicate", item);
    if (head === "=") continue; // a cost
    if (head === "not") {
      source.list(items[1], "a negated fact", item);
      const atom = readAtom(
        source,
        items[1] as SexpList,
        domain.arities,
        ":init",
      );
      absent.set(keyOf(atom), item.offset);
      continue;
    }
    const atom = readAtom(source, item as SexpList, domain.arities, ":init");
    facts.set(keyOf(atom), atom);
  }
  for (const [key, offset] of absent) {
    if (!facts.has(key)) continue;
    throw source.error(
      "E_PDDL_CONTRADICTION",
      offset,
      `fact ${quoted(key)} may not be both true and false`,
    );
  }
  return [...facts.values()];
}

/**
 * Reads a problem of a domain.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parseDomain, parseProblem } from "@hiper/lab/envs/pddl";
 *
 * const domain = parseDomain("(define (domain d) (:types lamp) (:predicates (on ?l - lamp)))");
 * const problem = parseProblem(
 *   "(define (problem p) (:domain d) (:objects a b - lamp) (:init (on a)) (:goal (on b)))",
 *   domain,
 * );
 * deepStrictEqual(problem.facts, [{ predicate: "on", args: ["a"] }]);
 * ```
 *
 * @param text The text, with comments.
 * @param domain What it is a problem of.
 * @returns Entities, first facts and goal.
 * @throws {GameError} If the text is not PDDL of the supported subset.
 */
export function parseProblem(text: string, domain: Domain): Problem {
  const source = new PddlSource(text, "pddl_problem");
  const { name, list } = sections(source, "problem");
  refuseUnknown(source, list, [
    ":domain",
    ":requirements",
    ":objects",
    ":init",
    ":goal",
    ":metric",
  ]);
  const of = onlySection(source, list, ":domain");
  const domainName = of === undefined
    ? undefined
    : source.word(of.items[1], "the domain", of);
  if (domainName !== domain.name) {
    throw source.error(
      "E_PDDL_FORM",
      of?.offset ?? 0,
      `the problem's domain must be ${quoted(domain.name)}, not ${
        quoted(domainName ?? "")
      }`,
    );
  }
  const goal = onlySection(source, list, ":goal");
  if (goal?.items[1] === undefined) {
    throw source.error("E_PDDL_FORM", 0, "the problem must have a goal");
  }
  return {
    name,
    entities: readEntities(
      source,
      onlySection(source, list, ":objects"),
      domain,
    ),
    facts: readFacts(source, onlySection(source, list, ":init"), domain),
    goal: readFormula(source, goal.items[1], domain.arities, ":goal"),
  };
}
