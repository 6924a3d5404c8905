import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import { parseDomain } from "../../../lib/envs/pddl/parser.ts";
import { parseProblem } from "../../../lib/envs/pddl/parser.ts";
import { groundGame } from "../../../lib/envs/pddl/grounding.ts";
import { smallGame } from "./_miniature.ts";

/** Plays a game whose actions are called by their name and ids. */
function play(
  domain: string,
  parts: { objects?: string; init?: string; goal?: string; feedback?: string } =
    {},
) {
  const { feedback = ".", ...rest } = parts;
  const { actions } = parseDomain(`(define (domain d) ${domain})`);
  const texts = actions.map(({ name, parameters }) =>
    `action ${name} { template :: "${
      [name, ...parameters.map((p) => `{${p.name.slice(1)}.id}`)].join(" ")
    }"; feedback :: "${feedback}"; }`
  );
  return compileGame(smallGame({ domain, ...rest, actions: texts.join("\n") }))
    .start();
}

Deno.test("an action that changes nothing its condition allows does not exist", () => {
  const game = play(
    `(:types place) (:predicates (at ?p - place) (seen ?p - place))
     (:action go :parameters (?from - place ?to - place) :precondition (at ?from)
       :effect (and (not (at ?from)) (at ?to)))
     (:action look :parameters (?p - place) :precondition (at ?p) :effect (seen ?p))
     (:action stay :parameters (?p - place) :precondition (at ?p) :effect (at ?p))
     (:action unsee :parameters (?p - place) :precondition (and (at ?p) (not (seen ?p))) :effect (not (seen ?p)))`,
    { objects: "a b - place", init: "(at a)", goal: "(seen b)" },
  );
  deepStrictEqual(game.admissible(), ["go a b", "look a"]);
  game.step("go a b");
  deepStrictEqual(game.admissible(), ["go b a", "look b"]);
  game.step("look b");
  deepStrictEqual(
    game.admissible(),
    ["go b a", "look b"],
    "looking again stays possible",
  );
  strictEqual(game.won, true);
});

Deno.test("a disjunct that changes nothing leaves the others alone", () => {
  const game = play(
    `(:predicates (p) (q)) (:action act :precondition (or (p) (q)) :effect (p))
     (:action start :effect (q))`,
  );
  deepStrictEqual(game.admissible(), ["start"]);
  game.step("start");
  deepStrictEqual(game.admissible(), ["act", "start"]);
  game.step("act");
  // Still possible by way of q, although p holds.
  deepStrictEqual(game.admissible(), ["act", "start"]);
});

Deno.test("an added fact survives its own deletion", () => {
  const game = play(
    `(:predicates (p) (q)) (:action act :precondition (q) :effect (and (p) (not (p)) (not (q))))`,
    { init: "(q)", goal: "(p)" },
  );
  strictEqual(game.step("act").won, true);
});

Deno.test("conditional effects read the state before the action", () => {
  const game = play(
    `(:predicates (on)) (:action flip :effect (and (when (on) (not (on))) (when (not (on)) (on))))`,
    { goal: "(on)" },
  );
  deepStrictEqual([1, 2, 3].map(() => game.step("flip").won), [
    true,
    false,
    true,
  ]);
});

Deno.test("universal effects and conditions cover every member of a type", () => {
  const game = play(
    `(:types lamp) (:predicates (on ?l - lamp) (off))
     (:action all :effect (forall (?l - lamp) (on ?l)))
     (:action dark :precondition (forall (?l - lamp) (imply (on ?l) (off))) :effect (off))
     (:action put_out :parameters (?l - lamp) :precondition (exists (?m - lamp) (and (on ?m) (not (= ?l ?m))))
       :effect (not (on ?l)))`,
    { objects: "a b - lamp", goal: "(forall (?l - lamp) (on ?l))" },
  );
  deepStrictEqual(game.admissible(), ["all", "dark"]);
  strictEqual(game.step("all").won, true);
  deepStrictEqual(game.admissible(), ["all", "put_out a", "put_out b"]);
  game.step("put_out a");
  deepStrictEqual(game.admissible(), ["all", "put_out a"]);
});

Deno.test("an undeclared type is empty: exists is false, forall is true", () => {
  const game = play(
    `(:types thing) (:predicates (held ?t - thing) (done))
     (:action see :parameters (?t - thing)
       :precondition (or (exists (?a - thing, ?b - thing) (held ?b)) (held ?t)) :effect (done))
     (:action rest :precondition (forall (?a - ghost) (held ?a)) :effect (done))
     (:action haunt :parameters (?g - ghost) :effect (done))
     (:action take :parameters (?t - thing) :effect (held ?t))`,
    { objects: "x y - thing", goal: "(done)" },
  );
  deepStrictEqual(game.admissible(), ["rest", "take x", "take y"]);
  game.step("take x");
  deepStrictEqual(game.admissible(), ["rest", "see x", "take x", "take y"]);
});

Deno.test("object is the root: its variables range over everything", () => {
  const game = play(
    `(:types animal object - object  cat - animal) (:constants tom - cat) (:predicates (met ?x))
     (:action meet :parameters (?x - object) :effect (met ?x))
     (:action pet :parameters (?a - animal) :effect (met ?a))`,
    { objects: "stone - object", goal: "(exists (?x - object) (met ?x))" },
  );
  deepStrictEqual(game.admissible(), ["meet stone", "meet tom", "pet tom"]);
});

Deno.test("undeclared names match nothing", () => {
  const game = play(
    `(:predicates (kind ?x ?y) (done))
     (:action use :parameters (?x) :precondition (or (kind ?x hammer) (kind ?x saw)) :effect (done))`,
    { objects: "a b saw", init: "(kind b saw)", goal: "(kind a hammer)" },
  );
  deepStrictEqual(game.admissible(), ["use b"]);
  strictEqual(game.won, false);
});

