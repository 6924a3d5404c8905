/**
 * A house small enough to reason about by hand, with every oddity of the format in it.
 *
 * @module
 */

import type { GameFile } from "../../../lib/envs/pddl/game.ts";
import {
  HOUSEHOLD_DOMAIN,
  householdGrammar,
} from "../../../lib/envs/household/rules.ts";

/** Goals by kind of task, as the format writes them. */
export const GOALS = {
  simple: placeGoal("AppleType", "CabinetType"),
  clean: placeGoal("AppleType", "CabinetType", "(cleanable ?o) (isClean ?o)"),
  heat: placeGoal("AppleType", "CabinetType", "(heatable ?o) (isHot ?o)"),
  cool: placeGoal("MugType", "CountertopType", "(coolable ?o) (isCool ?o)"),
  two: `(exists (?r - receptacle) (exists (?o1 - object) (and
    (objectType ?o1 MugType) (receptacleType ?r CabinetType) (inReceptacle ?o1 ?r)
    (exists (?o2 - object) (and (not (= ?o1 ?o2))
      (objectType ?o2 MugType) (receptacleType ?r CabinetType) (inReceptacle ?o2 ?r))))))`,
  look: `(and (exists (?ot - object ?r - receptacle ?a - agent ?l - location)
      (and (objectType ?ot DesklampType) (toggleable ?ot) (isToggled ?ot)
        (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))
    (exists (?o - object ?a - agent) (and (objectType ?o MugType) (holds ?a ?o))))`,
} as const;

/** Sentences that go with {@linkcode GOALS}. */
export const SENTENCES: Readonly<Record<keyof typeof GOALS, string>> = {
  simple: "put a apple in cabinet",
  clean: "put a clean apple in cabinet",
  heat: "put a hot apple in cabinet",
  cool: "put a cool mug in countertop",
  two: "put two mug in cabinet",
  look: "look at mug under the desklamp",
};

function placeGoal(object: string, receptacle: string, state = ""): string {
  return `(exists (?r - receptacle) (exists (?o - object) (and ${state}
    (objectType ?o ${object}) (receptacleType ?r ${receptacle}) (inReceptacle ?o ?r))))`;
}

/**
 * Furniture: a countertop and a coffee machine at one place, a cabinet with a door, a fridge, a
 * microwave, a sink, a desk with a lamp. Things: two apples, a knife and mug 2 on the countertop,
 * mug 2 in the coffee machine as well, mug 1 in the fridge.
 */
