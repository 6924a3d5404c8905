/**
 * The compact policy: a small network that reads task, observations and held subgoal, and scores keep
 * or switch, candidate subgoals and admissible actions; three value heads on a shared trunk.
 *
 * Its inputs are the observed texts and its own past decisions.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { createRandom, type Random } from "../../random.ts";
import {
  type ByDecision,
  byDecision,
  type ChoiceTrace,
  type Decision,
  type DecisionName,
  type Observation,
  type Situation,
} from "../../trajectory.ts";
import { requireBackend } from "../backends/tensor_setup.ts";
import type {
  CompletePolicy,
  CompleteSession,
  DifferentiablePolicy,
  EncodeOptions,
  EpisodeStart,
  IntervenablePolicy,
  PlanIntervention,
  Policy,
  SampleScores,
  ScoredBatch,
  ScoredTurn,
} from "../policy.ts";
import { EpisodeHistories } from "../session.ts";
import { type CompactInputs, packBatch, readInputs } from "./batch.ts";
import {
  checkActions,
  choiceTrace,
  choosePlan,
  type Chooser,
  demonstrated,
  intervening,
  recordDecision,
  sampled,
  scoreChoices,
  scoreSwitches,
} from "./choice.ts";
import {
  type CompactNetwork,
  createCompactNetwork,
  numbersOf,
  readActions,
  readPlans,
  swept,
} from "./network.ts";
import { buildInputs, type InputBuilder } from "./inputs.ts";
import { type EpisodeMemory, followEpisode } from "./memory.ts";
import { createLexicon, type Lexicon } from "./words.ts";

/** Options for {@linkcode createCompactPolicy}. */
export interface CompactPolicyOptions {
  /** Seed of the first weights. */
  readonly seed: number;
  /** Lists candidate subgoals; absent makes a policy without a plan (the flat contract). */
  readonly proposeSubgoals?: (situation: Situation) => readonly string[];
  /** Rows of the hashed word embedding. @default {2048} */
  readonly buckets?: number;
  /** Width of a word's embedding. @default {32} */
  readonly embedding?: number;
  /** Width of the trunk and of the scorers. @default {64} */
  readonly width?: number;
  /** Units of return that a value head's output of 1 stands for. @default {10} */
  readonly valueScale?: number;
  /** Initial logit of SWITCH. @default {-1, and -3 with steps} */
  readonly switchBias?: number;
  /**
   * What decides actions beside the memory of the world: the `task` and the held subgoal, or the held `subgoal`
   * alone, with the task's sentence cut out of what was observed.
   *
   * @default {"task"}
   */
  readonly executor?: "subgoal" | "task";
  /**
   * What the listed subgoals are: `steps` of a task, one of which is left for another when it is achieved, or of the
   * whole `task`. With steps a switch must switch, and the prior ends what is achieved.
   *
   * @default {"task"}
   */
  readonly subgoals?: "steps" | "task";
  /** Whether the newest observation of a situation achieves a subgoal, by a rule of the world. */
  readonly achieved?: (subgoal: string, situation: Situation) => boolean;
  /**
   * Strength of the prior in the untrained policy, towards untried actions that share words with the
   * subgoal and away from achieved subgoals; 0 makes it nearly uniform.
   *
   * @default {1}
   */
  readonly prior?: number;
}

/** Defaults of {@linkcode CompactPolicyOptions}. */
export const COMPACT_DEFAULTS = {
  buckets: 2048,
  embedding: 32,
  width: 64,
  valueScale: 10,
  prior: 1,
  executor: "task",
  subgoals: "task",
} as const;

/** Initial logit of SWITCH, by what the listed subgoals are. */
export const SWITCH_BIAS = { steps: -3, task: -1 } as const;

/** A policy of {@linkcode createCompactPolicy}. */
export interface CompactPolicy
  extends DifferentiablePolicy, CompletePolicy, IntervenablePolicy {
  /** Opens a session; see {@linkcode CompletePolicy.open}. */
  open(starts: readonly EpisodeStart[]): CompactSession;
  /**
   * The same weights at another sampling temperature; 0 is greedy. For evaluation: its traces are not
   * for learning.
   */
  atTemperature(temperature: number): CompletePolicy;
}

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

