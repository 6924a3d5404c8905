/**
 * Memory of a household: facts extracted from the observations so far.
 *
 * @module
 */

import { CHORE_DONE } from "./chore_words.ts";
import type { AnsweredTurn, Observation, Situation } from "../../trajectory.ts";

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
  /** Objects that the agent has put somewhere. */
  readonly moved: ReadonlySet<string>;
  /** Chores that were said to be done, in words. */
  readonly done: readonly string[];
}

const VIEW =
  /(?:On the ([a-z]+ \d+)|The ([a-z]+ \d+) is open\. In it), you see ([^.]*)\./;
const NAMED = /\ba ([a-z]+ \d+)/g;
const TAKEN = /^You pick up the ([a-z]+ \d+) from the ([a-z]+ \d+)\.$/;
const MOVED =
  /^You (?:move|put) the ([a-z]+ \d+) (?:to|in\/on) the ([a-z]+ \d+)\.$/;
const ARRIVED = /^You arrive at ([a-z]+ \d+)\./;
const SURVEY = "Looking quickly around you, you see ";

/** A memory that is being read. */
interface Reader {
  receptacles: string[];
  readonly places: Map<string, string>;
  readonly seen: Set<string>;
  readonly moved: Set<string>;
  readonly done: string[];
  held?: string;
  here?: string;
  /** Observations read so far, and the newest of them. */
  count: number;
  newest: Observation | undefined;
}

/** What was read of episodes in progress, by the list of their turns: a cache that no result depends on. */
const READERS = new WeakMap<readonly AnsweredTurn[], Reader>();

/**
 * Extracts facts from the texts of a situation, oldest first; unknown sentences are skipped. The result is for
 * this turn: it changes when a later situation of the same episode is read.
 */
export function rememberHousehold(situation: Situation): HouseholdMemory {
  const { past, observation } = situation;
  let reader = READERS.get(past);
  if (reader === undefined || !continues(reader, situation)) {
    reader = {
      receptacles: [],
      places: new Map(),
      seen: new Set(),
      moved: new Set(),
      done: [],
      count: 0,
      newest: undefined,
    };
    READERS.set(past, reader);
  }
  while (reader.count < past.length) {
    readNext(reader, past[reader.count]!.observation);
  }
  if (reader.count === past.length) readNext(reader, observation);
  return reader;
}

/** Whether what was read is the beginning of a situation. */
function continues(
  { count, newest }: Reader,
  { past, observation }: Situation,
): boolean {
  const last = count - 1;
  return last <= past.length &&
    (past[last]?.observation ?? observation) === newest;
}

function readNext(memory: Reader, observation: Observation): void {
  memory.count++;
  memory.newest = observation;
  const [text = "", ...done] = observation.text.split(CHORE_DONE);
  memory.done.push(...done);
  if (text === "Nothing happens.") return;
  const survey = text.indexOf(SURVEY);
  if (survey >= 0) {
    if (memory.receptacles.length === 0) {
      memory.receptacles = namesIn(text.slice(survey + SURVEY.length));
    }
    return;
  }
  const taken = TAKEN.exec(text);
  if (taken !== null) {
    memory.held = taken[1]!;
    memory.places.delete(taken[1]!);
    return;
  }
  const moved = MOVED.exec(text);
  if (moved !== null) {
    delete memory.held;
    memory.places.set(moved[1]!, moved[2]!);
    memory.moved.add(moved[1]!);
    return;
  }
  const arrived = ARRIVED.exec(text);
  if (arrived !== null) memory.here = arrived[1]!;
  const view = VIEW.exec(text);
  if (view === null) return;
  const receptacle = view[1] ?? view[2]!;
  memory.seen.add(receptacle);
  for (const name of namesIn(view[3]!)) {
    if (name !== memory.held) memory.places.set(name, receptacle);
  }
}

function namesIn(text: string): string[] {
  return Array.from(text.matchAll(NAMED), (match) => match[1]!);
}
