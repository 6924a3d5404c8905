/**
 * A Qwen2 language model as a policy, trained on the tokens of its replies.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type {
  ByDecision,
  Decision,
  Observation,
  Situation,
  TokenTrace,
} from "../../trajectory.ts";
import { createKvCacheStore, type KvCacheStore } from "../decoder/kv_cache.ts";
import type {
  AnsweringPolicy,
  CompletePolicy,
  CompleteSession,
  DifferentiablePolicy,
  EncodeOptions,
  EpisodeStart,
  IntervenablePolicy,
  PlanIntervention,
  ReadingPolicy,
  StrategicPolicy,
} from "../policy.ts";
import { EpisodeHistories } from "../session.ts";
import { writeAnswers } from "./answers.ts";
import {
  countParameters,
  type LanguageNetwork,
  trainedWeights,
} from "./network.ts";
import type { GeneratedReply } from "./partial_reply.ts";
import { batchesOf } from "./batches.ts";
import { keptPlan, valuesFromCaches } from "./kept_values.ts";
import type { KeptSettings } from "./policy_file.ts";
import { joined } from "./prefix_sharing.ts";
import {
  actionPromptTokens,
  decisionOf,
  fillSettings,
  fittedPrompt,
  formOf,
  type LanguageContext,
  type LanguageOptions,
  type LanguageSettings,
  outgrows,
  promptTokens,
  readingSample,
  switchProbability,
  writeTrace,
  writtenReply,
} from "./replies.ts";
import {
  partitionReplies,
  scoreReplies,
  type WrittenReply,
} from "./scoring.ts";
import { StrategicSession, writeStrategies } from "./strategic_session.ts";
import { askCritic, READ_AT_ONCE, readHeads } from "./value_heads.ts";
import { createReplyWriter, type ReplyWriter } from "./writing.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/** A language model as a policy. */
export interface LanguagePolicy
  extends
    DifferentiablePolicy,
    CompletePolicy,
    ReadingPolicy,
    IntervenablePolicy,
    AnsweringPolicy,
    Partial<Pick<StrategicPolicy, "drawStrategies">> {
  /** Opens a session, which owns the KV caches of its episodes; see {@linkcode CompletePolicy.open}. */
  open(starts: readonly EpisodeStart[]): CompleteSession;
  /** Its tokenizer. */
  readonly tokenizer: TextTokenizer;
  /** Number of its parameters, frozen ones included. */
  readonly parameters: number;
  /**
   * The same weights at another sampling temperature; 0 is greedy. For evaluation: its traces are not
   * for learning.
   */
  atTemperature(temperature: number): CompletePolicy;
  /** The same weights with an offset of KEEP; in place of this policy, which is not to be disposed as well. */
  withKeepOffset(keepOffset: number): LanguagePolicy;
  /** Added to the logit of KEEP wherever a reply may keep or switch. */
  readonly keepOffset: number;
  /** Saves the policy to a folder. */
  save(directory: string): Promise<void>;
  /**
   * Saves an adapter as a folder of PEFT, with the tokenizer, the offset of KEEP and value heads of the actor's
   * states; nothing without an adapter.
   */
  saveAdapter(directory: string): Promise<void>;
}

/** Components of a language policy. */
export interface LanguageComponents {
  readonly network: LanguageNetwork;
  readonly tokenizer: TextTokenizer;
  readonly save: (directory: string, kept: KeptSettings) => Promise<void>;
  readonly saveAdapter: (
    directory: string,
    kept: KeptSettings,
  ) => Promise<void>;
  readonly dispose: () => void;
}

/**
 * Makes a policy of a network and a tokenizer.
 *
 * @throws {RangeError} If the tokenizer has tokens that the network has not.
 */
