/**
 * Texts of a world as foreign texts: what looks like a control token or a tag in them is none.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/**
 * The same situation with the world's texts marked as foreign, so that neither control tokens nor tags in
 * them are read as such. Texts without added tokens stay as they are.
 */
export function guarded(
  { guard }: TextTokenizer,
  { task, past, observation, subgoal }: Situation,
): Situation {
  const seen = (
    { text, admissibleActions, ...others }: Situation["observation"],
  ) => ({
    ...others,
    text: guard(text),
    admissibleActions: admissibleActions.map(guard),
  });
  return {
    task: guard(task),
    past: past.map(({ observation, decision, ...others }) => ({
      ...others,
      observation: seen(observation),
      decision: {
        ...decision,
        subgoal: guard(decision.subgoal),
        action: guard(decision.action),
      },
    })),
    observation: seen(observation),
    ...(subgoal !== undefined && { subgoal: guard(subgoal) }),
  };
}
