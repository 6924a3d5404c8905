/**
 * Learning from an expert: its episodes are played once, then every decision it took is made likelier.
 *
 * @module
 */

import type {
  EnvSpec,
  Hint,
  ListAlternatives,
  OpenEnv,
} from "../../envs/text_env.ts";
import {
  expertPolicy,
  mixPolicies,
  randomExecutor,
} from "../../policy/plan_execute.ts";
import type {
  Follower,
  Learner,
  Policy,
  TrainingSample,
} from "../../policy/policy.ts";
import type { Random } from "../../random.ts";
import { collectTrajectories } from "../../rollout/collect.ts";
import {
  scheduleEpisodes,
  type ScheduleOptions,
} from "../../rollout/schedule.ts";
import {
  byDecision,
  type Decision,
  type Situation,
  type Trajectory,
} from "../../trajectory.ts";
import { imitationSamples, situationAt } from "../batch.ts";

/** How far imitating is. */
export interface ImitationProgress {
  /** Passes that are done. */
  readonly passes: number;
  /** Passes there will be. */
  readonly of: number;
  /**
   * Mean log-probability, over the last pass, of what the expert decided and, with `reading`, of what
   * was read; `NaN` if the learner does not say.
   */
  readonly logProb: number;
}

/** Who learns from whom. */
export interface ImitationOptions extends Omit<ScheduleOptions, "random"> {
  /** Writes down the expert's decisions as its own; decides where it takes turns with the expert. */
  readonly policy: Follower & Partial<Policy>;
  /** Improves that policy. */
  readonly learner: Learner;
  /** Worlds with experts; see `withHints`. */
  readonly specs: readonly EnvSpec[];
  /** Opens worlds whose experts are listened to. */
  readonly open: OpenEnv;
  /** What the expert says of a situation. */
  readonly hint: (situation: Situation) => Hint | undefined;
  /**
   * Actions among which the expert draws, so that it teaches what can be known from what was told, and
   * not to act on what cannot: an expert that knows the house never comes to a place in vain.
   *
   * @default {what the hint says}
   */
  readonly alternatives?: ListAlternatives;
  /** Stream of the worlds and of the order of samples. */
  readonly random: Random;
  /** Passes over what the expert did. @default {16} */
  readonly epochs?: number;
  /** Whether the expert plays new episodes for each pass. @default {false} */
  readonly fresh?: boolean;
  /**
   * Share of turns on which a random action is taken in the expert's place, so that its pupil sees
   * what to do after a mistake; such turns are seen, and not learned.
   *
   * @default {0}
   */
  readonly detours?: number;
  /**
   * Share of turns in the last pass on which the learner itself decides; it grows linearly from 0 in
   * the first. The expert meets, and answers, the situations that the learner gets into: DAgger's
   * mixture (Ross et al., 2011, arXiv 1011.0686). Needs `fresh`.
   *
   * @default {0}
   */
  readonly learnerTurns?: number;
  /**
   * Weight of making everything that was read likelier, beside what the expert decided; for
   * policies that read texts word by word, which learn to repeat and to recognize by it.
   *
   * @default {0}
   */
  readonly reading?: number;
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
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
  /** Is told after every pass. */
  readonly onPass?: (progress: ImitationProgress) => void;
}

/**
 * Imitates an expert.
 *
 * The ratios of each gradient step are 1, so the policy gradient with an advantage of 1 is that of
 * the log-likelihood. (With ratios over several steps it would be that of the likelihood itself,
 * which forgets what is unlikely.) The turns of an episode stay in one minibatch.
 *
 * @param options Who learns from whom, for how long.
 * @returns Means over the last pass, by the learner's names, with `expert_log_prob`, the mean
 * log-probability of what the expert decided; and the expert's last episodes.
 * @throws {TypeError} If the worlds have no experts, or `learnerTurns` is asked for and episodes are not fresh or
 * the policy decides nothing.
 */
