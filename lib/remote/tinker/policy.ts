/**
 * A language model on an engine as a policy: prompts, sampled replies, and what is read from them.
 *
 * @module
 */

import { distance } from "npm:fastest-levenshtein@1.0.16";
import { locateBlocks } from "../../policy/language/blocks.ts";
import { formatReply } from "../../policy/language/blocks.ts";
import { formatPrompt, readReply } from "../../policy/language/prompts.ts";
import { switchProbability } from "../../policy/language/replies.ts";
import type {
  ChatMessage,
  TextTokenizer,
} from "../../policy/language/tokenizer.ts";
import type {
  EncodeOptions,
  EpisodeStart,
  Policy,
  PolicySession,
} from "../../policy/policy.ts";
import { EpisodeHistories } from "../../policy/session.ts";
import type { Random } from "../../random.ts";
import type {
  Decision,
  Observation,
  Situation,
  TokenTrace,
} from "../../trajectory.ts";
import type { SampledSequence } from "./codec.ts";
import { replyDatum } from "./data.ts";
import type { TinkerEngine } from "./engine.ts";

/** How a policy prompts and samples. */
export interface TinkerPolicyOptions {
  /** Where it samples. */
  readonly engine: TinkerEngine;
  /** Tokenizer of the base model. */
  readonly tokenizer: TextTokenizer;
  /** Writes the prompt before the chat template. @default {formatPrompt} */
  readonly prompt?: (situation: Situation) => string | readonly ChatMessage[];
  /** Longest reply, in tokens. @default {128} */
  readonly maxReplyTokens?: number;
  /** Sampling temperature; learning assumes 1. @default {1} */
  readonly temperature?: number;
  /** Whether unreadable replies are repaired; such turns are not training data. @default {false} */
  readonly repair?: boolean;
  /** Most episodes that are played at once. @default {256} */
  readonly episodesInFlight?: number;
  /** Stops waiting, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** A policy on an engine. */
export interface TinkerPolicy extends Policy {
  /** Where it samples and learns. */
  readonly engine: TinkerEngine;
  /** Tokenizer of the base model. */
  readonly tokenizer: TextTokenizer;
  /** The same weights at another temperature, for evaluation: what it decides is not learned from. */
  atTemperature(temperature: number): Policy;
}

/** Bound of the seeds of samples. */
const SEEDS = 2 ** 31 - 1;

/** Makes a policy of an engine and a tokenizer. */
export function createTinkerPolicy(options: TinkerPolicyOptions): TinkerPolicy {
  const { engine, tokenizer, episodesInFlight = 256 } = options;
  return {
    engine,
    tokenizer,
    episodesAtOnce: episodesInFlight,
    open: (starts) => new TinkerPolicySession(options, starts),
    atTemperature: (temperature) => ({
      episodesAtOnce: episodesInFlight,
      open: (starts) =>
        new TinkerPolicySession({ ...options, temperature }, starts),
    }),
  };
}

class TinkerPolicySession implements PolicySession {
  readonly #options: TinkerPolicyOptions;
  readonly #histories: EpisodeHistories;
  readonly #version: number;

  constructor(options: TinkerPolicyOptions, starts: readonly EpisodeStart[]) {
    this.#options = options;
    this.#histories = new EpisodeHistories(starts);
    this.#version = options.engine.version;
  }

  async decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Promise<Decision[]> {
    const { engine } = this.#options;
    engine.checkVersion(this.#version);
    const decisions = await Promise.all(rows.map((row, i) => {
      const situation = this.#histories.situation(row, observations[i]!);
      return this.#decideOne(situation, randoms[i]!);
    }));
    this.#histories.recordAll(rows, observations, decisions);
    return decisions;
  }

  async #decideOne(situation: Situation, random: Random): Promise<Decision> {
    const { engine, tokenizer, signal } = this.#options;
    const { maxReplyTokens = 128, temperature = 1 } = this.#options;
    const prompt = promptTokens(this.#options, situation);
    const seed = random.fork("sample").integer(SEEDS);
    const [sequence] = await engine.guarded(async () => {
      const sampler = await engine.sampler();
      return await sampler.sample({
        prompt,
        maxTokens: maxReplyTokens,
        temperature,
        seed,
        stop: tokenizer.endTokens,
        ...(signal && { signal }),
      });
    });
    const decision = readDecision(this.#options, situation, {
      prompt,
      sequence: sequence!,
    });
    engine.stamp(decision.trace);
    return decision;
  }