/** Samples per batch of `scoreSamples`. */
const SCORE_BATCH = 512;

/**
 * Makes a compact policy on the active TensorFlow.js backend, which must read back synchronously:
 * `wasm`, `cpu` or native TensorFlow, not `webgpu`.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { createCompactPolicy, createRandom, selectBackend } from "@hiper/lab";
 *
 * await selectBackend("wasm");
 * const policy = createCompactPolicy({
 *   seed: 1,
 *   proposeSubgoals: () => ["find a mug", "leave"],
 * });
 * const observation = {
 *   text: "You see a door 1.",
 *   admissibleActions: ["open door 1", "look"],
 *   stateKey: "start",
 * };
 * using session = policy.open([{ task: "find a mug" }]);
 * const [decision] = session.decide([0], [observation], [createRandom(7)]);
 * ok(observation.admissibleActions.includes(decision!.action));
 * policy.dispose();
 * ```
 *
 * @param options Seed, subgoals, sizes.
 * @returns The policy. Caller disposes.
 * @throws {TypeError} If no backend is active, or it is `webgpu`.
 */
export function createCompactPolicy(
  options: CompactPolicyOptions,
): CompactPolicy {
  return new Compact(options);
}

/** State that the sessions of a policy share. */
interface SharedState {
  readonly network: CompactNetwork;
  readonly lexicon: Lexicon;
  readonly propose: CompactPolicyOptions["proposeSubgoals"];
  readonly achieved: CompactPolicyOptions["achieved"];
  readonly executor: "subgoal" | "task";
  readonly subgoals: "steps" | "task";
}

class Compact implements CompactPolicy {
  readonly variables: CompactPolicy["variables"];
  readonly #shared: SharedState;

  constructor(options: CompactPolicyOptions) {
    checkBackend();
    const { seed, proposeSubgoals: propose, achieved, ...asked } = options;
    const all = { ...COMPACT_DEFAULTS, ...asked };
    // Without a plan there is no subgoal to see.
    const executor = propose ? all.executor : "task";
    const { switchBias = SWITCH_BIAS[all.subgoals] } = all;
    const settings = { ...all, executor, switchBias };
    const random = createRandom(seed).fork("compact policy");
    const network = createCompactNetwork(random, settings);
    const lexicon = createLexicon(settings);
    const { subgoals } = all;
    this.#shared = { network, lexicon, propose, achieved, executor, subgoals };
    this.variables = network.variables;
  }

