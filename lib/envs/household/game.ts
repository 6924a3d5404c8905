/**
 * A household as a game that is playable without its game file, which is created on first use.
 *
 * @module
 */

import { HOUSEHOLD_DOMAIN, householdGrammar } from "./rules.ts";
import { HouseholdPlay } from "./play.ts";
import { type HouseholdTables, indexHousehold } from "./state.ts";
import { householdProblem, printProblem } from "./problem.ts";
import { displayNames, type HouseholdWorld, mangle } from "./world.ts";
import { type CompiledGame, type GameFile, hashText } from "../pddl/game.ts";
import type { GamePlay } from "../pddl/play.ts";
import { type Domain, parseDomain, type Problem } from "../pddl/parser.ts";

/** A household ready to be played. */
export interface HouseholdGame extends CompiledGame {
  /** The game as a file; created on first use. */
  readonly file: HouseholdGameFile;
  /** The household itself. */
  readonly world: HouseholdWorld;
}

/**
 * Makes a game of a household without writing and compiling its file.
 *
 * It behaves as the compiled file does, turn by turn. The parts of the file, PDDL included, are
 * created on first use.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { generateHousehold, createHouseholdGame } from "@hiper/lab/envs/household";
 *
 * const { world, walkthrough } = generateHousehold({ difficulty: "easy" }, 2);
 * const play = createHouseholdGame(world, walkthrough).start();
 * for (const command of walkthrough) play.step(command);
 * strictEqual(play.won, true);
 * ```
 *
 * @param world The household.
 * @param walkthrough Commands that win it.
 * @param origin How it came about, recorded in its file.
 * @returns The game, which any number of plays may share.
 */
export function createHouseholdGame(
  world: HouseholdWorld,
  walkthrough: readonly string[],
  origin: Readonly<Record<string, unknown>> = {},
): HouseholdGame {
  return new DirectGame(world, walkthrough, origin);
}

class DirectGame implements HouseholdGame {
  readonly world: HouseholdWorld;
  readonly walkthrough: readonly string[];
  readonly warnings: readonly string[] = [];
  readonly hash: string;
  readonly #origin: Readonly<Record<string, unknown>>;
  readonly #tables: HouseholdTables;
  #file: HouseholdGameFile | undefined;
  #domain: Domain | undefined;
  #problem: Problem | undefined;
  #ids: readonly string[] | undefined;
  #names: readonly string[] | undefined;

  constructor(
    world: HouseholdWorld,
    walkthrough: readonly string[],
    origin: Readonly<Record<string, unknown>>,
  ) {
    this.walkthrough = walkthrough;
    this.hash = hashWorld(world);
    this.world = world;
    this.#origin = origin;
    this.#tables = {
      index: indexHousehold(world),
      goal: world.goal,
      sentence: world.sentence,
      hash: this.hash,
      firstFacts: (predicate) =>
        this.problem.facts.filter((fact) => fact.predicate === predicate)
          .map(({ args }) => args),
    };
  }

  get file(): HouseholdGameFile {
    return this.#file ??= householdGameFile(
      this.world,
      this.walkthrough,
      this.#origin,
    );
  }

  get domain(): Domain {
    return this.#domain ??= parseDomain(HOUSEHOLD_DOMAIN);
  }

  get problem(): Problem {
    return this.#problem ??= householdProblem(this.world);
  }

  get ids(): readonly string[] {
    return this.#ids ??= this.problem.entities.map(({ name }) => name);
  }

  get names(): readonly string[] {
    return this.#names ??= this.#nameEntities();
  }

  #nameEntities(): readonly string[] {
    const names = new Map<string, string>();
    for (const [id, name] of displayNames(this.world)) {
      names.set(mangle(id).toLowerCase(), name);
    }
    return this.ids.map((id) => names.get(id) ?? id);
  }

  start(): GamePlay {
    return new HouseholdPlay(this.#tables);
  }
}

/** Hash of all that a play depends on. */
function hashWorld(world: HouseholdWorld): string {
  const { layout, things, start, sentence } = world;
  return hashText([
    `${layout.key} ${sentence} ${start}`,
    ...layout.receptacles.map(({ id, standpoint, openable }) =>
      `${id} ${standpoint} ${openable}`
    ),
    ...layout.fixtures.concat(things).map(({ id, inside, cool }) =>
      `${id} ${inside} ${cool}`
    ),
  ].join(""));
}

/** A game file of ALFWorld's form; the keys are those of the format. */
export interface HouseholdGameFile extends GameFile {
  /** Commands that win the game. */
  readonly walkthrough: readonly string[];
  /** Kind of task. */
  readonly task_type: string;
  /** How the game came about: everything needed to make it again. */
  readonly gen: Readonly<Record<string, unknown>>;
}

/** Converts a household to a game file (JSON data), playable by any engine of the format. */
function householdGameFile(
  world: HouseholdWorld,
  walkthrough: readonly string[],
  origin: Readonly<Record<string, unknown>>,
): HouseholdGameFile {
  let problem: string | undefined;
  return {
    pddl_domain: HOUSEHOLD_DOMAIN,
    // Printed on first use: most callers read the other texts.
    get pddl_problem() {
      return problem ??= printProblem(householdProblem(world), "alfred");
    },
    grammar: householdGrammar(world.sentence),
    solvable: true,
    walkthrough,
    task_type: world.goal.type,
    gen: origin,
  };
}
