/**
 * WebShop as the reference trainer wraps it: what it shows, reads, pays and draws.
 *
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}
 *
 * @module
 */

import { createNumpyRandom } from "./python_random.ts";
import { pythonStrip } from "../../../python_text.ts";

const SEPARATOR = " [SEP] ";

/**
 * Finds the wish in the first observation of an episode.
 *
 * @param observation A search page in mode `text`.
 * @returns The wish.
 * @throws {SyntaxError} If the observation does not begin like a search page.
 */
export function extractWebshopTask(observation: string): string {
  const [, label, task] = observation.split(SEPARATOR);
  if (label !== "Instruction:" || task === undefined) {
    throw new SyntaxError(
      `Cannot find the task as the second segment must be "Instruction:": current value is ${label}`,
    );
  }
  return task;
}

/**
 * Shortens an observation to what follows the wish, each segment in quotes.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 *
 * const page = "WebShop [SEP] Instruction: [SEP] a lamp [SEP] Search";
 * strictEqual(formatWebshopObservation(page, "a lamp"), "'Search'");
 * ```
 *
 * @param observation A page in mode `text`.
 * @param task The wish.
 * @returns The segments after the wish; the whole observation if it does not hold the wish.
 */
export function formatWebshopObservation(
  observation: string,
  task: string,
): string {
  const segments = observation.split(SEPARATOR);
  const place = segments.indexOf(task);
  if (place < 0) return observation;
  return segments.slice(place + 1).map((segment) => `'${segment}'`)
    .join(SEPARATOR);
}

/**
 * Lists what a page accepts as the trainer's prompts do, the idle search button included.
 *
 * @param available Whether there is a search bar, and labels that can be clicked.
 * @returns Actions in page order.
 */
export function formatWebshopActions(
  available: { hasSearchBar: boolean; clickables: readonly string[] },
): string[] {
  const clicks = available.clickables.map((label) => `click[${label}]`);
  return available.hasSearchBar ? ["search[<your query>]", ...clicks] : clicks;
}

/**
 * Writes a list of actions as it stands in a prompt.
 *
 * @param actions Actions in page order.
 * @returns One quoted action a line.
 */
export function webshopActionBlock(actions: readonly string[]): string {
  return actions.map((action) => `'${action}',`).join("\n");
}

/** One earlier turn. */
export interface WebshopRecord {
  /** What was seen, formatted. */
  readonly observation: string;
  /** What was done. */
  readonly action: string;
}

/** Earlier turns as a prompt shows them. */
export interface WebshopHistory {
  /** One line for each turn shown. */
  readonly text: string;
  /** Turns shown. */
  readonly shown: number;
  /** Turns taken. */
  readonly taken: number;
  /** Number of the turn to be taken, from 1. */
  readonly current: number;
}

/**
 * Writes the last turns of an episode.
 *
 * @param records All turns so far.
 * @param length How many to show at most.
 * @returns Their text and counts.
 */
export function formatWebshopHistory(
  records: readonly WebshopRecord[],
  length: number,
): WebshopHistory {
  const first = Math.max(0, records.length - length);
  const lines = records.slice(first).map(({ observation, action }, i) => {
    const n = first + i + 1;
    return `[Observation ${n}: '${observation}', Action ${n}: '${action}']`;
  });
  return {
    text: lines.join("\n"),
    shown: lines.length,
    taken: records.length,
    current: records.length + 1,
  };
}

/** What the trainer reads in a response. */
export interface WebshopProjection {
  /** The action, in lower case; executed even if the response is not valid. */
  readonly action: string;
  /** Whether the response had the agreed form. */
  readonly valid: boolean;
}

/** What the trainer reads in a response with a plan. */
export interface WebshopPlanProjection extends WebshopProjection {
  /** The subgoal as written; empty or `None` where it cannot be read. */
  readonly subgoal: string;
  /** `KEEP`, `SWITCH`, or nothing. */
  readonly decision: string;
}

