/**
 * Sessions of the compact policy: episodes in progress, with a memory of each, decided turn by turn.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import {
  type ByDecision,
  byDecision,
  type Decision,
  type Observation,
  type Situation,
} from "../../trajectory.ts";
import type {
  CompletePolicy,
  CompleteSession,
  EncodeOptions,
  EpisodeStart,
  PlanIntervention,
} from "../policy.ts";
import { EpisodeHistories } from "../session.ts";
import {
  checkActions,
  choosePlan,
  type Chooser,
  type CompactReader,
  demonstrated,
  intervening,
  recordDecision,
  sampled,
} from "./choice.ts";
import type { SharedWeights } from "./kernels/shared_weights.ts";
import {
  composeStrategies,
  followedPlan,
  type StepInForce,
  StrategyFollower,
  type StrategyForm,
} from "./strategies.ts";
import { buildInputs, type InputBuilder } from "./inputs.ts";
import { type EpisodeMemory, followEpisode } from "./memory.ts";
import type { Lexicon } from "./words.ts";

/** A session of a compact policy; its methods are synchronous. */
export interface CompactSession extends CompleteSession {
  /** Decides; see {@linkcode CompleteSession.decide}. */
  decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Decision[];
  /** Values; see {@linkcode CompleteSession.values}. */
  values(
    rows: readonly number[],
    observations: readonly Observation[],
  ): ByDecision<number>[];
  /** Encodes; see {@linkcode CompleteSession.encode}. Decisions are scored in any case. */
  encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    options?: EncodeOptions,
  ): Decision[];
}

/** State that the sessions of a policy share. */
export interface SharedState {
  /** The weights on shared memory, where the policy has them there. */
  readonly weights: SharedWeights | undefined;
  /** The network under the present weights. */
  readonly reader: () => CompactReader;
  readonly lexicon: Lexicon;
  readonly propose:
    | ((situation: Situation) => readonly string[])
    | undefined;
  readonly achieved:
    | ((subgoal: string, situation: Situation) => boolean)
    | undefined;
  readonly executor: "subgoal" | "task";
  readonly subgoals: "steps" | "task";
  /** How strategies are composed; absent where subgoals are chosen turn by turn. */
  readonly strategy: StrategyForm | undefined;
}

/** The weights of a policy at a sampling temperature. */
export class Player implements CompletePolicy {
  readonly temperature: number;
  readonly shared: SharedState;

  constructor(shared: SharedState, temperature: number) {
    this.temperature = temperature;
    this.shared = shared;
  }

  open(starts: readonly EpisodeStart[]): CompactSession {
    return new Session(this.shared, starts, { temperature: this.temperature });
  }
}

/** How a session decides. */
export interface PlayOptions {
  readonly temperature: number;
  /** Exchanges subgoals; such decisions cannot be learned from. */
  readonly replace?: PlanIntervention;
}

/** Episodes in progress, with an episode memory per row. */
export class Session implements CompactSession {
  readonly #shared: SharedState;
  readonly #starts: readonly EpisodeStart[];
  readonly #options: PlayOptions;
  readonly #histories: EpisodeHistories;
  readonly #memories: EpisodeMemory[] = [];
  readonly #follower: StrategyFollower | undefined;

  constructor(
    shared: SharedState,
    starts: readonly EpisodeStart[],
    options: PlayOptions,
  ) {
    this.#shared = shared;
    this.#starts = starts;
    this.#options = options;
    this.#histories = new EpisodeHistories(starts);
    this.#follower = shared.strategy &&
      new StrategyFollower(
        shared.strategy,
        starts.map(({ strategy }) => strategy),
      );
  }

  decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Decision[] {
    const { temperature, replace } = this.#options;
    const chooser = sampled(randoms, temperature);
    const decisions = this.#decideBy(
      replace ? intervening(chooser, replace, randoms) : chooser,
      rows,
      observations,
      { steps: this.#stepsInForce(rows, observations, randoms) },
    );
    this.#histories.recordAll(rows, observations, decisions);
    return decisions;
  }

  encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    { hints }: EncodeOptions = {},
  ): Decision[] {
    const chooser = demonstrated(observations, decisions);
    const encoded = this.#decideBy(chooser, rows, observations, {
      hints,
      steps: this.#shared.strategy && decisions,
    });
    this.#histories.recordAll(rows, observations, decisions);
    return encoded;
  }

  values(
    rows: readonly number[],
    observations: readonly Observation[],
  ): ByDecision<number>[] {
    if (rows.length === 0) return [];
    using plans = this.#shared.reader().readPlans(
      rows.map((row, i) => this.#inputs(row, observations[i]!, {}).planning),
    );
    return rows.map((_, i) => byDecision((name) => plans.values[name][i]!));
  }

  [Symbol.dispose](): void {
    this.#memories.length = 0;
  }

  #decideBy(
    chooser: Chooser,
    rows: readonly number[],
    observations: readonly Observation[],
    { hints = [], steps }: {
      readonly hints?: readonly string[] | undefined;
      /** Subgoals that a strategy has in force; absent where they are chosen. */
      readonly steps?: readonly StepInForce[] | undefined;
    },
  ): Decision[] {
    if (rows.length === 0) return [];
    const reader = this.#shared.reader();
    const situations = rows.map((row, i) =>
      this.#histories.situation(row, observations[i]!)
    );
    situations.forEach(checkActions);
    const builders = rows.map((row, i) =>
      this.#inputs(row, observations[i]!, {
        also: chooser.alsoConsider(i),
        hint: hints[i],
      })
    );
    using plans = reader.readPlans(builders.map((one) => one.planning));
    const planned = builders.map((one, i) => {
      if (steps) return followedPlan(steps[i]!);
      const plan = choosePlan(one, plans, i, chooser);
      const row = rows[i]!, situation = situations[i]!;
      return chooser.exchange?.(plan, { row, situation }, i) ?? plan;
    });
    const inputs = builders.map((one, i) =>
      one.acting(planned[i]!.subgoal, planned[i]!.switched)
    );
    const { execution, rows: { starts }, value } = plans.readActions(inputs);
    return situations.map((situation, i) => {
      const logits = execution.subarray(starts[i], starts[i + 1]);
      const strategy = situation.past.length === 0
        ? this.#follower?.of(rows[i]!)?.text
        : undefined;
      const decision = recordDecision(situation, {
        ...planned[i]!,
        inputs: inputs[i]!,
      }, {
        action: chooser.act(logits, i),
        values: {
          switching: plans.values.switching[i]!,
          planning: plans.values.planning[i]!,
          execution: value[i]!,
        },
        heldValue: plans.values.execution[i]!,
      });
      return strategy === undefined ? decision : { ...decision, strategy };
    });
  }

  /** The steps that strategies have in force; a row without a strategy draws one. `undefined` without strategies. */
  #stepsInForce(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): StepInForce[] | undefined {
    const follower = this.#follower, { strategy } = this.#shared;
    if (!follower || !strategy) return undefined;
    const situations = rows.map((row, i) =>
      this.#histories.situation(row, observations[i]!)
    );
    const bare = [...rows.keys()].filter((i) => !follower.of(rows[i]!));
    const drawn = composeStrategies(
      { ...this.#shared, strategy },
      bare.map((i) => situations[i]!),
      {
        randoms: bare.map((i) => randoms[i]!.fork("strategy")),
        temperature: this.#options.temperature,
      },
    );
    bare.forEach((i, k) => follower.take(rows[i]!, drawn[k]!.strategy));
    return rows.map((row, i) => follower.follow(row, situations[i]!));
  }

  /** Inputs of a row's turn; `also` is appended to the candidates, `hint` to the task. */
  #inputs(
    row: number,
    observation: Observation,
    { also, hint }: { also?: string | undefined; hint?: string | undefined },
  ): InputBuilder {
    const { lexicon, propose } = this.#shared;
    const situation = this.#histories.situation(row, observation);
    const memory = this.#memory(row, situation);
    const { task, subgoal } = situation;
    return buildInputs(
      hint ? { ...memory, task: lexicon.phrase(`${task} ${hint}`) } : memory,
      {
        lexicon,
        actions: observation.admissibleActions,
        candidates: this.#candidates(situation, also),
        held: propose && subgoal ? subgoal : undefined,
        executor: this.#shared.executor,
      },
    );
  }

  /** The memory of a row up to its current observation. */
  #memory(row: number, situation: Situation): EpisodeMemory {
    const memory = followEpisode(this.#memories[row], situation, this.#shared);
    this.#memories[row] = memory;
    return memory;
  }

  /** Proposed subgoals and `also`; the task itself where nothing is proposed. */
  #candidates(
    situation: Situation,
    also: string | undefined,
  ): readonly string[] {
    const { propose, strategy } = this.#shared;
    if (!propose || strategy) return [];
    const proposed = this.#due(propose(situation), situation.subgoal);
    if (proposed.length === 0) return [also ?? situation.task];
    return also === undefined || proposed.includes(also)
      ? proposed
      : [...proposed, also];
  }

  /** What may be taken up: with steps, anything but the held subgoal, unless nothing else is listed. */
  #due(
    proposed: readonly string[],
    held: string | undefined,
  ): readonly string[] {
    if (this.#shared.subgoals === "task") return proposed;
    const others = proposed.filter((one) => one !== held);
    return others.length > 0 ? others : proposed;
  }
}
