/**
 * The laboratory's rule of subgoals: which actions serve one, and what achieves it, from what was observed alone.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { SubgoalRule } from "../text_env.ts";
import {
  findAction,
  isQuestion,
  type ScienceworldVerb,
  verbOf,
} from "./actions.ts";
import { LOOK, placeOf, subgoalOf, WAIT } from "./subgoals.ts";

/** Verbs that only prepare: they serve a subgoal about what they name. */
const PREPARING: ReadonlySet<ScienceworldVerb | undefined> = new Set([
  ...["open", "close", "look at", "look in", "deactivate"] as const,
]);
const LOOKING: ReadonlySet<ScienceworldVerb | undefined> = new Set([
  ...["look around", "look at", "look in", "inventory"] as const,
]);

/** What the simulator answers when an action of a verb has worked; verbs that are absent work unless refused. */
const WORKED: Readonly<Partial<Record<ScienceworldVerb, RegExp>>> = {
  "focus on": /^You focus on /,
  "pick up": /^You move .+ to the inventory/,
  "put down": /^You move /,
  activate: / is now activated/,
  connect: / is now connected /,
  dunk: /^You dunk /,
  go: /^You move to /,
  move: /^You move /,
  pour: /^You pour /,
  teleport: /^You teleport to /,
};
const REFUSED =
  /^(?:No known action|Unknown action|It's not clear|You can't|Ambiguous request)/;

/** Says which actions serve a subgoal in the laboratory, and what achieves it. */
export const SCIENCEWORLD_SUBGOAL_RULE: SubgoalRule = {
  serves(subgoal, text, situation) {
    const action = meantBy(text, situation);
    const verb = verbOf(action);
    if (verb === undefined) return false;
    if (subgoal === LOOK) return LOOKING.has(verb);
    const pursued = subgoalOf(action);
    if (pursued === subgoal) return true;
    if (subgoal === WAIT) return false;
    const object = objectOf(subgoal);
    if (PREPARING.has(verb)) return ` ${action} `.includes(` ${object} `);
    return (verb === "go" || verb === "teleport") &&
      leadsTo(object, placeOf(action.slice(verb.length + 1)), {
        subgoal,
        situation,
      });
  },
  achieved(subgoal, { task, past, observation }) {
    const last = past.at(-1);
    if (last === undefined) return false;
    const { text, admissibleActions } = observation;
    if (isQuestion(admissibleActions) || REFUSED.test(text.trim())) {
      return false;
    }
    const before = { ...last, task, past: past.slice(0, -1) };
    const action = meantBy(last.decision.action, before);
    const verb = verbOf(action);
    if (verb === undefined) return false;
    if (subgoal === LOOK) return LOOKING.has(verb);
    return subgoalOf(action) === subgoal &&
      (WORKED[verb]?.test(text.trim()) ?? true);
  },
};

/** An action in the simulator's wording; for the answer to a question, the action that was asked about. */
function meantBy(text: string, { past, observation }: Situation): string {
  const { admissibleActions } = observation;
  if (isQuestion(admissibleActions)) {
    const asked = past.findLast(({ decision }) => verbOf(decision.action));
    return /^\d+$/.test(text) && asked ? asked.decision.action : text;
  }
  return findAction(text, admissibleActions) ?? text;
}

/** The place or thing that a subgoal names. */
function objectOf(subgoal: string): string {
  return subgoal.replace(/^(?:go to|focus on|\w+) /, "")
    .replace(/ somewhere$/, "");
}

/**
 * Whether going to a place is a step towards a thing or room: nothing at hand pursues the subgoal, and the thing (or
 * a door to the room) was seen there; where it was seen nowhere, any place not seen yet.
 */
function leadsTo(
  object: string,
  place: string,
  { subgoal, situation }: {
    readonly subgoal: string;
    readonly situation: Situation;
  },
): boolean {
  const { past, observation } = situation;
  if (
    observation.admissibleActions.some((action) =>
      subgoalOf(action) === subgoal
    )
  ) return false;
  const seen = new Map<string, string>();
  for (
    const { text } of [...past.map((turn) => turn.observation), observation]
  ) {
    const room = /\b(?:room|location) is called the ([a-z ]+)\./.exec(text)
      ?.[1];
    if (room !== undefined) seen.set(room, text.toLowerCase());
  }
  const holding = [...seen].filter(([, text]) =>
    new RegExp(`\\b${RegExp.escape(object)}\\b`).test(text)
  ).map(([room]) => room);
  return holding.length > 0 ? holding.includes(place) : !seen.has(place);
}
