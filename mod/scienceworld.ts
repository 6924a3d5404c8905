/**
 * `@hiper/lab/envs/scienceworld`: the benchmark's tasks and splits, and its files.
 *
 * Episodes are opened as every world is: `openEnv({ kind: "scienceworld", task: "boil" }, seed)`.
 *
 * @module
 */

export {
  type CheckedFile,
  findScienceworld,
  SCIENCEWORLD_FILES,
  scienceworldFolder,
  type SimulatorFiles,
} from "../lib/envs/scienceworld/files.ts";
export {
  AGENTGYM_TASKS,
  agentgymIndex,
  findScienceworldTask,
  SCIENCEWORLD_SPLITS,
  SCIENCEWORLD_TASKS,
  scienceworldRange,
  type ScienceworldSplit,
  type ScienceworldTask,
} from "../lib/envs/scienceworld/tasks.ts";
