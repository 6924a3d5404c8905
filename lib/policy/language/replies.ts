/**
 * Between texts and tokens: prompts of situations, decisions of replies, replies of demonstrations.
 *
 * @module
 */

import type {
  AllowedTokens,
  Decision,
  Situation,
  TokenSpan,
  TokenTrace,
  Trajectory,
} from "../../trajectory.ts";
import { formatPrompt, readReply } from "./prompts.ts";
import { formatReply, locateBlocks, type ReplyMode } from "./blocks.ts";
import { type GeneratedReply, TOKENS_PER_READBACK } from "./partial_reply.ts";
import type { LanguageNetwork } from "./network.ts";
import type { WrittenReply } from "./scoring.ts";
import type { ScoredTurn } from "../policy.ts";
import {
  type Decoding,
  readAllowed,
  recordingGrammar,
  type ReplyForm,
} from "./grammar.ts";
import type { ChatMessage, TextTokenizer } from "./tokenizer.ts";

/** Prompts and decoding of a language policy; every field has its default here. */
export interface LanguageOptions {
  /**
   * Writes what the model is shown, before the chat template: one message of the user, or a whole
   * conversation. @default {formatPrompt}
   */
  readonly prompt?: (situation: Situation) => string | readonly ChatMessage[];
  /** Longest reply, in tokens. @default {128} */
  readonly maxReplyTokens?: number;
  /** Flattens above 1, sharpens below; 0 takes the likeliest. @default {1} */
  readonly temperature?: number;
  /** Share of probability kept when drawing; learning assumes 1. @default {1} */
  readonly topP?: number;
  /** How free replies are. @default {"free"} */
  readonly decoding?: Decoding;
  /** Most tokens of a subgoal or action that is written freely between given tags. @default {24} */
  readonly maxContentTokens?: number;
  /** How replies are read. @default {"strict"} */
  readonly mode?: ReplyMode;
  /** Replies written at once. @default {64} */
  readonly batchSize?: number;
  /** Tokens, padding included, whose intermediate numbers are held at once while learning. @default {8192} */
  readonly microbatchTokens?: number;
  /** Whether layers are computed again for their gradients. @default {false} */
  readonly recompute?: boolean;
  /** Tokens of free replies drawn on a graphics processor before any is read. @default {16} */
  readonly tokensPerReadback?: number;
  /**
   * Whether KV caches are kept from turn to turn, for prompts that go on where the last
   * reply ended. They take the memory of the last batches that were decoded. @default {false}
   */
  readonly reuseKvCache?: boolean;
  /** Stops while replies are generated, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Every option filled in; a signal only where there is one. */
export type LanguageSettings =
  & Required<Omit<LanguageOptions, "signal">>
  & Pick<LanguageOptions, "signal">;

/** The defaults of all options but the prompt, written here and nowhere else. */
export const LANGUAGE_DEFAULTS = {
  maxReplyTokens: 128,
  temperature: 1,
  topP: 1,
  decoding: "free",
  maxContentTokens: 24,
  mode: "strict",
  batchSize: 64,
  microbatchTokens: 8192,
  recompute: false,
  tokensPerReadback: TOKENS_PER_READBACK,
  reuseKvCache: false,
} as const satisfies LanguageOptions;

/** Network, tokenizer and decoding settings. */
export interface LanguageContext {
  readonly network: LanguageNetwork;
  readonly tokenizer: TextTokenizer;
  readonly settings: LanguageSettings;
  /** The form of replies; absent when they are free. */
  readonly form: ReplyForm | undefined;
}

/** Fills in the defaults. */
export function fillSettings(options: LanguageOptions): LanguageSettings {
  return {
    prompt: (situation) => formatPrompt(situation),
    ...LANGUAGE_DEFAULTS,
    ...options,
  };
}

/** Tokens of what the model is shown, with what a teacher adds. */
export function promptTokens(
  { tokenizer, settings }: LanguageContext,
  situation: Situation,
  hint = "",
): Int32Array<ArrayBuffer> {
  const shown = settings.prompt(situation);
  const messages: ChatMessage[] = typeof shown === "string"
    ? [{ role: "user", content: shown }]
    : [...shown];
  const last = messages.pop() ?? { role: "user", content: "" };
  const content = hint === "" ? last.content : `${last.content}\n\n${hint}`;
  return tokenizer.encode(tokenizer.chat([...messages, { ...last, content }]));
}

/** Reads a decision from a reply. */
export function decisionOf(
  { tokenizer, settings }: LanguageContext,
  situation: Situation,
  { prompt, reply, allowed }: {
    prompt: Int32Array;
    reply: GeneratedReply;
    allowed: AllowedTokens | undefined;
  },
): Decision & { readonly trace: TokenTrace } {
  const { tokens, pieces, logProbs, sampled } = reply;
  const { admissibleActions } = situation.observation;
  const read = readReply(pieces, {
    mode: settings.mode,
    admissibleActions,
    text: tokenizer.decode(tokens),
    ...(situation.subgoal === undefined ? {} : { held: situation.subgoal }),
  });
  const trace: TokenTrace = {
    kind: "tokens",
    prompt,
    reply: tokens,
    logProbs,
    spans: read.spans,
    executionSlot: read.valueSlots.execution ?? 0,
    ...(allowed && { sampled, allowed }),
  };
  return {
    // Without a subgoal to keep, any reply takes one up.
    switched: read.switched || situation.subgoal === undefined,
    subgoal: read.subgoal,
    action: read.action,
    valid: read.valid,
    trace,
  };
}

/**
 * Probability of SWITCH, from that of the switching block that was written.
 *
 * Exact when there are no words but KEEP and SWITCH; otherwise what other words would have taken
 * counts for the word that was not written.
 */
export function switchProbability(
  span: TokenSpan | undefined,
  logProbs: Float32Array,
  switched: boolean,
): number | undefined {
  if (!span) return undefined;
  const sum = logProbs.subarray(span.start, span.end)
    .reduce((total, logProb) => total + logProb, 0);
  return switched ? Math.exp(sum) : 1 - Math.exp(sum);
}

/**
 * What a trace recorded: the reply, and what could have been written.
 *
 * @throws {TypeError} If another kind of policy decided.
 */
export function writtenReply(
  { form }: LanguageContext,
  { decision: { trace } }: ScoredTurn,
): WrittenReply {
  if (trace.kind !== "tokens") {
    throw new TypeError(
      `Cannot score a decision as its trace must be of tokens: current value is "${trace.kind}"`,
    );
  }
  const { prompt, reply, executionSlot = 0, allowed } = trace;
  const written = { prompt, reply, executionSlot };
  return form && allowed
    ? { ...written, choices: readAllowed(allowed, form.exclusions) }
    : written;
}

/** Everything that is read in an episode as one reply, every token an execution. */
export function readingSample(
  context: LanguageContext,
  { task, turns, finalObservation }: Trajectory,
): { decision: Decision; mask: Float32Array } {
  if (!finalObservation) {
    throw new RangeError(
      "Cannot read an episode as its final observation must be recorded: it is absent",
    );
  }
  const situationAt = (t: number): Situation => {
    const observation = turns[t]?.observation ?? finalObservation;
    const past = turns.slice(0, t);
    const subgoal = past.at(-1)?.decision.subgoal;
    return {
      ...{ task, past, observation },
      ...(subgoal === undefined ? {} : { subgoal }),
    };
  };
  const tokens = promptTokens(context, situationAt(turns.length));
  const reply = tokens.slice(1); // nothing predicts the first token
  const whole = { start: 0, end: reply.length };
  const mask = new Float32Array(reply.length).fill(1);
  turns.forEach(({ decision }, t) => {
    const before = promptTokens(context, situationAt(t));
    const said = context.tokenizer.encode(formatReply({
      ...decision,
      switching: decision.switched ? "SWITCH" : "KEEP",
    }));
    const start = before.length - 1; // where the first token is left out
    mask.fill(0, start, start + said.length);
  });
  const decision: Decision = {
    switched: false,
    subgoal: turns.at(-1)?.decision.subgoal ?? "",
    action: "",
    valid: false,
    trace: {
      kind: "tokens",
      prompt: tokens.slice(0, 1),
      reply,
      logProbs: new Float32Array(reply.length),
      spans: { switching: undefined, planning: undefined, execution: whole },
    },
  };
  return { decision, mask };
}

/**
 * Writes a decision made elsewhere as tokens to be learned.
 *
 * Every token belongs to a decision: what stands between blocks to the one before, the copy of a
 * kept subgoal to the decision to keep it, and a first switch, which is no choice, to the plan.
 */
export function writeTrace(
  { tokenizer, form }: LanguageContext,
  situation: Situation,
  decision: Decision,
  prompt: Int32Array,
): TokenTrace {
  const keeps = situation.subgoal !== undefined && !decision.switched;
  // In the parts in which a grammar gives them out, so that the tokens are the same.
  const [tag, word, content, middle, action] = [
    "<switch>",
    `${keeps ? "KEEP" : "SWITCH"}</switch>\n<subgoal>`,
    `${keeps ? situation.subgoal : decision.subgoal}</subgoal>`,
    "\n<action>",
    `${decision.action}</action>`,
  ].map((text) => [...tokenizer.encode(text)]);
  const plan = tag!.length + word!.length, act = plan + content!.length;
  const reply = Int32Array.of(
    ...[...tag!, ...word!, ...content!, ...middle!, ...action!],
  );
  const first = situation.subgoal === undefined;
  const spans = {
    switching: first ? undefined : { start: 0, end: keeps ? act : plan },
    planning: keeps ? undefined : { start: first ? 0 : plan, end: act },
    execution: { start: act, end: reply.length },
  };
  const pieces = Array.from(reply, tokenizer.piece);
  const trace: TokenTrace = {
    kind: "tokens",
    prompt,
    reply,
    logProbs: new Float32Array(reply.length),
    spans,
    executionSlot: locateBlocks(pieces).valueSlots.execution ?? 0,
  };
  if (!form) return trace;
  const grammar = recordingGrammar(form, situation);
  const sampled = Uint8Array.from(reply, (token) => {
    const next = grammar.next();
    grammar.accept(token);
    return "only" in next && next.only.length === 1 ? 0 : 1;
  });
  return { ...trace, sampled, allowed: grammar.allowed() };
}
