/**
 * Texts of a turn as sparse numbers: signed hashes of words and word pairs, each namespace of unit length, and a few
 * dense ones.
 *
 * @module
 */

import type { EpisodeBatch } from "../../episode_batch.ts";
import type { Turn } from "../../trajectory.ts";

/** Slots of the hashed features; dense ones follow. */
export const SLOTS = 2 ** 15;

/** Dense features of a turn. */
const DENSE = 6;

/** Number of all features. */
export const FEATURES = SLOTS + DENSE;

/** Rows of sparse features. */
export interface SparseRows {
  /** First entry of each row, then the number of entries. Shape `(rows + 1,)`. */
  readonly offsets: Int32Array<ArrayBuffer>;
  /** Feature of each entry. Shape `(entries,)`. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** Its number. Shape `(entries,)`. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** What one turn shows to the three value heads. */
export interface TurnTexts {
  readonly task: string;
  readonly observation: string;
  readonly lastAction: string;
  /** Subgoal in force before the turn. */
  readonly held: string;
  /** Subgoal in force after it. */
  readonly chosen: string;
  /** Numbers of the episode so far. Shape `(6,)`. */
  readonly dense: readonly number[];
}

/** Which subgoal a head sees beside the state. */
export type Head = "planning" | "switching" | "execution";

/** The texts of every turn of a batch, then of what follows the last turn of each episode where it was recorded. */
export function turnTexts(
  batch: Pick<EpisodeBatch, "offsets" | "episodes" | "turns" | "switched">,
  maxTurns: number,
): { turns: TurnTexts[]; tails: (TurnTexts | undefined)[] } {
  const { offsets, episodes, turns, switched } = batch;
  const texts: TurnTexts[] = [], tails: (TurnTexts | undefined)[] = [];
  for (const [i, { task, finalObservation }] of episodes.entries()) {
    const seen = new Set<string>();
    let segments = 0, length = 0;
    const show = (t: number, observation: string): TurnTexts => {
      const before = t > offsets[i]! ? turns[t - 1] : undefined;
      const idle = before?.observation.text === observation;
      seen.add(observation);
      return {
        task,
        observation,
        lastAction: before?.decision.action ?? "",
        held: before?.decision.subgoal ?? "",
        chosen: turns[t]?.decision.subgoal ?? before?.decision.subgoal ?? "",
        dense: [
          1,
          (t - offsets[i]!) / maxTurns,
          seen.size / maxTurns,
          idle ? 1 : 0,
          segments / maxTurns,
          length / maxTurns,
        ],
      };
    };
    for (let t = offsets[i]!; t < offsets[i + 1]!; t++) {
      const turn: Turn = turns[t]!;
      texts.push(show(t, turn.observation.text));
      const begins = switched[t] === 1 || t === offsets[i];
      segments += begins ? 1 : 0;
      length = begins ? 1 : length + 1;
    }
    tails.push(
      finalObservation &&
        { ...show(offsets[i + 1]!, finalObservation.text), chosen: "" },
    );
  }
  return { turns: texts, tails };
}

/** Features of turns as a head sees them. */
export function headFeatures(
  texts: readonly TurnTexts[],
  head: Head,
): SparseRows {
  const offsets = new Int32Array(texts.length + 1);
  const indices: number[] = [], values: number[] = [];
  for (const [row, one] of texts.entries()) {
    const spaces: [string, string][] = [
      ["task", one.task],
      ["seen", one.observation],
      ["done", one.lastAction],
      ...(head === "switching" ? [["held", one.held] as [string, string]] : []),
      ...(head === "execution"
        ? [["chosen", one.chosen] as [string, string]]
        : []),
    ];
    for (const [space, text] of spaces) {
      addNamespace(space, text, { indices, values });
    }
    for (const [d, value] of one.dense.entries()) {
      if (value === 0) continue;
      indices.push(SLOTS + d);
      values.push(value);
    }
    offsets[row + 1] = indices.length;
  }
  return {
    offsets,
    indices: Int32Array.from(indices),
    values: Float32Array.from(values),
  };
}

/** Words and pairs of neighbors of one text, hashed under the name of their space, scaled to unit length. */
function addNamespace(
  space: string,
  text: string,
  into: { indices: number[]; values: number[] },
): void {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const sums = new Map<number, number>();
  const add = (word: string) => {
    const hash = hashText(`${space}:${word}`);
    const slot = hash % SLOTS, sign = (hash >>> 31) === 0 ? 1 : -1;
    sums.set(slot, (sums.get(slot) ?? 0) + sign);
  };
  for (const [i, word] of words.entries()) {
    add(word);
    if (i > 0) add(`${words[i - 1]} ${word}`);
  }
  let square = 0;
  for (const sum of sums.values()) square += sum * sum;
  if (square === 0) return;
  const scale = 1 / Math.sqrt(square);
  for (const [slot, sum] of sums) {
    if (sum === 0) continue;
    into.indices.push(slot);
    into.values.push(sum * scale);
  }
}

/** FNV-1a of UTF-16 code units, mixed so that low and high bits are independent. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
