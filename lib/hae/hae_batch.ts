/**
 * Hierarchical advantage estimation of many episodes at once, on concatenated columns.
 *
 * One pass from the last turn to the first carries both clocks, turns and segments, so that the cost is a
 * constant number of operations for each turn and the memory that of the result.
 *
 * @module
 */

import type { ByDecision } from "../trajectory.ts";
import {
  type HaeOptions,
  type HaeSettings,
  resolveHaeOptions,
} from "./hae_options.ts";

/** Numbers of many episodes, one after the other. */
export interface BatchColumns {
  /** Turn at which each episode starts, then the number of turns. Shape `(episodes + 1,)`. */
  readonly offsets: Int32Array;
  /** Reward of each turn. Shape `(turns,)`. */
  readonly rewards: Float64Array;
  /** 1 where a new subgoal was taken up. Shape `(turns,)`. */
  readonly switched: Uint8Array;
  /** Values before each decision; planning is read at segment starts only. Shape `(turns,)` each. */
  readonly values: ByDecision<Float64Array>;
  /** Values after the last turn of each episode; zeros unless truncated. Shape `(episodes,)` each. */
  readonly bootstrap: ByDecision<Float64Array>;
  /** 1 where the world said that the episode is over; absent means nowhere. Shape `(turns,)`. */
  readonly done?: Uint8Array;
  /** Probability of SWITCH before each switching decision. Shape `(turns,)`. */
  readonly switchProbabilities?: Float64Array;
  /** Execution value of the subgoal held before each turn. Shape `(turns,)`. */
  readonly heldSubgoalValues?: Float64Array;
  /** Name of each episode, for error messages. Shape `(episodes,)`. */
  readonly ids?: readonly string[];
}

/** Advantages and value targets of many episodes. */
export interface BatchCredit {
  /** Advantages, in units of return; 0 where nothing was decided. Shape `(turns,)` each. */
  readonly advantages: ByDecision<Float64Array>;
  /** Targets of the value heads, in units of return; `NaN` where there is none. Shape `(turns,)` each. */
  readonly targets: ByDecision<Float64Array>;
}

/**
 * Estimates hierarchical advantages of many episodes.
 *
 * The formulas are those of {@linkcode hierarchicalAdvantages}; the result of an episode does not depend on its
 * neighbors. A `done` flag on a turn cuts what follows it off: in execution always, in planning and switching if
 * it stands on a segment's last turn.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { batchAdvantages } from "@hiper/lab";
 *
 * const zeros = () => new Float64Array(3);
 * const { advantages } = batchAdvantages({
 *   offsets: new Int32Array([0, 2, 3]), // an episode of two turns, one of one turn
 *   rewards: new Float64Array([0, 1, 5]),
 *   switched: new Uint8Array([1, 0, 1]),
 *   values: { switching: zeros(), planning: zeros(), execution: zeros() },
 *   bootstrap: { switching: zeros(), planning: zeros(), execution: zeros() },
 * });
 * deepStrictEqual(advantages.planning, new Float64Array([1, 0, 5]));
 * ```
 *
 * @param batch Concatenated columns.
 * @param options Discount, lambdas and forms.
 * @returns Advantages and targets in the same layout.
 * @throws {RangeError} If columns disagree in length, a setting is out of range, or a number that is read is not finite.
 * @throws {TypeError} If the q-minus-beta form lacks its columns.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, hierarchical advantage estimation
 */
export function batchAdvantages(
  batch: BatchColumns,
  options: HaeOptions = {},
): BatchCredit {
  const settings = resolveHaeOptions(options);
  checkColumns(batch, settings);
  const { values, offsets } = batch;
  const turns = batch.rewards.length;
  const heads: BatchColumns = settings.heads === 1
    ? { ...batch, values: { ...values, planning: values.execution } }
    : batch;
  const column = () => new Float64Array(turns);
  const credit: BatchCredit = {
    advantages: {
      switching: column(),
      planning: column(),
      execution: column(),
    },
    targets: {
      switching: column(),
      planning: column().fill(NaN),
      execution: column(),
    },
  };
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i] === offsets[i + 1]) continue;
    const probe = walkBack(heads, { settings, credit, episode: i });
    if (!Number.isFinite(probe)) throw notFinite(heads, settings, i);
  }
  if (settings.switching === "q-minus-beta") {
    fillQMinusBeta(heads, credit.advantages.switching);
  } else if (settings.heads !== 3) credit.advantages.switching.fill(0);
  if (settings.heads !== 3) credit.targets.switching.fill(NaN);
  return credit;
}

