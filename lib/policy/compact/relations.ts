/**
 * Names and order of the numbers that a compact policy compares texts by.
 *
 * @module
 */

/** What relates an action to task and memory, in order. */
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
/** What relates an action to a subgoal, in order. */
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
/** What describes a subgoal candidate, in order. */
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

/** Numbers that relate an action to task and memory. */
export const ACTION_RELATIONS = ACTION_RELATION_NAMES.length;
/** Numbers that relate an action to a subgoal. */
export const SUBGOAL_ACTION_RELATIONS = SUBGOAL_ACTION_NAMES.length;
/** Numbers that describe a subgoal candidate. */
export const SUBGOAL_RELATIONS = SUBGOAL_RELATION_NAMES.length;
/** Numbers that describe the state apart from candidates. */
export const STATE_NUMBERS = 14;
