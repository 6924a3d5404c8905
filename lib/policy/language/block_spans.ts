/**
 * Where the three blocks stand in the tokens of a reply, and where a critic reads its values.
 *
 * @module
 */

import { pythonStrip } from "../../python_text.ts";
import type { ByDecision, DecisionName, TokenSpan } from "../../trajectory.ts";
import type { BlockName } from "./blocks.ts";

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
  const { includeTags = true, wholeReplyFallback = true } = options;
  const text = pieces.join("");
  const searched = options.ignoreCase ? lowerAscii(text) : text;
  const starts = new Int32Array(pieces.length + 1);
  for (const [i, piece] of pieces.entries()) {
    starts[i + 1] = starts[i]! + piece.length;
  }
  const found = {
    switching: findBlock(searched, "switching"),
    planning: findBlock(searched, "planning"),
    execution: findBlock(searched, "execution"),
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
): CharacterSpan | undefined {
  const tag = TAGS[decision];
  const open = text.indexOf(`<${tag}>`);
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