/** Fills one episode's part of the credit; returns a sum that is finite only if everything read was. */
function walkBack(
  batch: BatchColumns,
  walk: { settings: HaeSettings; credit: BatchCredit; episode: number },
): number {
  const { offsets, rewards, switched, values, done } = batch;
  const { gamma, lambdaTurn, lambdaSegment, lambdaBoundary } = walk.settings;
  const headed = walk.settings.heads === 3;
  const { advantages, targets } = walk.credit;
  const start = offsets[walk.episode]!, end = offsets[walk.episode + 1]!;
  const tail = tailValues(batch, walk.settings, walk.episode);
  let nextExecution = tail.execution; // what the turn in hand leads to, on the clock of turns
  let plannerValue = tail.planning, plannerAdvantage = 0; // behind the segment in hand
  let switchingTarget = 0, segmentReturn = 0, segmentDiscount = 1, probe = 0;
  // The advantage that flows into the turn in hand, and whether that is the last of its segment.
  let chain = 0, closes = true;
  for (let t = end - 1; t >= start; t--) {
    const over = done !== undefined && done[t] === 1;
    if (closes) {
      if (over) plannerValue = plannerAdvantage = 0;
      chain = lambdaBoundary * plannerAdvantage;
      switchingTarget = plannerValue + chain;
      segmentReturn = 0;
      segmentDiscount = 1;
    }
    const reward = rewards[t]!, value = values.execution[t]!;
    const future = over ? 0 : gamma * (nextExecution + chain);
    const advantage = reward + future - value;
    targets.execution[t] = (advantages.execution[t] = advantage) + value;
    segmentReturn = reward + gamma * segmentReturn;
    segmentDiscount *= gamma;
    targets.switching[t] = switchingTarget = reward + gamma * switchingTarget;
    const surprise = switchingTarget - (headed ? values.switching[t]! : 0);
    advantages.switching[t] = surprise;
    closes = t === start || switched[t] === 1;
    if (closes) {
      const planned = values.planning[t]!;
      plannerAdvantage = segmentReturn - planned +
        segmentDiscount * (plannerValue + lambdaSegment * plannerAdvantage);
      advantages.planning[t] = plannerAdvantage;
      targets.planning[t] = plannerAdvantage + planned;
      plannerValue = nextExecution = planned;
      probe += plannerAdvantage;
    } else {
      nextExecution = value;
      chain = lambdaTurn * advantage;
    }
    probe += advantage + surprise;
  }
  return probe;
}

/** What the last turn leads to, on the clock of turns and on that of segments. */
function tailValues(
  batch: BatchColumns,
  settings: HaeSettings,
  episode: number,
): { execution: number; planning: number } {
  const { offsets, switched, values, bootstrap } = batch;
  if (settings.truncation === "zero") return { execution: 0, planning: 0 };
  if (settings.truncation === "bootstrap") {
    // Without a switching head, assume that the held subgoal is kept.
    const after = settings.heads === 3
      ? bootstrap.switching
      : bootstrap.execution;
    const value = after[episode]!;
    return { execution: value, planning: value };
  }
  const last = offsets[episode + 1]! - 1;
  let start = last;
  while (start > offsets[episode]! && switched[start] !== 1) start--;
  return {
    execution: values.execution[last]!,
    planning: values.planning[start]!,
  };
}

