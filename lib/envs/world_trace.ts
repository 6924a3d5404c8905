/**
 * Recorded plays of any world that a specification opens, and their comparison with a replay.
 *
 * A trace is one line of JSON: `spec`, `seed`, `task`, and `steps`, the first of which has the command `null` for
 * the start. Worlds keep their first law: the same specification, seed and actions give the same episode.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { parseJson } from "../text_file.ts";
import type { Observation } from "../trajectory.ts";
import type { EnvSpec, EnvStep, OpenEnv } from "./text_env.ts";

/** What a world showed after one action. */
export interface WorldTraceStep {
  /** The action; `null` for the start. */
  readonly cmd: string | null;
  /** What was read. */
  readonly obs: string;
  /** Admissible actions, in order; of more than a hundred their number and SHA-1. */
  readonly adm: readonly string[] | string;
  /** What the world paid. */
  readonly reward: number;
  /** Whether the task was accomplished. */
  readonly won: boolean;
  /** The world's own score; `null` where it has none. */
  readonly score: number | null;
  /** How the episode ended; `null` while it goes on. */
  readonly ending: "terminated" | "truncated" | null;
}

/** A recorded play. */
export interface WorldTrace {
  /** The world. */
  readonly spec: EnvSpec;
  /** Seed of the episode. */
  readonly seed: number;
  /** The task in words. */
  readonly task: string;
  /** Start and actions, in order. */
  readonly steps: readonly WorldTraceStep[];
}

/** Where a replay differs from what was recorded. */
export interface WorldTraceMismatch {
  /** Index of the step. */
  readonly step: number;
  /** Which part differs; `task` belongs to the start. */
  readonly field: "task" | Exclude<keyof WorldTraceStep, "cmd">;
  /** What was recorded. */
  readonly expected: unknown;
  /** What the world shows now. */
  readonly actual: unknown;
}

/** Most actions of a list that is kept word for word. */
const MOST_LISTED = 100;

/**
 * Describes a step for a trace.
 *
 * @param cmd The action; `null` for the start.
 * @param shown What the world answered; an observation for the start.
 * @returns The step.
 */
export function traceStep(
  cmd: string | null,
  shown: EnvStep | { readonly observation: Observation },
): WorldTraceStep {
  const { text, admissibleActions } = shown.observation;
  const step = "reward" in shown ? shown : undefined;
  const adm = admissibleActions.length <= MOST_LISTED
    ? admissibleActions
    : `${admissibleActions.length} actions, SHA-1 ${
      createHash("sha1").update(admissibleActions.join("\n")).digest("hex")
    }`;
  return {
    cmd,
    obs: text,
    adm,
    reward: step?.reward ?? 0,
    won: step?.success ?? false,
    score: step?.score ?? null,
    ending: step?.ending ?? null,
  };
}

/**
 * Plays actions in a world and records what is shown; ends with the episode.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openEnv } from "@hiper/lab";
 * import { recordWorldTrace, replayWorldTrace } from "@hiper/lab/traces";
 *
 * const trace = await recordWorldTrace(openEnv, {
 *   spec: { kind: "corridor", exit: "left" },
 *   seed: 1,
 *   actions: ["go left", "open the left door"],
 * });
 * deepStrictEqual(await replayWorldTrace(openEnv, trace), []);
 * ```
 *
 * @param open Opens the world.
 * @param play Which world and seed, and the actions in order; ones that are not admissible are recorded too.
 * @returns The trace.
 */
export async function recordWorldTrace(
  open: OpenEnv,
  play: {
    readonly spec: EnvSpec;
    readonly seed: number;
    readonly actions: readonly string[];
  },
): Promise<WorldTrace> {
  const { spec, seed, actions } = play;
  const env = await open(spec, seed);
  try {
    const start = await env.start();
    const steps = [traceStep(null, start)];
    for (const action of actions) {
      if (steps.at(-1)!.ending !== null) break;
      steps.push(traceStep(action, await env.step(action)));
    }
    return { spec, seed, task: start.task, steps };
  } finally {
    await env[Symbol.asyncDispose]?.();
  }
}

/**
 * Replays a trace.
 *
 * @param open Opens the world.
 * @param trace What was recorded.
 * @returns Every difference, in order; none if the world shows the same. A replay that ends early differs in `ending`.
 */
export async function replayWorldTrace(
  open: OpenEnv,
  trace: WorldTrace,
): Promise<WorldTraceMismatch[]> {
  const { spec, seed, steps, task } = trace;
  const actions = steps.slice(1).map(({ cmd }) => cmd ?? "");
  const actual = await recordWorldTrace(open, { spec, seed, actions });
  const fields = ["obs", "adm", "reward", "won", "score", "ending"] as const;
  const start: WorldTraceMismatch[] = actual.task === task
    ? []
    : [{ step: 0, field: "task", expected: task, actual: actual.task }];
  return start.concat(
    actual.steps.flatMap((shown, step) =>
      fields.filter((field) =>
        JSON.stringify(steps[step]![field]) !== JSON.stringify(shown[field])
      ).map((field) => ({
        step,
        field,
        expected: steps[step]![field],
        actual: shown[field],
      }))
    ),
  );
}

/**
 * Reads a trace from a line.
 *
 * @param line JSON.
 * @param where What is read, for messages.
 * @returns The trace; `undefined` for a line that has no `spec`, such as a trace of a game file.
 * @throws {SyntaxError} If the line is no JSON, or has a `spec` and is no trace.
 */
export function readWorldTrace(
  line: string,
  where: string,
): WorldTrace | undefined {
  const value = parseJson(line, where);
  if (typeof value !== "object" || value === null || !("spec" in value)) {
    return undefined;
  }
  if (isWorldTrace(value)) return value;
  throw new SyntaxError(
    `Cannot read "${where}" as it must be a trace with "spec", "seed", "task" and "steps" of cmd, obs, adm, reward, won, score, ending`,
  );
}

function isWorldTrace(value: object): value is WorldTrace {
  const { spec, seed, task, steps } = value as Record<string, unknown>;
  return typeof spec === "object" && spec !== null && "kind" in spec &&
    typeof seed === "number" && typeof task === "string" &&
    Array.isArray(steps) && steps.length > 0 &&
    steps.every((step: unknown) =>
      typeof step === "object" && step !== null &&
      ["cmd", "obs", "adm", "reward", "won", "score", "ending"].every((key) =>
        key in step
      )
    );
}
