/**
 * Recorded plays of games, and their comparison with this engine.
 *
 * A trace is one line of JSON: `game` (folder of the game below a dataset), `file` (name of the
 * game file beside the traces, if it lies there), and `steps`, the first of which has the command
 * `null` for the start. Files may be compressed with gzip.
 *
 * @module
 */

import { decodeText, parseJson } from "../../text_file.ts";
import type { CompiledGame } from "./game.ts";

/** What a recorded play showed after one command. */
export interface TraceStep {
  /** The command; `null` for the start. */
  readonly cmd: string | null;
  /** What was read. */
  readonly obs: string;
  /** Admissible commands, in order. */
  readonly adm: readonly string[];
  /** Whether the goal held. */
  readonly won: boolean;
  /** 1 if the goal held, else 0. */
  readonly score: number;
  /** Whether the engine called the game over. */
  readonly done: boolean;
}

/** A recorded play. */
export interface GameTrace {
  /** Folder of the game below the dataset's folder. */
  readonly game: string;
  /** Name of the game's file beside the traces. */
  readonly file?: string;
  /** How the commands were chosen. */
  readonly kind?: string;
  /** Start and commands, in order. */
  readonly steps: readonly TraceStep[];
}

/** Where a replay differs from what was recorded. */
export interface TraceMismatch {
  /** Index of the step. */
  readonly step: number;
  /** Which part differs. */
  readonly field: Exclude<keyof TraceStep, "cmd">;
  /** What was recorded. */
  readonly expected: unknown;
  /** The value of this engine. */
  readonly actual: unknown;
}

/**
 * Plays commands and records what is shown.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { generateHousehold } from "@hiper/lab/envs/household";
 * import { recordSteps } from "@hiper/lab/envs/pddl";
 *
 * const game = generateHousehold({ difficulty: "easy" }, 1);
 * const steps = recordSteps(game, game.walkthrough);
 * strictEqual(steps.at(-1)!.won, true);
 * ```
 *
 * @param game The game.
 * @param commands Commands in order; ones that are not admissible are recorded too.
 * @returns The start and one step for each command.
 */
export function recordSteps(
  game: CompiledGame,
  commands: readonly string[],
): TraceStep[] {
  const play = game.start();
  const step = (cmd: string | null): TraceStep => {
    const obs = cmd === null ? play.intro : play.step(cmd).text;
    const { won } = play;
    return {
      cmd,
      obs,
      adm: play.admissible(),
      won,
      score: won ? 1 : 0,
      done: won,
    };
  };
  return [null, ...commands].map(step);
}

/**
 * Replays a trace.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { compileGame, recordSteps, replayTrace } from "@hiper/lab/envs/pddl";
 *
 * const game = compileGame({
 *   pddl_domain: "(define (domain d) (:predicates (on)) (:action press :effect (on)))",
 *   pddl_problem: "(define (problem p) (:domain d) (:init) (:goal (on)))",
 *   grammar: `grammar :: """{"intro": [{"rhs": "Dark."}]}""";
 *     action press { template :: "press"; feedback :: "Light!"; }`,
 * });
 * const steps = recordSteps(game, ["press", "sing"]);
 * deepStrictEqual(steps.map(({ obs }) => obs), ["Dark.", "Light!", "Nothing happens."]);
 * deepStrictEqual(replayTrace(game, { game: "lamp", steps }), []);
 * ```
 *
 * @param game The game that was played.
 * @param trace What was recorded.
 * @returns Every difference, in order; none if the engine agrees.
 */
export function replayTrace(
  game: CompiledGame,
  trace: GameTrace,
): TraceMismatch[] {
  const commands = trace.steps.slice(1).map(({ cmd }) => cmd ?? "");
  const actual = recordSteps(game, commands);
  const fields = ["obs", "adm", "won", "score", "done"] as const;
  return trace.steps.flatMap((expected, step) =>
    fields.filter((field) =>
      JSON.stringify(expected[field]) !== JSON.stringify(actual[step]![field])
    ).map((field) => ({
      step,
      field,
      expected: expected[field],
      actual: actual[step]![field],
    }))
  );
}

/**
 * Reads a file of traces, one a line, plain or compressed with gzip.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { generateHousehold } from "@hiper/lab/envs/household";
 * import { readTraces, recordSteps } from "@hiper/lab/envs/pddl";
 *
 * const path = await Deno.makeTempFile();
 * const game = generateHousehold({ difficulty: "easy" }, 1);
 * const trace = { game: "drawn/1", steps: recordSteps(game, ["look"]) };
 * await Deno.writeTextFile(path, JSON.stringify(trace));
 * deepStrictEqual(await readTraces(path), [trace]);
 * await Deno.remove(path);
 * ```
 *
 * @param path Path of the file.
 * @returns The traces, in order.
 * @throws {SyntaxError} If a line is no trace, or the file is compressed and damaged.
 */
export async function readTraces(path: string): Promise<GameTrace[]> {
  const bytes = await Deno.readFile(path);
  const text = decodeText(await unpacked(bytes, path));
  return text.split("\n").flatMap((line, index) =>
    line.trim() === "" ? [] : [readTrace(line, `${path}, line ${index + 1}`)]
  );
}

/** Bytes without gzip. */
async function unpacked(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  try {
    return await new Response(stream).bytes();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(
      `Cannot read "${path}" as it must be whole gzip: ${reason}`,
      { cause },
    );
  }
}

function readTrace(line: string, where: string): GameTrace {
  const value = parseJson(line, where);
  if (isTrace(value)) return value;
  throw new SyntaxError(
    `Cannot read "${where}" as it must be a trace with "game" and "steps" of cmd, obs, adm, won, score, done`,
  );
}

function isTrace(value: unknown): value is GameTrace {
  return typeof value === "object" && value !== null &&
    "game" in value && typeof value.game === "string" &&
    "steps" in value && Array.isArray(value.steps) &&
    value.steps.every(isStep);
}

function isStep(step: unknown): step is TraceStep {
  return typeof step === "object" && step !== null &&
    ["cmd", "obs", "adm", "won", "score", "done"].every((key) => key in step);
}

/**
 * Finds the file of the game that a trace was recorded on.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { findTraceGame } from "@hiper/lab/envs/pddl";
 *
 * strictEqual(await findTraceGame({ game: "valid_seen/x", steps: [] }, ["nowhere"]), undefined);
 * ```
 *
 * @param trace The trace.
 * @param folders Folders to look in: the traces' own, and those of datasets.
 * @returns Its path, or nothing if no folder holds it.
 */
export async function findTraceGame(
  trace: GameTrace,
  folders: readonly string[],
): Promise<string | undefined> {
  const candidates = folders.flatMap((folder) => [
    ...(trace.file === undefined ? [] : [`${folder}/${trace.file}`]),
    `${folder}/${trace.game}/game.tw-pddl`,
    `${folder}/json_2.1.1/${trace.game}/game.tw-pddl`,
  ]);
  for (const path of candidates) {
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}
