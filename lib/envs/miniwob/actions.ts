/**
 * Actions on a page: their text, which of them a page offers, and how they are carried out.
 *
 * @module
 */

import type { Page } from "./page.ts";
import { type PageNode, quoted } from "./snapshot.ts";

/** An action, read. */
export type MiniwobAction =
  | { readonly kind: "click" | "hover"; readonly id: number }
  | { readonly kind: "type"; readonly id: number; readonly text: string }
  | { readonly kind: "select"; readonly id: number; readonly label: string }
  | { readonly kind: "press"; readonly key: MiniwobKey }
  | { readonly kind: "scroll"; readonly id: number; readonly down: boolean }
  | { readonly kind: "drag"; readonly id: number; readonly to: number }
  | { readonly kind: "wait" };

/** Keys that can be pressed, with the codes of the browser. */
const KEYS = {
  Enter: 13,
  Tab: 9,
  Backspace: 8,
  Escape: 27,
  ArrowUp: 38,
  ArrowDown: 40,
  ArrowLeft: 37,
  ArrowRight: 39,
} as const;

/** A key. */
export type MiniwobKey = keyof typeof KEYS;

/** Roles that take text. */
const FIELDS: ReadonlySet<string> = new Set(
  ["textbox", "searchbox", "spinbutton", "Date", "InputTime", "combobox"],
);
/** Roles and tags of what can be clicked although no listener is on it. */
const PRESSABLE: ReadonlySet<string> = new Set(
  [
    "button",
    "link",
    "checkbox",
    "radio",
    "tab",
    "option",
    "menuitem",
    "textbox",
  ],
);
/** Most texts that are offered for a field, and most pairs that are offered to drag. */
const MOST_TEXTS = 6, MOST_PAIRS = 40;
/** Most characters of a name in an action. */
const LONGEST_NAME = 300;
/** Classes of what jQuery UI and the pages themselves let drag. */
const DRAGGABLE =
  /\b(?:ui-draggable|ui-sortable-handle|draggable|ui-droppable)\b/;

const PATTERN = new RegExp(
  [
    String.raw`^(?:(click|hover) \[(\d+)\](?: .*)?`,
    String.raw`(type|select) \[(\d+)\](?: [^"]*)? ("(?:[^"\\]|\\.)*")`,
    String.raw`press (${Object.keys(KEYS).join("|")})`,
    String.raw`scroll \[(\d+)\](?: .*)? (up|down)`,
    String.raw`drag \[(\d+)\](?: .*)? to \[(\d+)\](?: .*)?`,
    String.raw`wait)$`,
  ].join("|"),
  "su",
);

/**
 * Reads an action.
 *
 * @param text `click [12]`, `type [12] "text"`, `select [12] "label"`, `press Enter`, `scroll [12] down`,
 *   `drag [12] to [13]`, `hover [12]`, `wait`; what stands between an id and its text describes the element
 *   and is not read.
 * @returns The action; `undefined` for anything else.
 */
export function parseMiniwobAction(text: string): MiniwobAction | undefined {
  const found = PATTERN.exec(text.trim());
  if (!found) return undefined;
  const [, kind, id, write, field, words, key, scroll, way, from, to] = found;
  if (kind === "click" || kind === "hover") return { kind, id: Number(id) };
  if (write !== undefined) {
    const content = readQuoted(words!);
    if (content === undefined) return undefined;
    return write === "type"
      ? { kind: "type", id: Number(field), text: content }
      : { kind: "select", id: Number(field), label: content };
  }
  if (key !== undefined) return { kind: "press", key: key as MiniwobKey };
  if (scroll !== undefined) {
    return { kind: "scroll", id: Number(scroll), down: way === "down" };
  }
  if (from !== undefined) {
    return { kind: "drag", id: Number(from), to: Number(to) };
  }
  return { kind: "wait" };
}