Deno.test("one binding may stand for two parameters, unless = forbids it", () => {
  const game = play(
    `(:predicates (linked ?x ?y)) (:action link :parameters (?x ?y) :effect (linked ?x ?y))
     (:action join :parameters (?x ?y) :precondition (not (= ?x ?y)) :effect (linked ?x ?y))`,
    { objects: "a b" },
  );
  deepStrictEqual(game.admissible(), [
    "join a b",
    "join b a",
    "link a a",
    "link a b",
    "link b a",
    "link b b",
  ]);
});

Deno.test("commands sort by code point, are matched exactly, and the first action wins a tie", () => {
  const game = compileGame(smallGame({
    domain:
      `(:predicates (a) (b)) (:action one :effect (a)) (:action two :effect (b))`,
    goal: "(a)",
    actions: `action one { template :: "Same"; feedback :: "one"; }
      action two { template :: "Same"; feedback :: "two"; }`,
  })).start();
  deepStrictEqual(game.admissible(), ["Same"]);
  deepStrictEqual(game.step("same"), {
    text: "Nothing happens.",
    accepted: false,
    won: false,
  });
  deepStrictEqual(game.step(" Same\n"), {
    text: "one",
    accepted: true,
    won: true,
  });
});

Deno.test("a command may depend on the state", () => {
  const game = compileGame(smallGame({
    domain:
      "(:predicates (on)) (:action press :precondition (not (on)) :effect (on)) (:action release :effect (not (on)))",
    rules: { word: [{ condition: "on()", rhs: "off" }, { rhs: "on" }] },
    actions: `action press { template :: "press"; feedback :: "."; }
      action release { template :: "switch #word#"; feedback :: "#word#"; }`,
  })).start();
  deepStrictEqual(game.admissible(), ["press", "switch on"]);
  game.step("press");
  deepStrictEqual(game.admissible(), ["switch off"]);
  strictEqual(game.step("switch on").accepted, false);
  strictEqual(game.step("switch off").text, "on");
});

Deno.test("a play that was forked goes its own way", () => {
  const game = play(
    "(:predicates (on)) (:action press :precondition (not (on)) :effect (on))",
    { goal: "(on)" },
  );
  const other = game.fork();
  game.step("press");
  deepStrictEqual([game.won, other.won], [true, false]);
  deepStrictEqual(other.admissible(), ["press"]);
});

Deno.test("only what can be told apart makes state keys differ", () => {
  const game = play(
    "(:predicates (on) (noted)) (:action note :effect (noted)) (:action press :precondition (not (on)) :effect (on))",
    { goal: "(on)" },
  );
  const key = game.stateKey();
  game.step("note"); // nothing reads what it changes
  strictEqual(game.stateKey(), key);
  game.step("press");
  strictEqual(game.stateKey() === key, false);
});

/** A random domain over nullary facts, and how it must behave by the definition. */
const facts = ["f0", "f1", "f2", "f3"];
const literal = fc.record({
  fact: fc.constantFrom(...facts),
  positive: fc.boolean(),
});
const action = fc.record({
  needs: fc.array(literal, { maxLength: 2 }),
  when: fc.option(literal, { nil: undefined }),
  changes: fc.array(literal, { minLength: 1, maxLength: 3 }),
});

Deno.test("random games behave as their definition says", () => {
  const text = ({ fact, positive }: { fact: string; positive: boolean }) =>
    positive ? `(${fact})` : `(not (${fact}))`;
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 1, maxLength: 4 }),
      fc.subarray(facts),
      fc.array(fc.nat(3), { maxLength: 12 }),
      (actions, init, choices) => {
        const domain =
          `(:predicates ${facts.map((f) => `(${f})`).join(" ")} (tick))` +
          actions.map(({ needs, when, changes }, i) => {
            const body = `(and ${changes.map(text).join(" ")})`;
            const effect = when === undefined
              ? body
              : `(when ${text(when)} ${body})`;
            return `(:action a${i} :precondition (and ${
              needs.map(text).join(" ")
            }) :effect (and (tick) ${effect}))`;
          }).join("\n");
        const game = play(domain, {
          init: init.map((f) => `(${f})`).join(" "),
          goal: "(f0)",
        });
        const state = new Set(init);
        const holds = (l: { fact: string; positive: boolean }) =>
          state.has(l.fact) === l.positive;
        for (const choice of choices) {
          const possible = actions.flatMap(({ needs }, i) =>
            needs.every(holds) ? [`a${i}`] : []
          );
          deepStrictEqual(game.admissible(), possible);
          strictEqual(game.won, state.has("f0"));
          const index = choice % actions.length;
          const chosen = actions[index]!;
          const accepted = game.step(`a${index}`).accepted;
          strictEqual(accepted, chosen.needs.every(holds));
          if (
            !accepted || (chosen.when !== undefined && !holds(chosen.when))
          ) continue;
          for (const { fact, positive } of chosen.changes) {
            if (!positive) {
              state.delete(fact);
            }
          }
          for (const { fact, positive } of chosen.changes) {
            if (positive) {
              state.add(fact);
            }
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("groundGame() leaves out what can never be reached", () => {
  const domain = parseDomain(`(define (domain d) (:predicates (p) (q) (r))
    (:action reach :precondition (p) :effect (q)) (:action dream :precondition (r) :effect (p)))`);
  const problem = parseProblem(
    "(define (problem x) (:domain d) (:init (p)) (:goal (q)))",
    domain,
  );
  deepStrictEqual(
    groundGame(domain, problem).operators.map(({ schema }) => schema),
    [0],
  );
});
