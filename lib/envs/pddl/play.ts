/**
 * One play of a compiled game: commands in, texts out.
 *
 * @module
 */

import {
  copyState,
  type Engine,
  type EngineState,
  HOLDS,
  initialState,
  isApplicable,
} from "./engine.ts";
import { compare } from "./facts.ts";
import { createDerivation, derive, type Text } from "./query.ts";
import { pythonStrip } from "../../python_text.ts";

/** The text that answers a command that is not admissible. */
export const NOTHING_HAPPENS = "Nothing happens.";

/** The result of a command. */
export interface PlayStep {
  /** The observation. */
  readonly text: string;
  /** Whether the command was admissible. */
  readonly accepted: boolean;
  /** Whether the goal holds now. */
  readonly won: boolean;
}

/** One play of a game. It continues after the goal is reached, as in the reference. */
export interface GamePlay {
  /** The observation before the first command. */
  readonly intro: string;
  /** Whether the goal holds now. */
  readonly won: boolean;
  /** Commands that are accepted now, sorted by code point, each once. */
  admissible(): string[];
  /** Takes a command; one that is not admissible changes nothing. */
  step(command: string): PlayStep;
  /** Equal texts for states that no sequence of commands can tell apart. */
  stateKey(): string;
  /** Arguments, as ids, of the facts of a predicate that hold now, among those that matter to the game. */
  facts(predicate: string): (readonly string[])[];
  /** An independent copy of the play in its current state. */
  fork(): GamePlay;
}

/** Command and feedback of one kind of action. */
export interface ActionTexts {
  /** The command, and whether it depends on the state. */
  readonly template: { readonly text: Text; readonly changing: boolean };
  /** The observation after the action. */
  readonly feedback: Text;
}

/** Facts of one predicate in columns. */
interface FactColumns {
  /** Arguments of each fact. */
  readonly arity: number;
  /** Entities, fact by fact. Shape `(facts · arity,)`. */
  readonly entities: Int32Array;
  /** Place of each fact in the state; -1 for facts that always hold. Shape `(facts,)`. */
  readonly places: Int32Array;
}

/** What all plays of a game share. */
export interface GameRules {
  readonly engine: Engine;
  readonly hash: string;
  /** The first observation. */
  readonly introText: Text;
  readonly texts: readonly ActionTexts[];
  /** Command of each operator, sorted; undefined where it depends on the state. */
  readonly commands: readonly (string | undefined)[];
  /** First operator of each command. */
  readonly firstOperator: ReadonlyMap<string, number>;
  /** Operators whose command depends on the state. */
  readonly dynamic: readonly number[];
  /** For each predicate the facts that can ever hold, with their places; -1 for those that always do. */
  readonly factsOf: ReadonlyMap<string, FactColumns>;
  readonly ids: readonly string[];
}

/** Plays a game from the start, unless a state is given. */
export class Play implements GamePlay {
  readonly #game: GameRules;
  readonly #state: EngineState;
  readonly #derivation = createDerivation();

  constructor(game: GameRules, state: EngineState = initialState(game.engine)) {
    this.#game = game;
    this.#state = state;
  }

  get intro(): string {
    return derive(
      this.#game.introText,
      this.#derivation,
      this.#game.engine.initialFacts,
    );
  }

  get won(): boolean {
    return this.#game.engine.goalHolds(this.#state.facts);
  }

  admissible(): string[] {
    const { applicable } = this.#state;
    const { commands, dynamic } = this.#game;
    const list: string[] = [];
    let last: string | undefined;
    for (let word = 0; word < applicable.length; word++) {
      for (let bits = applicable[word]!; bits !== 0; bits &= bits - 1) {
        const command = commands[(word << 5) + 31 - Math.clz32(bits & -bits)];
        if (command === undefined || command === last) continue;
        list.push(command);
        last = command;
      }
    }
    if (dynamic.length === 0) return list;
    for (const operator of dynamic) {
      if (isApplicable(this.#state, operator)) {
        list.push(this.#commandOf(operator));
      }
    }
    return [...new Set(list)].sort(compare);
  }

  /** Command of an operator whose name depends on the state. */
  #commandOf(operator: number): string {
    const { engine, texts } = this.#game;
    this.#derivation.slots.set(engine.params(operator));
    const { template } = texts[engine.schemas[operator]!]!;
    return derive(template.text, this.#derivation, this.#state.facts);
  }

  #find(command: string): number {
    const { firstOperator, commands, dynamic } = this.#game;
    const first = firstOperator.get(command);
    if (first !== undefined) {
      for (let at = first; commands[at] === command; at++) {
        if (isApplicable(this.#state, at)) return at;
      }
    }
    return dynamic.find((operator) =>
      isApplicable(this.#state, operator) &&
      this.#commandOf(operator) === command
    ) ?? -1;
  }

  step(command: string): PlayStep {
    const { engine, texts } = this.#game;
    const operator = this.#find(pythonStrip(command));
    if (operator < 0) {
      return { text: NOTHING_HAPPENS, accepted: false, won: this.won };
    }
    engine.apply(this.#state, operator);
    this.#derivation.slots.set(engine.params(operator));
    const { feedback } = texts[engine.schemas[operator]!]!;
    const text = derive(feedback, this.#derivation, this.#state.facts);
    return { text, accepted: true, won: this.won };
  }

  stateKey(): string {
    return `${this.#game.hash}:${this.#game.engine.describe(this.#state)}`;
  }

  facts(predicate: string): (readonly string[])[] {
    const { facts } = this.#state;
    const holding: (readonly string[])[] = [];
    const columns = this.#game.factsOf.get(predicate);
    if (columns === undefined) return holding;
    const { arity, entities, places } = columns;
    for (let fact = 0; fact < places.length; fact++) {
      const place = places[fact]!;
      if (place >= 0 && !(facts[place]! & HOLDS)) continue;
      const ids: string[] = [];
      for (let i = fact * arity; i < (fact + 1) * arity; i++) {
        ids.push(this.#game.ids[entities[i]!]!);
      }
      holding.push(ids);
    }
    return holding;
  }

  fork(): GamePlay {
    return new Play(this.#game, copyState(this.#state));
  }
}
