/**
 * The three blocks of a reply, `<switch>`, `<subgoal>` and `<action>`: writing them, reading them from
 * text, and locating them in tokens.
 *
 * @module
 */

import { pythonStrip } from "../../python_text.ts";
import type { ByDecision, DecisionName, TokenSpan } from "../../trajectory.ts";

/** What a world and a memory read from a reply. */
export interface ParsedReply {
  /** The action to send to the world; what is left of the reply if it has no action block. */
  readonly action: string;
  /** The subgoal as written; empty where there is none. */
  readonly subgoal: string;
  /** `KEEP` or `SWITCH` as written; empty where there is neither. */
  readonly switching: "KEEP" | "SWITCH" | "";
  /** Whether the reply has the agreed form. */
  readonly valid: boolean;
  /** What is wrong with it; found by the strict mode only. */
  readonly problems: readonly ReplyProblem[];
}

/** What the strict mode objects to. */
export type ReplyProblem =
  | "missing-switch"
  | "missing-subgoal"
  | "missing-action"
  | "repeated-block"
  | "wrong-order"
  | "extra-text"
  | "unknown-switch"
  | "empty-subgoal"
  | "empty-action"
  | "inadmissible-action";

/**
 * How replies are read.
 *
 * - `strict`: the three blocks once each, in order, with nothing but white space between them.
 * - `alfworld`, `webshop`: as the reference environments read plan-execute replies: the first occurrence of each
 *   tag, actions in lower case, fallbacks where tags are missing, Chinese characters invalid.
 * - `alfworld-flat`, `webshop-flat`: the same for replies of `<think>` and `<action>` only.
 */
export type ReplyMode =
  | "strict"
  | "alfworld"
  | "webshop"
  | "alfworld-flat"
  | "webshop-flat";

/** Options of {@linkcode parseReply}. */
export interface ParseReplyOptions {
  /** How the reply is read. @default {"strict"} */
  mode?: ReplyMode;
  /** Actions the world accepts now; in strict mode any other one is invalid. Absent means any. */
  admissibleActions?: readonly string[];
}

/** The three blocks, in order, by the names of their tags. */
export const BLOCKS = ["switch", "subgoal", "action"] as const;

/** Modes that read as the reference environments do. */
const MODES: readonly string[] = [
  "alfworld",
  "webshop",
  "alfworld-flat",
  "webshop-flat",
];

/** Name of a block's tag. */
export type BlockName = typeof BLOCKS[number];

/**
 * Writes the three blocks of a reply, one a line.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { formatReply, parseReply } from "@hiper/lab/language";
 *
 * const text = formatReply({
 *   switching: "SWITCH",
 *   subgoal: "find the mug",
 *   action: "go to shelf 1",
 * });
 * strictEqual(text.split("\n")[2], "<action>go to shelf 1</action>");
 * strictEqual(parseReply(text).subgoal, "find the mug");
 * ```
 *
 * @param reply What to say.
 * @returns The reply's text.
 */
export function formatReply(
  reply: { switching: "KEEP" | "SWITCH"; subgoal: string; action: string },
): string {
  const { switching, subgoal, action } = reply;
  return `<switch>${switching}</switch>\n<subgoal>${subgoal}</subgoal>\n<action>${action}</action>`;
}

/**
 * Reads a reply.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { parseReply } from "@hiper/lab/language";
 *
 * const plan = "<switch>KEEP</switch>\n<subgoal>find the mug</subgoal>\n";
 * strictEqual(parseReply(`${plan}<action>look</action>`).valid, true);
 * strictEqual(parseReply(`${plan}look`).valid, false); // no action block
 * ```
 *
 * @param text The reply, without special tokens.
 * @param options The mode, and what the world accepts.
 * @returns What it says; an unreadable reply is not an error but invalid.
 * @throws {RangeError} If the mode is unknown.
 */
