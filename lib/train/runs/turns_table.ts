/**
 * Episodes as a flat table, one row for each turn, and back.
 *
 * @module
 */

import { type ColumnTable, table as createTable } from "npm:arquero@7.2.0";
import {
  type ByDecision,
  byDecision,
  type Credit,
  DECISIONS,
  type Trajectory,
  type Turn,
} from "../../trajectory.ts";
import type { Cell } from "./parquet.ts";

/** What a table of turns says besides the turns. */
export interface TurnsTableOptions {
  /** Iteration in which the episodes were played; absent for an evaluation. */
  readonly iteration?: number;
  /** Credit of each episode, in the same order. */
  readonly credits?: readonly Credit[];
}

/** Separates admissible actions in their cell; no world uses it. */
const SEPARATOR = "\n";

/**
 * Writes episodes as one row for each turn; values and advantages are `null` where there are none.
 *
 * Traces are left out: they are a learner's, large, and of no use to a reader.
 *
 * @returns A table with text, number and boolean columns.
 */
export function turnsTable(
  trajectories: readonly Trajectory[],
  options: TurnsTableOptions = {},
): ColumnTable {
  const { iteration, credits } = options;
  const rows = trajectories.flatMap((trajectory, i) =>
    trajectory.turns.map((turn, t): PlayedTurn => ({
      ...{ iteration, trajectory, turn, t },
      advantages: credits &&
        byDecision((name) => credits[i]!.advantages[name][t]!),
    }))
  );
  return createTable(
    Object.entries(COLUMNS).map(([name, cell]): [string, Cell[]] => [
      name,
      rows.map((row) => cell(row) ?? null),
    ]),
  );
}

/** A turn and where it was played. */
interface PlayedTurn {
  readonly iteration: number | undefined;
  readonly trajectory: Trajectory;
  readonly turn: Turn;
  readonly t: number;
  readonly advantages: ByDecision<number> | undefined;
}

/** Columns in order: what each says of a turn. */
const COLUMNS: Readonly<
  Record<string, (played: PlayedTurn) => Cell | undefined>
> = {
  iteration: ({ iteration }) => iteration,
  episode: ({ trajectory }) => trajectory.id,
  task: ({ trajectory }) => trajectory.task,
  task_type: ({ trajectory }) => trajectory.taskType,
  group: ({ trajectory }) => trajectory.group,
  strategy: ({ trajectory }) => trajectory.strategy,
  seed: ({ trajectory }) => trajectory.seed,
  ending: ({ trajectory }) => trajectory.ending,
  success: ({ trajectory }) => trajectory.success,
  score: ({ trajectory }) => trajectory.score,
  final_observation: ({ trajectory }) => trajectory.finalObservation?.text,
  turn: ({ t }) => t,
  observation: ({ turn }) => turn.observation.text,
  admissible_actions: ({ turn }) =>
    turn.observation.admissibleActions.join(SEPARATOR),
  state_key: ({ turn }) => turn.observation.stateKey,
  switched: ({ turn }) => turn.decision.switched,
  subgoal: ({ turn }) => turn.decision.subgoal,
  action: ({ turn }) => turn.decision.action,
  valid: ({ turn }) => turn.decision.valid,
  reward: ({ turn }) => turn.reward,
  switch_probability: ({ turn }) => turn.decision.switchProbability,
  ...decisionColumns("value", ({ turn }) => turn.decision.values),
  ...decisionColumns("advantage", ({ advantages }) => advantages),
};

function decisionColumns(
  what: string,
  of: (played: PlayedTurn) => ByDecision<number> | undefined,
): typeof COLUMNS {
  return Object.fromEntries(
    DECISIONS.map((name) => [
      `${what}_${name}`,
      (played: PlayedTurn) => of(played)?.[name],
    ]),
  );
}

/** An episode read back, and its credit if the table has it. */
export interface StoredEpisode {
  /** The episode, its traces and bootstraps left out. */
  readonly trajectory: Trajectory;
  /** Advantages; absent where the table has none. */
  readonly credit?: Credit;
}

/**
 * Reads episodes back from a table of turns.
 *
 * @param table What {@linkcode turnsTable} wrote.
 * @returns Episodes in the order of the table; their traces are untrainable and their bootstraps 0.
 */
export function readEpisodes(table: ColumnTable): StoredEpisode[] {
  const rows = table.objects() as Record<string, Cell>[];
  return [...Map.groupBy(rows, (row) => row.episode).values()].map(
    storedEpisode,
  );
}

function storedEpisode(rows: readonly Record<string, Cell>[]): StoredEpisode {
  const first = rows[0]!;
  const text = (cell: Cell | undefined) => String(cell ?? "");
  const trajectory: Trajectory = {
    id: text(first.episode),
    task: text(first.task),
    ...((first.task_type ?? null) === null
      ? {}
      : { taskType: text(first.task_type) }),
    group: text(first.group),
    ...((first.strategy ?? null) === null
      ? {}
      : { strategy: text(first.strategy) }),
    turns: rows.map((row) => storedTurn(row)),
    ending: first.ending === "truncated" ? "truncated" : "terminated",
    success: first.success === true,
    score: Number(first.score),
    bootstrap: byDecision(() => 0),
    seed: Number(first.seed),
  };
  if ((first.advantage_execution ?? null) === null) return { trajectory };
  const advantages = byDecision((name) =>
    Float64Array.from(rows, (row) => Number(row[`advantage_${name}`]))
  );
  return { trajectory, credit: { advantages } };
}

function storedTurn(row: Record<string, Cell>): Turn {
  const actions = String(row.admissible_actions);
  const probability = row.switch_probability;
  return {
    observation: {
      text: String(row.observation),
      admissibleActions: actions === "" ? [] : actions.split(SEPARATOR),
      stateKey: String(row.state_key),
    },
    decision: {
      switched: row.switched === true,
      subgoal: String(row.subgoal),
      action: String(row.action),
      valid: row.valid === true,
      trace: { kind: "untrainable" },
      ...((row.value_execution ?? null) === null
        ? {}
        : { values: byDecision((name) => Number(row[`value_${name}`])) }),
      ...(typeof probability === "number"
        ? { switchProbability: probability }
        : {}),
    },
    reward: Number(row.reward),
  };
}
