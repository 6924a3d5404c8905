/**
 * A small network that reads task, observations and held subgoal, and scores keep or switch,
 * candidate subgoals and admissible actions; three value heads on a shared trunk.
 *
 * It sees nothing but texts the agent was shown, and its own past decisions.
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
  type Situation,
} from "../../trajectory.ts";
import { type CompactInputs, packBatch, readInputs } from "./batch.ts";
import {
  checkActions,
  choiceTrace,
  recordDecision,
  scoreChoices,
  scoreSwitches,
} from "./choice.ts";
import { byChance, type Chooser, followInRounds } from "./chooser.ts";
import { type Draft, draftInputs } from "./inputs.ts";
import {
  createMemoryStore,
  type EpisodeMemory,
  type MemoryStore,
} from "./memory.ts";
import { type CompactNetwork, createCompactNetwork } from "./network.ts";
import { numbersOf, readActions, readPlans, swept } from "./forward.ts";
import type { DifferentiablePolicy, ScoredBatch } from "../differentiable.ts";
import type {
  CompletePolicy,
  CompleteSession,
  Critic,
  EpisodeStart,
  Rescored,
  ScoredTurn,
} from "../policy.ts";
import { situationSession } from "../session.ts";
import { requireBackend } from "../backends/tensor_setup.ts";
import { createLexicon, type Lexicon } from "./words.ts";

/** Options for {@linkcode createCompactPolicy}. */
export interface CompactPolicyOptions {
  /** Seed of the first weights. */
  readonly seed: number;
  /** Lists subgoals worth considering; absent makes a policy without a plan (the flat contract). */
  readonly proposeSubgoals?: (situation: Situation) => readonly string[];
  /** Rows of the hashed word embedding. @default {2048} */
  readonly buckets?: number;
  /** Width of a word's embedding. @default {32} */
  readonly embedding?: number;
  /** Width of the trunk and of the scorers. @default {64} */
  readonly width?: number;
  /** Units of return that a value head's output of 1 stands for. @default {10} */
  readonly valueScale?: number;
  /** Logit of SWITCH before anything was learned. @default {-1} */
  readonly switchBias?: number;
  /**
   * How strongly the untrained policy leans towards actions that share words with its subgoal and
   * were not tried yet, and away from subgoals already done; 0 makes it nearly uniform. Learning
   * may change all of it.
   *
   * @default {1}
   */
  readonly prior?: number;
}

/** What {@linkcode CompactPolicyOptions} leave out, written here and nowhere else. */
export const COMPACT_DEFAULTS = {
  buckets: 2048,
  embedding: 32,
  width: 64,
  valueScale: 10,
  switchBias: -1,
  prior: 1,
} as const;

/** A policy of {@linkcode createCompactPolicy}. */
export interface CompactPolicy
  extends DifferentiablePolicy, CompletePolicy, Critic {
  /** Opens a session that decides, values and encodes. */
  open(starts: readonly EpisodeStart[]): CompleteSession;
  /** Decides in situations. */
  decide(
    situations: readonly Situation[],
    randoms: readonly Random[],
  ): Decision[];

  /**
   * The same weights, deciding at another temperature: below 1 sharper, 0 always the likeliest.
   * Later changes of the weights are seen by it. For evaluation; its traces are not for learning.
   */
  atTemperature(
    temperature: number,
  ): CompletePolicy & Pick<CompactPolicy, "decide">;
  /**
   * Writes down what somebody else decided as if this policy had decided it, so that it can be
   * learned: traces with this policy's log-probabilities, and its values.
   */
  follow(
    situations: readonly Situation[],
    decisions: readonly Decision[],
  ): Decision[];
}

/** Situations scored in one go by `rescore`. */
const RESCORE_BATCH = 512;

