/**
 * A Qwen2 language model as a policy: it reads a prompt, writes the three blocks, and is trained
 * on the tokens it wrote.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { ByDecision, Decision, Situation } from "../../trajectory.ts";
import type { DifferentiablePolicy } from "../differentiable.ts";
import { generateReplies } from "./generate.ts";
import {
  createReadingMemory,
  type ReadingMemory,
} from "../decoder/kv_cache.ts";
import {
  countParameters,
  type LanguageNetwork,
  trainedWeights,
} from "./network.ts";
import {
  decisionOf,
  executionSlot,
  fillSettings,
  type LanguageOptions,
  type Mind,
  promptTokens,
  readingSample,
  switchProbability,
  writeTrace,
  writtenReply,
} from "./replies.ts";
import { scoreReplies, type WrittenReply } from "./scoring.ts";
import { askCritic, readHeads } from "./values.ts";
import type {
  CompletePolicy,
  CompleteSession,
  Critic,
  EpisodeStart,
  Follower,
  ReadingPolicy,
  ScoredTurn,
  Scorer,
} from "../policy.ts";
import { situationSession } from "../session.ts";
import type { GeneratedReply } from "./partial_reply.ts";
import { replyGrammar } from "./grammar.ts";
import { joined } from "./prefix_sharing.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** A language model as a policy. */
export interface LanguagePolicy
  extends DifferentiablePolicy, Follower, Critic, ReadingPolicy {
  /** Opens a session that decides, values and encodes. */
  open(starts: readonly EpisodeStart[]): CompleteSession;
  /**
   * Decides as every policy does. What is kept from turn to turn is kept apart for each lane, so
   * that batches of different episodes can be decided by turns. @default {lane: 0}
   */
  decide(
    situations: readonly Situation[],
    randoms: readonly Random[],
    options?: { lane?: number },
  ): Promise<Decision[]>;
  /** Its tokenizer. */
  readonly tokenizer: TextTokenizer;
  /** Numbers it holds, frozen ones included. */
  readonly parameters: number;
  /**
   * The same weights, deciding at another temperature; 0 always takes the likeliest token.
   * Later changes of the weights are seen by it. For evaluation; its traces are not for learning.
   */
  atTemperature(
    temperature: number,
  ): CompletePolicy & Pick<LanguagePolicy, "decide">;
  /** Writes all it needs to be loaded again into a folder. */
  save(directory: string): Promise<void>;
}

/** What a language policy is made of. */
export interface LanguageParts {
  /** All weights. */
  readonly network: LanguageNetwork;
  /** Text to tokens and back. */
  readonly tokenizer: TextTokenizer;
  /** Writes the folder. */
  readonly save: (directory: string) => Promise<void>;
  /** Frees the weights. */
  readonly dispose: () => void;
}

/**
 * Makes a policy of a network and a tokenizer.
 *
 * @param parts The network, the tokenizer, and how they are saved and freed.
 * @param options How the policy speaks.
 * @returns The policy.
 * @throws {RangeError} If the tokenizer has tokens that the network has not.
 */
export function languagePolicy(
  parts: LanguageParts,
  options: LanguageOptions = {},
): LanguagePolicy {
  const { network, tokenizer } = parts;
  const settings = fillSettings(options);
  const { vocabSize } = network.actor.model.config;
  if (tokenizer.vocabSize > vocabSize) {
    throw new RangeError(
      `Cannot make a policy as the model must have all ${tokenizer.vocabSize} tokens of the tokenizer: current value is ${vocabSize}`,
    );
  }
  const { decoding, maxContentTokens } = settings;
  const start = decoding === "free"
    ? undefined
    : replyGrammar(tokenizer, { decoding, maxContentTokens });
  const mind = { network, tokenizer, settings, start };
  const memories: ReadingMemory[] = [];
  const inLane = (one: Mind, { lane = 0 } = {}): Mind =>
    settings.reuseKvCache
      ? { ...one, memory: memories[lane] ??= createReadingMemory() }
      : one;
  const variables = trainedWeights(network);
  const evaluate: Critic["evaluate"] = (situations) =>
    evaluateSituations(mind, situations);
  const policy: LanguagePolicy = {
    open: (starts) => situationSession(policy, starts),
    variables,
    tokenizer,
    parameters: countParameters(network),
    decide: (situations, randoms, options) =>
      decide(inLane(mind, options), situations, randoms),
    evaluate,
    rescore: (samples, options) => rescore(mind, samples, options),
    score: (samples) =>
      scoreReplies(
        network,
        samples.map((sample) => writtenReply(mind, sample)),
        settings,
      ),
    atTemperature(temperature) {
      if (!(temperature >= 0)) {
        throw new RangeError(
          `Cannot decide as "temperature" must not be negative: current value is ${temperature}`,
        );
      }
      const other = { ...mind, settings: { ...settings, temperature } };
      const decideAt: LanguagePolicy["decide"] = (
        situations,
        randoms,
        options,
      ) => decide(inLane(other, options), situations, randoms);
      return {
        decide: decideAt,
        open: (starts) =>
          situationSession({ ...policy, decide: decideAt }, starts),
      };
    },
    follow: (situations, decisions, options) =>
      follow(mind, situations, decisions, options),
    readingSamples: (trajectories) =>
      trajectories.map((one) => readingSample(mind, one)),
    save: parts.save,
    dispose() {
      for (const memory of memories) memory?.[Symbol.dispose]();
      parts.dispose();
    },
  };
  return policy;
}

