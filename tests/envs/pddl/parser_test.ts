import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { GameError } from "../../../lib/envs/pddl/error.ts";
import { parseDomain } from "../../../lib/envs/pddl/parser.ts";
import { parseProblem } from "../../../lib/envs/pddl/parser.ts";
import {
  PddlSource,
  readSexp,
  type Sexp,
} from "../../../lib/envs/pddl/sexp.ts";

const DOMAIN = `; a comment with ünicode
(define (domain Kitchen) (:requirements :adl)
  (:types Fruit Tool - thing  thing)
  (:constants table - thing)
  (:predicates (At ?x - thing ?y) (Ripe ?f - fruit))
  (:functions (total-cost) - number)
  (:action Eat :parameters (?f - fruit) :precondition () :effect (and (not (ripe ?f)) (increase (total-cost) 1)))
  (:action nothing :parameters (?f - fruit) :precondition (ripe ?f)))`;

function problem(body: string): string {
  return `(define (problem p) (:domain kitchen) ${body} (:goal (and)))`;
}

function failure(run: () => unknown): GameError {
  let caught: unknown;
  throws(run, (error) => (caught = error) instanceof GameError);
  return caught as GameError;
}

function print(sexp: Sexp): string {
  return "word" in sexp ? sexp.word : `(${sexp.items.map(print).join(" ")})`;
}

Deno.test("readSexp() reads back what was printed", () => {
  const word = fc.stringMatching(/^[a-z0-9,:=._-]{1,8}$/);
  const { tree } = fc.letrec<{ tree: string; list: string }>((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, word, tie("list")),
    list: fc.array(tie("tree"), { maxLength: 4 }).map((items) =>
      `(${items.join(" ")})`
    ),
  }));
  fc.assert(fc.property(fc.array(tree, { maxLength: 5 }), (items) => {
    const text = `(${items.join(" ")})`;
    strictEqual(print(readSexp(new PddlSource(text, "pddl_domain"))), text);
  }));
});

Deno.test("readSexp() splits before every question mark, keeps commas, lowers case", () => {
  const read = (text: string) =>
    print(readSexp(new PddlSource(text, "pddl_domain")));
  strictEqual(
    read("(Exists(?l - Location,?r - Receptacle)X)"),
    "(exists (?l - location, ?r - receptacle) x)",
  );
  strictEqual(read("\ufeff(a?b ; (((\r\n c)"), "(a ?b c)");
});

Deno.test("readSexp() says where parentheses do not match", () => {
  const at = (text: string) => {
    const { code, line, column } = failure(() =>
      readSexp(new PddlSource(text, "pddl_problem"))
    );
    return { code, line, column };
  };
  deepStrictEqual(at("(a\n (b"), { code: "E_PDDL_PARENS", line: 2, column: 4 });
  deepStrictEqual(at("(a)\n  )"), {
    code: "E_PDDL_PARENS",
    line: 2,
    column: 3,
  });
  deepStrictEqual(at("word"), { code: "E_PDDL_PARENS", line: 1, column: 1 });
  deepStrictEqual(at("(a\n  é)"), { code: "E_PDDL_ASCII", line: 2, column: 3 });
  deepStrictEqual(at("(".repeat(100)), {
    code: "E_PDDL_LIMIT",
    line: 1,
    column: 65,
  });
});

Deno.test("parseDomain() reads types, constants, arities and actions with effects", () => {
  const domain = parseDomain(DOMAIN);
  strictEqual(domain.name, "kitchen");
  deepStrictEqual([...domain.types], [["fruit", "thing"], ["tool", "thing"], [
    "thing",
    "object",
  ]]);
  deepStrictEqual(domain.constants, [{ name: "table", type: "thing" }]);
  deepStrictEqual([...domain.arities], [["at", 2], ["ripe", 1]]);
  deepStrictEqual(domain.actions.map(({ name }) => name), ["eat"]);
});

Deno.test("parseDomain() names the line, the column and what was meant", () => {
  const error = failure(() =>
    parseDomain(DOMAIN.replace("(not (ripe ?f))", "(not (rip ?f))"))
  );
  strictEqual(error.code, "E_PDDL_UNDECLARED_PREDICATE");
  strictEqual(error.where, "action eat");
  strictEqual(error.line, 7);
  ok(error.column! > 60);
  ok(error.message.includes('did you mean "ripe"'), error.message);
});

Deno.test("parseDomain() refuses what it cannot play", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "(:functions (total-cost) - number)",
      "(:derived (at ?x ?y) (ripe ?x))",
      "E_PDDL_UNSUPPORTED",
    ],
    ["(At ?x - thing ?y)", "(At ?x - (either fruit tool) ?y)", "E_PDDL_TYPES"],
    [
      "Fruit Tool - thing  thing",
      "fruit - tool tool - fruit thing",
      "E_PDDL_TYPES",
    ],
    ["(ripe ?f))", "(ripe ?f ?f))", "E_PDDL_ARITY"],
    [
      ":parameters (?f - fruit) :precondition ()",
      ":parameters (?f - fruit) :duration 3",
      "E_PDDL_FORM",
    ],
    ["(:action nothing", "(:action eat", "E_PDDL_FORM"],
  ];
  for (const [from, to, code] of cases) {
    const changed = DOMAIN.replace(from, to)
      .replace(
        "(ripe ?f)))",
        code === "E_PDDL_FORM"
          ? "(ripe ?f) :effect (ripe ?f)))"
          : "(ripe ?f)))",
      );
    strictEqual(failure(() => parseDomain(changed)).code, code, to);
  }
});

Deno.test("parseProblem() takes each fact once and skips costs", () => {
  const { facts, entities } = parseProblem(
    problem(
      "(:objects fig - fruit) (:init (ripe fig) (Ripe FIG) (= (total-cost) 3) (at fig table))",
    ),
    parseDomain(DOMAIN),
  );
  deepStrictEqual(facts.map(({ predicate, args }) => [predicate, ...args]), [
    ["ripe", "fig"],
    ["at", "fig", "table"],
  ]);
  deepStrictEqual(entities.map(({ name }) => name), ["table", "fig"]);
});

Deno.test("parseProblem() refuses contradictions and strangers", () => {
  const domain = parseDomain(DOMAIN);
  const cases: readonly (readonly [string, string])[] = [
    [
      "(:objects fig - fruit) (:init (ripe fig) (not (ripe fig)))",
      "E_PDDL_CONTRADICTION",
    ],
    ["(:objects fig fig - fruit) (:init)", "E_PDDL_DUPLICATE"],
    ["(:objects fig - frut) (:init)", "E_PDDL_TYPES"],
    ["(:objects fig - fruit) (:init (ripe))", "E_PDDL_ARITY"],
    ["(:init) (:init)", "E_PDDL_FORM"],
    ["(:init) (:constraints (and))", "E_PDDL_UNSUPPORTED"],
  ];
  for (const [body, code] of cases) {
    strictEqual(
      failure(() => parseProblem(problem(body), domain)).code,
      code,
      body,
    );
  }
  const other = problem("(:init)").replace("kitchen", "garage");
  strictEqual(failure(() => parseProblem(other, domain)).code, "E_PDDL_FORM");
});