export async function imitateExpert(
  options: ImitationOptions,
): Promise<{ metrics: Record<string, number>; trajectories: Trajectory[] }> {
  const { learner, random, signal, epochs = 16, minibatchSize = 64 } = options;
  const { learningRate, finalLearningRate, valueCoefficient } = options;
  const { fresh = false } = options;
  checkLearnerTurns(options);
  let trajectories: Trajectory[] = [], samples: TrainingSample[] = [];
  let metrics: Record<string, number> = {};
  for (let epoch = 0; epoch < epochs; epoch++) {
    signal?.throwIfAborted();
    if (fresh || epoch === 0) {
      const stream = random.fork("expert", ...(fresh ? [epoch] : []));
      const passed = epochs > 1 ? epoch / (epochs - 1) : 1;
      const lesson = await watchExpert(options, stream, passed);
      trajectories = lesson.trajectories;
      samples = [
        ...await followed(options, lesson),
        ...recited(options, trajectories),
      ];
    }
    metrics = await learner.update(samples, {
      epochs: 1,
      minibatchSize,
      minibatchBy: "episode",
      onPolicy: true,
      entropyCoefficient: 0, // an expert is to be followed, not to be varied
      ...(learningRate === undefined ? {} : { learningRate }),
      ...(finalLearningRate === undefined ? {} : { finalLearningRate }),
      ...(valueCoefficient === undefined ? {} : { valueCoefficient }),
      progress: epoch / epochs,
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

/** Only a policy that decides can take turns with the expert, and only in new episodes. */
function checkLearnerTurns(
  { learnerTurns = 0, fresh = false, policy }: ImitationOptions,
): void {
  if (learnerTurns === 0 || fresh && policy.decide) return;
  throw new TypeError(
    `Cannot imitate with "learnerTurns" as ${
      fresh ? "the policy must decide" : '"fresh" must be on'
    }: current value is ${learnerTurns}`,
  );
}

/** What was played, and which of its decisions are the expert's. */
interface Lesson {
  readonly trajectories: Trajectory[];
  readonly taught: WeakSet<Decision>;
}

/** Lets the expert play, now and then by chance, and in turns with the learner. */
async function watchExpert(
  options: ImitationOptions,
  random: Random,
  passed: number,
): Promise<Lesson> {
  const { specs, open, signal, policy, learnerTurns = 0 } = options;
  const share = learnerTurns * passed;
  const taught = new WeakSet<Decision>();
  const teacher = wandering(options, taught);
  const { decide } = policy;
  const player = share > 0 && decide
    ? mixPolicies(teacher, { decide: decide.bind(policy) }, share)
    : teacher;
  const trajectories = await collectTrajectories(
    player,
    scheduleEpisodes(specs, { ...options, random }),
    { open, ...(signal && { signal }) },
  );
  return { trajectories, taught };
}

/** The expert, with detours. */
function wandering(
  options: ImitationOptions,
  taught: WeakSet<Decision>,
): Policy {
  const { detours = 0, learnerTurns = 0 } = options;
  const expert = teaching(options, taught);
  if (detours === 0) return expert;
  const mixed = mixPolicies(expert, astray(expert), detours);
  return learnerTurns === 0 ? mixed : {
    // Whose turn it is and whether it is a detour are drawn apart.
    decide: (situations, randoms) =>
      mixed.decide(situations, randoms.map((one) => one.fork("detour"))),
  };
}

/** The expert, who draws among equal actions and whose decisions are marked. */
function teaching(
  { hint, alternatives, detours = 0, learnerTurns = 0 }: ImitationOptions,
  taught: WeakSet<Decision>,
): Policy {
  const lost = detours > 0 || learnerTurns > 0;
  const expert = expertPolicy(hint, lost ? wanderer : undefined);
  return {
    async decide(situations, randoms) {
      const decisions = await expert.decide(situations, randoms);
      return decisions.map((decision, i) => {
        const advice = hint(situations[i]!);
        if (!advice) return decision;
        const equals = alternatives?.(situations[i]!, advice) ?? [];
        const draw = randoms[i]!.fork("alternative");
        const drawn = equals.length > 1
          ? { ...decision, action: equals[draw.integer(equals.length)]! }
          : decision;
        taught.add(drawn);
        return drawn;
      });
    },
  };
}

/** Does anything, for where a detour led to a place from which the expert knows no way. */
const wanderer: Policy = {
  decide: (situations, randoms) =>
    situations.map(({ subgoal, observation: { admissibleActions } }, i) => ({
      switched: subgoal === undefined,
      subgoal: subgoal ?? "",
      action: admissibleActions[randoms[i]!.integer(admissibleActions.length)]!,
      valid: true,
      trace: { kind: "untrainable" },
    })),
};

/** Plans as somebody else does, and does anything. */
function astray(planner: Policy): Policy {
  const executor = randomExecutor();
  return {
    async decide(situations, randoms) {
      const decisions = await planner.decide(situations, randoms);
      const actions = await executor.act(
        situations.map((one, i) => ({
          ...one,
          subgoal: decisions[i]!.subgoal,
        })),
        randoms,
      );
      return decisions.map((decision, i) => ({
        ...decision,
        action: actions[i]!,
      }));
    },
  };
}

/** What the expert did, written down by the policy that learns. */
async function followed(
  { policy, hint, gamma = 1 }: ImitationOptions,
  { trajectories, taught }: Lesson,
): Promise<TrainingSample[]> {
  const returns = trajectories.map((one) => discountedReturns(one, gamma));
  const samples = imitationSamples(trajectories, returns)
    .filter(({ situation, decision }) =>
      taught.has(decision) || isAdvised(hint(situation), situation, decision)
    );
  const decisions = await policy.follow(
    samples.map(({ situation }) => situation),
    samples.map(({ decision }) => decision),
    { score: false },
  );
  return samples.map((sample, i) => ({ ...sample, decision: decisions[i]! }));
}

/** Whether somebody else decided just as the expert would have. */
function isAdvised(
  advice: Hint | undefined,
  situation: Situation,
  { switched, subgoal, action }: Decision,
): boolean {
  return advice?.action === action && advice.subgoal === subgoal &&
    switched === (situation.subgoal !== subgoal);
}

/** What was read in each episode, to be expected. */
function recited(
  { policy, reading = 0 }: ImitationOptions,
  trajectories: readonly Trajectory[],
): TrainingSample[] {
  if (reading === 0) return [];
  if (!policy.recite) {
    throw new TypeError(
      `Cannot imitate with "reading" as the policy must read texts word by word: current value is ${reading}`,
    );
  }
  const situations = trajectories.map((one) =>
    situationAt(one, one.turns.length)
  );
  return policy.recite(situations).map(({ decision, heard }, i) => ({
    situation: situations[i]!,
    decision,
    unitWeights: heard,
    advantages: byDecision(() => reading),
    trained: byDecision((name) => name === "execution"),
    episode: trajectories[i]!.id,
  }));
}

/** Shape `(turns,)`. */
function discountedReturns(
  { turns }: Trajectory,
  gamma: number,
): Float64Array {
  const returns = new Float64Array(turns.length);
  let next = 0;
  for (let t = turns.length - 1; t >= 0; t--) {
    returns[t] = next = turns[t]!.reward + gamma * next;
  }
  return returns;
}