export function parseReply(
  text: string,
  options: ParseReplyOptions = {},
): ParsedReply {
  const { mode = "strict" } = options;
  if (mode === "strict") return parseStrict(text, options.admissibleActions);
  if (!MODES.includes(mode)) {
    throw new RangeError(
      `Cannot parse a reply as "mode" must be one of "strict", "${
        MODES.join('", "')
      }": current value is ${JSON.stringify(mode)}`,
    );
  }
  const world = mode.startsWith("alfworld") ? "alfworld" : "webshop";
  return mode.endsWith("-flat")
    ? parseFlat(text, world)
    : parsePlanned(text, world);
}

/** Reads each block once, in order, and lists what is wrong. */
function parseStrict(
  text: string,
  admissibleActions: readonly string[] | undefined,
): ParsedReply {
  const problems: ReplyProblem[] = [];
  const found: Record<BlockName, string> = {
    switch: "",
    subgoal: "",
    action: "",
  };
  const places: number[] = [];
  let rest = text;
  for (const name of BLOCKS) {
    const content = between(text, name);
    if (content === undefined) {
      problems.push(`missing-${name}`);
      continue;
    }
    found[name] = pythonStrip(content);
    places.push(text.indexOf(`<${name}>`));
    const whole = `<${name}>${content}</${name}>`;
    rest = rest.replace(whole, () => "");
    if (rest.includes(`<${name}>`) || rest.includes(`</${name}>`)) {
      problems.push("repeated-block");
      rest = rest.replaceAll(`<${name}>`, "").replaceAll(`</${name}>`, "");
    }
  }
  if (places.some((place, i) => i > 0 && place < places[i - 1]!)) {
    problems.push("wrong-order");
  }
  if (pythonStrip(rest) !== "") problems.push("extra-text");
  const { switch: word, subgoal, action } = found;
  const has = (name: BlockName) => !problems.includes(`missing-${name}`);
  if (has("switch") && word !== "KEEP" && word !== "SWITCH") {
    problems.push("unknown-switch");
  }
  if (has("subgoal") && subgoal === "") problems.push("empty-subgoal");
  if (has("action") && action === "") problems.push("empty-action");
  else if (has("action") && !(admissibleActions?.includes(action) ?? true)) {
    problems.push("inadmissible-action");
  }
  return {
    action,
    subgoal,
    switching: word === "KEEP" || word === "SWITCH" ? word : "",
    valid: problems.length === 0,
    problems: [...new Set(problems)],
  };
}

/** What stands between a tag and the first closing tag after it. */
function between(text: string, name: BlockName): string | undefined {
  const open = text.indexOf(`<${name}>`);
  if (open < 0) return undefined;
  const start = open + name.length + 2;
  const end = text.indexOf(`</${name}>`, start);
  return end < 0 ? undefined : text.slice(start, end);
}

/**
 * What the reference reads between a tag and the closing tag, each at its first occurrence anywhere: an earlier
 * closing tag leaves nothing between them.
 */
function firstBetween(text: string, name: BlockName): string | undefined {
  const open = text.indexOf(`<${name}>`), end = text.indexOf(`</${name}>`);
  if (open < 0 || end < 0) return undefined;
  return pythonStrip(text.slice(open + name.length + 2, Math.max(open, end)));
}

type World = "alfworld" | "webshop";

/** The action a reply asks for, in lower case; without a block, the reply's last characters. */
function readAction(
  text: string,
  world: World,
): { action: string; found: boolean } {
  const low = text.toLowerCase();
  const action = firstBetween(low, "action");
  return action === undefined
    ? {
      action: lastCharacters(low, world === "alfworld" ? 30 : 20),
      found: false,
    }
    : { action, found: true };
}

/** Reads a plan-execute reply as the reference environments do. */
function parsePlanned(text: string, world: World): ParsedReply {
  const { action, found } = readAction(text, world);
  const reply = { action, subgoal: "", valid: false, problems: [] };
  if (!found) return { ...reply, switching: "" };
  const content = firstBetween(text, "switch");
  if (content === undefined) {
    const subgoal = world === "alfworld" ? lastCharacters(action, 30) : "None";
    return { ...reply, subgoal, switching: "" };
  }
  const word = content.toUpperCase();
  if (word !== "KEEP" && word !== "SWITCH") {
    return { ...reply, switching: world === "alfworld" ? "" : "KEEP" };
  }
  const subgoal = firstBetween(text, "subgoal");
  return {
    ...reply,
    switching: word,
    subgoal: subgoal ?? "",
    valid: subgoal !== undefined && !hasChinese(text),
  };
}

