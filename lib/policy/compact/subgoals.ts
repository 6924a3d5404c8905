/**
 * Relations between a subgoal candidate and what was read and done: whether it fits the task,
 * whether it can be done here, whether it has been done.
 *
 * @module
 */

import { recency, type Scene, shared } from "./features.ts";
import type { EpisodeMemory } from "./memory.ts";
import { SUBGOAL_RELATIONS } from "./relations.ts";
import type { Phrase } from "./words.ts";

/** Whether two phrases name the same words and things. */
function isSame(a: Phrase | undefined, b: Phrase): boolean {
  return a !== undefined && a.key === b.key &&
    a.entities.join() === b.entities.join();
}

/**
 * Describes a subgoal candidate.
 *
 * @param scene What was looked up.
 * @param subgoal The candidate taken apart, and its text.
 * @param held The subgoal held now, if any.
 * @returns Shape `(SUBGOAL_RELATIONS,)`.
 */
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
  row[o++] = done.segment === 1 ? 1 : 0;
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

/** Which things of the subgoal's words are within reach, handled, or remembered elsewhere. */
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
