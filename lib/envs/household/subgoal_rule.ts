/**
 * The household's rule of subgoals: which actions serve one, and what achieves it.
 *
 * It knows both lists of subgoals, {@linkcode householdSubgoal} and {@linkcode householdStep}, and reads what was
 * observed alone.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { SubgoalRule } from "../text_env.ts";
import { type HouseholdMemory, rememberHousehold } from "./memory.ts";
import { householdClass, TRANSFORMATION, TRANSFORMATIONS } from "./task.ts";
import { isLamp } from "./steps.ts";

/** A subgoal in parts; `thing` and `place` are classes, or names with a number. */
type Meaning =
  | { readonly kind: "get"; readonly thing: string; readonly fresh: boolean }
  | { readonly kind: "find"; readonly thing: string; readonly fresh: boolean }
  | { readonly kind: "take"; readonly thing: string; readonly place: string }
  | {
    readonly kind: "transform";
    readonly verb: string;
    readonly thing: string;
    readonly place: string;
  }
  | { readonly kind: "put"; readonly thing: string; readonly place?: string }
  | { readonly kind: "use"; readonly thing: string }
  | { readonly kind: "search"; readonly place: string }
  | { readonly kind: "open"; readonly place: string };

/** An action in parts, as the games word it. */
interface Act {
  readonly verb: string;
  /** What is acted on: a thing, or a receptacle where no thing is named. */
  readonly thing: string;
  readonly place?: string;
}

const ACT =
  /^(go to|open|use|take|move|put|clean|heat|cool) ([a-z]+ \d+)(?: (?:from|to|in\/on|with) ([a-z]+ \d+))?$/;

/** Says which actions serve a household subgoal, and what achieves it. */
export const HOUSEHOLD_SUBGOAL_RULE: SubgoalRule = {
  serves(subgoal, action, situation) {
    const meaning = readSubgoal(subgoal), act = readAct(action);
    if (meaning === undefined || act === undefined) return false;
    return serves(meaning, act, situation);
  },
  achieved(subgoal, situation) {
    const meaning = readSubgoal(subgoal);
    const last = situation.past.at(-1);
    if (meaning === undefined || last === undefined) return false;
    if (situation.observation.text === "Nothing happens.") return false;
    return achieves(meaning, readAct(last.decision.action), situation);
  },
};

function readSubgoal(subgoal: string): Meaning | undefined {
  const [verb = "", ...rest] = subgoal.split(" ");
  const words = rest.filter((word) => word !== "the" && word !== "a");
  const fresh = words[0] === "another" || words[0] === "second";
  if (fresh) words.shift();
  const [first = "", second = ""] = words;
  const numbered = /^\d+$/.test(second);
  switch (verb) {
    case "find":
      return { kind: "find", thing: first, fresh };
    case "search":
      return { kind: "search", place: first };
    case "see":
      return { kind: "search", place: words.at(-1) ?? "" };
    case "open":
      return { kind: "open", place: `${first} ${second}` };
    case "use":
      return { kind: "use", thing: first };
    case "take":
      return numbered
        ? {
          kind: "take",
          thing: `${first} ${second}`,
          place: words.slice(3).join(" "),
        }
        : { kind: "get", thing: first, fresh };
    case "move":
    case "put": {
      const place = words.findIndex((word) => word === "in" || word === "to");
      return place < 0
        ? { kind: "put", thing: first }
        : { kind: "put", thing: first, place: words[place + 1] ?? "" };
    }
  }
  const how = TRANSFORMATIONS.find((one) => one === verb);
  if (how === undefined) return undefined;
  const place = TRANSFORMATION[how].station.toLowerCase();
  return { kind: "transform", verb, thing: first, place };
}

function readAct(action: string): Act | undefined {
  const parts = ACT.exec(action);
  if (parts === null) return undefined;
  const [, verb = "", thing = "", place] = parts;
  return { verb, thing, ...(place === undefined ? {} : { place }) };
}