  open(starts: readonly EpisodeStart[]): CompactSession {
    return new Session(this.#shared, starts, { temperature: 1 });
  }

  atTemperature(temperature: number): CompletePolicy {
    if (!(temperature >= 0)) {
      throw new RangeError(
        `Cannot decide as "temperature" must not be negative: current value is ${temperature}`,
      );
    }
    return {
      open: (starts) => new Session(this.#shared, starts, { temperature }),
    };
  }

  intervened(replace: PlanIntervention, temperature = 1): Policy {
    const options = { temperature, replace };
    return { open: (starts) => new Session(this.#shared, starts, options) };
  }

  score(turns: readonly ScoredTurn[]): ScoredBatch {
    return this.#scoreTraces(turns.map(choiceTrace));
  }

  scoreSamples(samples: readonly ScoredTurn[]): SampleScores[] {
    const results: SampleScores[] = [];
    for (let at = 0; at < samples.length; at += SCORE_BATCH) {
      const traces = samples.slice(at, at + SCORE_BATCH).map(choiceTrace);
      const [logProbs, entropies] = swept(() => {
        const scored = this.#scoreTraces(traces);
        return [numbersOf(scored.logProbs), numbersOf(scored.entropies)];
      });
      for (let i = 0; i < traces.length; i++) {
        results.push({
          logProbs: logProbs!.slice(3 * i, 3 * i + 3),
          entropies: entropies!.slice(3 * i, 3 * i + 3),
        });
      }
    }
    return results;
  }

  dispose(): void {
    for (const variable of Object.values(this.variables)) variable.dispose();
  }

  /** Scores recorded choices from the inputs that their traces carry. */
  #scoreTraces(traces: readonly ChoiceTrace[]): ScoredBatch {
    const { network } = this.#shared;
    const inputs = traces.map((trace): CompactInputs =>
      readInputs(trace.inputs)
    );
    const chosen = (name: DecisionName) =>
      traces.map((trace) => trace.chosen[name]);
    const isHeld = (i: number) => inputs[i]!.contextTexts[0]! >= 0;
    const batch = packBatch(inputs);
    return tf.tidy(() => {
      const encoded = network.encode(batch);
      const plans = network.scorePlans(batch, encoded);
      const actions = network.scoreActions(batch, encoded);
      const { subgoalRows, actionRows } = batch;
      const parts = [
        scoreSwitches(plans.switching, traces, isHeld),
        scoreChoices(plans.planning, subgoalRows, chosen("planning")),
        scoreChoices(actions.execution, actionRows, chosen("execution")),
      ];
      const interleave = (columns: tf.Tensor1D[]): tf.Tensor1D =>
        tf.reshape(tf.stack(columns, 1), [-1]);
      return {
        logProbs: interleave(parts.map((part) => part.logProbs)),
        entropies: interleave(parts.map((part) => part.entropies)),
        values: {
          switching: plans.values.switching,
          planning: plans.values.planning,
          execution: actions.value,
        },
      };
    });
  }
}

/** How a session decides. */
interface PlayOptions {
  readonly temperature: number;
  /** Exchanges subgoals; such decisions cannot be learned from. */
  readonly replace?: PlanIntervention;
}

/** Episodes in progress, with an episode memory per row. */
class Session implements CompactSession {
  readonly #shared: SharedState;
  readonly #starts: readonly EpisodeStart[];
  readonly #options: PlayOptions;
  readonly #histories: EpisodeHistories;
  readonly #memories: EpisodeMemory[] = [];

  constructor(
    shared: SharedState,
    starts: readonly EpisodeStart[],
    options: PlayOptions,
  ) {
    this.#shared = shared;
    this.#starts = starts;
    this.#options = options;
    this.#histories = new EpisodeHistories(starts);
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
    const encoded = this.#decideBy(chooser, rows, observations, hints);
    this.#histories.recordAll(rows, observations, decisions);
    return encoded;
  }

  values(
    rows: readonly number[],
    observations: readonly Observation[],
  ): ByDecision<number>[] {
    if (rows.length === 0) return [];
    using plans = readPlans(
      this.#shared.network,
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
    hints: readonly string[] = [],
  ): Decision[] {
    if (rows.length === 0) return [];
    const { network } = this.#shared;
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
    using plans = readPlans(network, builders.map((one) => one.planning));
    const planned = builders.map((one, i) => {
      const plan = choosePlan(one, plans, i, chooser);
      const row = rows[i]!, situation = situations[i]!;
      return chooser.exchange?.(plan, { row, situation }, i) ?? plan;
    });
    const inputs = builders.map((one, i) =>
      one.acting(planned[i]!.subgoal, planned[i]!.switched)
    );
    const { execution, rows: { starts }, value } = readActions(
      network,
      inputs,
      plans.state,
    );
    return situations.map((situation, i) => {
      const logits = execution.subarray(starts[i], starts[i + 1]);
      return recordDecision(situation, { ...planned[i]!, inputs: inputs[i]! }, {
        action: chooser.act(logits, i),
        values: {
          switching: plans.values.switching[i]!,
          planning: plans.values.planning[i]!,
          execution: value[i]!,
        },
        heldValue: plans.values.execution[i]!,
      });
    });
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
    const { propose } = this.#shared;
    if (!propose) return [];
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

/** Deciding needs two synchronous readbacks per turn. */
function checkBackend(): void {
  requireBackend("create a compact policy");
  if (tf.getBackend() === "webgpu") {
    throw new TypeError(
      'Cannot create a compact policy as the backend must answer at once, such as "wasm": current value is "webgpu"',
    );
  }
}
