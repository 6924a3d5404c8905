/**
 * Calls of one episode in a simulator, always in the same order: its random numbers are drawn by
 * steps and by the list of valid actions alike, so the order is part of the determinism.
 *
 * @module
 */

import {
  callRequest,
  type JavaArgument,
  type JavaReference,
  type JavaValue,
  releaseRequest,
} from "./gateway.ts";
import type { JavaMachine } from "./java.ts";

/** What to load. */
export interface LoadOptions {
  /** Name of the task. */
  readonly task: string;
  /** Number of the variation. */
  readonly variation: number;
  /** Simplifications as the simulator takes them. */
  readonly simplifications: string;
  /** Whether the gold path is generated, which plays the task once. */
  readonly gold: boolean;
}

/** State of the simulator after an action. */
export interface SimulatorTurn {
  /** What the action was answered. */
  readonly text: string;
  /** The benchmark's score in `[0, 1]`, or -1 when the task has failed. */
  readonly score: number;
  /** Whether the task is completed. */
  readonly completed: boolean;
  /** Ticks of the simulated clock so far, not actions. */
  readonly moves: number;
  /** Valid actions, sorted. */
  readonly valid: readonly string[];
}

/** What a load gives. */
export interface SimulatorStart extends SimulatorTurn {
  /** The task in words. */
  readonly task: string;
  /** The gold path; empty unless it was asked for. */
  readonly gold: readonly string[];
}

/**
 * Loads a task and looks around, as the benchmark's own wrapper does.
 *
 * @param machine A machine without an episode.
 * @param options What to load.
 * @returns The first state.
 * @throws {RangeError} If the simulator refuses the task or the variation, in its own words.
 */
export async function loadTask(
  machine: JavaMachine,
  options: LoadOptions,
): Promise<SimulatorStart> {
  const { task, variation, simplifications, gold } = options;
  const [refusal, words] = await call(
    machine,
    ["load", task, variation, simplifications, gold],
    ["getTaskDescription"],
  );
  if (refusal !== "") {
    throw new RangeError(
      `Cannot open ScienceWorld as the simulator must load ${task}, variation ${variation}: it answers ${refusal}`,
    );
  }
  const path = gold ? await callForLines(machine, "getGoldActionSequence") : [];
  const first = await takeAction(machine, "look around");
  return { ...first, task: String(words), gold: path };
}

/**
 * Takes one action.
 *
 * @param machine The machine of the episode.
 * @param action Any text.
 * @returns The state after it.
 */
export async function takeAction(
  machine: JavaMachine,
  action: string,
): Promise<SimulatorTurn> {
  const [text, score, completed, moves, list] = await call(
    machine,
    ["step", action],
    ["getScore"],
    ["getCompleted"],
    ["getNumMoves"],
    ["getValidActionObjectCombinations"],
  );
  return {
    text: String(text),
    score: Number(score),
    completed: completed === true,
    moves: Number(moves),
    valid: await joinLines(machine, list),
  };
}

/** What can be said of actions without their objects, and what can be said of objects. */
export async function describeActions(
  machine: JavaMachine,
): Promise<{ templates: readonly string[]; objects: readonly string[] }> {
  return {
    templates: await callForLines(machine, "getPossibleActions"),
    objects: await callForLines(machine, "getPossibleObjects"),
  };
}

/**
 * Calls a method that lists strings.
 *
 * @param machine The machine.
 * @param method Its name.
 * @returns The strings.
 */
export async function callForLines(
  machine: JavaMachine,
  method: string,
): Promise<string[]> {
  const [list] = await call(machine, [method]);
  return await joinLines(machine, list);
}

/** Calls methods of the simulator in one message. */
export function call(
  machine: JavaMachine,
  ...calls: readonly (readonly [string, ...JavaArgument[]])[]
): Promise<JavaValue[]> {
  return machine.ask(
    ...calls.map(([method, ...values]) =>
      callRequest(machine.simulator, method, ...values)
    ),
  );
}

/** Reads a list of strings in one round trip and releases it: lists live until they are released. */
async function joinLines(
  machine: JavaMachine,
  list: JavaValue | undefined,
): Promise<string[]> {
  const reference = asReference(list);
  const [text] = await machine.ask(
    callRequest("z:java.lang.String", "join", "\n", reference),
    releaseRequest(reference),
  );
  return text === "" ? [] : String(text).split("\n");
}

function asReference(value: JavaValue | undefined): JavaReference {
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError(
    `Cannot read a list of Java as it must be an object: current value is ${value}`,
  );
}