/** Writes replies, some at a time, and reads decisions from them. */
async function decide(
  mind: Mind,
  situations: readonly Situation[],
  randoms: readonly Random[],
): Promise<Decision[]> {
  const { batchSize } = mind.settings;
  const decisions: Decision[] = [];
  const begins = situations.every(({ past }) => past.length === 0);
  if (begins) mind.memory?.forget(); // a resumed run has no earlier episodes to remember
  for (let at = 0; at < situations.length; at += batchSize) {
    const some = situations.slice(at, at + batchSize);
    const streams = randoms.slice(at, at + batchSize);
    decisions.push(...await decideAtOnce(mind, some, streams));
  }
  mind.memory?.settle();
  return decisions;
}

async function decideAtOnce(
  mind: Mind,
  situations: readonly Situation[],
  randoms: readonly Random[],
): Promise<Decision[]> {
  const { network, tokenizer, settings, start, memory } = mind;
  const { maxReplyTokens, temperature, topP, tokensPerReadback } = settings;
  const prompts = situations.map((situation) => promptTokens(mind, situation));
  const replies = await generateReplies(network.actor.model, prompts, {
    tokenizer,
    randoms,
    adapter: network.actor.adapter,
    memory,
    maxTokens: maxReplyTokens,
    temperature,
    topP,
    tokensPerReadback,
    stop: ["</action>"],
    ...(start && { grammars: situations.map(start) }),
  });
  const values = await valuesOf(mind, prompts, replies);
  return replies.map(({ tokens, logProbs, sampled }, i) => {
    const decision = decisionOf(mind, situations[i]!, {
      prompt: prompts[i]!,
      tokens,
      logProbs,
      ...(start && { sampled }),
    });
    const probability = switchProbability(
      decision.trace.spans.switching,
      logProbs,
      decision.switched,
    );
    return {
      ...decision,
      values: values[i]!,
      ...(probability === undefined ? {} : { switchProbability: probability }),
    };
  });
}

/** What the critic thought before each decision of some replies. */
async function valuesOf(
  { network }: Mind,
  prompts: readonly Int32Array[],
  replies: readonly GeneratedReply[],
): Promise<ByDecision<number>[]> {
  const slots = replies.map(({ pieces }) => executionSlot(pieces));
  if (!network.critic) {
    return await readHeads(
      network,
      replies.map(({ states }, i) => ({
        before: states[0]!,
        execution: states[slots[i]!]!,
      })),
    );
  }
  return await askCritic(
    network,
    replies.map(({ tokens }, i) => {
      const before = prompts[i]!.length, slot = slots[i]!;
      const known = joined(prompts[i]!, tokens.subarray(0, slot));
      return { tokens: known, before, execution: before + slot };
    }),
  );
}

/** Values before any decision; execution under the held subgoal, as if it had just been kept. */
async function evaluateSituations(
  mind: Mind,
  situations: readonly Situation[],
) {
  const { network, tokenizer } = mind;
  return await askCritic(
    network,
    situations.map((situation) => {
      const prompt = promptTokens(mind, situation);
      const { subgoal } = situation;
      const kept = subgoal === undefined ? new Int32Array(0) : tokenizer.encode(
        `<switch>KEEP</switch>\n<subgoal>${subgoal}</subgoal>`,
      );
      const tokens = joined(prompt, kept);
      const before = prompt.length;
      return { tokens, before, execution: tokens.length };
    }),
  );
}

/** Scores samples outside any gradient, with what a teacher knows if there is one. */
async function rescore(
  mind: Mind,
  samples: readonly ScoredTurn[],
  options: Parameters<Scorer["rescore"]>[1] = {},
) {
  const replies = samples.map((sample) => {
    const reply = writtenReply(mind, sample);
    if (!options.hint) return reply;
    const hint = options.hint(sample.situation);
    return { ...reply, prompt: promptTokens(mind, sample.situation, hint) };
  });
  return await readScores(mind, replies);
}

/** Writes others' decisions down with this model's log-probabilities and values. */
async function follow(
  mind: Mind,
  situations: readonly Situation[],
  decisions: readonly Decision[],
  options: Parameters<Follower["follow"]>[2] = {},
): Promise<Decision[]> {
  const traces = situations.map((situation, i) =>
    writeTrace(mind, situation, decisions[i]!)
  );
  if (options.score === false) {
    return decisions.map((decision, i) => ({
      ...decision,
      trace: traces[i]!,
    }));
  }
  const scores = await readScores(
    mind,
    situations.map((situation, i) => {
      const decision = { ...decisions[i]!, trace: traces[i]! };
      return writtenReply(mind, { situation, decision });
    }),
  );
  return decisions.map((decision, i) => {
    const { logProbs, values } = scores[i]!;
    return { ...decision, trace: { ...traces[i]!, logProbs }, values };
  });
}

/** Scores replies outside any gradient. */
async function readScores(
  { network, settings }: Mind,
  replies: readonly WrittenReply[],
) {
  const scored = scoreReplies(network, replies, settings);
  const { switching, planning, execution } = scored.values;
  const [logProbs, entropies, ...values] = await Promise.all(
    [scored.logProbs, scored.entropies, switching, planning, execution]
      .map(async (tensor) => {
        const numbers = await tensor.data<"float32">();
        tensor.dispose();
        return numbers;
      }),
  );
  let at = 0;
  return replies.map(({ reply }, i) => {
    const start = at;
    at += reply.length;
    return {
      logProbs: Float32Array.from(logProbs!.subarray(start, at)),
      entropies: Float32Array.from(entropies!.subarray(start, at)),
      values: {
        switching: values[0]![i]!,
        planning: values[1]![i]!,
        execution: values[2]![i]!,
      },
    };
  });
}
