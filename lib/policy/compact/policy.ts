/**
 * The compact policy: a small network that reads task, observations and held subgoal, and scores keep
 * or switch, candidate subgoals and admissible actions; three value heads on a shared trunk.
 *
 * Its inputs are the observed texts and its own past decisions.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { createRandom } from "../../random.ts";
import type { ChoiceTrace, DecisionName, Situation } from "../../trajectory.ts";
import { requireBackend } from "../backends/tensor_setup.ts";
import type {
  CompletePolicy,
  DifferentiablePolicy,
  EpisodeStart,
  IntervenablePolicy,
  PlanIntervention,
  Policy,
  SampleScores,
  ScoredBatch,
  ScoredTurn,
  StrategicPolicy,
} from "../policy.ts";
import { type CompactInputs, packBatch, readInputs } from "./batch.ts";
import {
  choiceTrace,
  type CompactReader,
  scoreChoices,
  scoreSwitches,
} from "./choice.ts";
import {
  type CompactNetwork,
  createCompactNetwork,
  numbersOf,
  swept,
  tensorReader,
} from "./network.ts";
import { canShareWeights, SharedWeights } from "./kernels/shared_weights.ts";
import {
  type CompactSession,
  Player,
  Session,
  type SharedState,
} from "./session.ts";
import { composeStrategies, type StrategyForm } from "./strategies.ts";
import { createLexicon } from "./words.ts";

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
   * Composes a strategy before the first turn and follows it to the end, in place of choosing subgoals turn by turn;
   * needs `proposeSubgoals`.
   */
  readonly strategy?: StrategyForm;
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
  extends
    DifferentiablePolicy,
    CompletePolicy,
    IntervenablePolicy,
    Partial<Pick<StrategicPolicy, "drawStrategies">> {
  /** Opens a session; see {@linkcode CompletePolicy.open}. */
  open(starts: readonly EpisodeStart[]): CompactSession;
  /**
   * The same weights at another sampling temperature; 0 is greedy. For evaluation: its traces are not
   * for learning.
   */
  atTemperature(temperature: number): CompletePolicy;
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

/** The weights on shared memory of a compact policy of this module, where its backend has kernels for them. */
export function sharedWeightsOf(policy: object): SharedWeights | undefined {
  return policy instanceof Compact ? policy.kernels : undefined;
}

/** Options with every default filled in. */
function settle(options: CompactPolicyOptions) {
  const all = { ...COMPACT_DEFAULTS, ...options };
  // Without a plan there is no subgoal to see.
  const executor = all.proposeSubgoals ? all.executor : "task";
  const { switchBias = SWITCH_BIAS[all.subgoals] } = all;
  return { ...all, executor, switchBias };
}

function shareState(
  settings: ReturnType<typeof settle>,
  source: Pick<SharedState, "reader" | "weights">,
): SharedState {
  const { proposeSubgoals: propose, achieved, executor, subgoals } = settings;
  const lexicon = createLexicon(settings);
  const { strategy } = settings;
  const found = { lexicon, propose, achieved, executor, subgoals, strategy };
  return { ...source, ...found };
}

/**
 * Makes a policy that decides as another one, on a thread of its own: weights are those in shared memory.
 *
 * @param options Options of the other policy; the seed is not used.
 */
export function createCompactReplica(
  options: CompactPolicyOptions,
  network: CompactReader,
): { atTemperature(temperature: number): CompletePolicy } {
  const reader = () => network;
  const shared = shareState(settle(options), { reader, weights: undefined });
  return {
    atTemperature: (temperature) => new Player(shared, temperature),
  };
}

/**
 * The temperature of a compact policy with these weights, or of what its {@linkcode CompactPolicy.atTemperature}
 * returned; `undefined` for any other policy.
 */
export function temperatureOf(
  policy: object,
  weights: SharedWeights,
): number | undefined {
  if (policy instanceof Compact) {
    return policy.kernels === weights ? 1 : undefined;
  }
  return policy instanceof Player && policy.shared.weights === weights
    ? policy.temperature
    : undefined;
}

class Compact implements CompactPolicy {
  readonly variables: CompactPolicy["variables"];
  readonly #network: CompactNetwork;
  readonly #shared: SharedState;
  /** The network on shared memory, where the backend has it. */
  readonly kernels: SharedWeights | undefined;
  readonly drawStrategies?: StrategicPolicy["drawStrategies"];

  constructor(options: CompactPolicyOptions) {
    checkBackend();
    const settings = settle(options);
    const random = createRandom(settings.seed).fork("compact policy");
    const network = createCompactNetwork(random, settings);
    this.#network = network;
    this.variables = network.variables;
    this.kernels = canShareWeights(settings)
      ? new SharedWeights(network.variables, settings)
      : undefined;
    const byTensors = tensorReader(network);
    this.#shared = shareState(settings, {
      reader: () => this.kernels?.network() ?? byTensors,
      weights: this.kernels,
    });
    const { strategy } = settings;
    if (strategy === undefined) return;
    const shared = { ...this.#shared, strategy };
    this.drawStrategies = (situations, randoms) =>
      composeStrategies(shared, situations, { randoms, temperature: 1 });
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
    return new Player(this.#shared, temperature);
  }

  intervened(replace: PlanIntervention, temperature = 1): Policy {
    if (this.#shared.strategy) {
      throw new TypeError(
        "Cannot exchange subgoals as the policy must choose them turn by turn: it follows a strategy",
      );
    }
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
    const network = this.#network;
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

/** Deciding needs two synchronous readbacks per turn. */
function checkBackend(): void {
  requireBackend("create a compact policy");
  if (tf.getBackend() === "webgpu") {
    throw new TypeError(
      'Cannot create a compact policy as the backend must answer at once, such as "wasm": current value is "webgpu"',
    );
  }
}
