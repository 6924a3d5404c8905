/**
 * The expert's view of a household game: goal, fixed facts and current state.
 *
 * @module
 */

import type { Atom, Formula } from "../pddl/formula.ts";
import type { CompiledGame } from "../pddl/game.ts";
import type { GamePlay } from "../pddl/play.ts";
import { parseTwl2 } from "../pddl/twl2.ts";
import {
  type HouseholdTaskType,
  taskTypeOfGoal,
  TRANSFORMATION,
  type Transformation,
  transformationOf,
} from "./task.ts";

/** A receptacle. */
interface ExpertReceptacle {
  /** Display name. */
  readonly name: string;
  /** Location it is used from. */
  readonly location: string;
  /** Class as a PDDL entity, `fridgetype`; empty where the game gives none. */
  readonly type: string;
  /** Whether it has a door. */
  readonly openable: boolean;
}

/** A thing. */
interface ExpertThing {
  /** Display name. */
  readonly name: string;
  /** Class as a PDDL entity, `mugtype`. */
  readonly type: string;
  /** What can be done to it. */
  readonly can: ReadonlySet<string>;
}

/** The goal, by class. */
interface ExpertGoal {
  readonly type: HouseholdTaskType;
  /** Class of the things to deal with. */
  readonly object: string;
  /** Class of the receptacles they go to; empty for looking. */
  readonly receptacle: string;
  /** Class of the lamps; empty unless looking. */
  readonly lamp: string;
  /** Transformation of the thing before it is put down. */
  readonly transformation: Transformation | undefined;
  /** The goal as one of ALFWorld's sentences. */
  readonly sentence: string;
}

/** What never changes in a household. */
export interface ExpertHouse {
  readonly goal: ExpertGoal;
  /** Receptacles by id. */
  readonly receptacles: ReadonlyMap<string, ExpertReceptacle>;
  /** Things by id. */
  readonly things: ReadonlyMap<string, ExpertThing>;
  /** Whether a thing may be put into a receptacle. */
  readonly accepts: (receptacle: string, thing: string) => boolean;
  /** Writes the command that puts a thing down. */
  readonly putCommand: (thing: string, receptacle: string) => string;
}

/** The current state. */
export interface ExpertState {
  readonly at: string;
  readonly held: string | undefined;
  /** Receptacles whose door is open. */
  readonly opened: ReadonlySet<string>;
  /** Receptacles that each thing is in. */
  readonly containers: ReadonlyMap<string, readonly string[]>;
  /** Things that are clean, hot, cool; lamps that were turned on. */
  readonly has: Readonly<Record<Transformation | "light", ReadonlySet<string>>>;
}

const AFFORDANCES = [
  "pickupable",
  "cleanable",
  "heatable",
  "coolable",
  "toggleable",
];
const KNOWN = new Set([
  "objecttype",
  "receptacletype",
  "inreceptacle",
  "ishot",
  "iscool",
  "isclean",
  "istoggled",
  "receptacleatlocation",
  "atlocation",
  "holds",
  ...AFFORDANCES,
]);

/** Atoms of a goal that is one conjunction under `exists`; nothing for other goals. */
function goalAtoms(goal: Formula): Atom[] | undefined {
  switch (goal.kind) {
    case "atom":
      return KNOWN.has(goal.atom.predicate) ? [goal.atom] : undefined;
    case "exists":
      return goalAtoms(goal.part);
    case "and": {
      const parts = goal.parts.map(goalAtoms);
      return parts.includes(undefined) ? undefined : parts.flatMap((p) => p!);
    }
    case "not":
      return goal.part.kind === "equal" ? [] : undefined;
    default:
      return undefined;
  }
}

/** Reads the goal of a household game; undefined if it is not one of the six tasks. */
export function readExpertGoal(goal: Formula): ExpertGoal | undefined {
  const atoms = goalAtoms(goal);
  const type = taskTypeOfGoal(goal);
  if (atoms === undefined || type === undefined) return undefined;
  const lampVariable = atoms.find(({ predicate }) => predicate === "istoggled")
    ?.args[0];
  const classOf = (predicate: string, isLamp: boolean) =>
    atoms.find((atom) =>
      atom.predicate === predicate &&
      (atom.args[0] === lampVariable) === isLamp
    )?.args[1] ?? "";
  const transformation = transformationOf(type);
  const object = classOf("objecttype", false);
  const receptacle = classOf("receptacletype", false);
  const lamp = lampVariable === undefined ? "" : classOf("objecttype", true);
  if (object === "" || (lamp === "" && receptacle === "")) return undefined;
  const word = (name: string) => name.replace(/type$/, "");
  const sentence = lamp !== ""
    ? `look at ${word(object)} under the ${word(lamp)}.`
    : type === "pick_two_obj_and_place"
    ? `put two ${word(object)} in ${word(receptacle)}.`
    : `put a ${
      transformation ? `${TRANSFORMATION[transformation].adjective} ` : ""
    }${word(object)} in ${word(receptacle)}.`;
  return { type, object, receptacle, lamp, transformation, sentence };
}

/** Reads what never changes in a household game; undefined if the game is no household. */
export function readExpertHouse(game: CompiledGame): ExpertHouse | undefined {
  const goal = readExpertGoal(game.problem.goal);
  if (goal === undefined) return undefined;
  const play = game.start();
  const names = new Map(game.ids.map((id, i) => [id, game.names[i]!]));
  const pairs = (predicate: string) =>
    new Map(play.facts(predicate).map(([first, second]) => [first!, second!]));
  const receptacleTypes = pairs("receptacletype");
  const openable = new Set(play.facts("openable").map(([r]) => r));
  const receptacles = new Map(
    [...pairs("receptacleatlocation")].map(([id, location]) => [id, {
      name: names.get(id)!,
      location,
      type: receptacleTypes.get(id) ?? "",
      openable: openable.has(id),
    }]),
  );
  const affordances = AFFORDANCES.map((name) =>
    [name, new Set(play.facts(name).map(([thing]) => thing))] as const
  );
  const things = new Map(
    [...pairs("objecttype")].map(([id, type]) => [id, {
      name: names.get(id)!,
      type,
      can: new Set(
        affordances.flatMap(([name, able]) => able.has(id) ? [name] : []),
      ),
    }]),
  );
  const allowed = new Set(
    play.facts("cancontain").map(([r, o]) => `${r} ${o}`),
  );
  const template = parseTwl2(game.file.grammar).actions.get("putobject")
    ?.template ?? "";
  return {
    goal,
    receptacles,
    things,
    accepts: (receptacle, thing) =>
      allowed.has(
        `${receptacles.get(receptacle)?.type} ${things.get(thing)?.type}`,
      ),
    putCommand: (thing, receptacle) =>
      template.replace("{o}", () => things.get(thing)!.name)
        .replace("{r}", () => receptacles.get(receptacle)!.name),
  };
}

/** Reads the current state of a play. */
export function readExpertState(play: GamePlay): ExpertState {
  const containers = new Map<string, string[]>();
  for (const [thing, receptacle] of play.facts("inreceptacle")) {
    const list = containers.get(thing!);
    if (list === undefined) containers.set(thing!, [receptacle!]);
    else list.push(receptacle!);
  }
  const set = (predicate: string) =>
    new Set(play.facts(predicate).map(([entity]) => entity!));
  return {
    at: play.facts("atlocation")[0]?.[1] ?? "",
    held: play.facts("holds")[0]?.[1],
    opened: set("opened"),
    containers,
    has: {
      clean: set("isclean"),
      heat: set("ishot"),
      cool: set("iscool"),
      light: set("istoggled"),
    },
  };
}