/** The text between the first opening and the first closing tag; nothing if one is missing. */
function between(text: string, tag: string): string | undefined {
  const start = text.indexOf(`<${tag}>`), end = text.indexOf(`</${tag}>`);
  if (start < 0 || end < 0) return undefined;
  const from = start + tag.length + 2;
  return end < from ? "" : pythonStrip(text.slice(from, end));
}

/** Reads the action block; without one the response's end stands in for it. */
function readAction(response: string): { action: string; found: boolean } {
  const lower = response.toLowerCase();
  const action = between(lower, "action");
  return action === undefined
    ? { action: [...lower].slice(-20).join(""), found: false }
    : { action, found: true };
}

/** Whether a response holds a Chinese character, which the trainer forbids. */
function hasIdeograph(response: string): boolean {
  return /[\u4e00-\u9fff]/.test(response);
}

/**
 * Reads a response of the form `<think>…</think><action>…</action>`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * deepStrictEqual(
 *   projectWebshopThought("<think>ok</think><action>Search[Tea]</action>"),
 *   { action: "search[tea]", valid: true },
 * );
 * ```
 *
 * @param response What a model wrote.
 * @returns The action, and whether the form was kept.
 */
export function projectWebshopThought(response: string): WebshopProjection {
  const { action, found } = readAction(response);
  const thought = response.includes("<think>") &&
    response.includes("</think>");
  return { action, valid: found && thought && !hasIdeograph(response) };
}

/**
 * Reads a response of the form `<switch>…</switch><subgoal>…</subgoal><action>…</action>`.
 *
 * @param response What a model wrote.
 * @returns Action, subgoal, decision, and whether the form was kept.
 */
export function projectWebshopPlan(response: string): WebshopPlanProjection {
  const { action, found } = readAction(response);
  if (!found) return { action, subgoal: "", decision: "", valid: false };
  const decision = between(response, "switch")?.toUpperCase();
  if (decision === undefined) {
    return { action, subgoal: "None", decision: "", valid: false };
  }
  if (decision !== "KEEP" && decision !== "SWITCH") {
    return { action, subgoal: "", decision: "KEEP", valid: false };
  }
  const subgoal = between(response, "subgoal");
  const valid = subgoal !== undefined && !hasIdeograph(response);
  return { action, subgoal: subgoal ?? "", decision, valid };
}

/**
 * What the trainer pays for a step: 10 for a perfect purchase, nothing for a partial one.
 *
 * @param score WebShop's own score of the step, in `[0, 1]`.
 * @param done Whether something was bought.
 * @param penalty Paid for an imperfect purchase. @default {0}
 * @returns The reward, and whether the episode was won.
 */
export function webshopTrainerReward(
  score: number,
  done: boolean,
  penalty = 0,
): { reward: number; won: boolean } {
  if (done && score === 1) return { reward: 10, won: true };
  return { reward: done ? penalty : 0, won: false };
}

/** The goals of the trainer's batches. */
export interface WebshopTrainerGoals {
  /** Draws one batch: goal indices, each repeated for its group. */
  next(): number[];
}

/**
 * Draws goals as the trainer's loop does: without replacement within a batch, by NumPy's stream.
 *
 * Workers of one seed order the goals by that seed (`priceSeed` and `shuffleSeed`), so an index means
 * another goal to another worker.
 *
 * @param options Seed of the loop, the range of goals, tasks of a batch, episodes of a group.
 * @returns An endless supply of batches.
 * @throws {RangeError} If the range holds fewer goals than a batch needs.
 */
export function createWebshopTrainerGoals(
  options: {
    seed: number;
    start: number;
    end: number;
    tasks: number;
    groupSize?: number;
  },
): WebshopTrainerGoals {
  const { seed, start, end, tasks, groupSize = 1 } = options;
  if (!(tasks <= end - start)) {
    throw new RangeError(
      `Cannot draw goals as "tasks" must be at most the number of goals, ${
        end - start
      }: current value is ${tasks}`,
    );
  }
  const random = createNumpyRandom(seed);
  return {
    next: () =>
      random.choice(end - start, tasks)
        .flatMap((index) => Array<number>(groupSize).fill(start + index)),
  };
}
