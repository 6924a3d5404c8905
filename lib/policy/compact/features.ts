/**
 * Relations between a candidate (action or subgoal) and the observed texts: the inputs that let a small
 * network generalize to unseen things and places.
 *
 * Every relation compares words or things in texts the agent has seen (task, subgoal, observations, its
 * own actions) and is independent of the world. Names and order are in `relations.ts`.
 *
 * @module
 */

import type { EpisodeMemory } from "./memory.ts";
import {
  ACTION_RELATIONS,
  STATE_NUMBERS,
  SUBGOAL_ACTION_RELATIONS,
  SUBGOAL_RELATIONS,
} from "./relations.ts";
import type { Lexicon, Phrase } from "./words.ts";

/** Lookup tables of one situation that all relations use. */
export interface Scene {
  readonly memory: EpisodeMemory;
  /** Admissible actions as phrases. */
  readonly actions: readonly Phrase[];
  readonly texts: readonly string[];
  /** Content words of the task. */
  readonly taskWords: ReadonlySet<number>;
  /** The task's last content word. */
  readonly lastTaskWord: number;
  /** Words of the newest observation. */
  readonly readWords: ReadonlySet<number>;
  /** Things in the newest observation. */
  readonly readThings: ReadonlySet<number>;
  /** Things named by an admissible action. */
  readonly reachable: ReadonlySet<number>;
}

/** Builds the lookup tables of a situation. */
export function openScene(
  memory: EpisodeMemory,
  lexicon: Lexicon,
  texts: readonly string[],
): Scene {
  const actions = texts.map((text) => lexicon.phrase(text));
  const reachable = new Set<number>();
  for (const action of actions) {
    for (const entity of action.entities) reachable.add(entity);
    for (let i = 0; i < action.entities.length; i++) {
      memory.classOf.set(action.entities[i]!, action.classes[i]!);
    }
  }
  return {
    memory,
    actions,
    texts,
    taskWords: new Set(memory.task.words),
    lastTaskWord: memory.task.words.at(-1) ?? -1,
    readWords: new Set(memory.observation.words),
    readThings: new Set(memory.observation.entities),
    reachable,
  };
}

/** The same situation with a subgoal in the place of the task. */
export function sceneUnder(scene: Scene, subgoal: Phrase): Scene {
  return {
    ...scene,
    memory: { ...scene.memory, task: subgoal },
    taskWords: new Set(subgoal.words),
    lastTaskWord: subgoal.words.at(-1) ?? -1,
  };
}

/** Number of words of a list that are in a set. */
export function shared(
  words: readonly number[],
  set: ReadonlySet<number>,
): number {
  let count = 0;
  for (const word of words) if (set.has(word)) count++;
  return count;
}

/** `exp((last + 1 − now) / scale)`: 1 for the turn before, 0 for never. */
export function recency(
  now: number,
  last: number | undefined,
  scale: number,
): number {
  return last === undefined ? 0 : Math.exp((last + 1 - now) / scale);
}

/** Relates each admissible action to task and memory. Shape `(actions, ACTION_RELATIONS)`, flat. */
export function relateActions(scene: Scene): Float32Array {
  const { actions } = scene;
  const rows = new Float32Array(actions.length * ACTION_RELATIONS);
  const passages = readPassages(scene);
  const most = Math.max(0, ...passages.map((passage) => passage?.shared ?? 0));
  for (let i = 0; i < actions.length; i++) {
    const end = (i + 1) * ACTION_RELATIONS;
    relateAction(scene, i, rows, i * ACTION_RELATIONS);
    const passage = passages[i];
    if (passage === undefined) continue;
    rows[end - 3] = passage.shared / (scene.taskWords.size || 1);
    rows[end - 2] = passage.shared > 0 && passage.shared === most ? 1 : 0;
    rows[end - 1] = passage.above ? 1 : 0;
  }
  return rows;
}

/** The part of the newest observation that follows the name of a thing. */
interface Passage {
  /** Distinct words it shares with the task. */
  shared: number;
  /** Whether it has a figure above the task's last one. */
  above: boolean;
}

