/**
 * The numbers by which a compact policy compares texts: their names, their order, and their weights in
 * the prior of an untrained policy, in logits. All weights are trained.
 *
 * The prior is hand-written, not learned. It assumes that
 *
 * - a subgoal and the actions that achieve it share words, and name the same things;
 * - a thing is best sought where the memory last saw it;
 * - an action taken before, above all a moment ago, is seldom due again;
 * - a subgoal is achieved once an action of its segment has named its words: another is due, and this one
 *   is seldom taken up again;
 * - subgoals that share words with the task, and that some action can achieve now, come first.
 *
 * It names no world, task or object. With `policy.prior` at 0 the first policy chooses nearly
 * uniformly (and keeps its subgoal as `policy.switchBias` says) and learns all of this from reward; the
 * relations themselves and the list of subgoals stay hand-written. Results of compact policies
 * are with the prior unless they say otherwise.
 *
 * @module
 */

/** Relations of an action to task and memory, in order. */
export const ACTION_RELATION_NAMES = [
  "words shared with the task",
  "share of words shared with the task",
  "names the task's last word",
  "names another word of the task",
  "verb is in the task",
  "things named",
  "taken before",
  "times taken",
  "taken lately",
  "taken just now",
  "place visited",
  "times place visited",
  "place visited lately",
  "place was read of just now",
  "place is in the task",
  "things remembered at the place",
  "place has an untouched thing of the task",
  "place has a touched thing of the task",
  "untouched things of the task at the place",
  "place has a thing of the task's last word",
  "names a thing and a place",
  "thing touched",
  "thing touched lately",
  "thing is in the task",
  "thing was read of just now",
  "thing was last read of at the place",
  "names a thing that the task names",
  "what was just read of it shares words with the task",
  "and more than of any other",
  "and a figure above the task's last",
] as const;
/** Relations of an action to a subgoal, in order. */
export const SUBGOAL_ACTION_NAMES = [
  "words shared with the subgoal",
  "share of the subgoal's words",
  "all of the subgoal's words",
  "the subgoal's verb",
  "names a thing of the subgoal",
  "all of the subgoal's words and things",
  "place is in the subgoal",
  "place has a thing of the subgoal",
] as const;
/** Relations of a subgoal candidate, in order. */
export const SUBGOAL_RELATION_NAMES = [
  "held",
  "times held",
  "held lately",
  "words shared with the task",
  "share of words shared with the task",
  "names the task's last word",
  "names another word of the task",
  "verb is in the task",
  "things named",
  "turns held",
  "covered by an action ever",
  "fully covered by an action ever",
  "covered in this segment",
  "fully covered in this segment",
  "covered by the last action",
  "share of words just read",
  "all words but the first just read",
  "covered by an admissible action",
  "fully covered by an admissible action",
  "is the last action",
  "its thing is within reach",
  "its thing was touched",
  "its thing is in the task",
  "untouched things of its words elsewhere",
  "touched things of its words within reach",
  "untouched things of its words within reach",
  "share of words ever seen as things",
] as const;

export const ACTION_RELATIONS = ACTION_RELATION_NAMES.length;
export const SUBGOAL_ACTION_RELATIONS = SUBGOAL_ACTION_NAMES.length;
export const SUBGOAL_RELATIONS = SUBGOAL_RELATION_NAMES.length;
/** Candidate-independent features of a state. */
export const STATE_NUMBERS = 14;

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

/**
 * The same under a subgoal that is one step of a task: what has its verb alone does it to something else, and a place
 * that was visited is seldom what is looked for.
 */
export const STEP_EXECUTION_PRIOR: Float32Array = joined(
  column(ACTION_RELATION_NAMES, {
    "things named": 1,
    "taken before": -1,
    "taken just now": -1,
    "place visited": -1,
  }),
  column(SUBGOAL_ACTION_NAMES, {
    "share of the subgoal's words": 2,
    "all of the subgoal's words": 4,
    "the subgoal's verb": -2,
    "place is in the subgoal": 1,
    "place has a thing of the subgoal": 2,
  }),
);

/** The same for subgoals that are one step of a task each, listed when they are due. */
export const STEP_PLANNING_PRIOR: Float32Array = column(
  SUBGOAL_RELATION_NAMES,
  {
    "share of words shared with the task": 3,
    "fully covered by an action ever": -0.5,
    "held lately": -1,
  },
);

/** Shape `(the held subgoal's relations, then the largest and mean of the actions' relations to it)`. */
export const SWITCHING_PRIOR: Float32Array = joined(
  column(SUBGOAL_RELATION_NAMES, { "fully covered in this segment": 3 }),
  new Float32Array(2 * SUBGOAL_ACTION_RELATIONS),
);

/** The same for subgoals that are one step of a task each: one that is achieved has ended. */
export const STEP_SWITCHING_PRIOR: Float32Array = joined(
  column(SUBGOAL_RELATION_NAMES, { "fully covered in this segment": 8 }),
  new Float32Array(2 * SUBGOAL_ACTION_RELATIONS),
);
