import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import {
  readExpression,
  readQuery,
  readRhs,
} from "../../../lib/envs/pddl/rhs.ts";
import { GameError } from "../../../lib/envs/pddl/error.ts";
import { smallGame } from "./_miniature.ts";

/** The state of the worked examples: a countertop with things here, a fridge elsewhere. */
const STATE = {
  domain: `(:types agent location receptacle object)
    (:predicates (atLocation ?a - agent ?l - location) (receptacleAtLocation ?r - receptacle ?l - location)
      (inReceptacle ?o - object ?r - receptacle) (openable ?r - receptacle) (opened ?r - receptacle)
      (done ?r - receptacle))
    (:action open :parameters (?r - receptacle) :precondition (not (opened ?r)) :effect (opened ?r))
    (:action close :parameters (?r - receptacle) :precondition (opened ?r) :effect (not (opened ?r)))
    (:action say :parameters (?r - receptacle ?lEnd - location)
      :precondition (receptacleAtLocation ?r ?lEnd) :effect (done ?r))`,
  objects:
    `agent1 - agent loc_a loc_b - location countertop_bar_1 fridge_bar_1 - receptacle
    apple_bar_x apple_bar_y mug_bar_z - object`,
  init: `(atLocation agent1 loc_a) (receptacleAtLocation countertop_bar_1 loc_a)
    (receptacleAtLocation fridge_bar_1 loc_b) (openable fridge_bar_1)
    (inReceptacle apple_bar_x countertop_bar_1) (inReceptacle apple_bar_y countertop_bar_1)
    (inReceptacle mug_bar_z countertop_bar_1)`,
};

/** What a text says for a receptacle and its location, after opening and closing the fridge. */
function said(
  text: string,
  name: "countertop 1" | "fridge 1",
  rules: Record<string, unknown> = {},
  before: readonly string[] = [],
): string {
  const game = compileGame(smallGame({
    ...STATE,
    rules: { text: [{ rhs: text }], ...rules },
    actions: `action open { template :: "open {r}"; feedback :: "opened"; }
      action close { template :: "close {r}"; feedback :: "closed"; }
      action say { template :: "say {r}"; feedback :: "#text#"; }`,
  }));
  const play = game.start();
  for (const command of before) ok(play.step(command).accepted);
  return play.step(`say ${name}`).text;
}

/** What a text says with nothing bound. */
function intro(text: string, rules: Record<string, unknown> = {}): string {
  return compileGame(smallGame({
    ...STATE,
    rules: { intro: [{ rhs: text }], ...rules },
    actions: ["open", "close", "say"].map((name) =>
      `action ${name} { template :: "${name} {r}"; feedback :: "."; }`
    ).join("\n"),
  })).start().intro;
}

const VIEW =
  "On the {r.name}, you see [{o.indefinite + ' ' + o.name | inreceptacle(o:object, r:receptacle)}].";
const NAMES = "{r.name | receptacleatlocation(r:receptacle, l:location)}";

Deno.test("a list sorts by id, so numbers come in descending order", () => {
  strictEqual(
    said(VIEW, "countertop 1"),
    "On the countertop 1, you see a apple 2, a apple 1, and a mug 1.",
  );
  strictEqual(said(VIEW, "fridge 1"), "On the fridge 1, you see nothing.");
});

Deno.test("a query binds only what is free, and a name with another type is another placeholder", () => {
  strictEqual(intro(`[${NAMES}]`), "countertop 1, and fridge 1");
  strictEqual(intro(NAMES), "countertop 1fridge 1");
  strictEqual(
    said(
      "[{r.name | receptacleatlocation(r:receptacle, lend:location)}]",
      "fridge 1",
    ),
    "fridge 1",
  );
  // l is free, r is bound: one location. A free l never takes the entity that lend holds.
  strictEqual(said(`[${NAMES}]`, "countertop 1"), "nothing");
});

Deno.test("two placeholders never denote one entity", () => {
  const pairs = said(
    "[{x.name + '/' + y.name | inreceptacle(x:object, r:receptacle) & inreceptacle(y:object, r:receptacle)}]",
    "countertop 1",
  );
  deepStrictEqual(pairs.replace("and ", "").split(", "), [
    "apple 2/apple 1",
    "apple 2/mug 1",
    "apple 1/apple 2",
    "apple 1/mug 1",
    "mug 1/apple 2",
    "mug 1/apple 1",
  ]);
});

Deno.test("not_ facts hold only after an effect deleted the fact", () => {
  const rules = {
    text: [
      { condition: "opened(r:receptacle)", rhs: "open" },
      { condition: "not_opened(r:receptacle)", rhs: "shut again" },
      { rhs: "shut" },
    ],
  };
  strictEqual(said("", "fridge 1", rules), "shut");
  strictEqual(said("", "fridge 1", rules, ["open fridge 1"]), "open");
  strictEqual(
    said("", "fridge 1", rules, ["open fridge 1", "close fridge 1"]),
    "shut again",
  );
});

Deno.test("the first alternative that applies is written, and its condition binds nothing", () => {
  const rules = {
    first: [
      { condition: "openable(r:receptacle)", rhs: "door", weight: 9 },
      {
        condition: "inreceptacle(o:object, r:receptacle)",
        rhs: "[{o.name | inreceptacle(o:object, r:receptacle)}]",
      },
    ],
  };
  strictEqual(said("#first#", "fridge 1", rules), "door");
  strictEqual(
    said("#first#", "countertop 1", rules),
    "apple 2, apple 1, and mug 1",
  );
});

