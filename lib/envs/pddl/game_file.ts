/**
 * The file of a game: JSON with a domain, a problem and a text grammar.
 *
 * @module
 */

import { parseJson, reasonOf } from "../../text_file.ts";
import { GameError } from "./error.ts";

/** A game as it stands in a `game.tw-pddl` file. Other keys are allowed and ignored. */
export interface GameFile {
  /** Types, predicates and actions, in PDDL. */
  readonly pddl_domain: string;
  /** Entities, first facts and goal, in PDDL. */
  readonly pddl_problem: string;
  /** Commands and texts, in the `.twl2` form. */
  readonly grammar: string;
  /** Whether a solution is known. */
  readonly solvable?: boolean | null;
  /** Commands that solve the game, with display names or ids. */
  readonly walkthrough?: readonly string[] | null;
}

const MAX_FILE_LENGTH = 8 * 2 ** 20;

/**
 * Reads the JSON of a game file and checks its keys.
 *
 * @example
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { parseGameFile } from "@hiper/lab/envs/pddl";
 *
 * throws(() => parseGameFile(`{"pddl_domain": 1}`), /"pddl_domain".*must be strings/);
 * ```
 *
 * @param json The text of the file; a byte order mark is allowed.
 * @returns The file.
 * @throws {GameError} If it is no JSON object with the three texts of a game.
 */
export function parseGameFile(json: string): GameFile {
  const fail = (code: string, reason: string) =>
    new GameError(reason, { code, section: "json" });
  if (json.length > MAX_FILE_LENGTH) {
    throw fail(
      "E_JSON_LIMIT",
      `a file may have ${MAX_FILE_LENGTH} characters, not ${json.length}`,
    );
  }
  let value: unknown;
  try {
    value = parseJson(json, "game");
  } catch (error) {
    throw fail("E_JSON", reasonOf(error));
  }
  if (!isGameFile(value)) {
    throw fail(
      "E_JSON_KEYS",
      '"pddl_domain", "pddl_problem" and "grammar" must be strings, "walkthrough" a list of strings',
    );
  }
  return value;
}

function isGameFile(value: unknown): value is GameFile {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  const { walkthrough = null } = record;
  return ["pddl_domain", "pddl_problem", "grammar"].every((key) =>
    typeof record[key] === "string"
  ) && (walkthrough === null ||
    Array.isArray(walkthrough) &&
      walkthrough.every((c) => typeof c === "string"));
}
