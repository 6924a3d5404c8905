/**
 * PDDL text to a problem: entities, first facts and goal.
 *
 * @module
 */

import { type Domain, onlySection, refuseUnknown, sections } from "./parser.ts";
import {
  type Atom,
  didYouMean,
  type Formula,
  readAtom,
  readFormula,
  readTypedNames,
  type TypedName,
} from "./formula.ts";
import { PddlSource, type SexpList } from "./sexp.ts";
import { quoted } from "./error.ts";

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