export function languagePolicy(
  components: LanguageComponents,
  options: LanguageOptions = {},
): LanguagePolicy {
  const { network, tokenizer, dispose } = components;
  const settings = fillSettings(options);
  const { keepOffset } = settings;
  const { vocabSize } = network.actor.model.config;
  if (tokenizer.vocabSize > vocabSize) {
    throw new RangeError(
      `Cannot make a policy as the model must have all ${tokenizer.vocabSize} tokens of the tokenizer: current value is ${vocabSize}`,
    );
  }
  checkSettings(settings);
  const form = formOf(tokenizer, settings);
  const context: LanguageContext = { network, tokenizer, settings, form };
  return {
    variables: trainedWeights(network),
    tokenizer,
    parameters: countParameters(network),
    open: (starts) => openSession(context, starts),
    ...(settings.strategies && {
      drawStrategies: (situations, randoms) =>
        writeStrategies(context, situations, randoms),
    }),
    answer: (conversations, randoms, { maxTokens }) =>
      writeAnswers(context, conversations, { randoms, maxTokens }),
    score: (turns, { isPart = false } = {}) =>
      scoreReplies(
        network,
        turns.map((turn) => writtenReply(context, turn)),
        { ...settings, isPart },
      ),
    partition: (turns) =>
      partitionReplies(
        turns.map((turn) => writtenReply(context, turn)),
        settings.microbatchTokens,
      ),
    scoreSamples: (samples) =>
      readScores(
        context,
        samples.map((sample) => writtenReply(context, sample)),
      ),
    atTemperature(temperature) {
      const other = contextAt(context, temperature);
      return { open: (starts) => openSession(other, starts) };
    },
    intervened(replace, temperature = settings.temperature) {
      if (settings.strategies) {
        throw new TypeError(
          "Cannot exchange subgoals as the policy must choose them turn by turn: it follows a strategy",
        );
      }
      if (!form) {
        throw new TypeError(
          'Cannot exchange subgoals as "decoding" must be "skeleton" or "admissible": current value is "free"',
        );
      }
      const other = temperature === settings.temperature
        ? context
        : contextAt(context, temperature);
      return { open: (starts) => new LanguageSession(other, starts, replace) };
    },
    withKeepOffset: (keepOffset) =>
      languagePolicy(components, { ...options, keepOffset }),
    readingSamples: (trajectories) =>
      trajectories.map((one) => readingSample(context, one)),
    keepOffset,
    save: (directory) => components.save(directory, { keepOffset }),
    saveAdapter: (directory) =>
      components.saveAdapter(directory, { keepOffset }),
    dispose,
  };
}

/** Opens a session, with or without strategies. */
function openSession(
  context: LanguageContext,
  starts: readonly EpisodeStart[],
): CompleteSession {
  return context.settings.strategies
    ? new StrategicSession(
      context,
      starts,
      (replies) => readScores(context, replies),
    )
    : new LanguageSession(context, starts);
}

/** The same policy at another temperature, for all decisions. */
function contextAt(
  context: LanguageContext,
  temperature: number,
): LanguageContext {
  if (!(temperature >= 0)) {
    throw new RangeError(
      `Cannot decide as "temperature" must not be negative: current value is ${temperature}`,
    );
  }
  const { temperatures: _, ...others } = context.settings;
  const settings = { ...others, temperature };
  return { ...context, settings, form: formOf(context.tokenizer, settings) };
}

/** What needs given tags is refused without them. */
function checkSettings(settings: LanguageSettings): void {
  const { decoding, keepOffset, temperatures, listSubgoals, actionPrompt } =
    settings;
  if (decoding !== "free") return;
  const needs = keepOffset !== 0
    ? "an offset of KEEP"
    : temperatures
    ? "temperatures by decision"
    : listSubgoals
    ? "listed subgoals"
    : actionPrompt
    ? "a prompt for the action alone"
    : undefined;
  if (needs === undefined) return;
  throw new TypeError(
    `Cannot make a policy with ${needs} as "decoding" must be "skeleton" or "admissible": current value is "free"`,
  );
}

/** Episodes in progress, with their turns and KV caches. */
class LanguageSession implements CompleteSession {
  readonly #context: LanguageContext;
  readonly #histories: EpisodeHistories;
  readonly #caches: KvCacheStore | undefined;
  readonly #writer: ReplyWriter;

  constructor(
    context: LanguageContext,
    starts: readonly EpisodeStart[],
    replace?: PlanIntervention,
  ) {
    this.#context = context;
    this.#writer = createReplyWriter(context, replace);
    this.#histories = new EpisodeHistories(starts);
    if (context.settings.reuseKvCache) this.#caches = createKvCacheStore();
  }