/** For each action, the part of the observation between its name and the next action's. */
function readPassages(scene: Scene): (Passage | undefined)[] {
  const { sequence, figures } = scene.memory.observation;
  const limit = scene.memory.task.figures.at(-1)?.value ?? Infinity;
  const names = scene.actions.map(({ entities, words }) =>
    entities[0] ?? words.at(-1) ?? -1
  );
  const named = new Set(names);
  const passages = new Map<number, Passage>();
  const counted = new Set<number>();
  let current: Passage | undefined, figure = 0;
  for (let at = 0; at <= sequence.length; at++) {
    while (figure < figures.length && figures[figure]!.at <= at) {
      if (current && figures[figure]!.value > limit) current.above = true;
      figure++;
    }
    const token = sequence[at];
    if (token === undefined) break;
    if (named.has(token)) {
      current = passages.has(token) ? undefined : { shared: 0, above: false };
      if (current) passages.set(token, current);
      counted.clear();
    } else if (current) {
      const word = scene.memory.classOf.get(token) ?? token;
      if (!scene.taskWords.has(word) || counted.has(word)) continue;
      counted.add(word);
      current.shared++;
    }
  }
  return names.map((name) => passages.get(name));
}

function relateAction(
  scene: Scene,
  index: number,
  rows: Float32Array,
  start: number,
): void {
  const { memory, taskWords, lastTaskWord } = scene;
  const action = scene.actions[index]!;
  const { words, entities, classes } = action;
  const now = memory.turn;
  let o = start;
  const overlap = shared(words, taskWords);
  const endsTask = words.includes(lastTaskWord);
  rows[o++] = overlap / 2;
  rows[o++] = overlap / (words.length || 1);
  rows[o++] = endsTask ? 1 : 0;
  rows[o++] = overlap > (endsTask ? 1 : 0) ? 1 : 0;
  rows[o++] = taskWords.has(words[0] ?? -1) ? 1 : 0;
  rows[o++] = entities.length / 2;
  const taken = memory.actions.get(scene.texts[index]!);
  rows[o++] = taken ? 1 : 0;
  rows[o++] = taken ? Math.log1p(taken.count) / 2 : 0;
  rows[o++] = recency(now, taken?.last, 4);
  rows[o++] = taken?.last === now - 1 ? 1 : 0;
  const place = entities.at(-1);
  if (place === undefined) return;
  const visit = memory.touched.get(place);
  rows[o++] = visit ? 1 : 0;
  rows[o++] = visit ? Math.log1p(visit.count) / 2 : 0;
  rows[o++] = recency(now, visit?.last, 5);
  rows[o++] = scene.readThings.has(place) ? 1 : 0;
  rows[o++] = taskWords.has(classes.at(-1)!) ? 1 : 0;
  relatePlace(scene, place, rows, o);
  o += 5;
  const thing = entities[0]!;
  const touch = memory.touched.get(thing);
  rows[o++] = entities.length > 1 ? 1 : 0;
  rows[o++] = touch ? 1 : 0;
  rows[o++] = recency(now, touch?.last, 5);
  rows[o++] = taskWords.has(classes[0]!) ? 1 : 0;
  rows[o++] = scene.readThings.has(thing) ? 1 : 0;
  rows[o++] = memory.placeOf.get(thing) === place ? 1 : 0;
  rows[o++] = entities.some((e) => memory.task.entities.includes(e)) ? 1 : 0;
}

/** Remembered contents of a place, and their overlap with the task. */
function relatePlace(
  scene: Scene,
  place: number,
  rows: Float32Array,
  start: number,
): void {
  const { memory, taskWords, reachable } = scene;
  const contents = memory.contents.get(place);
  if (contents === undefined) return;
  let fresh = 0, handled = 0, endsTask = 0;
  for (const thing of contents) {
    const word = memory.classOf.get(thing)!;
    if (reachable.has(thing) || !taskWords.has(word)) continue;
    if (memory.touched.has(thing)) handled++;
    else fresh++;
    if (word === scene.lastTaskWord) endsTask++;
  }
  rows[start] = Math.log1p(contents.size) / 3;
  rows[start + 1] = fresh > 0 ? 1 : 0;
  rows[start + 2] = handled > 0 ? 1 : 0;
  rows[start + 3] = Math.min(fresh, 3) / 3;
  rows[start + 4] = endsTask > 0 ? 1 : 0;
}

/**
 * Relates each admissible action to a subgoal.
 *
 * @param subgoal The subgoal taken apart; absent gives zeros.
 * @returns Shape `(actions, SUBGOAL_ACTION_RELATIONS)`, flat.
 */
