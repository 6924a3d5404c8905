/**
 * Episode memory of the compact policy: actions taken, things observed by place, and verbs applied to
 * things. Built from texts alone by world-independent rules.
 *
 * @module
 */

import type { AnsweredTurn, Observation, Situation } from "../../trajectory.ts";
import type { Lexicon, Phrase } from "./words.ts";

/** Count and last turn of an event. */
export interface Occurrence {
  count: number;
  last: number;
}

/** Actions on a thing. */
export interface Touch extends Occurrence {
  /** First words of the actions that named it, each once, in order. */
  verbs: Phrase;
}

/** Leading words that summarize an observation. */
const GIST_WORDS = 5;

/** Memory of one episode up to and including the newest observation. */
export interface EpisodeMemory {
  readonly task: Phrase;
  turn: number;
  /** First turn of the current segment. */
  segmentStart: number;
  observation: Phrase;
  /** The same as a text. */
  text: string;
  /** Whether it differs from the one before. */
  changed: boolean;
  /** The action that led to it, if any. */
  lastAction: Phrase | undefined;
  readonly actions: Map<string, Occurrence & { readonly phrase: Phrase }>;
  readonly subgoals: Map<string, Occurrence>;
  /** Things named in an action taken. */
  readonly touched: Map<number, Touch>;
  /** Word of each thing observed or acted on. */
  readonly classOf: Map<number, number>;
  /** Place where each thing was last observed. */
  readonly placeOf: Map<number, number>;
  /** Things last observed at each place. */
  readonly contents: Map<number, Set<number>>;
  /** First words of the observation after the last action that named each thing. */
  readonly gists: Map<number, Phrase>;
  /** Words of all things so far. */
  readonly seenClasses: Set<number>;
  /** Whether the world says that the held subgoal was achieved; `undefined` where no world says. */
  achieved: boolean | undefined;
}

/** How an episode is remembered. */
export interface MemoryOptions {
  readonly lexicon: Lexicon;
  /** For an executor that sees its subgoal alone, the task's sentence is cut out of what is remembered. */
  readonly executor: "subgoal" | "task";
  /** Whether the newest observation of a situation achieves a subgoal, by a rule of the world. */
  readonly achieved:
    | ((subgoal: string, situation: Situation) => boolean)
    | undefined;
}

/** Brings the memory of an episode up to the newest observation; begins one where there is none. */
export function followEpisode(
  begun: EpisodeMemory | undefined,
  { task, past, observation }: Situation,
  { lexicon, executor, achieved }: MemoryOptions,
): EpisodeMemory {
  const read = ({ text }: Observation) =>
    executor === "subgoal" ? withoutTask(text, task) : text;
  const memory = begun ??
    beginMemory(lexicon, task, read(past[0]?.observation ?? observation));
  while (memory.turn < past.length) {
    const turn = past[memory.turn]!;
    const next = past[memory.turn + 1]?.observation ?? observation;
    advanceMemory(memory, lexicon, turn, read(next));
    if (achieved === undefined) continue;
    const { subgoal, switched } = turn.decision;
    const before = !switched && memory.achieved === true;
    const known = memory.turn === past.length
      ? past
      : past.slice(0, memory.turn);
    const now = { task, past: known, observation: next };
    memory.achieved = before || achieved(subgoal, now);
  }
  return memory;
}

/** A text without the task's sentence, wherever it stands. */
function withoutTask(text: string, task: string): string {
  return task === "" ? text : text.replaceAll(task, "");
}

/** Begins the memory of an episode. */
export function beginMemory(
  lexicon: Lexicon,
  task: string,
  text: string,
): EpisodeMemory {
  const observation = lexicon.phrase(text);
  const memory: EpisodeMemory = {
    task: lexicon.phrase(task),
    turn: 0,
    segmentStart: 0,
    observation,
    text,
    changed: true,
    lastAction: undefined,
    actions: new Map(),
    subgoals: new Map(),
    touched: new Map(),
    classOf: new Map(),
    placeOf: new Map(),
    contents: new Map(),
    gists: new Map(),
    seenClasses: new Set(),
    achieved: undefined,
  };
  noteClasses(memory, observation);
  return memory;
}

/** Updates the memory in place by one turn and the observation that follows it. */
export function advanceMemory(
  memory: EpisodeMemory,
  lexicon: Lexicon,
  turn: AnsweredTurn,
  text: string,
): void {
  const { action, subgoal, switched } = turn.decision;
  const t = memory.turn++;
  const phrase = lexicon.phrase(action);
  const observation = lexicon.phrase(text);
  if (switched) memory.segmentStart = t;
  const held = occur(memory.subgoals, subgoal, () => ({ count: 0, last: t }));
  held.count++;
  held.last = t;
  const taken = occur(
    memory.actions,
    action,
    () => ({ count: 0, last: t, phrase }),
  );
  taken.count++;
  taken.last = t;
  const verb = phrase.words[0];
  const gist = lexicon.ofWords(observation.words.slice(0, GIST_WORDS));
  for (const entity of phrase.entities) {
    memory.gists.set(entity, gist);
    const touch = occur(
      memory.touched,
      entity,
      () => ({ count: 0, last: t, verbs: lexicon.ofWords([]) }),
    );
    touch.count++;
    touch.last = t;
    if (verb !== undefined && !touch.verbs.words.includes(verb)) {
      touch.verbs = lexicon.ofWords([...touch.verbs.words, verb]);
    }
  }
  noteClasses(memory, phrase);
  noteClasses(memory, observation);
  notePlaces(memory, phrase, observation);
  memory.changed = memory.text !== text;
  memory.text = text;
  memory.observation = observation;
  memory.lastAction = phrase;
}

function occur<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  make: () => Value,
): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function noteClasses(memory: EpisodeMemory, phrase: Phrase): void {
  for (let i = 0; i < phrase.entities.length; i++) {
    memory.classOf.set(phrase.entities[i]!, phrase.classes[i]!);
    memory.seenClasses.add(phrase.classes[i]!);
  }
}

/** Assigns observed things to the place of an action, which is the last thing it names. */
function notePlaces(
  memory: EpisodeMemory,
  action: Phrase,
  observation: Phrase,
): void {
  const place = action.entities.at(-1);
  if (place === undefined) return;
  if (action.entities.length > 1) {
    move(memory, action.entities[0]!, place);
    return;
  }
  const found = observation.entities.filter((entity) => entity !== place);
  if (found.length === 0) return;
  const before = memory.contents.get(place);
  if (before !== undefined) {
    for (const entity of [...before]) {
      if (found.includes(entity)) continue;
      before.delete(entity);
      memory.placeOf.delete(entity);
    }
  }
  for (const entity of found) move(memory, entity, place);
}

function move(memory: EpisodeMemory, entity: number, place: number): void {
  const before = memory.placeOf.get(entity);
  if (before === place) return;
  if (before !== undefined) memory.contents.get(before)?.delete(entity);
  memory.placeOf.set(entity, place);
  occur(memory.contents, place, () => new Set<number>()).add(entity);
}