const PROBLEM = `
  (:objects agent1 - agent
    l_start l_counter l_cabinet l_fridge l_microwave l_sink l_desk - location
    countertop_bar_1 coffeemachine_bar_1 cabinet_bar_1 fridge_bar_1 microwave_bar_1
    sink_bar_1_bar_sinkbasin desk_bar_1 - receptacle
    apple_bar_1 apple_bar_2 knife_bar_1 mug_bar_1 mug_bar_2 desklamp_bar_1 - object
    AppleType KnifeType MugType DesklampType - otype
    CountertopType CoffeemachineType CabinetType FridgeType MicrowaveType SinkBasinType
    DeskType - rtype)
  (:init
    (atLocation agent1 l_start)
    (receptacleAtLocation countertop_bar_1 l_counter) (receptacleType countertop_bar_1 CountertopType)
    (receptacleAtLocation coffeemachine_bar_1 l_counter) (receptacleType coffeemachine_bar_1 CoffeemachineType)
    (receptacleAtLocation cabinet_bar_1 l_cabinet) (receptacleType cabinet_bar_1 CabinetType)
    (receptacleAtLocation fridge_bar_1 l_fridge) (receptacleType fridge_bar_1 FridgeType)
    (receptacleAtLocation microwave_bar_1 l_microwave) (receptacleType microwave_bar_1 MicrowaveType)
    (receptacleAtLocation sink_bar_1_bar_sinkbasin l_sink) (receptacleType sink_bar_1_bar_sinkbasin SinkBasinType)
    (receptacleAtLocation desk_bar_1 l_desk) (receptacleType desk_bar_1 DeskType)
    (openable cabinet_bar_1) (openable fridge_bar_1) (openable microwave_bar_1)
    (objectType apple_bar_1 AppleType) (objectType apple_bar_2 AppleType)
    (objectType knife_bar_1 KnifeType) (objectType desklamp_bar_1 DesklampType)
    (objectType mug_bar_1 MugType) (objectType mug_bar_2 MugType)
    (pickupable apple_bar_1) (pickupable apple_bar_2) (pickupable knife_bar_1)
    (pickupable mug_bar_1) (pickupable mug_bar_2)
    (cleanable apple_bar_1) (cleanable apple_bar_2) (cleanable mug_bar_1) (cleanable mug_bar_2)
    (heatable apple_bar_1) (heatable apple_bar_2) (coolable apple_bar_1) (coolable apple_bar_2)
    (coolable mug_bar_1) (coolable mug_bar_2) (sliceable apple_bar_1) (sliceable apple_bar_2)
    (toggleable desklamp_bar_1) (isReceptacleObject mug_bar_1) (isReceptacleObject mug_bar_2)
    (inReceptacle apple_bar_1 countertop_bar_1) (objectAtLocation apple_bar_1 l_counter)
    (inReceptacle apple_bar_2 countertop_bar_1) (objectAtLocation apple_bar_2 l_counter)
    (inReceptacle knife_bar_1 countertop_bar_1) (objectAtLocation knife_bar_1 l_counter)
    (inReceptacle mug_bar_2 countertop_bar_1) (inReceptacle mug_bar_2 coffeemachine_bar_1)
    (objectAtLocation mug_bar_2 l_counter)
    (inReceptacle mug_bar_1 fridge_bar_1) (objectAtLocation mug_bar_1 l_fridge)
    (inReceptacle desklamp_bar_1 desk_bar_1) (objectAtLocation desklamp_bar_1 l_desk)
    (canContain CabinetType MugType) (canContain CabinetType AppleType) (canContain CabinetType AppleType)
    (canContain CountertopType MugType) (canContain CountertopType AppleType) (canContain CountertopType KnifeType)
    (canContain CoffeemachineType MugType) (canContain FridgeType AppleType) (canContain FridgeType MugType)
    (canContain MicrowaveType AppleType) (canContain SinkBasinType MugType) (canContain DeskType MugType))`;

/** Writes the small house with one of the six goals. */
export function miniatureHouse(kind: keyof typeof GOALS): GameFile {
  return {
    pddl_domain: HOUSEHOLD_DOMAIN,
    pddl_problem: `(define (problem house) (:domain alfred) ${PROBLEM} (:goal ${
      GOALS[kind]
    }))`,
    grammar: householdGrammar(SENTENCES[kind]),
  };
}

/** A game of a few lines: a domain body, entities, first facts, goal, rules and actions. */
export function smallGame(parts: {
  readonly domain: string;
  readonly objects?: string;
  readonly init?: string;
  readonly goal?: string;
  readonly rules?: Readonly<Record<string, unknown>>;
  readonly actions?: string;
}): GameFile {
  const {
    domain,
    objects = "",
    init = "",
    goal = "(and)",
    rules = {},
    actions = "",
  } = parts;
  const merged = {
    intro: [{ rhs: "Hello." }],
    list_empty: [{ rhs: "nothing" }],
    list_separator: [{ rhs: ", " }],
    list_last_separator: [{ rhs: ", and " }],
    ...rules,
  };
  return {
    pddl_domain: `(define (domain d) ${domain})`,
    pddl_problem:
      `(define (problem p) (:domain d) (:objects ${objects}) (:init ${init}) (:goal ${goal}))`,
    grammar: `grammar :: """${JSON.stringify(merged)}""";\n${actions}`,
  };
}