export function relateToSubgoal(
  scene: Scene,
  subgoal: Phrase | undefined,
): Float32Array {
  const { actions, memory } = scene;
  const rows = new Float32Array(actions.length * SUBGOAL_ACTION_RELATIONS);
  if (subgoal === undefined) return rows;
  const words = new Set(subgoal.words), things = new Set(subgoal.entities);
  const verb = subgoal.words[0];
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i]!;
    let o = i * SUBGOAL_ACTION_RELATIONS;
    const overlap = shared(action.words, words);
    const place = action.entities.at(-1);
    const exact = shared(action.entities, things);
    rows[o++] = overlap / 2;
    rows[o++] = overlap / (words.size || 1);
    rows[o++] = overlap === words.size ? 1 : 0;
    rows[o++] = action.words[0] === verb ? 1 : 0;
    rows[o++] = exact > 0 ? 1 : 0;
    rows[o++] = exact === things.size && exact > 0 && overlap === words.size
      ? 1
      : 0;
    rows[o++] = action.classes.length > 0 && words.has(action.classes.at(-1)!)
      ? 1
      : 0;
    rows[o++] = holdsClass(scene, memory, place, words) ? 1 : 0;
  }
  return rows;
}

/** Whether an unreachable thing named by the words was last observed at a place. */
function holdsClass(
  scene: Scene,
  memory: EpisodeMemory,
  place: number | undefined,
  words: ReadonlySet<number>,
): boolean {
  if (place === undefined) return false;
  for (const thing of memory.contents.get(place) ?? []) {
    if (words.has(memory.classOf.get(thing)!) && !scene.reachable.has(thing)) {
      return true;
    }
  }
  return false;
}

/**
 * Candidate-independent features of the state, shape `(STATE_NUMBERS,)`, and the verbs applied so far
 * to things that the task names: to all of them, and to the reachable ones.
 */
export function describeState(
  scene: Scene,
): { numbers: Float32Array; verbs: number[]; reachableVerbs: number[] } {
  const { memory, taskWords, reachable } = scene;
  const numbers = new Float32Array(STATE_NUMBERS);
  const verbs: number[] = [], reachableVerbs: number[] = [];
  let within = 0, left = 0, fresh = 0, places = 0, touches = 0;
  for (const [thing, touch] of memory.touched) {
    if (memory.contents.has(thing)) places++;
    if (!taskWords.has(memory.classOf.get(thing)!)) continue;
    touches += touch.count;
    addAll(verbs, touch.verbs.words);
    if (reachable.has(thing)) {
      addAll(reachableVerbs, touch.verbs.words);
      within++;
    } else left++;
  }
  for (const [thing] of memory.placeOf) {
    if (memory.touched.has(thing) || reachable.has(thing)) continue;
    if (taskWords.has(memory.classOf.get(thing)!)) fresh++;
  }
  const { words } = memory.task;
  const size = words.length || 1;
  let o = 0;
  numbers[o++] = memory.turn / 50;
  numbers[o++] = Math.log1p(memory.turn) / 4;
  numbers[o++] = Math.log1p(memory.turn - memory.segmentStart) / 3;
  numbers[o++] = Math.log1p(scene.actions.length) / 4;
  numbers[o++] = memory.changed ? 0 : 1;
  numbers[o++] = shared(words, scene.readWords) / size;
  numbers[o++] = shared(words, memory.seenClasses) / size;
  numbers[o++] = Math.min(within, 3) / 3;
  numbers[o++] = Math.min(left, 3) / 3;
  numbers[o++] = Math.min(fresh, 3) / 3;
  numbers[o++] = Math.log1p(touches) / 3;
  numbers[o++] = Math.log1p(places) / 3;
  numbers[o++] = Math.log1p(memory.touched.size) / 4;
  numbers[o++] = reachableVerbs.length / 4;
  return { numbers, verbs, reachableVerbs };
}

function addAll(list: number[], more: readonly number[]): void {
  for (const item of more) if (!list.includes(item)) list.push(item);
}

/** Whether two phrases name the same words and things. */
function isSame(a: Phrase | undefined, b: Phrase): boolean {
  return a !== undefined && a.key === b.key &&
    a.entities.join() === b.entities.join();
}