/** Reads a reply of thought and action as the reference environments do. */
function parseFlat(text: string, world: World): ParsedReply {
  const { action, found } = readAction(text, world);
  const thought = text.includes("<think>") && text.includes("</think>");
  return {
    action,
    subgoal: "",
    switching: "",
    valid: found && thought && !hasChinese(text),
    problems: [],
  };
}

function hasChinese(text: string): boolean {
  return /[\u4e00-\u9fff]/u.test(text);
}

/** The last code points of a text. */
function lastCharacters(text: string, count: number): string {
  return [...text].slice(-count).join("");
}

/** Tags of a thought that precedes the blocks. */
const THOUGHT = { open: "<think>", close: "</think>" } as const;

/**
 * Finds where a reply begins after its thought: behind the last `</think>`, or at its end while a thought is
 * open.
 *
 * @param text The reply so far.
 * @param options `opened`: whether the prompt ended with `<think>`. @default {opened: false}
 * @returns Character position; 0 for a reply without a thought.
 */
export function thoughtEnd(
  text: string,
  options: { opened?: boolean } = {},
): number {
  const close = text.lastIndexOf(THOUGHT.close);
  if (close >= 0) return close + THOUGHT.close.length;
  const isOpen = options.opened || text.trimStart().startsWith(THOUGHT.open);
  return isOpen ? text.length : 0;
}

/** Whether a prompt ends with the opening of a thought. */
export function opensThought(prompt: string): boolean {
  return prompt.trimEnd().endsWith(THOUGHT.open);
}

/** Options of {@linkcode locateBlocks}. */
export interface LocateOptions {
  /** Whether the tags belong to the spans. @default {true} */
  includeTags?: boolean;
  /** Words that keep the subgoal; every other word switches. Compared trimmed and in upper case. @default {["KEEP"]} */
  keepWords?: readonly string[];
  /** The word a reply is taken to hold if it has no switch block, or an empty one. @default {"KEEP"} */
  defaultWord?: string;
  /** Whether the whole reply counts as execution if it has no action block. @default {true} */
  wholeReplyFallback?: boolean;
  /** Whether tags are found in any case; the reference finds lower case only. @default {false} */
  ignoreCase?: boolean;
  /** Characters at the reply's beginning in which no block is found, such as those of a thought. @default {0} */
  from?: number;
}

/** What {@linkcode locateBlocks} finds. */
export interface BlockSpans {
  /** Tokens of each decision; absent where the reply has none. */
  readonly spans: ByDecision<TokenSpan | undefined>;
  /** Whether the reply takes up a new subgoal. */
  readonly switched: boolean;
  /**
   * Token before which each value head is read: switching and planning before the reply, execution after the
   * subgoal block, else after the switch block, else before the reply. Absent for a reply without tokens.
   */
  readonly valueSlots: ByDecision<number | undefined>;
}

/** Character positions of a block: tag, content, closing, one past the closing. */
interface CharacterSpan {
  readonly open: number;
  readonly content: number;
  readonly close: number;
  readonly end: number;
}

const TAGS: ByDecision<BlockName> = {
  switching: "switch",
  planning: "subgoal",
  execution: "action",
};

/** What may stand between content and closing tag and, once, still belongs to the closing. */
const CLOSING_MARKS = ["]", ".", ")"];

/**
 * Finds the blocks of a reply in its tokens.
 *
 * Pieces are tokens decoded one by one. A block is the first opening tag and the first closing tag after it. For
 * subgoal and action one `]`, `.` or `)` directly before the closing tag belongs to the closing. A token that
 * straddles an edge of a block belongs to it; so a token may belong to two blocks.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { locateBlocks } from "@hiper/lab/language";
 *
 * const pieces = [
 *   "<switch>", "SWITCH", "</switch>",
 *   "<subgoal>", "find", " it", "</subgoal>",
 *   "<action>", "go", "</action>",
 * ];
 * const { spans, switched, valueSlots } = locateBlocks(pieces);
 * deepStrictEqual(spans.planning, { start: 3, end: 7 });
 * ok(switched);
 * deepStrictEqual(valueSlots.execution, 7); // subgoal known, action not yet
 * ```
 *
 * @param pieces Text of each token. Shape `(tokens,)`.
 * @param options Tags, words and fallbacks.
 * @returns Spans, the switching decision and value slots.
 * @see {@link https://arxiv.org/abs/2602.16165 | HiPER}, plan-execute interface
 */
