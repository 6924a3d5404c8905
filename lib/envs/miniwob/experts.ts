/**
 * Experts of ten short tasks, from what the page shows and what the task says.
 *
 * @module
 */

import type { Hint } from "../../trajectory.ts";
import { innerTexts, parseMiniwobAction } from "./actions.ts";
import type { PageNode } from "./snapshot.ts";
import { subgoalOfAction } from "./subgoals.ts";

/** What an expert sees. */
export interface ExpertView {
  /** Name of the task's page. */
  readonly task: string;
  /** The task in words. */
  readonly utterance: string;
  /** The page. */
  readonly nodes: readonly PageNode[];
  /** The page as it was shown. */
  readonly text: string;
  /** Actions that the page offers. */
  readonly actions: readonly string[];
}

/** What is done next: an element or its label, and how. */
interface Move {
  readonly kind: "click" | "type" | "select";
  readonly id: number;
  readonly text?: string;
}

/** The texts in quotes of a task. */
export function quotedTexts(utterance: string): string[] {
  return [...utterance.matchAll(/"([^"]+)"/g)].map(([, text]) => text!);
}

/** Finds the node of a role with that text; in another case if there is no other. */
function named(
  { nodes }: ExpertView,
  roles: readonly string[],
  text: string,
): PageNode | undefined {
  const inner = innerTexts(nodes), wanted = text.trim();
  const find = (same: (text: string) => boolean) =>
    nodes.find((node, i) =>
      node.id !== undefined &&
      (roles.length === 0 || roles.includes(node.role)) &&
      same(inner[i]!.trim())
    );
  return find((text) => text === wanted) ??
    find((text) => text.toLowerCase() === wanted.toLowerCase());
}

const clickOn = (node: PageNode | undefined): Move | undefined =>
  node?.id === undefined ? undefined : { kind: "click", id: node.id };

const submit = (view: ExpertView, text = "Submit") =>
  clickOn(named(view, ["button"], text));

/** Fills fields in order, then presses a button. */
function fill(
  view: ExpertView,
  texts: readonly string[],
  button: string,
): Move | undefined {
  const fields = view.nodes.filter(({ role, id }) =>
    role === "textbox" && id !== undefined
  );
  for (const [i, text] of texts.entries()) {
    const field = fields[i];
    if (field?.id === undefined) return undefined;
    const shown = field.attributes.get("type") === "password"
      ? "•".repeat(text.length)
      : text;
    if (field.value !== shown) return { kind: "type", id: field.id, text };
  }
  return submit(view, button);
}

/** Labels of "Select A, B and click Submit", those that the page has. */
function choices(view: ExpertView, role: string): PageNode[] {
  const list = /^Select (.*?) and click Submit\.?$/.exec(view.utterance)?.[1];
  if (list === undefined || list === "nothing") return [];
  const wanted = new Set(list.split(", "));
  return view.nodes.filter((node) =>
    node.role === role && wanted.has(node.name)
  );
}

/** What the expert of a task does; nothing where it sees no way. */
const EXPERTS: Readonly<
  Record<string, (view: ExpertView) => Move | undefined>
> = {
  "click-test": (view) => clickOn(named(view, ["button"], "Click Me!")),
  "click-test-2": (view) => clickOn(named(view, ["button"], "ONE")),
  "click-button": (view) =>
    clickOn(named(view, ["button"], quotedTexts(view.utterance)[0] ?? "")),
  "click-link": (view) =>
    clickOn(named(view, [], quotedTexts(view.utterance)[0] ?? "")),
  "click-checkboxes": (view) =>
    clickOn(
      choices(view, "checkbox").find(({ states }) =>
        !states.includes("checked")
      ),
    ) ?? submit(view),
  "click-option": (view) =>
    clickOn(
      choices(view, "radio").find(({ states }) => !states.includes("checked")),
    ) ?? submit(view),
  "choose-list": (view) => {
    const label = /^Select (.+) from the list/.exec(view.utterance)?.[1] ?? "";
    const list = view.nodes.find(({ role }) => role === "combobox");
    if (list?.id === undefined) return undefined;
    return list.value === label
      ? submit(view)
      : { kind: "select", id: list.id, text: label };
  },
  "enter-text": (view) => fill(view, quotedTexts(view.utterance), "Submit"),
  "login-user": (view) => fill(view, quotedTexts(view.utterance), "Login"),
  "click-collapsible": (view) => {
    const tab = view.nodes.find(({ role, name }) =>
      role === "tab" && name.startsWith("Section")
    );
    return tab && !tab.states.includes("expanded")
      ? clickOn(tab)
      : submit(view);
  },
};

/**
 * Advises on a page.
 *
 * @param view What is seen.
 * @returns Subgoal and action, one of those offered; nothing for tasks without an expert.
 */
export function adviseMiniwob(view: ExpertView): Hint | undefined {
  const move = Object.hasOwn(EXPERTS, view.task)
    ? EXPERTS[view.task]!(view)
    : undefined;
  if (!move) return undefined;
  const action = view.actions.find((text) => {
    const offered = parseMiniwobAction(text);
    if (!offered || offered.kind !== move.kind) return false;
    if (!("id" in offered) || offered.id !== move.id) return false;
    if (offered.kind === "type") return offered.text === move.text;
    return offered.kind !== "select" || offered.label === move.text;
  });
  if (action === undefined) return undefined;
  return { subgoal: subgoalOfAction(action, view.text), action };
}