/** Describes a subgoal candidate. Shape `(SUBGOAL_RELATIONS,)`. */
export function relateSubgoal(
  scene: Scene,
  subgoal: { readonly phrase: Phrase; readonly text: string },
  held: string | undefined,
): Float32Array {
  const { memory, taskWords } = scene;
  const { words, entities, classes } = subgoal.phrase;
  const row = new Float32Array(SUBGOAL_RELATIONS);
  const now = memory.turn, size = words.length || 1;
  const wordSet = new Set(words);
  const before = memory.subgoals.get(subgoal.text);
  const overlap = shared(words, taskWords);
  const endsTask = words.includes(scene.lastTaskWord);
  let o = 0;
  row[o++] = subgoal.text === held ? 1 : 0;
  row[o++] = before ? Math.log1p(before.count) / 3 : 0;
  row[o++] = recency(now, before?.last, 5);
  row[o++] = overlap / 2;
  row[o++] = overlap / size;
  row[o++] = endsTask ? 1 : 0;
  row[o++] = overlap > (endsTask ? 1 : 0) ? 1 : 0;
  row[o++] = taskWords.has(words[0] ?? -1) ? 1 : 0;
  row[o++] = entities.length / 2;
  row[o++] = subgoal.text === held
    ? Math.log1p(now - memory.segmentStart) / 3
    : 0;
  const done = coverage(memory, subgoal.phrase, wordSet);
  row[o++] = done.ever;
  row[o++] = done.ever === 1 ? 1 : 0;
  row[o++] = done.segment;
  // Where the world says what achieves a subgoal, no words are compared for the held one.
  const ended = subgoal.text === held ? memory.achieved : undefined;
  row[o++] = ended ?? done.segment === 1 ? 1 : 0;
  row[o++] = done.latest;
  row[o++] = shared(words, scene.readWords) / size;
  const tail = words.slice(1);
  row[o++] = tail.length > 0 && shared(tail, scene.readWords) === tail.length
    ? 1
    : 0;
  const offered = bestCover(scene.actions, subgoal.phrase, wordSet);
  row[o++] = offered;
  row[o++] = offered === 1 ? 1 : 0;
  row[o++] = isSame(memory.lastAction, subgoal.phrase) ? 1 : 0;
  const thing = entities[0];
  row[o++] = thing !== undefined && scene.reachable.has(thing) ? 1 : 0;
  row[o++] = thing !== undefined && memory.touched.has(thing) ? 1 : 0;
  row[o++] = classes.some((word) => taskWords.has(word)) ? 1 : 0;
  o = relateThings(scene, wordSet, row, o);
  row[o++] = shared(tail, memory.seenClasses) / (tail.length || 1);
  return row;
}

/** Counts things of the subgoal's words: reachable, handled, or remembered elsewhere. */
function relateThings(
  scene: Scene,
  words: ReadonlySet<number>,
  row: Float32Array,
  start: number,
): number {
  const { memory, reachable } = scene;
  let elsewhere = 0, handledHere = 0, freshHere = 0;
  for (const [thing] of memory.placeOf) {
    if (!words.has(memory.classOf.get(thing)!)) continue;
    const touched = memory.touched.has(thing);
    if (!reachable.has(thing)) elsewhere += touched ? 0 : 1;
    else if (touched) handledHere++;
    else freshHere++;
  }
  row[start] = elsewhere > 0 ? 1 : 0;
  row[start + 1] = handledHere > 0 ? 1 : 0;
  row[start + 2] = freshHere > 0 ? 1 : 0;
  return start + 3;
}

/** The largest share of a subgoal's words that one action names; things must match exactly. */
function bestCover(
  actions: readonly Phrase[],
  subgoal: Phrase,
  words: ReadonlySet<number>,
): number {
  let best = 0;
  for (const action of actions) {
    best = Math.max(best, cover(action, subgoal, words));
  }
  return best;
}

function cover(
  action: Phrase,
  subgoal: Phrase,
  words: ReadonlySet<number>,
): number {
  for (const thing of subgoal.entities) {
    if (!action.entities.includes(thing)) return 0;
  }
  return shared(action.words, words) / (words.size || 1);
}

/** How much of a subgoal the actions taken so far have named. */
function coverage(
  memory: EpisodeMemory,
  subgoal: Phrase,
  words: ReadonlySet<number>,
): { ever: number; segment: number; latest: number } {
  let ever = 0, segment = 0, latest = 0;
  for (const { phrase, last } of memory.actions.values()) {
    const share = cover(phrase, subgoal, words);
    if (share > ever) ever = share;
    if (last >= memory.segmentStart && share > segment) segment = share;
    if (last === memory.turn - 1) latest = share;
  }
  return { ever, segment, latest };
}
