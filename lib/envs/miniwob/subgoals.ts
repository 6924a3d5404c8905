/**
 * Subgoals on a page: what can be handled, in words that outlive the ids of one page.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import type { SubgoalRule } from "../text_env.ts";
import { parseMiniwobAction } from "./actions.ts";
import { quoted } from "./snapshot.ts";

/** Most subgoals that are proposed. */
const MOST = 40;
/** Subgoal of what names no element. */
const WATCH = "wait and look";

/** What actions of a kind pursue. */
const PURSUED: Readonly<Record<string, (object: string) => string>> = {
  click: (object) => `click ${object}`,
  hover: (object) => `point at ${object}`,
  scroll: (object) => `scroll ${object}`,
  drag: (object) => `drag ${object}`,
};

/**
 * Words for the subgoal of an action, by the element that it handles.
 *
 * @param action The action.
 * @param text The page as it was shown.
 * @returns The subgoal.
 */
export function subgoalOfAction(action: string, text: string): string {
  return subgoalWith(action, namesOf(text)) ?? WATCH;
}

/** The subgoal of an action, by names of elements; nothing for waiting and what is no action. */
function subgoalWith(
  action: string,
  names: ReadonlyMap<number, string>,
): string | undefined {
  const read = parseMiniwobAction(action);
  if (!read || read.kind === "wait") return undefined;
  if (read.kind === "press") return `press ${read.key}`;
  if (read.kind === "type") return `fill in ${read.text}`;
  if (read.kind === "select") return `choose ${read.label}`;
  const name = names.get(read.id) ?? "";
  return PURSUED[read.kind]!(name === "" ? `[${read.id}]` : name);
}

/** Beginning of the text after an action that is none, or cannot be carried out. */
export const NOTHING = "Nothing happens.";

/**
 * Says which actions serve a page's subgoal: those that handle what it names, and scrolling while nothing offered
 * does. The page shows whether a text was filled in or a label chosen; other subgoals are achieved by their action.
 */
export const MINIWOB_SUBGOAL_RULE: SubgoalRule = {
  serves(subgoal, action, { observation }) {
    const names = namesOf(observation.text);
    const kind = parseMiniwobAction(action)?.kind;
    if (kind === undefined) return false;
    if (subgoal === WATCH) return kind === "wait";
    if (subgoalWith(action, names) === subgoal) return true;
    return kind === "scroll" &&
      !observation.admissibleActions.some((offered) =>
        subgoalWith(offered, names) === subgoal
      );
  },
  achieved(subgoal, { past, observation: { text, admissibleActions } }) {
    const last = past.at(-1);
    if (last === undefined || text.startsWith(NOTHING)) return false;
    const { decision: { action }, observation: before } = last;
    const read = parseMiniwobAction(action);
    if (read === undefined) return false;
    if (subgoal === WATCH) return read.kind === "wait";
    if (subgoalWith(action, namesOf(before.text)) !== subgoal) return false;
    if (admissibleActions.length === 0) return true; // the episode is over
    switch (read.kind) {
      case "type":
        return showsValue(text, read.text) ||
          showsValue(text, "•".repeat([...read.text].length));
      case "select":
        return showsValue(text, read.label) || !text.includes("combobox");
      default:
        return true;
    }
  },
};

/** Whether a field of a page has a value. */
function showsValue(text: string, value: string): boolean {
  return value === "" || text.includes(` value=${quoted(value)}`);
}

/** A line of a page's text: id, role, name. */
const LINE = /^( *)\[(\d+)\] (\S+)(?: ("(?:[^"\\]|\\.)*"))?/;

/**
 * Proposes subgoals: one for each thing that the offered actions handle.
 *
 * @param situation The episode so far; only the observation is read.
 * @returns Distinct subgoals, at least one.
 */
export function proposeMiniwobSubgoals(
  { observation }: Situation,
): readonly string[] {
  const names = namesOf(observation.text);
  const proposals = new Set<string>();
  const hint = observation.hint?.subgoal;
  if (hint !== undefined) proposals.add(hint);
  for (const action of observation.admissibleActions) {
    if (proposals.size >= MOST - 1) break;
    const subgoal = subgoalWith(action, names);
    if (subgoal !== undefined) proposals.add(subgoal);
  }
  proposals.add(WATCH);
  return [...proposals];
}

/** Names of elements in a page's text; those without one take the texts below them. */
function namesOf(text: string): Map<number, string> {
  const lines = text.split("\n");
  const names = new Map<number, string>();
  for (const [i, line] of lines.entries()) {
    const found = LINE.exec(line);
    if (!found) continue;
    const [, indent = "", id, , name] = found;
    if (name !== undefined) {
      names.set(Number(id), String(JSON.parse(name)));
      continue;
    }
    const texts: string[] = [];
    for (let j = i + 1; j < lines.length && texts.length < 4; j++) {
      const below = /^( *)(?:\[\d+\] )?\S+(?: ("(?:[^"\\]|\\.)*"))?/.exec(
        lines[j]!,
      );
      if (!below || below[1]!.length <= indent.length) break;
      if (below[2] !== undefined) texts.push(String(JSON.parse(below[2])));
    }
    names.set(Number(id), texts.join(" "));
  }
  return names;
}