/**
 * Makes a compact policy on the active TensorFlow.js backend, which must answer at once: `wasm`,
 * `cpu` or native TensorFlow, not `webgpu`.
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
 * const situation = {
 *   task: "find a mug",
 *   past: [],
 *   observation: {
 *     text: "You see a door 1.",
 *     admissibleActions: ["open door 1", "look"],
 *     stateKey: "start",
 *   },
 * };
 * const [decision] = await policy.decide([situation], [createRandom(7)]);
 * ok(situation.observation.admissibleActions.includes(decision!.action));
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

class Compact implements CompactPolicy {
  readonly variables: CompactPolicy["variables"];
  readonly #network: CompactNetwork;
  readonly #lexicon: Lexicon;
  readonly #memories: MemoryStore;
  readonly #propose: CompactPolicyOptions["proposeSubgoals"];

  constructor(options: CompactPolicyOptions) {
    checkBackend();
    const { seed, proposeSubgoals, ...asked } = options;
    const settings = { ...COMPACT_DEFAULTS, ...asked };
    this.#network = createCompactNetwork(
      createRandom(seed).fork("compact policy"),
      settings,
    );
    this.#lexicon = createLexicon(settings);
    this.#memories = createMemoryStore(this.#lexicon);
    this.#propose = proposeSubgoals;
    this.variables = this.#network.variables;
  }

  open(starts: readonly EpisodeStart[]): CompleteSession {
    return situationSession(this, starts);
  }

  decide(
    situations: readonly Situation[],
    randoms: readonly Random[],
  ): Decision[] {
    return this.#decideBy(situations, byChance(randoms, 1));
  }

  follow(
    situations: readonly Situation[],
    decisions: readonly Decision[],
  ): Decision[] {
    const decide = this.#decideBy.bind(this);
    return followInRounds(situations, decisions, decide);
  }

  atTemperature(
    temperature: number,
  ): CompletePolicy & Pick<CompactPolicy, "decide"> {
    if (!(temperature >= 0)) {
      throw new RangeError(
        `Cannot decide as "temperature" must not be negative: current value is ${temperature}`,
      );
    }
    const decide: CompactPolicy["decide"] = (situations, randoms) =>
      this.#decideBy(situations, byChance(randoms, temperature));
    return {
      decide,
      open: (starts) =>
        situationSession({
          decide,
          evaluate: (situations) => this.evaluate(situations),
          follow: (situations, decisions) => this.follow(situations, decisions),
        }, starts),
    };
  }

  evaluate(situations: readonly Situation[]): ByDecision<number>[] {
    if (situations.length === 0) return [];
    const drafts = situations.map((one) => this.#draft(one, new Set()));
    const { values } = readPlans(
      this.#network,
      drafts.map((one) => one.planning),
    );
    return situations.map((_, i) => byDecision((name) => values[name][i]!));
  }

  score(samples: readonly ScoredTurn[]): ScoredBatch {
    const traces = samples.map(choiceTrace);
    const inputs = traces.map((trace) => readInputs(trace.inputs));
    return this.#scoreInputs(inputs, traces);
  }

  rescore(
    samples: readonly ScoredTurn[],
    { hint }: Parameters<CompactPolicy["rescore"]>[1] = {},
  ): Rescored[] {
    const results: Rescored[] = [];
    for (let at = 0; at < samples.length; at += RESCORE_BATCH) {
      const chunk = samples.slice(at, at + RESCORE_BATCH);
      const traces = chunk.map(choiceTrace);
      const inputs = chunk.map((sample, i) =>
        hint === undefined
          ? readInputs(traces[i]!.inputs)
          : this.#hinted(sample, hint(sample.situation))
      );
      const [logProbs, entropies] = swept(() => {
        const scored = this.#scoreInputs(inputs, traces);
        return [numbersOf(scored.logProbs), numbersOf(scored.entropies)];
      });
      for (let i = 0; i < chunk.length; i++) {
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

  /** Reads a situation; `claimed` holds the memories of this batch, `hint` joins the task. */
  #draft(
    situation: Situation,
    claimed: Set<EpisodeMemory>,
    { also, hint }: { also?: string | undefined; hint?: string } = {},
  ): Draft {
    const { observation, subgoal } = situation;
    const told = hint
      ? { ...situation, task: `${situation.task} ${hint}` }
      : situation;
    return draftInputs(this.#memories.recall(told, claimed), {
      lexicon: this.#lexicon,
      actions: observation.admissibleActions,
      candidates: this.#candidates(situation, also),
      held: this.#propose && subgoal ? subgoal : undefined,
    });
  }

  /** What is proposed, or the task itself where nothing is; `also` joins it. */
  #candidates(situation: Situation, also: string | undefined) {
    if (!this.#propose) return [];
    const proposed = this.#propose(situation);
    if (proposed.length === 0) return [also ?? situation.task];
    return also === undefined || proposed.includes(also)
      ? proposed
      : [...proposed, also];
  }

  /** Inputs of a decision already made, had the task been told with a hint. */
  #hinted(sample: ScoredTurn, hint: string): CompactInputs {
    const { situation, decision } = sample;
    const draft = this.#draft(situation, new Set(), { hint });
    return draft.acting(decision.subgoal || undefined, decision.switched);
  }

  #decideBy(situations: readonly Situation[], chooser: Chooser): Decision[] {
    if (situations.length === 0) return [];
    situations.forEach(checkActions);
    const claimed = new Set<EpisodeMemory>();
    const drafts = situations.map((situation, i) =>
      this.#draft(situation, claimed, { also: chooser.alsoConsider(i) })
    );
    const plans = readPlans(this.#network, drafts.map((one) => one.planning));
    const planned = drafts.map((one, i) => chooser.plan(one, plans, i));
    const inputs = drafts.map((one, i) =>
      one.acting(planned[i]!.subgoal, planned[i]!.switched)
    );
    const { execution, rows, value } = readActions(this.#network, inputs);
    return situations.map((situation, i) => {
      const logits = execution.subarray(rows.starts[i], rows.starts[i + 1]);
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

  #scoreInputs(
    inputs: readonly CompactInputs[],
    traces: readonly ChoiceTrace[],
  ): ScoredBatch {
    const chosen = (name: DecisionName) =>
      traces.map((trace) => trace.chosen[name]);
    const isHeld = (i: number) => inputs[i]!.contextTexts[0]! >= 0;
    const batch = packBatch(inputs);
    return tf.tidy(() => {
      const trunk = this.#network.readTrunk(batch);
      const plans = this.#network.scorePlans(batch, trunk);
      const actions = this.#network.scoreActions(batch, trunk);
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

/** Every turn is read back twice, at once. */
function checkBackend(): void {
  requireBackend("create a compact policy");
  if (tf.getBackend() === "webgpu") {
    throw new TypeError(
      'Cannot create a compact policy as the backend must answer at once, such as "wasm": current value is "webgpu"',
    );
  }
}
