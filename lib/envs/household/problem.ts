/**
 * The PDDL problem of a household: its entities, first facts and goal.
 *
 * @module
 */

import type { Atom, Formula, TypedName } from "../pddl/formula.ts";
import type { Problem } from "../pddl/parser.ts";
import { TRANSFORMATION, transformationOf } from "./task.ts";
import {
  type HouseholdGoal,
  type HouseholdWorld,
  mangle,
  type Standpoint,
  standpointId,
  type Thing,
} from "./world.ts";
import {
  canContain,
  MOVABLE_RECEPTACLES,
  OBJECT_CLASSES,
  PICKUPABLE,
  RECEPTACLE_CLASSES,
  SLICEABLE,
  TOGGLEABLE,
  TRANSFORMABLE,
} from "./tables.ts";

/** Name of the agent in PDDL. */
export const HOUSEHOLD_AGENT = "agent1";
const AFFORDANCES: readonly (readonly [string, ReadonlySet<string>])[] = [
  ["pickupable", PICKUPABLE],
  ["isreceptacleobject", MOVABLE_RECEPTACLES],
  ["cleanable", TRANSFORMABLE.clean],
  ["heatable", TRANSFORMABLE.heat],
  ["coolable", TRANSFORMABLE.cool],
  ["sliceable", SLICEABLE],
  ["toggleable", TOGGLEABLE],
];

const name = (id: string) => mangle(id).toLowerCase();
const place = (standpoint: Standpoint) => name(standpointId(standpoint));
const classType = (type: string) => `${type.toLowerCase()}type`;

function atom(predicate: string, ...args: readonly string[]): Atom {
  return { predicate, args };
}

/**
 * The initial facts and the goal of a household game as a problem; names are mangled and in lower
 * case.
 */
export function householdProblem(world: HouseholdWorld): Problem {
  const { receptacles, fixtures } = world.layout;
  const things = [...fixtures, ...world.things];
  const places = new Set<string>([place(world.start)]);
  for (const { standpoint } of receptacles) places.add(place(standpoint));
  for (const { standpoint } of things) {
    if (standpoint !== undefined) places.add(place(standpoint));
  }
  const typed = (names: Iterable<string>, type: string): TypedName[] =>
    Array.from(names, (name) => ({ name, type }));
  return {
    name: name(world.layout.key.replaceAll("/", "_")),
    entities: [
      { name: HOUSEHOLD_AGENT, type: "agent" },
      ...typed(OBJECT_CLASSES.map(classType), "otype"),
      ...typed(RECEPTACLE_CLASSES.map(classType), "rtype"),
      ...typed(things.map(({ id }) => name(id)), "object"),
      ...typed(receptacles.map(({ id }) => name(id)), "receptacle"),
      ...typed(places, "location"),
    ],
    facts: [
      ...furnitureFacts(world, things),
      ...things.flatMap((thing) => thingFacts(world, thing)),
      atom("atlocation", HOUSEHOLD_AGENT, place(world.start)),
    ],
    goal: goalFormula(world.goal),
  };
}

/** Places, doors and accepted object classes of the furniture. */
function furnitureFacts(
  { layout: { receptacles } }: HouseholdWorld,
  things: readonly Thing[],
): Atom[] {
  const facts: Atom[] = [];
  for (const { id, type, standpoint, openable } of receptacles) {
    facts.push(
      atom("receptacletype", name(id), classType(type)),
      atom("receptacleatlocation", name(id), place(standpoint)),
    );
    if (openable) facts.push(atom("openable", name(id)));
  }
  const objects = new Set(things.map(({ type }) => type));
  for (const type of new Set(receptacles.map(({ type }) => type))) {
    for (const object of objects) {
      if (!canContain(type, object)) continue;
      facts.push(atom("cancontain", classType(type), classType(object)));
    }
  }
  return facts;
}

