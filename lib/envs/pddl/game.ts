/**
 * A game file (domain, problem, text grammar, walkthrough), compiled once and played many times.
 *
 * @module
 */

import { GameError, quoted } from "./error.ts";
import { parseJson, reasonOf } from "../../text_file.ts";
import {
  type Domain,
  parseDomain,
  parseProblem,
  type Problem,
} from "./parser.ts";
import { groundGame, type GroundTask, type Operator } from "./grounding.ts";
import { chooseFluents, Engine, type Fluents } from "./engine.ts";
import { compare, displayNames, FactTable } from "./facts.ts";
import { GrammarCompiler } from "./grammar.ts";
import { createDerivation, derive, FUEL, type Text } from "./query.ts";
import {
  type ActionTexts,
  type GamePlay,
  type GameRules,
  Play,
} from "./play.ts";
import { readQuery, readRhs } from "./rhs.ts";
import { parseTwl2, type Twl2 } from "./twl2.ts";

/** Contents of a `game.tw-pddl` file. Other keys are allowed and ignored. */
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

/** A game ready to be played. Immutable, so that any number of plays can share it. */
export interface CompiledGame {
  /** The file it was made from. */
  readonly file: GameFile;
  /** Types, predicates and actions. */
  readonly domain: Domain;
  /** Entities, first facts and goal. */
  readonly problem: Problem;
  /** Parts of the grammar that the parser ignores. */
  readonly warnings: readonly string[];
  /** Short text that differs between games. */
  readonly hash: string;
  /** Display name of each entity, in the order of {@linkcode CompiledGame.ids}. */
  readonly names: readonly string[];
  /** Id of each entity. */
  readonly ids: readonly string[];
  /** Commands that solve the game, in display names; empty where the file has none. */
  readonly walkthrough: readonly string[];
  /** Begins a play. */
  start(): GamePlay;
}

/**
 * Reads and compiles a game.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { compileGame } from "@hiper/lab/envs/pddl";
 *
 * const game = compileGame({
 *   pddl_domain: `(define (domain lamp) (:predicates (on ?l))
 *     (:action press :parameters (?l) :precondition (not (on ?l)) :effect (on ?l)))`,
 *   pddl_problem: `(define (problem p) (:domain lamp) (:objects lamp_bar_1)
 *     (:init (= (total-cost) 0)) (:goal (on lamp_bar_1)))`,
 *   grammar: `grammar :: """{"intro": [{"rhs": "It is dark."}]}""";
 *     action press { template :: "press {l.id}"; feedback :: "Light!"; }`,
 * });
 * const play = game.start();
 * strictEqual(play.intro, "It is dark.");
 * deepStrictEqual(play.admissible(), ["press lamp_bar_1"]);
 * strictEqual(play.step("press lamp_bar_1").won, true);
 * ```
 *
 * @param source The file as an object or as JSON.
 * @returns The game.
 * @throws {GameError} If the file is no game, or one too large to play.
 */
export function compileGame(source: GameFile | string): CompiledGame {
  const file = typeof source === "string" ? parseGameFile(source) : source;
  const domain = parseDomain(file.pddl_domain);
  const problem = parseProblem(file.pddl_problem, domain);
  const grammar = parseTwl2(file.grammar);
  for (const { name } of domain.actions) {
    if (grammar.actions.has(name)) continue;
    throw new GameError(
      `action ${quoted(name)} must have a template and a feedback`,
      {
        code: "E_GRAMMAR_ACTION",
        section: "grammar",
      },
    );
  }
  const task = groundGame(domain, problem);
  return new Game(file, domain, problem, grammar, task);
}

const MAX_NAMING_WORK = 10_000_000;

/** Predicates that the texts of a grammar read, by the name that facts have. */
function observedPredicates(grammar: Twl2): Set<string> {
  const observed = new Set<string>();
  const read = (query: string | undefined) => {
    const atoms = query === undefined ? [] : readQuery(query);
    if (typeof atoms === "string") return;
    for (const { predicate } of atoms) {
      observed.add(predicate);
      if (predicate.startsWith("not_")) observed.add(predicate.slice(4));
    }
  };
  const visit = (text: string) => {
    for (const symbol of readRhs(text).symbols) {
      if (symbol.kind === "value") read(symbol.query);
      if (symbol.kind === "list") read(symbol.value.query);
    }
  };
  for (const alternatives of grammar.rules.values()) {
    for (const { condition, rhs } of alternatives) {
      if (condition.trim() !== "") read(condition);
      visit(rhs);
    }
  }
  for (const { template, feedback } of grammar.actions.values()) {
    visit(template);
    visit(feedback);
  }
  return observed;
}

