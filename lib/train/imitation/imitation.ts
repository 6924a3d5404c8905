/**
 * Imitation learning: maximum likelihood of an expert's decisions.
 *
 * @module
 */

import type {
  EnvSpec,
  ListAlternatives,
  OpenEnv,
} from "../../envs/text_env.ts";
import { toEpisodeBatch } from "../../episode_batch.ts";
import { discountedReturns } from "../../numeric.ts";
import { mixPolicies } from "../../policy/plan_execute.ts";
import type {
  Learner,
  Policy,
  ReadingPolicy,
  SampleBatch,
} from "../../policy/policy.ts";
import { statelessPolicy } from "../../policy/session.ts";
import type { Random } from "../../random.ts";
import { collectTrajectories } from "../../rollout/collect.ts";
import { encodeEpisodes, withOwnStrategy } from "../../rollout/replay.ts";
import {
  scheduleEpisodes,
  type ScheduleOptions,
} from "../../rollout/schedule.ts";
import {
  byDecision,
  type Decision,
  type Situation,
  type Trajectory,
  type Turn,
} from "../../trajectory.ts";
import {
  filterSamples,
  imitationSamples,
  joinSamples,
  situationAt,
} from "../batch.ts";

/** Progress of imitation. */
export interface ImitationProgress {
  /** Completed passes. */
  readonly passes: number;
  /** All passes. */
  readonly of: number;
  /**
   * Mean log-probability, over the last pass, of the expert's decisions and, with `lmLossWeight`, of
   * observations; `NaN` if the learner does not report it.
   */
  readonly logProb: number;
}

/** Options of {@linkcode imitateExpert}. */
export interface ImitationOptions extends Omit<ScheduleOptions, "random"> {
  /** The policy to be trained; its sessions encode the expert's decisions. */
  readonly policy: Policy & Partial<ReadingPolicy>;
  /** Improves that policy. */
  readonly learner: Learner;
  /** Worlds with experts; see `withHints`. */
  readonly specs: readonly EnvSpec[];
  /** Opens worlds whose observations carry hints; see `withHints`. */
  readonly open: OpenEnv;
  /**
   * Actions that are equally good given only what the agent has observed; the expert draws among
   * them. Without them the expert's privileged knowledge leaks into its actions.
   *
   * @default {the hint's action}
   */
  readonly alternatives?: ListAlternatives;
  /** Stream of the worlds and of the order of samples. */
  readonly random: Random;
  /** Passes over the demonstrations. @default {16} */
  readonly epochs?: number;
  /** Whether the expert plays new episodes for each pass. @default {false} */
  readonly resample?: boolean;
  /**
   * Share of turns on which a random action replaces the expert's, so that the data contain
   * recoveries; such turns are played but not learned.
   *
   * @default {0}
   */
  readonly randomActionRate?: number;
  /**
   * Share of turns in the last pass on which the learner decides, growing linearly from 0 in the first,
   * so that the expert labels states that the learner reaches (DAgger; Ross et al., 2011, arXiv
   * 1011.0686). Needs `resample`.
   *
   * @default {0}
   */
  readonly daggerRate?: number;
  /**
   * Weight of the language-modeling loss on observations, beside the expert's decisions; for policies
   * that read texts token by token.
   *
   * @default {0}
   */
  readonly lmLossWeight?: number;
  /** Discount per turn of the returns that the value heads learn. @default {1} */
  readonly gamma?: number;
  /** Samples in one gradient step. @default {64} */
  readonly minibatchSize?: number;
  /** Weight of the value loss. @default {the learner's own} */
  readonly valueCoefficient?: number;
  /** Step size. @default {the learner's own} */
  readonly learningRate?: number;
  /** Step size at the end; it changes linearly. @default {the same} */
  readonly finalLearningRate?: number;
  /** Stops while playing or learning, by throwing its reason. */
  readonly signal?: AbortSignal;
  /** Is called after every pass. */
  readonly onPass?: (progress: ImitationProgress) => void;
}