Deno.test("a rule's name is just a name, dots and brackets included", () => {
  const rules = {
    "look.feedback": [{ rhs: "You see x" }],
    "view(r)": [{ rhs: "{r.id}" }],
  };
  strictEqual(intro("#look.feedback#. Done", rules), "You see x. Done");
  strictEqual(said("#view(r)#", "fridge 1", rules), "fridge_bar_1");
});

Deno.test("lexical traps: leading blanks go, tails after strange characters go", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["  two leading blanks", "two leading blanks"],
    ["\n\t text", "text"],
    ["// a comment\ntext ", "text "],
    ["price < 3", "price "],
    ["a;b", "a"],
    ["a\tb", "a\tb"],
    ["x\t#one#", "x\tuno"],
    ["#one#\tx", "unox"],
    ['say "hi" twice', "say hi twice"],
    ["open { tail", "open "],
    ["open [#one#]", "open "],
    ["half #one", "half "],
    ["{'a'}} tail", "a"],
    ["{'a' + ('b' or 'c')}", "ab"],
    ["{'' or 'c'}", "c"],
    ['{"q"}', "q"],
    [" ", ""],
    ["", ""],
    [" & ", "& "],
  ];
  for (const [text, expected] of cases) {
    strictEqual(
      intro(text, { one: [{ rhs: "uno" }] }),
      expected,
      JSON.stringify(text),
    );
  }
});

Deno.test("text that is cut off is warned about, with its column", () => {
  const game = compileGame(smallGame({
    domain: "(:predicates (p))",
    rules: { intro: [{ rhs: "#task#" }], task: [{ rhs: "put a; then b" }] },
  }));
  strictEqual(game.start().intro, "put a");
  strictEqual(game.warnings.length, 1);
  ok(/"task".*column 6/.test(game.warnings[0]!), game.warnings[0]);
});

Deno.test("attributes are name, id, type and the two articles", () => {
  strictEqual(
    said("{r}|", "fridge 1"),
    "fridge 1",
  );
  strictEqual(
    said("{r.definite} {r.indefinite} {r.type} {r.name or r.id}", "fridge 1"),
    "the a receptacle fridge 1",
  );
});

Deno.test("what a grammar may not do is said when it is loaded", () => {
  const cases: readonly (readonly [string, Record<string, unknown>, string])[] =
    [
      ["{r.name.upper()}", {}, "E_GRAMMAR_EXPR"],
      ["{__import__('os')}", {}, "E_GRAMMAR_EXPR"],
      ["{constructor.constructor}", {}, "E_GRAMMAR_EXPR"],
      ["{nobody.name}", {}, "E_GRAMMAR_VARIABLE"],
      ["#nowhere#", {}, "E_GRAMMAR_RULE"],
      ["#__proto__#", {}, "E_GRAMMAR_RULE"],
      [
        "#a#",
        { a: [{ rhs: "#b#" }], b: [{ rhs: "x #a#" }] },
        "E_GRAMMAR_CYCLE",
      ],
      ["{'x' | p(}", {}, "E_GRAMMAR_QUERY"],
      ["{'x' | p(o:a, o:b)}", {}, "E_GRAMMAR_QUERY"],
    ];
  for (const [text, rules, code] of cases) {
    throws(() => intro(text, rules), (error) => {
      ok(error instanceof GameError, String(error));
      strictEqual(error.code, code, text);
      strictEqual(error.section, "grammar");
      return true;
    });
  }
});

Deno.test("later rules replace earlier ones, and # lines leave an action's block", () => {
  const game = compileGame({
    pddl_domain:
      "(define (domain d) (:predicates (on)) (:action Press :effect (on)))",
    pddl_problem: "(define (problem p) (:domain d) (:init) (:goal (on)))",
    grammar: `# a comment
      grammar :: """ {"intro": [{"rhs": "one"}], "word": [{"rhs": "old"}]} """;
      action PRESS { pddl :: """ anything """; feedback :: "#word#"; template :: "no"; template :: "press it"; # more
        grammar :: """ {
          # not JSON
          "word": [{"rhs": "new"}] } """; }
      action neverUsed { template :: "x {y}"; feedback :: "#missing#"; }`,
  });
  const play = game.start();
  deepStrictEqual(play.admissible(), ["press it"]);
  strictEqual(play.step(" press it\n").text, "new");
});

Deno.test("an endless text is stopped", () => {
  const rules: Record<string, unknown> = { r0: [{ rhs: "0123456789" }] };
  for (let i = 1; i < 40; i++) {
    rules[`r${i}`] = [{ rhs: `#r${i - 1}##r${i - 1}#` }];
  }
  throws(() => intro("#r39#", rules), /E_GRAMMAR_LIMIT/);
  rules.r0 = [{ rhs: "" }];
  throws(() => intro("#r39#", rules), /E_GRAMMAR_LIMIT/);
});

Deno.test("readRhs() reads every text of plain words as itself", () => {
  const plain = fc.string({ unit: "grapheme-ascii", maxLength: 40 })
    .filter((text) =>
      !/[;|"<>[\]#{}\t]/.test(text) && text === text.trimStart()
    )
    .filter((text) => !text.startsWith("//") && text !== "");
  fc.assert(fc.property(plain, (text) => {
    deepStrictEqual(readRhs(text), { symbols: [{ kind: "text", text }] });
  }));
});

Deno.test("readRhs(), readQuery() and readExpression() end on any text", () => {
  const anything = fc.string({
    unit: fc.constantFrom(..."{}[]#|;\"'<>&!(),:.+ ab\n\t"),
    maxLength: 60,
  });
  fc.assert(
    fc.property(anything, (text) => {
      readRhs(text);
      readQuery(text);
      readExpression(text);
    }),
    { numRuns: 2000 },
  );
});
