/**
 * The three blocks of a reply, `<switch>`, `<subgoal>` and `<action>`: writing them and reading them from text.
 *
 * Where the blocks stand in the tokens of a reply is found by {@linkcode locateBlocks}.
 *
 * @module
 */

import { pythonStrip } from "../../python_text.ts";

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