/** For each predicate the facts that can ever hold: those of the state, then those that never change. */
function listFacts(task: GroundTask, fluents: Fluents): GameRules["factsOf"] {
  const { symbols } = task;
  const lists = symbols.predicates.map((
    _,
    p,
  ): { atom: number; place: number }[] =>
    symbols.fluent[p]
      ? []
      : symbols.facts[p]!.map((atom) => ({ atom, place: -1 }))
  );
  for (const [place, atom] of fluents.atoms.entries()) {
    lists[symbols.atoms.predicates[atom]!]!.push({ atom, place });
  }
  return new Map(symbols.predicates.map((name, p) => {
    const list = lists[p]!;
    return [name, {
      arity: list.length === 0 ? 0 : symbols.atoms.args[list[0]!.atom]!.length,
      entities: Int32Array.from(
        list.flatMap(({ atom }) => symbols.atoms.args[atom]!),
      ),
      places: Int32Array.from(list, ({ place }) => place),
    }];
  }));
}

class Game implements CompiledGame, GameRules {
  readonly file: GameFile;
  readonly domain: Domain;
  readonly problem: Problem;
  readonly warnings: readonly string[];
  readonly hash: string;
  readonly names: readonly string[];
  readonly ids: readonly string[];
  readonly engine: Engine;
  /** Command of each operator; undefined where it depends on the state. */
  readonly commands: readonly (string | undefined)[];
  readonly firstOperator: ReadonlyMap<string, number>;
  readonly dynamic: readonly number[];
  readonly texts: readonly ActionTexts[];
  readonly introText: Text;
  readonly factsOf: GameRules["factsOf"];

  constructor(
    file: GameFile,
    domain: Domain,
    problem: Problem,
    grammar: Twl2,
    task: GroundTask,
  ) {
    const { symbols } = task;
    this.file = file;
    this.domain = domain;
    this.problem = problem;
    this.hash = hashText(
      `${file.pddl_domain}\0${file.pddl_problem}\0${file.grammar}`,
    );
    this.names = displayNames(task);
    this.ids = symbols.entities;
    const fluents = chooseFluents(task, observedPredicates(grammar));
    const facts = new FactTable(task, fluents);
    const compiler = new GrammarCompiler(grammar, {
      facts,
      names: this.names,
      ids: symbols.entities,
      types: symbols.types,
    });
    this.introText = compiler.compile("#intro#", "the intro", []).text;
    this.texts = domain.actions.map(({ name, parameters }) => {
      const scope = parameters.map((p) => ({
        name: p.name.slice(1),
        type: p.type,
      }));
      const { template, feedback } = grammar.actions.get(name)!;
      return {
        template: compiler.compile(
          template,
          `template of action ${quoted(name)}`,
          scope,
        ),
        feedback: compiler.compile(
          feedback,
          `feedback of action ${quoted(name)}`,
          scope,
        ).text,
      };
    });
    facts.release();
    this.warnings = compiler.warnings;
    const sorted = sortOperators(task.operators, this.texts);
    this.commands = sorted.map(({ command }) => command);
    const first = new Map<string, number>();
    const dynamic: number[] = [];
    for (const [number, command] of this.commands.entries()) {
      if (command === undefined) dynamic.push(number);
      else if (!first.has(command)) first.set(command, number);
    }
    this.firstOperator = first;
    this.dynamic = dynamic;
    this.engine = new Engine(
      task,
      sorted.map(({ operator }) => operator),
      fluents,
    );
    this.factsOf = listFacts(task, fluents);
  }

  get walkthrough(): readonly string[] {
    const display = new Map(this.ids.map((id, i) => [id, this.names[i]!]));
    return (this.file.walkthrough ?? []).map((command) =>
      command.split(/\s+/).map((word) => display.get(word) ?? word).join(" ")
    );
  }

  start(): GamePlay {
    return new Play(this);
  }
}

/** Orders operators by command; equal commands by action, then by entities as declared. */
function sortOperators(
  operators: readonly Operator[],
  texts: readonly ActionTexts[],
): { command: string | undefined; operator: Operator }[] {
  const derivation = createDerivation();
  const nothing = new Uint8Array(0);
  let work = 0;
  const named = operators.map((operator) => {
    const { template } = texts[operator.schema]!;
    derivation.slots.set(operator.params);
    if (template.changing) return { command: undefined, operator };
    const command = derive(template.text, derivation, nothing);
    work += FUEL - derivation.fuel;
    if (work > MAX_NAMING_WORK) {
      throw new GameError(
        `naming every action may take ${MAX_NAMING_WORK} looks at rules and facts`,
        { code: "E_GRAMMAR_LIMIT", section: "grammar" },
      );
    }
    return { command, operator };
  });
  return named.sort((a, b) =>
    compare(a.command ?? "", b.command ?? "") ||
    a.operator.schema - b.operator.schema ||
    compareLists(a.operator.params, b.operator.params)
  );
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    if (value !== b[i]) return value - b[i]!;
  }
  return 0;
}

/** Two 32-bit FNV-1a hashes with different starts, in base 36. */
export function hashText(text: string): string {
  let a = 0x811c9dc5, b = 0x01000193;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 15);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}
