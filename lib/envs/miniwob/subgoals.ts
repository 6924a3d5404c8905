/**
 * Subgoals on a page: what can be handled, in words that outlive the ids of one page.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";
import { innerTexts, parseMiniwobAction } from "./actions.ts";
import type { PageNode } from "./snapshot.ts";

/** Most subgoals that are proposed. */
const MOST = 40;
/** Subgoal of what names no element. */
const WATCH = "wait and look";

/** What actions of a kind pursue. */
const PURSUED: Readonly<Record<string, (object: string) => string>> = {
  click: (object) => `click ${object}`,
  hover: (object) => `point at ${object}`,
  type: (object) => `fill in ${object}`,
  select: (object) => `choose ${object}`,
  scroll: (object) => `scroll ${object}`,
  drag: (object) => `drag ${object}`,
};

/**
 * Words for the subgoal of an action, by the element that it handles.
 *
 * @param action The action.
 * @param nodes The page.
 * @returns The subgoal.
 */
export function subgoalOfAction(
  action: string,
  nodes: readonly PageNode[],
): string {
  const read = parseMiniwobAction(action);
  if (!read) return WATCH;
  if (read.kind === "press") return `press ${read.key}`;
  if (read.kind === "wait") return WATCH;
  if (read.kind === "type") return `fill in ${read.text}`;
  if (read.kind === "select") return `choose ${read.label}`;
  const place = nodes.findIndex(({ id }) => id === read.id);
  const text = place < 0 ? "" : innerTexts(nodes)[place]!;
  return PURSUED[read.kind]!(text === "" ? `[${read.id}]` : text);
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
    const read = parseMiniwobAction(action);
    if (!read || read.kind === "wait") continue;
    if (read.kind === "press") proposals.add(`press ${read.key}`);
    else if (read.kind === "type") proposals.add(`fill in ${read.text}`);
    else if (read.kind === "select") proposals.add(`choose ${read.label}`);
    else {
      const name = names.get(read.id) ?? "";
      proposals.add(
        PURSUED[read.kind]!(name === "" ? `[${read.id}]` : name),
      );
    }
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