function thingFacts(
  { layout: { receptacles } }: HouseholdWorld,
  { id, type, inside, standpoint, cool }: Thing,
): Atom[] {
  const thing = name(id);
  // Some fixtures, such as faucets, have no class in the game.
  const facts: Atom[] = OBJECT_CLASSES.includes(type)
    ? [atom("objecttype", thing, classType(type))]
    : [];
  for (const [predicate, types] of AFFORDANCES) {
    if (types.has(type)) facts.push(atom(predicate, thing));
  }
  if (cool === true) facts.push(atom("iscool", thing));
  for (const index of inside) {
    facts.push(atom("inreceptacle", thing, name(receptacles[index]!.id)));
  }
  const [first] = inside;
  const from = first === undefined
    ? standpoint
    : receptacles[first]!.standpoint;
  if (from !== undefined) {
    facts.push(atom("objectatlocation", thing, place(from)));
  }
  return facts;
}

function goalFormula(goal: HouseholdGoal): Formula {
  const { type, object, target } = goal;
  if (type === "look_at_obj_in_light") return lightFormula(goal);
  const how = transformationOf(type);
  const changed = how === undefined ? [] : [
    holds(`${how}able`, "?o"),
    holds(`is${TRANSFORMATION[how].adjective}`, "?o"),
  ];
  const delivered = (o: string) => [
    holds("objecttype", o, classType(object)),
    holds("receptacletype", "?r", classType(target)),
    holds("inreceptacle", o, "?r"),
  ];
  const second: Formula[] = type !== "pick_two_obj_and_place" ? [] : [
    some(["?o2 object"], [
      { kind: "not", part: { kind: "equal", left: "?o", right: "?o2" } },
      ...delivered("?o2"),
    ]),
  ];
  return some(["?r receptacle"], [
    some(["?o object"], [...changed, ...delivered("?o"), ...second]),
  ]);
}

/** The lamp must be on and here, the object in hand. */
function lightFormula({ object, target }: HouseholdGoal): Formula {
  const lit = some(
    ["?t object", "?r receptacle", "?a agent", "?l location"],
    [
      holds("objecttype", "?t", classType(target)),
      holds("toggleable", "?t"),
      holds("istoggled", "?t"),
      holds("receptacleatlocation", "?r", "?l"),
      holds("atlocation", "?a", "?l"),
      holds("inreceptacle", "?t", "?r"),
    ],
  );
  const held = some(["?o object", "?a agent"], [
    holds("objecttype", "?o", classType(object)),
    holds("holds", "?a", "?o"),
  ]);
  return { kind: "and", parts: [lit, held] };
}

function holds(predicate: string, ...args: readonly string[]): Formula {
  return { kind: "atom", atom: { predicate, args } };
}

function some(
  declared: readonly string[],
  parts: readonly Formula[],
): Formula {
  const variables = declared.map((variable) => {
    const [name = "", type = ""] = variable.split(" ");
    return { name, type };
  });
  return { kind: "exists", variables, part: { kind: "and", parts } };
}

/** Prints a problem as PDDL text that parses back to the same problem. */
export function printProblem(problem: Problem, domain: string): string {
  const lines = [`(define (problem ${problem.name})`, `(:domain ${domain})`];
  lines.push("(:objects");
  for (const { name, type } of problem.entities) {
    lines.push(`  ${name} - ${type}`);
  }
  lines.push(")", "(:init");
  for (const fact of problem.facts) lines.push(`  ${printAtom(fact)}`);
  lines.push(")", `(:goal ${printFormula(problem.goal)})`, ")", "");
  return lines.join("\n");
}

function printAtom({ predicate, args }: Atom): string {
  return `(${[predicate, ...args].join(" ")})`;
}

function printFormula(formula: Formula): string {
  switch (formula.kind) {
    case "atom":
      return printAtom(formula.atom);
    case "equal":
      return `(= ${formula.left} ${formula.right})`;
    case "not":
      return `(not ${printFormula(formula.part)})`;
    case "and":
    case "or":
      return `(${
        [formula.kind, ...formula.parts.map(printFormula)].join(" ")
      })`;
    case "exists":
    case "forall": {
      const variables = formula.variables
        .map(({ name, type }) => `${name} - ${type}`).join(" ");
      return `(${formula.kind} (${variables}) ${printFormula(formula.part)})`;
    }
  }
}
