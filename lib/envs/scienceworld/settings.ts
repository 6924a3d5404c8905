/**
 * Settings of ScienceWorld's specifications and datasets.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { count, countOrNone, optional } from "../../settings.ts";
import { SCIENCEWORLD_VERBS } from "./actions.ts";
import { SCIENCEWORLD_SPLITS } from "./tasks.ts";

/** Settings of every episode, whichever task it has. */
const EPISODE_SETTINGS = {
  simplifications: optional(
    z.string(),
    'Simplifications: "easy", "" for none, or names joined by commas. Default: easy',
  ),
  list: optional(
    z.enum(["valid", "templates"]),
    "Which actions are listed: valid (all), or templates (a short list, and templates and objects in the text; every valid action is accepted). Default: valid",
  ),
  verbs: optional(
    z.array(z.enum(SCIENCEWORLD_VERBS)).min(1),
    "Verbs whose actions are listed. Default: all",
  ),
  look: optional(
    z.boolean(),
    "Whether every observation ends with the surroundings and the inventory. Default: false",
  ),
  freeText: optional(
    z.boolean(),
    "Whether any text goes to the simulator, as in the benchmark; outside the laws of a world. Default: false",
  ),
  hints: optional(
    z.boolean(),
    "Whether the gold path gives hints; loading then plays the task once. Default: false",
  ),
  stepLimit: optional(
    count,
    "Actions after which the world ends the episode. Default: 100",
  ),
  data: optional(
    z.string().min(1),
    "Folder with the simulator. Default: $HIPER_SCIENCEWORLD if set, else data/scienceworld",
  ),
  java: optional(z.string().min(1), "The Java program. Default: java"),
  heap: optional(
    z.int().min(128, "must be at least 128"),
    "Heap of each machine, in MiB. Default: 256",
  ),
  memory: optional(
    count,
    "Memory of all machines of one opener, in MiB; heap and 48 for each open episode. Default: 6144",
  ),
};

/** What a specification may hold. */
export const SCIENCEWORLD_SPEC = z.strictObject({
  kind: z.literal("scienceworld"),
  task: z.string().describe(
    "Task, by name (boil) or by number in the paper (1-1)",
  ),
  variation: optional(countOrNone, "Variation. Default: drawn"),
  split: optional(
    z.enum(SCIENCEWORLD_SPLITS),
    "Part from which the seed draws a variation. Default: train",
  ),
  ...EPISODE_SETTINGS,
});

/** What a dataset may hold. */
export const SCIENCEWORLD_DATASET = z.strictObject({
  dataset: z.literal("scienceworld"),
  tasks: optional(
    z.array(z.string()).min(1),
    "Tasks, by name or number. Default: all of the subset",
  ),
  subset: optional(
    z.enum(["all", "agentgym"]),
    "all 30 tasks, or the 23 of AgentGym. Default: all",
  ),
  split: optional(
    z.enum([...SCIENCEWORLD_SPLITS, "all"]),
    "Part of the variations. Default: train",
  ),
  count: optional(
    count,
    "Most variations of each task, the first ones of the part. Default: all",
  ),
  settings: optional(
    z.strictObject(EPISODE_SETTINGS),
    "Settings of every episode",
  ),
});

/** Settings of an episode, read from a specification. */
export type ScienceworldSettings = z.output<typeof SCIENCEWORLD_SPEC>;