/** `(q − beta) · (V_planning(s) − V_execution(s, held subgoal))`; 0 where no subgoal is held. */
function fillQMinusBeta(batch: BatchColumns, advantages: Float64Array): void {
  const { offsets, switched, values } = batch;
  const beta = batch.switchProbabilities!, held = batch.heldSubgoalValues!;
  for (let i = 0; i + 1 < offsets.length; i++) {
    const start = offsets[i]!;
    if (offsets[i + 1]! > start) advantages[start] = 0;
    for (let t = start + 1; t < offsets[i + 1]!; t++) {
      const advantage = (switched[t]! - beta[t]!) *
        (values.planning[t]! - held[t]!);
      if (!Number.isFinite(advantage)) {
        throw new TypeError(
          `Cannot assign credit as the q-minus-beta form needs "values.planning", "switchProbability" and "heldSubgoalValue": ${
            place(batch, i, t)
          } lacks one`,
        );
      }
      advantages[t] = advantage;
    }
  }
}

/** Names a turn as its reader knows it. */
function place(batch: BatchColumns, episode: number, t: number): string {
  const name = batch.ids?.[episode] ?? `#${episode}`;
  return `turn ${t - batch.offsets[episode]!} of episode "${name}"`;
}

/** Says which number of an episode is not finite. */
function notFinite(
  batch: BatchColumns,
  settings: HaeSettings,
  episode: number,
): RangeError {
  const { offsets, rewards, switched, values } = batch;
  const start = offsets[episode]!;
  for (let t = start; t < offsets[episode + 1]!; t++) {
    const read: Record<string, number> = {
      reward: rewards[t]!,
      "values.execution": values.execution[t]!,
    };
    if (t === start || switched[t] === 1) {
      read["values.planning"] = values.planning[t]!;
    }
    if (settings.heads === 3) read["values.switching"] = values.switching[t]!;
    for (const [name, value] of Object.entries(read)) {
      if (Number.isFinite(value)) continue;
      return new RangeError(
        `Cannot assign credit as "${name}" must be finite on ${
          place(batch, episode, t)
        }: current value is ${value}`,
      );
    }
  }
  return new RangeError(
    `Cannot assign credit as "bootstrap" and sums of rewards must be finite: those of episode "${
      batch.ids?.[episode] ?? `#${episode}`
    }" are not`,
  );
}

/** Throws unless columns agree with each other and with the settings. */
function checkColumns(batch: BatchColumns, settings: HaeSettings): void {
  const { offsets, rewards, values, bootstrap } = batch;
  const turns = rewards.length, episodes = offsets.length - 1;
  const lengths: [string, number | undefined, number][] = [
    ["switched", batch.switched.length, turns],
    ["values.switching", values.switching.length, turns],
    ["values.planning", values.planning.length, turns],
    ["values.execution", values.execution.length, turns],
    ["done", batch.done?.length, turns],
    ["switchProbabilities", batch.switchProbabilities?.length, turns],
    ["heldSubgoalValues", batch.heldSubgoalValues?.length, turns],
  ];
  if (settings.truncation === "bootstrap") {
    lengths.push(["bootstrap.switching", bootstrap.switching.length, episodes]);
    lengths.push(["bootstrap.execution", bootstrap.execution.length, episodes]);
  }
  const allowed = (name: string, length: number, wanted: number) =>
    name.startsWith("bootstrap") ? length >= wanted : length === wanted;
  for (const [name, length, wanted] of lengths) {
    if (length === undefined || allowed(name, length, wanted)) continue;
    throw new RangeError(
      `Cannot assign credit as "${name}" must have ${wanted} elements: current value is ${length}`,
    );
  }
  for (let i = 0; i < offsets.length; i++) {
    const lowest = i === 0 ? 0 : offsets[i - 1]!;
    if (offsets[i]! >= lowest && (i > 0 || offsets[i] === 0)) continue;
    throw new RangeError(
      `Cannot assign credit as "offsets" must start at 0 and never fall: element ${i} is ${
        offsets[i]
      }`,
    );
  }
  if (episodes < 0 || offsets[episodes] !== turns) {
    throw new RangeError(
      `Cannot assign credit as "offsets" must end with the number of turns, ${turns}: current value is ${
        offsets[episodes]
      }`,
    );
  }
  if (settings.switching !== "q-minus-beta") return;
  if (!batch.switchProbabilities || !batch.heldSubgoalValues) {
    throw new TypeError(
      'Cannot assign credit as the q-minus-beta form needs "switchProbabilities" and "heldSubgoalValues"',
    );
  }
}
