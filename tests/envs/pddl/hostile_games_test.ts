import { ok, strictEqual, throws } from "node:assert/strict";
import { GameError } from "../../../lib/envs/pddl/error.ts";
import type { GameFile } from "../../../lib/envs/pddl/game.ts";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import { miniatureHouse, smallGame } from "./_miniature.ts";

const MEGABYTE = 2 ** 20;

/** Entities `e0 … en` for a problem. */
function many(count: number): string {
  return Array.from({ length: count }, (_, i) => `e${i}`).join(" ");
}

function base(changes: Partial<GameFile>): GameFile {
  return { ...miniatureHouse("simple"), ...changes };
}

/** A formula of quantifiers by turns, so many deep. */
function alternating(depth: number): string {
  return depth === 0
    ? "(p ?y)"
    : `(${depth % 2 ? "forall" : "exists"} (?z${depth}) ${
      alternating(depth - 1)
    })`;
}

/** Doubling rules: `r29` expands `r0` half a billion times. */
function doubling(leaf: string): Record<string, unknown> {
  const rules: Record<string, unknown> = {
    intro: [{ rhs: "#r29#" }],
    r0: [{ rhs: leaf }],
  };
  for (let i = 1; i < 30; i++) {
    rules[`r${i}`] = [{ rhs: `#r${i - 1}##r${i - 1}#` }];
  }
  return rules;
}

const HOSTILE: Readonly<
  Record<string, { game: GameFile | string; code: string }>
> = {
  "text that is no JSON": { game: "{pddl_domain:", code: "E_JSON" },
  "JSON of another kind": { game: "[1,2,3]", code: "E_JSON_KEYS" },
  "a number where a text belongs": {
    game: '{"pddl_domain":1,"pddl_problem":"","grammar":""}',
    code: "E_JSON_KEYS",
  },
  "a file of nine megabytes": {
    game: `"${"x".repeat(9 * MEGABYTE)}"`,
    code: "E_JSON_LIMIT",
  },
  "JSON nested a million deep": { game: "[".repeat(MEGABYTE), code: "E_JSON" },
  "a million parentheses": {
    game: base({ pddl_domain: "(".repeat(MEGABYTE) }),
    code: "E_PDDL_LIMIT",
  },
  "a word of a megabyte": {
    game: base({ pddl_problem: `(${"x".repeat(MEGABYTE)})` }),
    code: "E_PDDL_LIMIT",
  },
  "two million words": {
    game: base({ pddl_problem: `(${"x ".repeat(2 * MEGABYTE)})` }),
    code: "E_PDDL_LIMIT",
  },
  "a hundred thousand entities": {
    game: smallGame({ domain: "(:predicates (p ?x))", objects: many(100_000) }),
    code: "E_PDDL_LIMIT",
  },
  "types in a long circle": {
    game: smallGame({
      domain: `(:types ${
        Array.from({ length: 500 }, (_, i) => `t${i} - t${(i + 1) % 500}`)
          .join(" ")
      })`,
    }),
    code: "E_PDDL_TYPES",
  },
  "an action over all triples": {
    game: smallGame({
      domain:
        "(:predicates (p ?x ?y ?z)) (:action a :parameters (?x ?y ?z) :effect (p ?x ?y ?z))",
      objects: many(400),
      actions: 'action a { template :: "a"; feedback :: "a"; }',
    }),
    code: "E_GROUND_LIMIT",
  },
  "a goal over all sixfold choices": {
    game: smallGame({
      domain:
        "(:predicates (p ?x ?y)) (:action a :parameters (?x) :effect (p ?x ?x))",
      objects: many(60),
      goal: "(forall (?a ?b ?c ?d ?e ?f) (or (p ?a ?b) (p ?c ?d) (p ?e ?f)))",
      actions: 'action a { template :: "a"; feedback :: "a"; }',
    }),
    code: "E_GROUND_LIMIT",
  },
  "a condition with two to the fortieth alternatives": {
    game: smallGame({
      domain: `(:predicates ${
        Array.from({ length: 80 }, (_, i) => `(p${i})`).join(" ")
      } (q))
        (:action a :precondition (and ${
        Array.from({ length: 40 }, (_, i) => `(or (p${2 * i}) (p${2 * i + 1}))`)
          .join(" ")
      }) :effect (q))
        ${
        Array.from({ length: 80 }, (_, i) => `(:action b${i} :effect (p${i}))`)
          .join(" ")
      }`,
      actions: "",
    }),
    code: "E_GRAMMAR_ACTION",
  },
  "a universal effect over all quadruples": {
    game: smallGame({
      domain:
        "(:predicates (p ?x ?y)) (:action a :effect (forall (?x ?y ?z ?w) (p ?x ?w)))",
      objects: many(100),
      actions: 'action a { template :: "a"; feedback :: "a"; }',
    }),
    code: "E_GROUND_LIMIT",
  },
  "quantifiers that alternate thirty deep": {
    game: smallGame({
      domain: `(:predicates (p ?x)) (:action a :parameters (?y) :precondition ${
        alternating(30)
      } :effect (p ?y))`,
      objects: many(2),
      actions: 'action a { template :: "a"; feedback :: "a"; }',
    }),
    code: "E_GROUND_LIMIT",
  },
  "a condition on twenty thousand things": {
    game: smallGame({
      domain:
        "(:predicates (p ?x) (q ?x)) (:action a :parameters (?y) :precondition (forall (?x) (p ?x)) :effect (q ?y)) (:action b :parameters (?y) :effect (p ?y))",
      objects: many(20_000),
      actions:
        'action a { template :: "a"; feedback :: "a"; } action b { template :: "b"; feedback :: "b"; }',
    }),
    code: "E_GROUND_LIMIT",
  },
  "a thousand actions over all pairs": {
    game: smallGame({
      domain: `(:predicates (p ?x ?y)) ${
        Array.from(
          { length: 1000 },
          (_, i) => `(:action a${i} :parameters (?x ?y) :effect (p ?x ?y))`,
        ).join(" ")
      }`,
      objects: many(1000),
      actions: Array.from(
        { length: 1000 },
        (_, i) => `action a${i} { template :: "a"; feedback :: "a"; }`,
      ).join("\n"),
    }),
    code: "E_GROUND_LIMIT",
  },
  "an action of a hundred parameters": {
    game: smallGame({
      domain: `(:predicates (p)) (:action a :parameters (${
        Array.from({ length: 100 }, (_, i) => `?x${i}`).join(" ")
      }) :effect (p))`,
    }),
    code: "E_PDDL_LIMIT",
  },
  "commands that are long to name": {
    game: smallGame({
      domain:
        "(:predicates (p ?x) (q ?x) (r ?x)) (:action a :parameters (?y) :effect (p ?y))",
      objects: many(2_000),
      init: many(2_000).split(" ").map((e) => `(q ${e})`).join(" "),
      rules: {
        none: [{
          condition: "q(x:object) & q(y:object) & q(z:object) & r(x:object)",
          rhs: "",
        }, { rhs: "" }],
      },
      actions: 'action a { template :: "{y.id}#none#"; feedback :: "a"; }',
    }),
    code: "E_GRAMMAR_LIMIT",
  },
  "rules in a circle": {
    game: smallGame({
      domain: "(:predicates (p))",
      rules: {
        intro: [{ rhs: "#a#" }],
        a: [{ rhs: "#b#" }],
        b: [{ rhs: "x#a#" }],
      },
    }),
    code: "E_GRAMMAR_CYCLE",
  },
  "rules nested a thousand deep": {
    game: smallGame({
      domain: "(:predicates (p))",
      rules: Object.fromEntries([
        ["intro", [{ rhs: "#r0#" }]],
        ...Array.from(
          { length: 1000 },
          (_, i) => [`r${i}`, [{ rhs: `#r${i + 1}#` }]],
        ),
      ]),
    }),
    code: "E_GRAMMAR_LIMIT",
  },
  "a grammar block that never ends": {
    game: base({ grammar: 'grammar :: """ {' + " ".repeat(MEGABYTE) }),
    code: "E_GRAMMAR_FORM",
  },
  "a rule of a megabyte": {
    game: smallGame({
      domain: "(:predicates (p))",
      rules: { intro: [{ rhs: "{".repeat(MEGABYTE) }] },
    }),
    code: "E_GRAMMAR_JSON",
  },
  "a query of blanks": {
    game: smallGame({
      domain: "(:predicates (p))",
      rules: { intro: [{ rhs: `{'x' | p${" ".repeat(60_000)}}` }] },
    }),
    code: "E_GRAMMAR_QUERY",
  },
  "code in an expression": {
    game: smallGame({
      domain: "(:predicates (p))",
      rules: { intro: [{ rhs: "{Deno.exit(1)}" }] },
    }),
    code: "E_GRAMMAR_EXPR",
  },
};