function readQuoted(words: string): string | undefined {
  try {
    const text: unknown = JSON.parse(words);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** What decides which actions a page offers. */
export interface OfferOptions {
  /** Texts that may be typed: what the task quotes, and its fields. */
  readonly texts: readonly string[];
  /** What the task calls these texts: the username "bob". @default {nothing} */
  readonly called?: ReadonlyMap<string, string>;
  /** Whether actions describe their elements: `click [12] button "Submit"`. */
  readonly named: boolean;
}

/** The noun before each quoted text of a task: `username` in `Enter the username "bob"`. */
export function callsTexts(utterance: string): Map<string, string> {
  const found = utterance.matchAll(/\b(?:the|an?|your) (\w+) "([^"]+)"/gi);
  return new Map([...found].map(([, noun, text]) => [text!, noun!]));
}

/**
 * Lists the actions that a page offers, each once.
 *
 * @param nodes The page.
 * @param options Texts to type, and the form of actions.
 * @returns Clicks, selections, texts, keys, scrolling, dragging in reading order; `wait` at last.
 */
export function offeredActions(
  nodes: readonly PageNode[],
  options: OfferOptions,
): string[] {
  const { texts, called, named } = options;
  const actions = new Set<string>();
  const inner = innerTexts(nodes);
  const describe = (node: PageNode, i: number) =>
    named ? ` ${describeNode(node, inner[i]!)}` : "";
  const draggable: string[] = [];
  let writing = false, combobox: number | undefined;
  for (const [i, node] of nodes.entries()) {
    const { id, role, states } = node;
    if (role === "combobox") combobox = id;
    if (id === undefined || states.includes("disabled")) continue;
    if (role === "option" && node.tag === "option") {
      if (states.includes("selected") || combobox === undefined) continue;
      actions.add(
        `select [${combobox}]${named ? " combobox" : ""} ${quoted(node.name)}`,
      );
      continue;
    }
    if (!node.visible) continue;
    const field = FIELDS.has(role) && node.tag !== "select";
    if (canClick(node, i)) actions.add(`click [${id}]${describe(node, i)}`);
    if (field && !node.attributes.has("readonly")) {
      for (const text of texts.slice(0, MOST_TEXTS)) {
        if (text === node.value) continue;
        const words = named ? describeField(node, called?.get(text)) : "";
        actions.add(`type [${id}]${words} ${quoted(text)}`);
      }
      writing ||= states.includes("focused");
    }
    if (node.scrollable && node.tag !== "body" && node.tag !== "html") {
      for (const way of ["up", "down"]) actions.add(`scroll [${id}] ${way}`);
    }
    if (DRAGGABLE.test(node.attributes.get("class") ?? "")) {
      draggable.push(`[${id}]`);
    }
  }
  if (writing) {
    for (const key of ["Enter", "Backspace", "ArrowUp", "ArrowDown"]) {
      actions.add(`press ${key}`);
    }
  }
  const pairs = draggable.flatMap((from) =>
    draggable.filter((to) => to !== from).map((to) => `drag ${from} to ${to}`)
  );
  for (const pair of pairs.slice(0, MOST_PAIRS)) actions.add(pair);
  actions.add("wait");
  return [...actions];
}

/** Whether a node is offered for a click; the outermost one listens for the whole page. */
function canClick(node: PageNode, place: number): boolean {
  if (node.tag === "body" || node.tag === "select") return false;
  if (place === 0 && node.role === "generic") return false;
  return node.states.includes("clickable") || node.focusable ||
    PRESSABLE.has(node.role);
}

/** The texts below each node, for elements that have no name of their own. */
export function innerTexts(nodes: readonly PageNode[]): string[] {
  return nodes.map(({ depth, name }, i) => {
    if (name !== "") return name;
    const texts: string[] = [];
    for (let j = i + 1; j < nodes.length && nodes[j]!.depth > depth; j++) {
      if (nodes[j]!.name !== "") texts.push(nodes[j]!.name);
      if (texts.length === 4) break;
    }
    return texts.join(" ");
  });
}

/** Words for an element: its role, and its name, or its class where it has neither name nor text. */
function describeNode(node: PageNode, text: string): string {
  const { role, attributes, tag } = node;
  const mark = attributes.get("class")?.split(/\s+/)[0] ??
    attributes.get("id") ?? "";
  const kind = role === "generic" ? tag : role;
  if (text !== "") return `${kind} ${quoted(text, LONGEST_NAME)}`;
  return mark === "" ? kind : `${kind} ${mark}`;
}

/** Words for a field, without quotes, and what the task calls the text that is typed: `textbox username as username`. */
function describeField(node: PageNode, noun: string | undefined): string {
  const { role, name, attributes } = node;
  const mark = name || (attributes.get("id") ?? attributes.get("class") ?? "");
  return [
    ` ${role}`,
    mark.replace(/[^\p{L}\p{N}]+/gu, " ").trim().slice(0, 60),
    noun === undefined ? "" : `as ${noun}`,
  ].filter((words) => words !== "").join(" ");
}

/**
 * Checks whether an action can be carried out on a page as it is.
 *
 * @param action The action.
 * @param nodes The page.
 * @param texts Texts that may be typed; any if absent.
 * @returns Whether its elements are there, shown and enabled, and its text may be typed.
 */
export function isPossible(
  action: MiniwobAction,
  nodes: readonly PageNode[],
  texts: readonly string[] | undefined,
): boolean {
  const ready = (id: number) =>
    nodes.some((node) =>
      node.id === id && node.visible && !node.states.includes("disabled")
    );
  switch (action.kind) {
    case "wait":
    case "press":
      return true;
    case "select":
      return ready(action.id) &&
        optionsOf(nodes, action.id).includes(action.label);
    case "type": {
      const field = nodes.find(({ id }) => id === action.id);
      return ready(action.id) && field !== undefined &&
        FIELDS.has(field.role) &&
        field.tag !== "select" &&
        (texts === undefined || texts.includes(action.text));
    }
    case "drag":
      return ready(action.id) && ready(action.to);
    default:
      return ready(action.id);
  }
}

function optionsOf(nodes: readonly PageNode[], list: number): string[] {
  const start = nodes.findIndex(({ id }) => id === list);
  const labels: string[] = [];
  for (
    let i = start + 1;
    i < nodes.length && nodes[i]!.depth > nodes[start]!.depth;
    i++
  ) {
    if (nodes[i]!.role === "option") labels.push(nodes[i]!.name);
  }
  return labels;
}

const SELECT = `function (label) {
  const option = [...this.options].find((one) => one.text.trim() === label);
  if (!option) return;
  this.value = option.value;
  option.selected = true;
  for (const name of ["input", "change"]) {
    this.dispatchEvent(new Event(name, { bubbles: true }));
  }
}`;

/**
 * Carries an action out, and lets the page's clock run for one turn.
 *
 * @param page The page.
 * @param action The action, possible.
 * @param backends The browser's numbers of elements, by id.
 */
export async function carryOut(
  page: Page,
  action: MiniwobAction,
  backends: ReadonlyMap<number, number>,
): Promise<void> {
  const backendOf = (id: number) => backends.get(id)!;
  let moving: Promise<unknown> = Promise.resolve();
  switch (action.kind) {
    case "click": {
      const at = await placeOf(page, backendOf(action.id));
      if (at) {
        await mouse(
          page,
          ["mouseMoved", "mousePressed", "mouseReleased"].map((type) => ({
            type,
            ...at,
          })),
        );
      }
      break;
    }
    case "hover": {
      const at = await placeOf(page, backendOf(action.id));
      // A move waits for a frame that comes only while the clock runs.
      if (at) moving = mouse(page, [{ type: "mouseMoved", ...at }]);
      break;
    }
    case "drag": {
      const from = await placeOf(page, backendOf(action.id));
      const to = await placeOf(page, backendOf(action.to));
      if (!from || !to) break;
      const half = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
      await mouse(page, [
        { type: "mouseMoved", ...from },
        { type: "mousePressed", ...from },
        ...[half, to, to].map((at) => ({
          type: "mouseMoved",
          ...at,
          held: true,
        })),
        { type: "mouseReleased", ...to },
      ]);
      break;
    }
    case "select":
      await page.callOn(backendOf(action.id), SELECT, [action.label]);
      break;
    case "scroll":
      await page.callOn(
        backendOf(action.id),
        "function (distance) { this.scrollTop += distance; }",
        [action.down ? 60 : -60],
      );
      break;
    case "type":
      await write(page, backendOf(action.id), action.text);
      break;
    case "press":
      await press(page, action.key);
      break;
    case "wait":
      break;
  }
  await page.advance();
  await moving;
}

/** The middle of an element in the window, scrolled into view; nothing if it has no box. */
async function placeOf(
  page: Page,
  backendNodeId: number,
): Promise<{ x: number; y: number } | undefined> {
  try {
    await page.call("DOM.scrollIntoViewIfNeeded", { backendNodeId });
    const { quads } = await page.call<{ quads: number[][] }>(
      "DOM.getContentQuads",
      { backendNodeId },
    );
    const quad = quads[0];
    if (!quad) return undefined;
    const mean = (from: number) =>
      (quad[from]! + quad[from + 2]! + quad[from + 4]! + quad[from + 6]!) / 4;
    return { x: mean(0), y: mean(1) };
  } catch (error) {
    if (error instanceof Error && error.name === "DevtoolsError") {
      return undefined;
    }
    throw error;
  }
}

/** Sends mouse events together: waiting for one of them alone can stall for seconds. */
async function mouse(
  page: Page,
  events: readonly { type: string; x: number; y: number; held?: boolean }[],
): Promise<void> {
  await Promise.all(events.map(({ type, x, y, held = false }) => {
    const moved = type === "mouseMoved";
    return page.call("Input.dispatchMouseEvent", {
      ...{ type, x, y, button: moved && !held ? "none" : "left" },
      buttons: type === "mousePressed" || held ? 1 : 0,
      clickCount: moved ? 0 : 1,
    });
  }));
}

/** Replaces what a field holds, key by key, so that the page's own listeners hear it. */
async function write(
  page: Page,
  backendNodeId: number,
  text: string,
): Promise<void> {
  await page.call("DOM.focus", { backendNodeId });
  const key = (params: Record<string, unknown>) =>
    page.call("Input.dispatchKeyEvent", params);
  await key({ type: "rawKeyDown", commands: ["selectAll"] });
  if (text === "") await press(page, "Backspace");
  for (const sign of text) {
    await Promise.all([
      key({ type: "keyDown", text: sign, key: sign }),
      key({ type: "keyUp", key: sign }),
    ]);
  }
}

async function press(page: Page, name: MiniwobKey): Promise<void> {
  const code = { key: name, code: name, windowsVirtualKeyCode: KEYS[name] };
  const text = name === "Enter" ? { text: "\r" } : {};
  await Promise.all([
    page.call("Input.dispatchKeyEvent", { type: "keyDown", ...code, ...text }),
    page.call("Input.dispatchKeyEvent", { type: "keyUp", ...code }),
  ]);
}