function serves(meaning: Meaning, act: Act, situation: Situation): boolean {
  const memory = rememberHousehold(situation);
  switch (meaning.kind) {
    case "get":
      if (memory.held !== undefined) return false;
      return isTaking(meaning, act, memory) ||
        reaches(wanted(meaning, memory), act, situation);
    case "find":
      return reaches(wanted(meaning, memory), act, situation);
    case "take":
      return act.verb === "take" && act.thing === meaning.thing ||
        approaches((place) => place === meaning.place, act, situation);
    case "transform": {
      if (isTransforming(meaning, act)) return true;
      const get = { ...meaning, fresh: false };
      if (memory.held === undefined) {
        return isTaking(get, act, memory) ||
          reaches(wanted(get, memory), act, situation);
      }
      return householdClass(memory.held) === meaning.thing &&
        !isOffered(meaning.verb, situation) &&
        act.verb === "go to" && householdClass(act.thing) === meaning.place;
    }
    case "put": {
      if (isPutting(meaning, act)) return true;
      const { place } = meaning;
      const fits = (name: string) =>
        place === undefined || householdClass(name) === place;
      return !canPut(fits, situation) && approaches(fits, act, situation);
    }
    case "use":
      if (act.verb === "use") {
        return householdClass(act.thing) === meaning.thing;
      }
      return !isOffered(`use ${meaning.thing}`, situation) &&
        reaches(wanted({ ...meaning, fresh: false }, memory), act, situation);
    case "search": {
      const unseen = (place: string) =>
        householdClass(place) === meaning.place && !memory.seen.has(place);
      return looksInto(unseen, act, memory);
    }
    case "open":
      return act.verb === "open" && act.thing === meaning.place;
  }
}

function achieves(
  meaning: Meaning,
  act: Act | undefined,
  situation: Situation,
): boolean {
  if (meaning.kind === "find") {
    const { admissibleActions } = situation.observation;
    const verb = isLamp(meaning.thing) ? "use" : "take";
    return admissibleActions.some((action) =>
      action.startsWith(`${verb} ${meaning.thing} `)
    );
  }
  if (act === undefined) return false;
  switch (meaning.kind) {
    case "get":
      return act.verb === "take" && householdClass(act.thing) === meaning.thing;
    case "take":
      return act.verb === "take" && act.thing === meaning.thing;
    case "transform":
      return isTransforming(meaning, act);
    case "put":
      return isPutting(meaning, act);
    case "use":
      return act.verb === "use" && householdClass(act.thing) === meaning.thing;
    case "search":
      return (act.verb === "go to" || act.verb === "open") &&
        householdClass(act.thing) === meaning.place &&
        rememberHousehold(situation).seen.has(act.thing);
    case "open":
      return act.verb === "open" && act.thing === meaning.place;
  }
}

/** Whether things of a class are meant; one that the agent has put somewhere is not `another`. */
function wanted(
  meaning: { readonly thing: string; readonly fresh: boolean },
  memory: HouseholdMemory,
): (name: string) => boolean {
  return (name) =>
    householdClass(name) === meaning.thing &&
    !(meaning.fresh && memory.moved.has(name));
}

function isTaking(
  meaning: { readonly thing: string; readonly fresh: boolean },
  act: Act,
  memory: HouseholdMemory,
): boolean {
  return act.verb === "take" && wanted(meaning, memory)(act.thing);
}

function isTransforming(
  { verb, thing }: { readonly verb: string; readonly thing: string },
  act: Act,
): boolean {
  return act.verb === verb && householdClass(act.thing) === thing;
}

function isPutting(
  { thing, place }: { readonly thing: string; readonly place?: string },
  act: Act,
): boolean {
  return (act.verb === "move" || act.verb === "put") &&
    householdClass(act.thing) === thing &&
    (place === undefined || householdClass(act.place ?? "") === place);
}

function isOffered(beginning: string, { observation }: Situation): boolean {
  return observation.admissibleActions.some((action) =>
    action.startsWith(`${beginning} `)
  );
}

/** Whether what is carried can be put into a fitting receptacle now. */
function canPut(
  fits: (place: string) => boolean,
  { observation }: Situation,
): boolean {
  return observation.admissibleActions.some((action) => {
    const act = readAct(action);
    return act !== undefined && (act.verb === "move" || act.verb === "put") &&
      fits(act.place ?? "");
  });
}

/** Whether an action goes where a fitting thing was seen or opens that place; else looks where nothing was seen yet. */
function reaches(
  fits: (name: string) => boolean,
  act: Act,
  situation: Situation,
): boolean {
  const memory = rememberHousehold(situation);
  const known = new Set<string>();
  for (const [name, place] of memory.places) if (fits(name)) known.add(place);
  return known.size > 0
    ? approaches((place) => known.has(place), act, situation)
    : looksInto((place) => !memory.seen.has(place), act, memory);
}

/** Whether an action goes to a fitting place elsewhere, or opens one here. */
function approaches(
  fits: (place: string) => boolean,
  act: Act,
  situation: Situation,
): boolean {
  const { here } = rememberHousehold(situation);
  if (act.verb === "open") return fits(act.thing);
  return act.verb === "go to" && act.thing !== here && fits(act.thing);
}

/** Whether an action goes to, or opens, a place that fits; a closed one that is here is opened first. */
function looksInto(
  fits: (place: string) => boolean,
  act: Act,
  { here }: HouseholdMemory,
): boolean {
  if (act.verb === "open") return fits(act.thing);
  return act.verb === "go to" && act.thing !== here && fits(act.thing);
}
