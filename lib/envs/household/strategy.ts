/**
 * Household strategies: which step may follow others, as far as the start of a game shows.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { ProposeStrategy } from "../text_env.ts";
import { rememberHousehold } from "./memory.ts";
import { carryingSteps, freeSteps, householdStep, lampSteps } from "./steps.ts";
import { TRANSFORMATIONS } from "./task.ts";
import { namedObjects } from "./wording.ts";

/**
 * Lists household steps that are possible once others have been done: those of empty hands, or those of the thing that
 * was picked up. A thing that was put somewhere is listed as another one, and the step that was just done is left out.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { proposeHouseholdStrategy } from "@hiper/lab/envs/household";
 *
 * const text = "Looking quickly around you, you see a fridge 1, and a desk 1.";
 * const observation = { text, admissibleActions: ["go to desk 1"], stateKey: "" };
 * const start = { task: "put a mug in desk.", past: [], observation };
 * ok(proposeHouseholdStrategy(start, []).includes("take a mug"));
 * ok(proposeHouseholdStrategy(start, ["take a mug"]).includes("move the mug to the desk"));
 * ```
 *
 * @param situation The start of a game.
 * @param steps What has been done by then.
 * @returns Distinct steps in a fixed order; never empty.
 */
export const proposeHouseholdStrategy: ProposeStrategy = (
  situation: Situation,
  steps: readonly string[],
): readonly string[] => {
  const memory = rememberHousehold(situation);
  const named = new Set(namedObjects(situation.task));
  const { held, moved } = handsAfter(steps);
  const listed = held === undefined
    ? freeSteps(memory, named, moved)
    : carryingSteps(memory, held);
  const all = [...listed, ...lampSteps(named)];
  const others = all.filter((step) => step !== steps.at(-1));
  return others.length > 0 ? others : ["look around"];
};

const TAKE = /^take (?:a|another) ([a-z]+)$/;
const PUT = /^move the ([a-z]+) to the [a-z]+$/;

/** What is carried after some steps, and which kinds of things were put somewhere. */
function handsAfter(
  steps: readonly string[],
): { held: string | undefined; moved: Set<string> } {
  let held: string | undefined;
  const moved = new Set<string>();
  for (const step of steps) {
    const put = PUT.exec(step)?.[1];
    if (put !== undefined) {
      moved.add(put);
      held = undefined;
      continue;
    }
    held = TAKE.exec(step)?.[1] ?? treated(step) ?? held;
  }
  return { held, moved };
}

/** The thing that a treatment is about, which is carried afterwards. */
function treated(step: string): string | undefined {
  const [verb, , thing = ""] = step.split(" ");
  const how = TRANSFORMATIONS.find((one) => one === verb);
  return how !== undefined && step === householdStep.transform(how, thing)
    ? thing
    : undefined;
}
