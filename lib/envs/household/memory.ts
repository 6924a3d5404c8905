/**
 * Memory of a household: facts extracted from the observations so far.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";

/** Facts observed in a household; names are as displayed, `mug 1`. */
export interface HouseholdMemory {
  /** Receptacles named at the start, in the order named. */
  readonly receptacles: readonly string[];
  /** Receptacle in which each object was last seen; without what is held. */
  readonly places: ReadonlyMap<string, string>;
  /** What the agent carries, if anything. */
  readonly held?: string;
  /** Receptacle last arrived at, if any. */
  readonly here?: string;
  /** Receptacles whose inside has been seen. */
  readonly seen: ReadonlySet<string>;
}

const VIEW =
  /(?:On the ([a-z]+ \d+)|The ([a-z]+ \d+) is open\. In it), you see ([^.]*)\./;
const NAMED = /\ba ([a-z]+ \d+)/g;
const TAKEN = /^You pick up the ([a-z]+ \d+) from the ([a-z]+ \d+)\.$/;
const MOVED =
  /^You (?:move|put) the ([a-z]+ \d+) (?:to|in\/on) the ([a-z]+ \d+)\.$/;
const ARRIVED = /^You arrive at ([a-z]+ \d+)\./;
const SURVEY = "Looking quickly around you, you see ";

/** Extracts facts from the texts of a situation, oldest first; unknown sentences are skipped. */
export function rememberHousehold(situation: Situation): HouseholdMemory {
  const places = new Map<string, string>();
  const seen = new Set<string>();
  let receptacles: string[] = [];
  let held: string | undefined, here: string | undefined;
  const read = (text: string) => {
    if (text === "Nothing happens.") return;
    const survey = text.indexOf(SURVEY);
    if (survey >= 0) {
      if (receptacles.length === 0) {
        receptacles = namesIn(text.slice(survey + SURVEY.length));
      }
      return;
    }
    const taken = TAKEN.exec(text);
    if (taken !== null) {
      held = taken[1];
      places.delete(taken[1]!);
      return;
    }
    const moved = MOVED.exec(text);
    if (moved !== null) {
      held = undefined;
      places.set(moved[1]!, moved[2]!);
      return;
    }
    here = ARRIVED.exec(text)?.[1] ?? here;
    const view = VIEW.exec(text);
    if (view === null) return;
    const receptacle = view[1] ?? view[2]!;
    seen.add(receptacle);
    for (const name of namesIn(view[3]!)) {
      if (name !== held) places.set(name, receptacle);
    }
  };
  for (const turn of situation.past) read(turn.observation.text);
  read(situation.observation.text);
  return {
    receptacles,
    places,
    seen,
    ...(held === undefined ? {} : { held }),
    ...(here === undefined ? {} : { here }),
  };
}

function namesIn(text: string): string[] {
  return Array.from(text.matchAll(NAMED), (match) => match[1]!);
}
