/**
 * The shop's rule of subgoals: each is one search or one click, which serves and achieves it, but for choosing what
 * is asked for.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { SubgoalRule } from "../text_env.ts";
import { SHOP_LABELS, webshopSubgoal } from "./subgoals.ts";

/** Labels that serve a subgoal of fixed wording. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  [webshopSubgoal.lookFurther()]: ["next >"],
  [webshopSubgoal.readDetails()]: [
    "description",
    "features",
    "reviews",
    "attributes",
  ],
  [webshopSubgoal.goBack()]: ["< prev"],
  [webshopSubgoal.startOver()]: ["back to search"],
  [webshopSubgoal.purchase()]: ["buy now"],
};

/** Says which actions serve a shop's subgoal; one that serves it achieves it, but where several options are to be chosen. */
export const WEBSHOP_SUBGOAL_RULE: SubgoalRule = {
  serves,
  achieved(subgoal, { task, past }) {
    const last = past.at(-1);
    if (last === undefined) return false;
    const before = { task, past: past.slice(0, -1), ...last };
    if (!serves(subgoal, last.decision.action, before)) return false;
    return subgoal !== webshopSubgoal.chooseOptions() ||
      optionsLeft(before, past) === 0;
  },
};

function serves(
  subgoal: string,
  action: string,
  { task, observation }: Situation,
): boolean {
  if (subgoal.startsWith("search for ")) {
    return action === `search[${subgoal.slice('search for "'.length, -1)}]`;
  }
  const label = /^click\[(.*)\]$/s.exec(action)?.[1];
  if (label === undefined) return false;
  if (subgoal === webshopSubgoal.chooseOptions()) {
    return optionsOf(observation.admissibleActions, task).includes(label);
  }
  return subgoal === webshopSubgoal.openItem(label) ||
    subgoal === webshopSubgoal.chooseOption(label) ||
    (LABELS[subgoal]?.includes(label) ?? false);
}

/** Options on a page that the wish names. */
function optionsOf(actions: readonly string[], task: string): string[] {
  const wish = task.toLowerCase();
  return actions.filter((action) => action.startsWith("click["))
    .map((action) => action.slice("click[".length, -1))
    .filter((label) => !SHOP_LABELS.has(label) && wish.includes(label));
}

/** Options of the page that the wish names and that no turn since it was opened has chosen. */
function optionsLeft(
  { task, observation }: Situation,
  past: Situation["past"],
): number {
  const chosen = new Set(past.map(({ decision }) => decision.action));
  return optionsOf(observation.admissibleActions, task)
    .filter((label) => !chosen.has(`click[${label}]`)).length;
}
