/**
 * The outer form of a `.twl2` text grammar: rules, and the command and feedback of each action.
 *
 * @module
 */

import { lineAndColumn } from "../../text_file.ts";
import { GameError, quoted } from "./error.ts";

/** One way to write a rule. */
export interface Alternative {
  readonly rhs: string;
  /** Query that must have a match; empty means always. */
  readonly condition: string;
}

/** A parsed grammar. */
export interface Twl2 {
  /** Alternatives of each rule, in order. */
  readonly rules: ReadonlyMap<string, readonly Alternative[]>;
  /** Command template and feedback of each action, by lower-case name. */
  readonly actions: ReadonlyMap<
    string,
    { readonly template: string; readonly feedback: string }
  >;
}

const MAX_TEXT = 64_000;

/** Scanner whose errors carry line and column. */
class Reader {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  error(code: string, reason: string, offset = this.at): GameError {
    const place = lineAndColumn(this.text, offset);
    return new GameError(reason, { code, section: "grammar", ...place });
  }

  /** Skips blanks and comments. */
  skip(): void {
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at]!;
      if (character === "#") {
        const end = this.text.indexOf("\n", this.at);
        this.at = end < 0 ? this.text.length - 1 : end;
      } else if (character.trim() !== "" && character !== "\ufeff") return;
    }
  }

  /** Reads a name of letters, digits, `_`, `/` and `-`. */
  name(): string {
    this.skip();
    const match = /[\w/-]+/y;
    match.lastIndex = this.at;
    const found = match.exec(this.text)?.[0];
    if (found === undefined) {
      throw this.error("E_GRAMMAR_FORM", "a name must stand here");
    }
    this.at += found.length;
    return found;
  }

  /** Expects a mark such as `::`. */
  expect(mark: string): void {
    this.skip();
    if (!this.text.startsWith(mark, this.at)) {
      throw this.error("E_GRAMMAR_FORM", `${quoted(mark)} must stand here`);
    }
    this.at += mark.length;
  }

  /** Consumes a mark if the text continues with it. */
  take(mark: string): boolean {
    this.skip();
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  /** Reads up to the closing quotes. */
  string(quotes: string): string {
    this.expect(quotes);
    const end = this.text.indexOf(quotes, this.at);
    if (end < 0) {
      throw this.error(
        "E_GRAMMAR_FORM",
        `the text must be closed by ${quotes}`,
      );
    }
    const inside = this.text.slice(this.at, end);
    this.at = end + quotes.length;
    return inside;
  }
}

/** Reads the JSON of a grammar block into the table of rules; later rules replace earlier ones. */
function readRules(
  reader: Reader,
  json: string,
  offset: number,
  rules: Map<string, readonly Alternative[]>,
): void {
  const fail = (reason: string) =>
    reader.error("E_GRAMMAR_JSON", reason, offset);
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw fail(
      `the rules must be JSON (${error instanceof Error ? error.message : ""})`,
    );
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw fail("the rules must be a JSON object");
  }
  for (const [name, list] of Object.entries(parsed)) {
    if (!Array.isArray(list)) {
      throw fail(`rule ${quoted(name)} must be a list of alternatives`);
    }
    rules.set(
      name,
      list.map((entry: unknown) => readAlternative(entry, name, fail)),
    );
  }
}

function readAlternative(
  entry: unknown,
  name: string,
  fail: (reason: string) => GameError,
): Alternative {
  if (typeof entry !== "object" || entry === null || !("rhs" in entry)) {
    throw fail(`every alternative of rule ${quoted(name)} must have an "rhs"`);
  }
  const condition = "condition" in entry ? entry.condition ?? "" : "";
  if (typeof entry.rhs !== "string" || typeof condition !== "string") {
    throw fail(`"rhs" and "condition" of rule ${quoted(name)} must be strings`);
  }
  if (entry.rhs.length > MAX_TEXT || condition.length > MAX_TEXT) {
    throw fail(
      `a text of rule ${quoted(name)} may have ${MAX_TEXT} characters`,
    );
  }
  return { rhs: entry.rhs, condition };
}

function readAction(
  reader: Reader,
  rules: Map<string, readonly Alternative[]>,
): { name: string; template: string; feedback: string } {
  const name = reader.name();
  const start = reader.at;
  reader.expect("{");
  const texts = new Map<string, string>();
  while (!reader.take("}")) {
    const key = reader.name();
    reader.expect("::");
    reader.skip();
    const offset = reader.at;
    if (key === "template" || key === "feedback") {
      texts.set(key, reader.string('"'));
    } else if (key === "grammar" || key === "pddl") {
      const block = reader.string('"""');
      const lines = block.split("\n").filter((line) =>
        !line.trimStart().startsWith("#")
      );
      if (key === "grammar") readRules(reader, lines.join("\n"), offset, rules);
    } else {
      throw reader.error(
        "E_GRAMMAR_FORM",
        `an action has no part ${quoted(key)}`,
      );
    }
    reader.expect(";");
  }
  const template = texts.get("template"), feedback = texts.get("feedback");
  if (template === undefined || feedback === undefined) {
    throw reader.error(
      "E_GRAMMAR_FORM",
      `action ${quoted(name)} must have a template and a feedback`,
      start,
    );
  }
  return { name, template, feedback };
}

/**
 * Parses a text grammar into rules and actions.
 *
 * @throws {GameError} If it has another form.
 */
export function parseTwl2(text: string): Twl2 {
  const reader = new Reader(text);
  const rules = new Map<string, readonly Alternative[]>();
  const actions = new Map<string, { template: string; feedback: string }>();
  for (reader.skip(); reader.at < text.length; reader.skip()) {
    const start = reader.at;
    const key = reader.name();
    if (key === "grammar") {
      reader.expect("::");
      reader.skip();
      const offset = reader.at;
      readRules(reader, reader.string('"""'), offset, rules);
      reader.expect(";");
    } else if (key === "action") {
      const { name, template, feedback } = readAction(reader, rules);
      actions.set(name.toLowerCase(), { template, feedback });
    } else {
      throw reader.error(
        "E_GRAMMAR_FORM",
        `"grammar" or "action" must stand here, not ${quoted(key)}`,
        start,
      );
    }
  }
  return { rules, actions };
}
