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
 * @param trajectories Episodes.
 * @param options Their iteration and credit.
 * @returns A table with text, number and truth columns.
 */
export function turnsTable(
  trajectories: readonly Trajectory[],
  options: TurnsTableOptions = {},
): ColumnTable {
  const { iteration, credits } = options;
  const rows = trajectories.flatMap((trajectory, i) =>
    trajectory.turns.map((turn, t) =>
      rowOf(trajectory, turn, {
        iteration,
        t,
        advantages: credits &&
          byDecision((name) => credits[i]!.advantages[name][t]!),
      })
    )
  );
  const names = Object.keys(rows[0] ?? rowOf(NO_EPISODE, NO_TURN, { t: 0 }));
  return createTable(
    names.map((name): [string, Cell[]] => [
      name,
      rows.map((row) => row[name]!),
    ]),
  );
}

/** Stand for an episode where there is none, so that a table without rows has all columns. */
const NO_TURN: Turn = {
  observation: { text: "", admissibleActions: [], stateKey: "" },
  decision: {
    switched: false,
    subgoal: "",
    action: "",
    valid: false,
    trace: { kind: "untrainable" },
  },
  reward: 0,
};
const NO_EPISODE: Trajectory = {
  id: "",
  task: "",
  group: "",
  turns: [],
  ending: "terminated",
  success: false,
  score: 0,
  bootstrap: byDecision(() => 0),
  seed: 0,
};

function rowOf(
  trajectory: Trajectory,
  turn: Turn,
  { iteration, t, advantages }: {
    iteration?: number | undefined;
    t: number;
    advantages?: ByDecision<number> | undefined;
  },
): Record<string, Cell> {
  return {
    iteration: iteration ?? null,
    ...episodeCells(trajectory),
    turn: t,
    ...turnCells(turn),
    ...decisionCells("value", turn.decision.values),
    ...decisionCells("advantage", advantages),
  };
}

function episodeCells(trajectory: Trajectory): Record<string, Cell> {
  const { id, task, taskType, group, seed } = trajectory;
  const { ending, success, score, finalObservation } = trajectory;
  return {
    episode: id,
    task,
    task_type: taskType ?? null,
    group,
    seed,
    ending,
    success,
    score,
    final_observation: finalObservation?.text ?? null,
  };
}

function turnCells({ observation, decision, reward }: Turn) {
  return {
    observation: observation.text,
    admissible_actions: observation.admissibleActions.join(SEPARATOR),
    state_key: observation.stateKey,
    switched: decision.switched,
    subgoal: decision.subgoal,
    action: decision.action,
    valid: decision.valid,
    reward,
    switch_probability: decision.switchProbability ?? null,
  };
}

function decisionCells(
  what: string,
  numbers: ByDecision<number> | undefined,
): Record<string, Cell> {
  return Object.fromEntries(
    DECISIONS.map((name) => [`${what}_${name}`, numbers?.[name] ?? null]),
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