for (const [what, { game, code }] of Object.entries(HOSTILE)) {
  Deno.test(`${what}: refused at once, with a reason and a place`, () => {
    const before = performance.now();
    throws(() => compileGame(game), (error) => {
      ok(error instanceof GameError, String(error).slice(0, 500));
      strictEqual(error.code, code, error.message);
      ok(error.message.startsWith("Cannot read game as "));
      ok(error.message.length < 1_000);
      ok(error.message.includes(error.section));
      return true;
    });
    // A second on a machine of its own; tests share theirs.
    ok(performance.now() - before < 5_000);
  });
}

Deno.test("two to the fortieth alternatives are counted before they are made", () => {
  const { game } =
    HOSTILE["a condition with two to the fortieth alternatives"]!;
  const file = game as GameFile;
  const actions = ["a", ...Array.from({ length: 80 }, (_, i) => `b${i}`)]
    .map((name) =>
      `action ${name} { template :: "${name}"; feedback :: "."; }`
    );
  throws(
    () =>
      compileGame({
        ...file,
        grammar: `${file.grammar}\n${actions.join("\n")}`,
      }),
    (error) => error instanceof GameError && error.code === "E_GROUND_LIMIT",
  );
});

Deno.test("rules that double thirty times stop while they are read", () => {
  for (const leaf of ["x", "", "0123456789"]) {
    const game = compileGame(
      smallGame({ domain: "(:predicates (p))", rules: doubling(leaf) }),
    );
    throws(() => game.start().intro, /E_GRAMMAR_LIMIT/);
  }
});

Deno.test("names from the prototype chain are only names", () => {
  const names = ["__proto__", "constructor", "tostring", "hasownproperty"];
  const game = compileGame(smallGame({
    domain: `(:types ${names.join(" ")}) (:predicates ${
      names.map((n) => `(${n} ?x)`).join(" ")
    })
      (:action constructor :parameters (?__proto__ - __proto__) :effect (constructor ?__proto__))`,
    objects: names.map((n) => `${n} - __proto__`).join(" "),
    goal: "(constructor tostring)",
    actions:
      'action constructor { template :: "{__proto__.id}"; feedback :: "{__proto__.type}"; }',
  }));
  const play = game.start();
  strictEqual(play.admissible().length, 4);
  strictEqual(play.step("tostring").text, "__proto__");
  strictEqual(play.won, true);
  strictEqual(Object.hasOwn(Object.prototype, "text"), false);
});