/**
 * Imitates an expert.
 *
 * The ratios of each gradient step are 1, so the policy gradient with an advantage of 1 is that of
 * the log-likelihood. (With ratios over several steps it would be that of the likelihood itself,
 * which neglects unlikely decisions.) The turns of an episode stay in one minibatch.
 *
 * @param options The policy, its learner, the worlds and the settings.
 * @returns Means over the last pass, by the learner's names, with `expert_log_prob`, the mean
 * log-probability of what the expert decided; and the expert's last episodes.
 * @throws {TypeError} If the worlds have no experts, or `daggerRate` is asked for and episodes are not resampled.
 */
export async function imitateExpert(
  options: ImitationOptions,
): Promise<{ metrics: Record<string, number>; trajectories: Trajectory[] }> {
  const { learner, random, signal, epochs = 16, minibatchSize = 64 } = options;
  const { learningRate, finalLearningRate, valueCoefficient } = options;
  const { resample = false } = options;
  checkLearnerTurns(options);
  let trajectories: Trajectory[] = [];
  let samples: SampleBatch | undefined;
  let metrics: Record<string, number> = {};
  for (let epoch = 0; epoch < epochs; epoch++) {
    signal?.throwIfAborted();
    if (resample || samples === undefined) {
      const stream = random.fork("expert", ...(resample ? [epoch] : []));
      const passed = epochs > 1 ? epoch / (epochs - 1) : 1;
      const demonstrations = await playExpert(options, stream, passed);
      trajectories = demonstrations.trajectories;
      samples = withReading(
        options,
        trajectories,
        await expertSamples(options, demonstrations),
      );
    }
    metrics = await learner.update(samples, {
      epochs: 1,
      minibatchSize,
      minibatchBy: "episode",
      onPolicy: true,
      entropyCoefficient: 0,
      ...(learningRate === undefined ? {} : { learningRate }),
      ...(finalLearningRate === undefined ? {} : { finalLearningRate }),
      ...(valueCoefficient === undefined ? {} : { valueCoefficient }),
      progress: epoch / epochs,
      ...(signal && { signal }),
      random: random.fork("epoch", epoch),
    });
    options.onPass?.({
      passes: epoch + 1,
      of: epochs,
      logProb: metrics["log_prob"] ?? NaN,
    });
  }
  const { log_prob: expert_log_prob = 0, ...rest } = metrics;
  return { metrics: { ...rest, expert_log_prob }, trajectories };
}

/** DAgger needs new episodes in every pass. */
function checkLearnerTurns(
  { daggerRate = 0, resample = false }: ImitationOptions,
): void {
  if (daggerRate === 0 || resample) return;
  throw new TypeError(
    `Cannot imitate with "daggerRate" as "resample" must be on: current value is ${daggerRate}`,
  );
}

/** Episodes, and which of their turns the expert decided. */
interface Demonstrations {
  readonly trajectories: Trajectory[];
  /** By episode and turn; absent where another policy decided. */
  readonly expert: readonly (readonly boolean[])[];
}

/** Plays episodes by the expert, with random actions and turns of the learner where asked for. */
async function playExpert(
  options: ImitationOptions,
  random: Random,
  passed: number,
): Promise<Demonstrations> {
  const { specs, open, signal, policy, daggerRate = 0 } = options;
  const expert: boolean[][] = [];
  let player = demonstrator(options, expert);
  const share = daggerRate * passed;
  if (share > 0) player = mixPolicies(player, policy, share);
  const trajectories = await collectTrajectories(
    player,
    scheduleEpisodes(specs, { ...options, random }),
    { open, bootstrap: false, ...(signal && { signal }) },
  );
  return { trajectories, expert };
}

/**
 * The expert, with a random action in place of its own at the given rate; `expert` gets true for each row and
 * turn that the expert decided.
 */
function demonstrator(options: ImitationOptions, expert: boolean[][]): Policy {
  const { randomActionRate = 0, daggerRate = 0 } = options;
  const decideOne = (
    situation: Situation,
    stream: Random,
    decided: boolean[],
  ): Decision => {
    // The deciding policy and the random action use separate streams.
    const random = randomActionRate > 0 && daggerRate > 0
      ? stream.fork("detour")
      : stream;
    const decision = expertDecision(options, situation, random);
    const isRandom = randomActionRate > 0 &&
      random.fork("mix").uniform() < randomActionRate;
    if (isRandom) return { ...decision, action: drawAction(situation, random) };
    decided[situation.past.length] = true;
    return decision;
  };
  return statelessPolicy({
    decide: (situations, randoms, rows) =>
      situations.map((one, i) =>
        decideOne(one, randoms[i]!, expert[rows[i]!] ??= [])
      ),
  });
}

