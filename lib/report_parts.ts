/**
 * What a report about training runs is made of: read by `lib/train`, drawn by `lib/plots`.
 *
 * @module
 */

import type { ColumnTable } from "arquero";
import type { Credit, Trajectory } from "./trajectory.ts";

/** What a report about runs is made of. */
export interface TrainingReportParts {
  /** What the runs have in common, in words. */
  readonly summary: string;
  /** One row for each run: its settings and last numbers. */
  readonly runs: ColumnTable;
  /** Columns `metric`, `series`, `iteration`, `mean`, `low` and `high`, over the runs of a series. */
  readonly curves: ColumnTable;
  /** Columns `split`, `task_type`, `success_rate` and `episodes`; no rows when nothing was evaluated. */
  readonly success: ColumnTable;
  /** Episodes of the last recorded iterations, with values; for calibration and segments. */
  readonly trajectories: readonly Trajectory[];
  /** Discount per turn that the values know. */
  readonly gamma: number;
  /** Episodes to be drawn turn by turn. */
  readonly replays: readonly {
    /** The episode. */
    readonly trajectory: Trajectory;
    /** Its credit. */
    readonly credit?: Credit;
  }[];
}