export function locateBlocks(
  pieces: readonly string[],
  options: LocateOptions = {},
): BlockSpans {
  const { includeTags = true, wholeReplyFallback = true, from = 0 } = options;
  const text = pieces.join("");
  const searched = options.ignoreCase ? lowerAscii(text) : text;
  const starts = new Int32Array(pieces.length + 1);
  for (const [i, piece] of pieces.entries()) {
    starts[i + 1] = starts[i]! + piece.length;
  }
  const found = {
    switching: findBlock(searched, "switching", from),
    planning: findBlock(searched, "planning", from),
    execution: findBlock(searched, "execution", from),
  };
  const span = (block: CharacterSpan | undefined) =>
    block &&
    (includeTags
      ? tokenSpan(starts, block.open, block.end)
      : tokenSpan(starts, block.content, block.close));
  const whole = wholeReplyFallback && pieces.length > 0
    ? { start: 0, end: pieces.length }
    : undefined;
  const before = pieces.length > 0 ? 0 : undefined;
  return {
    spans: {
      switching: span(found.switching),
      planning: span(found.planning),
      execution: span(found.execution) ?? whole,
    },
    switched: pieces.length > 0 && switches(text, found.switching, options),
    valueSlots: {
      switching: before,
      planning: before,
      execution: slotAfter(starts, found.planning) ??
        slotAfter(starts, found.switching) ?? before,
    },
  };
}

/** Lower-cases ASCII letters only, so that no position moves. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The first complete block of a decision. */
function findBlock(
  text: string,
  decision: DecisionName,
  from: number,
): CharacterSpan | undefined {
  const tag = TAGS[decision];
  const open = text.indexOf(`<${tag}>`, from);
  if (open < 0) return undefined;
  const content = open + tag.length + 2;
  const closing = text.indexOf(`</${tag}>`, content);
  if (closing < 0) return undefined;
  const end = closing + tag.length + 3;
  const mark = text[closing - 1]!;
  const marked = decision !== "switching" && closing > content &&
    CLOSING_MARKS.includes(mark);
  return { open, content, close: marked ? closing - 1 : closing, end };
}

/**
 * The tokens that hold characters `[from, to)`: from the first that ends after `from` to the last that starts
 * before `to`.
 */
function tokenSpan(
  starts: Int32Array,
  from: number,
  to: number,
): TokenSpan | undefined {
  if (to <= from) return undefined;
  const end = firstToken(starts, to);
  // Tokens are contiguous: the first that ends after `from` stands before the first that starts after it.
  const start = firstToken(starts, from + 1) - 1;
  return start < end ? { start, end } : undefined;
}

/** The first token that starts at or after a character; the number of tokens if none does. */
function firstToken(starts: Int32Array, character: number): number {
  const tokens = starts.length - 1;
  let low = 0, high = tokens;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! >= character) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first token after a block, if the reply goes on. */
function slotAfter(
  starts: Int32Array,
  block: CharacterSpan | undefined,
): number | undefined {
  if (!block) return undefined;
  const slot = firstToken(starts, block.end);
  return slot < starts.length - 1 ? slot : undefined;
}

/** Whether the word of the switch block is none of those that keep. */
function switches(
  text: string,
  block: CharacterSpan | undefined,
  options: LocateOptions,
): boolean {
  const { keepWords = ["KEEP"], defaultWord = "KEEP" } = options;
  const normal = (word: string) => pythonStrip(word).toUpperCase();
  const written = block ? normal(text.slice(block.content, block.close)) : "";
  return !keepWords.map(normal).includes(written || normal(defaultWord));
}
