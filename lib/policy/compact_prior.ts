/**
 * What an untrained compact policy leans towards: doing what its subgoal says, and what it has
 * not done yet. Weights in logits; all of them are trained.
 *
 * @module
 */

import {
  ACTION_RELATION_NAMES,
  SUBGOAL_ACTION_NAMES,
  SUBGOAL_ACTION_RELATIONS,
  SUBGOAL_RELATION_NAMES,
} from "./compact_relations.ts";

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
