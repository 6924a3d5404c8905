/**
 * Settings of MiniWoB++'s specifications and datasets.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { count, countOrNone, optional } from "../../settings.ts";

/** Settings of every episode, whichever task it has. */
const EPISODE_SETTINGS = {
  mode: optional(
    z.enum(["train", "test", "default"]),
    "Which data of the pages that have several. Default: train",
  ),
  text: optional(
    z.enum(["short", "tree"]),
    "short, or tree: every line of the accessibility tree. Default: short",
  ),
  names: optional(
    z.boolean(),
    "Whether actions describe their elements, as a policy needs that reads words of actions. Default: false",
  ),
  freeText: optional(
    z.boolean(),
    "Whether any text can be typed, not only what the task quotes. Default: false",
  ),
  reward: optional(
    z.enum(["score", "raw", "binary"]),
    "What the end pays: score (0 to 1), raw (-1 to 1), or 1 for success. Default: score",
  ),
  strict: optional(
    z.boolean(),
    "Whether only a raw reward of 1 is a success, instead of any above 0. Default: false",
  ),
  hints: optional(
    z.boolean(),
    "Whether experts give hints, where a task has one. Default: false",
  ),
  stepLimit: optional(
    count,
    "Actions after which the world ends the episode. Default: 10",
  ),
  pages: optional(
    z.enum(["fresh", "reused"]),
    "Whether each episode has a process of its own for its page, or one that served others, which opens in a third of the time. Default: fresh",
  ),
  maxTime: optional(
    count,
    "Limit of the page's own clock, in milliseconds; an action takes 500. Default: 1000000",
  ),
  data: optional(
    z.string().min(1),
    "Folder with the pages. Default: $HIPER_MINIWOB if set, else data/miniwob",
  ),
  browser: optional(
    z.string().min(1),
    "The browser. Default: chromium-headless-shell or chromium, whichever is found",
  ),
  sandbox: optional(
    z.boolean(),
    "Whether the browser's sandbox holds. Default: true",
  ),
  memory: optional(
    count,
    "Memory of the browser of one opener, in MiB; 192, and 64 for each open episode. Default: 4096",
  ),
};

/** What a specification may hold. */
export const MINIWOB_SPEC = z.strictObject({
  kind: z.literal("miniwob"),
  task: z.string().describe("Task, by the name of its page: click-test"),
  seed: optional(
    countOrNone,
    "Seed of the page. Default: drawn",
  ),
  ...EPISODE_SETTINGS,
});

/** What a dataset may hold. */
export const MINIWOB_DATASET = z.strictObject({
  dataset: z.literal("miniwob"),
  set: optional(
    z.enum(["webgum56", "browsergym125", "all130", "expert10"]),
    "Set of tasks. Default: browsergym125",
  ),
  tasks: optional(z.array(z.string()).min(1), "Tasks, instead of a set"),
  count: optional(
    count,
    "Episodes of each task, with seeds 0, 1, …; one with a drawn seed if absent",
  ),
  settings: optional(
    z.strictObject(EPISODE_SETTINGS),
    "Settings of every episode",
  ),
});
