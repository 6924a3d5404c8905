/**
 * Household subgoals that are one step of a task each: get a thing, heat it, put it somewhere.
 *
 * They are listed from what was read (things and places named so far, the task's sentence among the texts) and
 * from whether something is carried. What the task wants done with what it names is not taken apart.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { ProposeSubgoals } from "../text_env.ts";
import { type HouseholdMemory, rememberHousehold } from "./memory.ts";
import {
  householdClass,
  TRANSFORMATION,
  type Transformation,
  TRANSFORMATIONS,
} from "./task.ts";
import {
  canContain,
  OBJECT_CLASSES,
  PICKUPABLE,
  RECEPTACLE_CLASSES,
  TRANSFORMABLE,
} from "./tables.ts";
import { namedObjects } from "./wording.ts";

/** Wordings of steps; arguments are classes, `mug`. */
export const householdStep = {
  /** Look for a thing and pick it up. */
  take: (object: string): string => `take a ${object}`,
  /** The same, when one was put somewhere: not that one again. */
  takeAnother: (object: string): string => `take another ${object}`,
  /** Look for a thing unless it is carried, and clean, heat or cool it at the appliance. */
  transform: (how: Transformation, object: string): string =>
    `${how} the ${object} with the ${
      TRANSFORMATION[how].station.toLowerCase()
    }`,
  /** Go to a receptacle of the class, open it if need be, put down what is carried. */
  put: (object: string, receptacle: string): string =>
    `move the ${object} to the ${receptacle}`,
  /** Look into one more receptacle of a class. */
  look: (receptacle: string): string => `see what is in the ${receptacle}`,
  /** Look for a lamp and turn it on. */
  use: (lamp: string): string => `use the ${lamp}`,
} as const;

/**
 * Lists household steps that are possible now, from what was read.
 *
 * With empty hands: taking any kind of thing that was named, every treatment that it bears and for which there is an
 * appliance, and looking into any kind of place that was not looked into. Carrying something: its treatments, and putting it in every kind of receptacle that takes it. In both
 * cases using any lamp that was named.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { proposeHouseholdSteps } from "@hiper/lab/envs/household";
 *
 * const text = "Looking quickly around you, you see a fridge 1, and a desk 1.";
 * const observation = { text, admissibleActions: ["go to desk 1"], stateKey: "" };
 * const steps = proposeHouseholdSteps({ task: "put a mug in desk.", past: [], observation });
 * deepStrictEqual(steps.slice(0, 2), ["take a mug", "cool the mug with the fridge"]);
 * ```
 *
 * @param situation The task, the turns so far and what is seen now.
 * @returns Distinct subgoals in a fixed order; never empty.
 */
export const proposeHouseholdSteps: ProposeSubgoals = (
  situation: Situation,
): readonly string[] => {
  const memory = rememberHousehold(situation);
  const named = new Set(namedObjects(situation.task));
  for (const thing of memory.places.keys()) named.add(householdClass(thing));
  const steps = [
    ...memory.held === undefined
      ? freeSteps(memory, named, new Set([...memory.moved].map(householdClass)))
      : carryingSteps(memory, householdClass(memory.held)),
    ...lampSteps(named),
  ];
  return steps.length > 0 ? steps : ["look around"];
};

/** Steps of empty hands, of the kinds of things that are `named`; those `moved` were put somewhere. */
export function freeSteps(
  memory: HouseholdMemory,
  named: ReadonlySet<string>,
  moved: ReadonlySet<string>,
): string[] {
  const taking = [...named].filter(isTakeable).flatMap((name) => [
    moved.has(name)
      ? householdStep.takeAnother(name)
      : householdStep.take(name),
    ...treatments(memory, name),
  ]);
  return [...taking, ...lookingSteps(memory)];
}

/** Using any lamp among the kinds of things that are named. */
export function lampSteps(named: ReadonlySet<string>): string[] {
  return [...named].filter(isLamp).map(householdStep.use);
}

/** Classes by the word that the games spell them with. */
const SPELLED: ReadonlyMap<string, string> = new Map(
  [...OBJECT_CLASSES, ...RECEPTACLE_CLASSES].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);

/** Whether such a thing can be picked up, as far as is known of its class. */
function isTakeable(word: string): boolean {
  const name = SPELLED.get(word);
  return name === undefined || PICKUPABLE.has(name);
}

/** Every kind of receptacle of which one was not looked into. */
function lookingSteps({ receptacles, seen }: HouseholdMemory): string[] {
  const unseen = receptacles.filter((name) => !seen.has(name));
  return [...new Set(unseen.map(householdClass))].map(householdStep.look);
}

/** Treatments that a kind of thing bears and for which there is an appliance. */
function treatments(memory: HouseholdMemory, object: string): string[] {
  const thing = SPELLED.get(object);
  return TRANSFORMATIONS.filter((how) =>
    hasClass(memory, TRANSFORMATION[how].station.toLowerCase()) &&
    (thing === undefined || TRANSFORMABLE[how].has(thing))
  ).map((how) => householdStep.transform(how, object));
}

function hasClass({ receptacles }: HouseholdMemory, name: string): boolean {
  return receptacles.some((receptacle) => householdClass(receptacle) === name);
}

/** Steps of hands that carry a kind of thing. */
export function carryingSteps(
  memory: HouseholdMemory,
  object: string,
): string[] {
  const places = [...new Set(memory.receptacles.map(householdClass))];
  const thing = SPELLED.get(object);
  const accepting = places.filter((place) => {
    const name = SPELLED.get(place);
    return thing === undefined || name === undefined || canContain(name, thing);
  });
  return [
    ...treatments(memory, object),
    ...accepting.map((place) => householdStep.put(object, place)),
  ];
}

/** Lamps stand where they are: they are used, not taken. */
export function isLamp(name: string): boolean {
  return name.endsWith("lamp");
}