  async decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Promise<Decision[]> {
    const situations = this.#situations(rows, observations);
    const decisions: Decision[] = situations.map(({ subgoal = "" }) => ({
      ...{ switched: false, subgoal, action: "", valid: false, outgrown: true },
      trace: { kind: "untrainable" },
    }));
    const fitting = [...rows.keys()]
      .filter((i) => !outgrows(this.#context, situations[i]!));
    for (const some of batchesOf(this.#context, fitting, situations)) {
      const decided = await this.#decideTogether(
        some.map((i) => rows[i]!),
        some.map((i) => observations[i]!),
        some.map((i) => randoms[i]!),
      );
      some.forEach((i, k) => decisions[i] = decided[k]!);
    }
    this.#histories.recordAll(rows, observations, decisions);
    return decisions;
  }

  async encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    options: EncodeOptions = {},
  ): Promise<Decision[]> {
    const context = this.#context;
    const { score = true, hints } = options;
    const encoded = this.#situations(rows, observations)
      .map((situation, i) => {
        const decision = decisions[i]!, { trace } = decision;
        const prompt = promptTokens(context, situation, hints?.[i]);
        return {
          ...decision,
          trace: hints && trace.kind === "tokens"
            ? { ...trace, prompt }
            : writeTrace(context, situation, decision, prompt),
        };
      });
    this.#histories.recordAll(rows, observations, decisions);
    if (!score) return encoded;
    const scores = await readScores(
      context,
      encoded.map((decision) => writtenReply(context, { decision })),
    );
    return encoded.map(({ trace, ...decision }, i) => {
      const { logProbs, values } = scores[i]!;
      return { ...decision, trace: { ...trace, logProbs }, values };
    });
  }

  /** Values before any decision; execution under the held subgoal, as if it had just been kept. */
  async values(
    rows: readonly number[],
    observations: readonly Observation[],
  ): Promise<ByDecision<number>[]> {
    const situations = this.#situations(rows, observations);
    const { network, settings } = this.#context;
    if (!this.#caches || network.critic || settings.actionPrompt) {
      return await this.#askCritic(situations);
    }
    const answers: ByDecision<number>[] = [];
    for (
      const some of batchesOf(
        this.#context,
        [...situations.keys()],
        situations,
      )
    ) {
      const own = some.map((i) => situations[i]!);
      const found = await valuesFromCaches(
        network,
        own.map((one) => ({
          prompt: fittedPrompt(this.#context, one),
          plan: keptPlan(this.#context, one),
        })),
        {
          kvCache: this.#caches.of(some.map((i) => rows[i]!)),
          signal: settings.signal,
        },
      );
      answers.push(...found ?? await this.#askCritic(own));
    }
    return answers;
  }

  async #askCritic(
    situations: readonly Situation[],
  ): Promise<ByDecision<number>[]> {
    const context = this.#context;
    return await askCritic(
      context.network,
      situations.map((situation) => {
        const prompt = fittedPrompt(context, situation);
        const { subgoal } = situation;
        const apart = subgoal === undefined
          ? undefined
          : actionPromptTokens(context, situation, subgoal);
        if (apart) {
          const { length } = prompt;
          return { tokens: prompt, before: length, execution: length, apart };
        }
        const tokens = joined(prompt, keptPlan(context, situation));
        const before = prompt.length;
        return { tokens, before, execution: tokens.length };
      }),
      asking(context.settings),
    );
  }

  end(rows: readonly number[]): void {
    this.#caches?.end(rows);
  }

  [Symbol.dispose](): void {
    this.#caches?.[Symbol.dispose]();
    this.#writer[Symbol.dispose]();
  }

  #situations(
    rows: readonly number[],
    observations: readonly Observation[],
  ): Situation[] {
    return rows.map((row, i) =>
      this.#histories.situation(row, observations[i]!)
    );
  }

  /** Generates one batch of replies and parses decisions from them. */
  async #decideTogether(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Promise<Decision[]> {
    const context = this.#context;
    const situations = this.#situations(rows, observations);
    const written = await this.#writer.write(
      situations,
      randoms,
      { rows, kvCache: this.#caches?.of(rows) },
    );
    const decisions = written.map((turn, i) =>
      decisionOf(context, situations[i]!, turn)
    );
    const values = await valuesOf(
      context,
      written.map(({ reply }, i) => ({ reply, trace: decisions[i]!.trace })),
    );
    return decisions.map((decision, i) => {
      const { trace: { spans, logProbs }, switched } = decision;
      const probability = switchProbability(
        spans.switching,
        logProbs,
        switched,
      );
      return {
        ...decision,
        values: values[i]!,
        ...(probability === undefined
          ? {}
          : { switchProbability: probability }),
      };
    });
  }
}

/** How a critic is asked. */
function asking({ readTokens = READ_AT_ONCE, signal }: LanguageSettings) {
  return { tokensAtOnce: Math.min(READ_AT_ONCE, readTokens), signal };
}

/** The critic's values before each decision of some replies. */
async function valuesOf(
  { network, settings }: LanguageContext,
  written: readonly { reply: GeneratedReply; trace: TokenTrace }[],
): Promise<ByDecision<number>[]> {
  const seen = written.map((
    { reply: { states }, trace: { executionSlot = 0 } },
  ) => ({ before: states[0]!, execution: states[executionSlot] }));
  if (!network.critic && seen.every(isSeen)) {
    return await readHeads(network, seen);
  }
  // A reply that was cut off may have its value where given tokens stand.
  return await askCritic(
    network,
    written.map(({ trace: { prompt, reply, executionSlot = 0, action } }) => ({
      tokens: action
        ? prompt
        : joined(prompt, reply.subarray(0, executionSlot)),
      before: prompt.length,
      execution: prompt.length + (action ? 0 : executionSlot),
      ...(action && { apart: action.prompt }),
    })),
    asking(settings),
  );
}

/** Scores replies outside any gradient. */
async function readScores(
  { network, settings }: LanguageContext,
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

/** Whether the state before the action was read. */
function isSeen(
  states: { before: Float32Array; execution: Float32Array | undefined },
): states is { before: Float32Array; execution: Float32Array } {
  return states.execution !== undefined;
}
