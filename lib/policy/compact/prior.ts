/**
 * The prior of an untrained compact policy: actions that fit the subgoal and were not taken yet
 * are likelier. Weights in logits; all of them are trained.
 *
 * The prior is written by hand, not learned. It assumes that
 *
 * - a subgoal and the actions that achieve it share words, and name the same things;
 * - a thing is to be sought where the memory has seen it;
 * - what was done already, above all a moment ago, is seldom to be done again;
 * - a subgoal whose words an action of its segment had is achieved: another is due, and this one
 *   is seldom to be taken up again;
 * - subgoals that share words with the task, and that some action can achieve now, come first.
 *
 * It names no world, task or object. Setting `policy.prior` to 0 turns it off: the first
 * policy then chooses nearly uniformly (and keeps its subgoal as `policy.switchBias` says), and all
 * of this has to be learned from reward. Two things stay: the relations between texts that the
 * weights belong to, and the list of subgoals, are made by hand as well. Results of compact policies
 * are with the prior unless they say otherwise.
 *
 * @module
 */

import {
  ACTION_RELATION_NAMES,
  SUBGOAL_ACTION_NAMES,
  SUBGOAL_ACTION_RELATIONS,
  SUBGOAL_RELATION_NAMES,
} from "./relations.ts";

/** Weights by name as a column; 0 where a name has none. */
function column<Name extends string>(
  names: readonly Name[],
  weights: Partial<Record<Name, number>>,
): Float32Array {
  return Float32Array.from(names, (name) => weights[name] ?? 0);
}

function joined(...columns: readonly Float32Array[]): Float32Array {
  return Float32Array.from(columns.flatMap((one) => [...one]));
}

/** Shape `(actions' relations to task and memory, then to the subgoal)`. */
export const EXECUTION_PRIOR: Float32Array = joined(
  column(ACTION_RELATION_NAMES, {
    "taken before": -1.5,
    "taken just now": -1,
  }),
  column(SUBGOAL_ACTION_NAMES, {
    "share of the subgoal's words": 2,
    "all of the subgoal's words": 1.5,
    "names a thing of the subgoal": 1,
    "all of the subgoal's words and things": 1,
    "place has a thing of the subgoal": 1.5,
  }),
);

/** Shape `(a subgoal's relations,)`. */
export const PLANNING_PRIOR: Float32Array = column(SUBGOAL_RELATION_NAMES, {
  "share of words shared with the task": 1,
  "fully covered by an action ever": -1.5,
  "fully covered by an admissible action": 1,
  "held lately": -1,
});

/** Shape `(the held subgoal's relations, then the largest and mean of the actions' relations to it)`. */
export const SWITCHING_PRIOR: Float32Array = joined(
  column(SUBGOAL_RELATION_NAMES, { "fully covered in this segment": 3 }),
  new Float32Array(2 * SUBGOAL_ACTION_RELATIONS),
);
