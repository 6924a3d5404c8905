/**
 * The error of an invalid game file: the rule it breaks and the place.
 *
 * @module
 */

/** The part of a game file that an error is about. */
export type GameSection = "json" | "pddl_domain" | "pddl_problem" | "grammar";

/** Where a game file breaks a rule. */
export interface GameErrorPlace {
  /** Short name of the rule, for programs: `E_PDDL_PARENS`. */
  readonly code: string;
  /** Part of the file. */
  readonly section: GameSection;
  /** Action, rule or fact, in words. */
  readonly where?: string;
  /** Line within the part, from 1. */
  readonly line?: number;
  /** Column within the line, from 1. */
  readonly column?: number;
}

/**
 * Thrown where a game file does not parse, contradicts itself or grows beyond a limit.
 *
 * @example
 * ```ts
 * import { strictEqual, throws } from "node:assert/strict";
 * import { compileGame, GameError } from "@hiper/lab/envs/pddl";
 *
 * throws(() => compileGame("{"), (error) => {
 *   strictEqual(error instanceof GameError && error.section, "json");
 *   return true;
 * });
 * ```
 */
export class GameError extends SyntaxError {
  /** Short name of the broken rule. */
  readonly code: string;
  /** Part of the file that breaks it. */
  readonly section: GameSection;
  /** Action, rule or fact, where one is known. */
  readonly where: string | undefined;
  /** Line within the part, from 1, where it is known. */
  readonly line: number | undefined;
  /** Column within the line, from 1, where it is known. */
  readonly column: number | undefined;

  /** Formats the message from the reason and the place. */
  constructor(reason: string, place: GameErrorPlace) {
    const line = place.line === undefined
      ? ""
      : `, line ${place.line}, column ${place.column}`;
    const where = place.where === undefined ? "" : `, ${place.where}`;
    super(
      `Cannot read game as ${reason}: ${place.section}${line}${where} (${place.code})`,
    );
    this.name = "GameError";
    this.code = place.code;
    this.section = place.section;
    this.where = place.where;
    this.line = place.line;
    this.column = place.column;
  }
}

/** Shortens text from a file for use inside a message; control characters become visible. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