  async encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    options: EncodeOptions = {},
  ): Promise<Decision[]> {
    const { score = true, hints } = options;
    const encoded = rows.map((row, i) => {
      const situation = this.#histories.situation(row, observations[i]!);
      const prompt = promptTokens(this.#options, situation, hints?.[i]);
      return {
        ...decisions[i]!,
        trace: writeTrace(this.#options, {
          situation,
          decision: decisions[i]!,
          prompt,
        }),
      };
    });
    this.#histories.recordAll(rows, observations, decisions);
    return score
      ? await scoreDecisions(this.#options.engine, encoded)
      : encoded;
  }

  [Symbol.dispose](): void {}
}

/** Log-probabilities of replies under the present weights, by the trainer. Shape `(reply tokens,)` each. */
export async function scoreReplies(
  engine: TinkerEngine,
  traces: readonly TokenTrace[],
): Promise<Float32Array<ArrayBuffer>[]> {
  if (traces.length === 0) return [];
  const { outputs } = await engine.guarded(() =>
    engine.model.forward(traces.map((trace) => {
      const ones = new Float32Array(trace.reply.length).fill(1);
      return replyDatum(trace, { advantages: ones, mask: ones });
    }))
  );
  return traces.map(({ prompt, reply }, i) => {
    const start = prompt.length - 1;
    const logProbs = outputs[i]!["logprobs"];
    return Float32Array.from(
      logProbs?.subarray(start, start + reply.length) ?? [],
    );
  });
}

/** The same decisions with the log-probabilities of what was written. */
async function scoreDecisions(
  engine: TinkerEngine,
  encoded: readonly (Decision & { readonly trace: TokenTrace })[],
): Promise<Decision[]> {
  const scored = await scoreReplies(engine, encoded.map(({ trace }) => trace));
  return encoded.map((decision, i) => ({
    ...decision,
    trace: { ...decision.trace, logProbs: scored[i]! },
  }));
}

/** Tokens of a prompt, with a teacher's hint. */
export function promptTokens(
  options: Pick<TinkerPolicyOptions, "tokenizer" | "prompt">,
  situation: Situation,
  hint = "",
): Int32Array<ArrayBuffer> {
  const { tokenizer, prompt = formatPrompt } = options;
  const shown = prompt(situation);
  const messages: ChatMessage[] = typeof shown === "string"
    ? [{ role: "user", content: shown }]
    : [...shown];
  const last = messages.pop() ?? { role: "user", content: "" };
  const content = hint === "" ? last.content : `${last.content}\n\n${hint}`;
  return tokenizer.encode(tokenizer.chat([...messages, { ...last, content }]));
}

/** What closes a reply: nothing after it is read or learned. */
const CLOSING = "</action>";

/** Reads a decision from a sampled reply; what follows its action is cut off. */
export function readDecision(
  options: Pick<TinkerPolicyOptions, "tokenizer" | "repair">,
  situation: Situation,
  sampled: { prompt: Int32Array; sequence: SampledSequence },
): Decision {
  const { tokenizer, repair = false } = options;
  const { prompt, sequence } = sampled;
  const length = replyLength(tokenizer, sequence.tokens);
  const reply = sequence.tokens.slice(0, length);
  const logProbs = sequence.logProbs.slice(0, length);
  const pieces = Array.from(reply, tokenizer.piece);
  const { admissibleActions } = situation.observation;
  const { subgoal: held } = situation;
  const read = readReply(pieces, {
    admissibleActions,
    text: tokenizer.decode(reply),
    ...(held !== undefined && { held }),
  });
  // Without a held subgoal every reply switches.
  const switched = read.switched || held === undefined;
  if (repair && !read.valid && admissibleActions.length > 0) {
    return {
      switched: held === undefined,
      subgoal: held ?? read.subgoal,
      action: nearestAction(admissibleActions, read.action),
      valid: false,
      trace: { kind: "untrainable" },
    };
  }
  const { spans, valueSlots } = read;
  const probability = switchProbability(spans.switching, logProbs, switched);
  return {
    switched,
    subgoal: read.subgoal,
    action: read.action,
    valid: read.valid,
    trace: {
      kind: "tokens",
      prompt,
      reply,
      logProbs,
      spans,
      executionSlot: valueSlots.execution ?? 0,
    },
    ...(probability !== undefined && { switchProbability: probability }),
  };
}

/** Tokens up to the first closed action; all of them where none is closed, but an end token. */
function replyLength(tokenizer: TextTokenizer, tokens: Int32Array): number {
  let text = "";
  for (const [i, token] of tokens.entries()) {
    if (tokenizer.endTokens.includes(token)) return i;
    text += tokenizer.piece(token);
    if (text.includes(CLOSING)) return i + 1;
  }
  return tokens.length;
}

/** The admissible action that a text most likely means: the longest that it contains, or else the nearest by edits. */
export function nearestAction(
  actions: readonly string[],
  written: string,
): string {
  const text = written.toLowerCase();
  const contained = actions.filter((one) => text.includes(one.toLowerCase()));
  const [first = ""] = actions;
  if (contained.length > 0) {
    return contained.reduce((a, b) => b.length > a.length ? b : a);
  }
  return actions.reduce(
    (best, one) =>
      distance(one.toLowerCase(), text) < distance(best.toLowerCase(), text)
        ? one
        : best,
    first,
  );
}

/**
 * Writes a decision as tokens to be learned, with the token that ends a reply. Every token belongs to a decision:
 * text between blocks to the one before it, the copy of a kept subgoal to switching, a first switch to planning.
 */
export function writeTrace(
  { tokenizer }: Pick<TinkerPolicyOptions, "tokenizer">,
  written: { situation: Situation; decision: Decision; prompt: Int32Array },
): TokenTrace {
  const { situation, decision, prompt } = written;
  const { subgoal: held } = situation;
  const keeps = held !== undefined && !decision.switched;
  const said = tokenizer.encode(formatReply({
    switching: keeps ? "KEEP" : "SWITCH",
    subgoal: keeps ? held : decision.subgoal,
    action: decision.action,
  }));
  const [end] = tokenizer.endTokens;
  const reply = Int32Array.of(...said, ...(end === undefined ? [] : [end]));
  const { spans, valueSlots } = locateBlocks(
    Array.from(said, tokenizer.piece),
  );
  const plan = spans.planning?.start ?? 0, act = spans.execution?.start ?? 0;
  const first = held === undefined;
  return {
    kind: "tokens",
    prompt,
    reply,
    logProbs: new Float32Array(reply.length),
    spans: {
      switching: first ? undefined : { start: 0, end: keeps ? act : plan },
      planning: keeps ? undefined : { start: first ? 0 : plan, end: act },
      execution: { start: act, end: reply.length },
    },
    executionSlot: valueSlots.execution ?? 0,
  };
}