/** The expert's decision; a random action in situations without a hint, after detours. */
function expertDecision(
  { alternatives, randomActionRate = 0, daggerRate = 0 }: ImitationOptions,
  situation: Situation,
  random: Random,
): Decision {
  const { observation: { hint, text, admissibleActions }, subgoal: held } =
    situation;
  if (!hint) {
    if (randomActionRate === 0 && daggerRate === 0) {
      throw new TypeError(
        `Cannot follow the expert as there must be a hint for every situation: none for "${text}"`,
      );
    }
    return {
      switched: held === undefined,
      subgoal: held ?? "",
      action: drawAction(situation, random),
      valid: true,
      trace: { kind: "untrainable" },
    };
  }
  const equals = alternatives?.(situation, hint) ?? [];
  const draw = random.fork("alternative");
  return {
    switched: hint.subgoal !== held,
    subgoal: hint.subgoal,
    action: equals.length > 1
      ? equals[draw.integer(equals.length)]!
      : hint.action,
    valid: admissibleActions.includes(hint.action),
    trace: { kind: "untrainable" },
  };
}

function drawAction({ observation }: Situation, random: Random): string {
  const { admissibleActions } = observation;
  if (admissibleActions.length === 0) {
    throw new RangeError(
      "Cannot take a random action as there must be a choice: no admissible action",
    );
  }
  return admissibleActions[random.integer(admissibleActions.length)]!;
}

/** The expert's turns, encoded by the policy that learns. */
async function expertSamples(
  { policy, gamma = 1 }: ImitationOptions,
  { trajectories, expert }: Demonstrations,
): Promise<SampleBatch> {
  const { rewards, offsets } = toEpisodeBatch(trajectories);
  const returns = discountedReturns(rewards, { gamma, offsets });
  const encoded = await encodeEpisodes(
    policy,
    trajectories.map(withOwnStrategy), // read by policies that follow one
    { score: false },
  );
  const decisions = encoded.flat();
  const learned = trajectories.flatMap(({ turns }, i) =>
    turns.map((turn, t) =>
      turn.observation.hint !== undefined &&
      (expert[i]?.[t] === true || isAdvised(turn, turns[t - 1]))
    )
  );
  const samples = imitationSamples(trajectories, returns);
  const turns = samples.turns.map((turn, i) => ({
    ...turn,
    decision: decisions[i]!,
  }));
  return filterSamples({ ...samples, turns }, (i) => learned[i]!);
}

/** Whether another policy's decision equals the expert's. */
function isAdvised(
  { observation: { hint }, decision: { switched, subgoal, action } }: Turn,
  before: Turn | undefined,
): boolean {
  return hint?.action === action && hint.subgoal === subgoal &&
    switched === (before?.decision.subgoal !== subgoal);
}

/** Adds a language-modeling row for each episode. */
function withReading(
  { policy, lmLossWeight = 0 }: ImitationOptions,
  trajectories: readonly Trajectory[],
  samples: SampleBatch,
): SampleBatch {
  if (lmLossWeight === 0) return samples;
  if (!policy.readingSamples) {
    throw new TypeError(
      `Cannot imitate with "lmLossWeight" as the policy must read texts token by token: current value is ${lmLossWeight}`,
    );
  }
  const read = policy.readingSamples(trajectories);
  const numbers = (value: number) =>
    new Float64Array(trajectories.length).fill(value);
  return joinSamples(samples, {
    turns: read.map(({ decision }, i) => ({
      observation: situationAt(trajectories[i]!, trajectories[i]!.turns.length)
        .observation,
      decision,
      reward: 0,
    })),
    episodes: Int32Array.from(trajectories, (_, i) => i),
    advantages: byDecision((name) =>
      numbers(name === "execution" ? lmLossWeight : 0)
    ),
    trained: byDecision((name) =>
      Uint8Array.from(trajectories, () => name === "execution" ? 1 : 0)
    ),
    unitWeights: Float32Array.from(read.flatMap(({ mask }) => [...mask])),
  });
}
