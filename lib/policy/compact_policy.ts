/**
 * A small network that reads task, observations and held subgoal, and scores keep or switch,
 * candidate subgoals and admissible actions; three value heads on a shared trunk.
 *
 * It sees nothing but texts the agent was shown, and its own past decisions.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../random.ts";
import {
  type ByDecision,
  type ChoiceTrace,
  type Decision,
  type Situation,
} from "../trajectory.ts";
import { type CompactInputs, packBatch, readInputs } from "./compact_batch.ts";
import {
  checkActions,
  choiceTrace,
  recordDecision,
  scoreChoices,
  scoreSwitches,
} from "./compact_choice.ts";
import { byChance, type Chooser, followInRounds } from "./compact_chooser.ts";
import { type Draft, draftInputs } from "./compact_inputs.ts";
import { createMemoryStore, type EpisodeMemory } from "./compact_memory.ts";
import { createCompactNetwork } from "./compact_network.ts";
import { numbersOf, readActions, readPlans, swept } from "./compact_reading.ts";
import type { DifferentiablePolicy, ScoredBatch } from "./differentiable.ts";
import type { Critic, Policy, Rescored } from "./policy.ts";
import { createLexicon } from "./text_features.ts";

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

/** A policy of {@linkcode createCompactPolicy}. */
export interface CompactPolicy extends DifferentiablePolicy {
  /**
   * The same weights, deciding at another temperature: below 1 sharper, 0 always the likeliest.
   * Later changes of the weights are seen by it. For evaluation; its traces are not for learning.
   */
  atTemperature(temperature: number): Policy & Critic;
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
 * Makes a compact policy on the active TensorFlow.js backend.
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
 */
export function createCompactPolicy(
  options: CompactPolicyOptions,
): CompactPolicy {
  const {
    seed,
    proposeSubgoals,
    buckets = 2048,
    embedding = 32,
    width = 64,
    valueScale = 10,
    switchBias = -1,
    prior = 1,
  } = options;
  const network = createCompactNetwork(
    createRandom(seed).fork("compact policy"),
    { buckets, embedding, width, valueScale, switchBias, prior },
  );
  const lexicon = createLexicon({ buckets });
  const memories = createMemoryStore(lexicon);

  const draft = (
    situation: Situation,
    claimed: Set<EpisodeMemory>,
    { hint, also }: { hint?: string; also?: string | undefined } = {},
  ): Draft => {
    const { observation, subgoal } = situation;
    const held = proposeSubgoals && subgoal ? subgoal : undefined;
    const proposed = proposeSubgoals?.(situation) ?? [];
    const fallback = also ?? situation.task;
    const candidates = !proposeSubgoals
      ? []
      : proposed.length === 0
      ? [fallback]
      : also === undefined || proposed.includes(also)
      ? proposed
      : [...proposed, also];
    const told = !hint
      ? situation
      : { ...situation, task: `${situation.task} ${hint}` };
    const { admissibleActions: actions } = observation;
    return draftInputs(memories.recall(told, claimed), {
      lexicon,
      actions,
      candidates,
      held,
    });
  };
  const decideBy = (
    situations: readonly Situation[],
    chooser: Chooser,
  ): Decision[] => {
    if (situations.length === 0) return [];
    situations.forEach(checkActions);
    const claimed = new Set<EpisodeMemory>();
    const drafts = situations.map((situation, i) =>
      draft(situation, claimed, { also: chooser.alsoConsider(i) })
    );
    const plans = readPlans(network, drafts.map((one) => one.planning));
    const planned = drafts.map((one, i) => chooser.plan(one, plans, i));
    const inputs = drafts.map((one, i) =>
      one.acting(planned[i]!.subgoal, planned[i]!.switched)
    );
    const actions = readActions(network, inputs);
    return situations.map((situation, i) => {
      const { starts } = actions.rows;
      const logits = actions.execution.subarray(starts[i], starts[i + 1]);
      const chosen = chooser.act(logits, i);
      return recordDecision(situation, { ...planned[i]!, inputs: inputs[i]! }, {
        action: chosen,
        values: {
          switching: plans.values.switching[i]!,
          planning: plans.values.planning[i]!,
          execution: actions.value[i]!,
        },
        heldValue: plans.values.execution[i]!,
      });
    });
  };
  const evaluate = (situations: readonly Situation[]): ByDecision<number>[] => {
    if (situations.length === 0) return [];
    const { values } = readPlans(
      network,
      situations.map((one) => draft(one, new Set()).planning),
    );
    return situations.map((_, i) => ({
      switching: values.switching[i]!,
      planning: values.planning[i]!,
      execution: values.execution[i]!,
    }));
  };
  const scoreInputs = (
    inputs: readonly CompactInputs[],
    traces: readonly ChoiceTrace[],
  ): ScoredBatch =>
    tf.tidy(() => {
      const batch = packBatch(inputs);
      const trunk = network.readTrunk(batch);
      const plans = network.scorePlans(batch, trunk);
      const actions = network.scoreActions(batch, trunk);
      const parts = [
        scoreSwitches(
          plans.switching,
          traces,
          (i) => inputs[i]!.contextTexts[0]! >= 0,
        ),
        scoreChoices(
          plans.planning,
          batch.subgoalRows,
          traces.map((trace) => trace.chosen.planning),
        ),
        scoreChoices(
          actions.execution,
          batch.actionRows,
          traces.map((trace) => trace.chosen.execution),
        ),
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

  return {
    variables: network.variables,
    decide: (situations, randoms) => decideBy(situations, byChance(randoms, 1)),
    follow: (situations, decisions) =>
      followInRounds(situations, decisions, decideBy),
    evaluate,
    atTemperature(temperature) {
      if (!(temperature >= 0)) {
        throw new RangeError(
          `Cannot decide as "temperature" must not be negative: current value is ${temperature}`,
        );
      }
      return {
        decide: (situations, randoms) =>
          decideBy(situations, byChance(randoms, temperature)),
        evaluate,
      };
    },
    score(samples) {
      const traces = samples.map(choiceTrace);
      return scoreInputs(
        traces.map((trace) => readInputs(trace.inputs)),
        traces,
      );
    },
    rescore(samples, { hint } = {}) {
      const results: Rescored[] = [];
      for (let at = 0; at < samples.length; at += RESCORE_BATCH) {
        const chunk = samples.slice(at, at + RESCORE_BATCH);
        const traces = chunk.map(choiceTrace);
        const inputs = chunk.map((sample, i) =>
          hint === undefined
            ? readInputs(traces[i]!.inputs)
            : draft(sample.situation, new Set(), {
              hint: hint(sample.situation),
            }).acting(
              sample.decision.subgoal || undefined,
              sample.decision.switched,
            )
        );
        const [logProbs, entropies] = swept(() => {
          const scored = scoreInputs(inputs, traces);
          return [
            numbersOf(scored.logProbs),
            numbersOf(scored.entropies),
          ] as const;
        });
        for (let i = 0; i < chunk.length; i++) {
          results.push({
            logProbs: logProbs.slice(3 * i, 3 * i + 3),
            entropies: entropies.slice(3 * i, 3 * i + 3),
          });
        }
      }
      return results;
    },
    dispose() {
      for (const variable of Object.values(network.variables)) {
        variable.dispose();
      }
    },
  };
}
