/**
 * Subgoals in the laboratory: what can be pursued, from what was seen, and what a gold path pursues.
 *
 * A subgoal names a place to reach or a thing to handle. Actions that only prepare (opening, looking)
 * belong to the subgoal that follows them.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import { verbOf } from "./actions.ts";

/** Most subgoals that are proposed. */
const MOST = 160;
/** Most past turns that are searched for rooms. */
const REMEMBERED = 40;

/** Subgoals that are always there. */
export const LOOK = "look at what is here",
  WAIT = "wait until something changes";

/** What the actions of a verb pursue; verbs that only prepare are absent. */
const PURSUED: Readonly<Record<string, (object: string) => string>> = {
  go: (object) => `go to ${placeOf(object)}`,
  teleport: (object) => `go to ${placeOf(object)}`,
  "focus on": (object) => `focus on ${object}`,
  "pick up": (object) => `take ${object}`,
  move: (object) => `bring ${object} somewhere`,
  pour: (object) => `bring ${object} somewhere`,
  dunk: (object) => `bring ${object} somewhere`,
  "put down": (object) => `bring ${object} somewhere`,
  use: (object) => `use ${object}`,
  mix: (object) => `mix ${object}`,
  activate: (object) => `activate ${object}`,
  connect: (object) => `connect ${object}`,
  eat: (object) => `eat ${object}`,
  read: (object) => `read ${object}`,
  flush: (object) => `flush ${object}`,
  wait: () => WAIT,
  wait1: () => WAIT,
};

/**
 * Finds the subgoal that an action pursues.
 *
 * @param action An action in the simulator's wording.
 * @returns The subgoal; `undefined` for actions that only prepare, and for numbers.
 */
export function subgoalOf(action: string): string | undefined {
  const verb = verbOf(action);
  if (verb === undefined) return undefined;
  const objects = action.slice(verb.length + 1);
  const first = objects.replace(/^(?:to|on) /, "")
    .split(/ (?:to|on) | in(?:to)? (?!inventory)/)[0]!
    .replace(/ in inventory$/, "");
  return PURSUED[verb]?.(
    verb === "teleport" || verb === "go" ? objects : first,
  );
}

/** The room that a door or a room's name stands for. */
export function placeOf(object: string): string {
  return object.replace(/^to /, "").replace(/^door to (?:the )?/, "")
    .replace(/ door$/, "");
}

/**
 * Divides a gold path: the subgoal of each of its actions.
 *
 * @param path Actions of the path.
 * @returns One subgoal for each.
 */
export function subgoalsOfPath(path: readonly string[]): string[] {
  const subgoals: string[] = Array(path.length);
  let next = LOOK;
  for (let i = path.length - 1; i >= 0; i--) {
    next = subgoalOf(path[i]!) ?? next;
    subgoals[i] = next;
  }
  return subgoals;
}

/**
 * Rewrites a gold path for a list of verbs: a walk through doors is one `teleport` where the list has no `go`, and
 * looking around is left out where it is not listed. Other actions stay, listed or not.
 *
 * @param path Actions of the path.
 * @param verbs Verbs that are listed; all if absent.
 * @returns The path, not longer.
 */
export function pathByVerbs(
  path: readonly string[],
  verbs: ReadonlySet<string> | undefined,
): string[] {
  if (verbs === undefined) return [...path];
  const jumps = verbs.has("teleport") && !verbs.has("go");
  const kept: string[] = [];
  let room: string | undefined;
  for (const action of path) {
    const verb = verbOf(action);
    if (verb === "look around" && !verbs.has(verb)) continue;
    if (jumps && verb === "open" && action.startsWith("open door to ")) {
      continue;
    }
    if (jumps && verb === "go") {
      room = placeOf(action.slice("go ".length));
      continue;
    }
    if (room !== undefined) kept.push(`teleport to ${room}`);
    room = undefined;
    kept.push(action);
  }
  if (room !== undefined) kept.push(`teleport to ${room}`);
  return kept;
}

/**
 * Proposes subgoals: rooms that were seen, and what can be done with the things at hand; those that share
 * words with the task come first.
 *
 * @param situation The episode so far.
 * @returns Distinct subgoals, at least two and at most {@linkcode MOST}.
 */
export function proposeScienceworldSubgoals(
  situation: Situation,
): readonly string[] {
  const { task, past, observation } = situation;
  const proposals = new Set<string>();
  for (const action of observation.admissibleActions) {
    const subgoal = subgoalOf(action);
    if (subgoal !== undefined) proposals.add(subgoal);
  }
  const texts = past.slice(-REMEMBERED).map(({ observation }) =>
    observation.text
  );
  for (const text of [...texts, observation.text]) {
    for (const [, room] of text.matchAll(/door to the ([a-z ]+?) \(/g)) {
      proposals.add(`go to ${room}`);
    }
  }
  const hint = observation.hint?.subgoal;
  if (hint !== undefined) proposals.add(hint);
  proposals.delete(WAIT);
  const wanted = new Set(
    task.toLowerCase().match(/[a-z]{3,}/g)?.filter((word) => !PLAIN.has(word)),
  );
  const weight = (subgoal: string) => {
    if (subgoal === hint) return 3;
    if (subgoal.split(" ").some((word) => wanted.has(word))) return 2;
    return subgoal.startsWith("go to ") ? 1 : 0;
  };
  const ranked = [...proposals].map((text, i) => ({ text, i }))
    .sort((a, b) => weight(b.text) - weight(a.text) || a.i - b.i);
  return [
    ...ranked.slice(0, MOST - 2).map(({ text }) => text),
    LOOK,
    WAIT,
  ];
}

/** Words of every task. */
const PLAIN: ReadonlySet<string> = new Set(
  ("your task first then the that and are for with from will take focus move where which " +
    "use its has you have this into them when once").split(" "),
);
