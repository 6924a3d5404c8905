/**
 * Settings that every game accepts, and those of the reference's wrapper.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";

/**
 * What the authors' ALFWorld wrapper does: 10 for the win, and after 50 commands the episode is
 * over as if the world had ended it.
 */
export const ALFWORLD_REFERENCE = {
  reward: 10,
  stepLimit: 50,
  limitEnding: "terminated",
} as const;

/** Settings that every game accepts besides where it comes from. */
export const GAME_SETTINGS = {
  reward: z.number().optional().describe(
    "Reward of the action that reaches the goal; every other action pays 0. Default: 10",
  ),
  stepLimit: z.number().int().positive().optional().describe(
    "Commands after which the game ends by itself. Default: none, the rollout has the limit",
  ),
  limitEnding: z.enum(["terminated", "truncated"]).optional().describe(
    "What reaching stepLimit is called. Default: truncated",
  ),
  taskType: z.string().optional().describe(
    "Kind of task. Default: read from the path or the goal of the game",
  ),
  preset: z.literal("alfworld-reference").optional().describe(
    "Reward 10, and terminated after 50 commands, as in the reference's wrapper",
  ),
  hints: z.boolean().optional().describe(
    "Whether the expert answers hint(). Default: true",
  ),
} as const;

/** Wording of the task: ALFWorld's template, or the first annotator's sentence. */
export const WORDING = z.enum(["template", "human"]).optional().describe(
  "Wording of the task: ALFWorld's template or the first annotator's sentence. Default: template",
);
