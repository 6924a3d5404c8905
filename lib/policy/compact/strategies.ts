/**
 * Strategies of the compact policy: sequences of listed subgoals, composed before the first turn and followed to the end.
 *
 * A strategy is composed step by step: each is a planning choice, made as if the steps before it were achieved. While it
 * is followed, a step is in force until the world's rule says that it is achieved; the last one stays.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type {
  AnsweredTurn,
  ChoiceTrace,
  Situation,
  Strategy,
} from "../../trajectory.ts";
import type { DrawnStrategy } from "../policy.ts";
import {
  type Choice,
  type CompactReader,
  type PlanChoice,
  sampleChoice,
} from "./choice.ts";
import { buildInputs, type InputBuilder } from "./inputs.ts";
import { followEpisode, type MemoryOptions } from "./memory.ts";

/** How strategies are composed and followed. */
export interface StrategyForm {
  /** Steps of a strategy. */
  readonly steps: number;
  /** Lists candidates for the next step, given those before it. */
  readonly propose: (
    situation: Situation,
    steps: readonly string[],
  ) => readonly string[];
  /** Whether the newest observation of a situation achieves a step; absent leaves the first step in force. */
  readonly achieved?:
    | ((subgoal: string, situation: Situation) => boolean)
    | undefined;
}

/** Joins the steps of a strategy. */
const THEN = ", then ";

/** A strategy of listed subgoals. */
export function strategyOf(steps: readonly string[]): Strategy {
  return { text: steps.join(THEN), steps };
}

/** The steps of a strategy, from its words. */
export function stepsOfStrategy(text: string): string[] {
  return text.split(THEN);
}

/** A strategy in progress. */
interface Composition {
  readonly situation: Situation;
  readonly random: Random;
  readonly steps: string[];
  readonly choices: AnsweredTurn[];
}

/** A start, and the steps that are taken as done there. */
interface Imagined {
  readonly situation: Situation;
  readonly builder: InputBuilder;
  /** What was recorded of each candidate that was chosen. */
  readonly inputs: Map<number, ReturnType<InputBuilder["acting"]>>;
}

/** What a policy composes strategies with. */
export interface StrategyComposer extends MemoryOptions {
  readonly reader: () => CompactReader;
  readonly strategy: StrategyForm;
}

/** Composes a strategy for each situation, drawn from its own stream; equal beginnings are read once. */
export function composeStrategies(
  shared: StrategyComposer,
  situations: readonly Situation[],
  { randoms, temperature }: {
    readonly randoms: readonly Random[];
    readonly temperature: number;
  },
): DrawnStrategy[] {
  const composing = situations.map((situation, i): Composition => ({
    ...{ situation, steps: [], choices: [] },
    random: randoms[i]!,
  }));
  for (let k = 0; k < shared.strategy.steps; k++) {
    addSteps(shared, composing, temperature);
  }
  return composing.map(({ steps, choices }) => ({
    strategy: strategyOf(steps),
    choices,
  }));
}

/** Adds one step to each composition. */
function addSteps(
  shared: StrategyComposer,
  composing: readonly Composition[],
  temperature: number,
): void {
  const numbers = new Map<Situation, Map<string, number>>();
  const distinct: Imagined[] = [];
  const places = composing.map(({ situation, steps }) => {
    let known = numbers.get(situation);
    if (known === undefined) numbers.set(situation, known = new Map());
    const key = steps.join(THEN);
    let place = known.get(key);
    if (place === undefined) {
      known.set(key, place = distinct.length);
      distinct.push(imagine(shared, situation, steps));
    }
    return place;
  });
  if (distinct.length === 0) return;
  using plans = shared.reader().readPlans(
    distinct.map(({ builder }) => builder.planning),
  );
  const { starts } = plans.rows;
  composing.forEach(({ random, steps, choices }, i) => {
    const place = places[i]!, { situation, builder, inputs } = distinct[place]!;
    const logits = plans.planning.subarray(starts[place], starts[place + 1]);
    const choice = sampleChoice(logits, { random, temperature });
    const step = builder.candidates[choice.index]!;
    let own = inputs.get(choice.index);
    if (own === undefined) {
      inputs.set(choice.index, own = builder.acting(step, true));
    }
    choices.push(chosenStep(situation, builder.candidates, choice, own));
    steps.push(step);
  });
}

/** The inputs of a start after some steps: each is remembered as an action that achieved itself and changed nothing seen. */
function imagine(
  shared: StrategyComposer,
  situation: Situation,
  steps: readonly string[],
): Imagined {
  const { observation } = situation;
  const past = steps.map((step): AnsweredTurn => ({
    observation,
    decision: {
      ...{ switched: true, subgoal: step, action: step, valid: true },
      trace: { kind: "untrainable" },
    },
  }));
  const memory = followEpisode(undefined, { ...situation, past }, {
    ...shared,
    achieved: shared.achieved && (() => true),
  });
  const builder = buildInputs(memory, {
    lexicon: shared.lexicon,
    actions: observation.admissibleActions,
    candidates: shared.strategy.propose(situation, steps),
    held: steps.at(-1),
    executor: shared.executor,
  });
  return { situation, builder, inputs: new Map() };
}

/** Records the choice of a step; nothing else was decided. */
function chosenStep(
  { observation }: Situation,
  subgoals: readonly string[],
  planning: Choice,
  inputs: ReturnType<InputBuilder["acting"]>,
): AnsweredTurn {
  const trace: ChoiceTrace = {
    ...{ kind: "choices", subgoals, inputs },
    chosen: { switching: -1, planning: planning.index, execution: -1 },
    logProbs: { switching: 0, planning: planning.logProb, execution: 0 },
  };
  const subgoal = subgoals[planning.index]!;
  const decision = { switched: true, subgoal, action: "", valid: true, trace };
  return { observation, decision };
}

/** A step in force. */
export interface StepInForce {
  readonly subgoal: string;
  /** Whether it was taken up on this turn. */
  readonly switched: boolean;
}

/** The plan of a turn that a strategy decides: no choice is made. */
export function followedPlan({ subgoal, switched }: StepInForce): PlanChoice {
  const none = { index: -1, logProb: 0 };
  return {
    ...{ switched, subgoal, candidates: [] },
    ...{ switching: none, planning: none },
    switchProbability: switched ? 1 : 0,
  };
}

/** The strategies of a session's rows, and how far each has come. */
export class StrategyFollower {
  readonly #form: StrategyForm;
  readonly #strategies: (Strategy | undefined)[];
  readonly #places: number[];

  constructor(
    form: StrategyForm,
    strategies: readonly (Strategy | undefined)[],
  ) {
    this.#form = form;
    this.#strategies = [...strategies];
    this.#places = strategies.map(() => 0);
  }

  /** The strategy of a row, if it has one yet. */
  of(row: number): Strategy | undefined {
    return this.#strategies[row];
  }

  take(row: number, strategy: Strategy): void {
    this.#strategies[row] = strategy;
  }

  /** The step in force in a row's newest situation; moves on where the one before is achieved. */
  follow(row: number, situation: Situation): StepInForce {
    const { steps } = this.#strategies[row]!, { past } = situation;
    const place = this.#places[row]!;
    const moves = past.length > 0 && place + 1 < steps.length &&
      this.#form.achieved?.(steps[place]!, situation) === true;
    const now = moves ? place + 1 : place;
    this.#places[row] = now;
    return { subgoal: steps[now]!, switched: past.length === 0 || moves };
  }
}
