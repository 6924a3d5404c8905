/**
 * Conversions between text and tokens: prompts of situations, decisions of replies, tokens of demonstrations.
 *
 * @module
 */

import type {
  ActionPrompt,
  AllowedTokens,
  ByDecision,
  Decision,
  Situation,
  TokenSpan,
  TokenTrace,
  Trajectory,
} from "../../trajectory.ts";
import { formatPrompt, readReply } from "./prompts.ts";
import { formatReply, locateBlocks, type ReplyMode } from "./blocks.ts";
import { type GeneratedReply, TOKENS_PER_READBACK } from "./partial_reply.ts";
import { guarded } from "./foreign_text.ts";
import type { LanguageNetwork } from "./network.ts";
import type { WrittenReply } from "./scoring.ts";
import type { ScoredTurn } from "../policy.ts";
import {
  type Decoding,
  isForced,
  joinAllowed,
  readAllowed,
  recordingGrammar,
  type ReplyForm,
  replyGrammar,
  type ReplyPart,
} from "./grammar.ts";
import { joined } from "./prefix_sharing.ts";
import type { ChatMessage, TextTokenizer } from "./tokenizer.ts";

/** Prompts and decoding of a language policy; every field has its default here. */
export interface LanguageOptions {
  /**
   * Writes the prompt before the chat template: one user message, or a conversation.
   * @default {formatPrompt}
   */
  readonly prompt?: (situation: Situation) => string | readonly ChatMessage[];
  /** Longest reply, in tokens. @default {128} */
  readonly maxReplyTokens?: number;
  /** Sampling temperature; 0 is greedy. @default {1} */
  readonly temperature?: number;
  /** Nucleus of top-p sampling; learning assumes 1. @default {1} */
  readonly topP?: number;
  /** Likeliest tokens that top-k sampling keeps, 0 for all; learning assumes 0. @default {0} */
  readonly topK?: number;
  /** Sampling temperatures by decision, where tags are given; absent means `temperature`. */
  readonly temperatures?: Partial<ByDecision<number>>;
  /** Lists subgoals, of which a reply takes up one, where tags are given; absent leaves subgoals free. */
  readonly listSubgoals?: (situation: Situation) => readonly string[];
  /** Added to the logit of KEEP wherever a reply may keep or switch, where tags are given. @default {0} */
  readonly keepOffset?: number;
  /**
   * Whether one strategy is written before the first turn, in a `<strategy>` block, and each turn is an action under it.
   * `prompt` then asks for a strategy where a situation has no subgoal, and else for an action under the strategy, which
   * is the situation's subgoal. @default {false}
   */
  readonly strategies?: boolean;
  /**
   * Writes the prompt of the action where it has one of its own, which knows the task by the subgoal alone; absent
   * writes the action right after the plan.
   */
  readonly actionPrompt?: (
    situation: Situation,
    subgoal: string,
  ) => string | readonly ChatMessage[];
  /** How free replies are. @default {"free"} */
  readonly decoding?: Decoding;
  /** Most tokens of a free subgoal or action between given tags. @default {24} */
  readonly maxContentTokens?: number;
  /** How replies are read. @default {"strict"} */
  readonly mode?: ReplyMode;
  /**
   * Whether a reply's thought, up to the last `</think>`, is skipped: no block is read or trained in it, and
   * writing does not stop in it. For models that reason, with free replies. @default {false}
   */
  readonly skipThinking?: boolean;
  /** Replies per batch. @default {64} */
  readonly batchSize?: number;
  /**
   * Tokens of prompts and replies, padding included, that are read and written together; what is more is decided in
   * turn. @default {no limit}
   */
  readonly readTokens?: number;
  /** Tokens, padding included, of a microbatch while learning. @default {8192} */
  readonly microbatchTokens?: number;
  /** Whether gradients recompute layers (gradient checkpointing). @default {false} */
  readonly recompute?: boolean;
  /** Tokens of free replies sampled on a GPU between readbacks. @default {16} */
  readonly tokensPerReadback?: number;
  /**
   * Whether KV caches are reused from turn to turn, for prompts that extend the last reply; the caches
   * of the newest batches stay in memory. @default {false}
   */
  readonly reuseKvCache?: boolean;
  /** Stops while replies are generated, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Options with all defaults filled in. */
export type LanguageSettings =
  & Required<Omit<LanguageOptions, Optional>>
  & Pick<LanguageOptions, Optional>;

/** Options without a default. */
type Optional =
  | "signal"
  | "readTokens"
  | "temperatures"
  | "listSubgoals"
  | "actionPrompt";

/** Defaults of all options but the prompt. */
export const LANGUAGE_DEFAULTS = {
  maxReplyTokens: 128,
  temperature: 1,
  topP: 1,
  topK: 0,
  keepOffset: 0,
  strategies: false,
  decoding: "free",
  maxContentTokens: 24,
  mode: "strict",
  skipThinking: false,
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

/** The form of replies; absent when they are free. */
export function formOf(
  tokenizer: TextTokenizer,
  settings: LanguageSettings,
): ReplyForm | undefined {
  const { decoding } = settings;
  return decoding === "free"
    ? undefined
    : replyGrammar(tokenizer, { ...settings, decoding });
}

/** Tokens that a prompt may have, so that a reply fits behind it. */
function promptRoom({ network, settings }: LanguageContext): number {
  return network.actor.model.config.maxLength - settings.maxReplyTokens;
}

/** Bytes of a text at most, each of which may be a token. */
const mostBytes = (text: string) => 3 * text.length;

/**
 * Whether a situation's prompt leaves no room for a reply, so that the episode has to end. A first prompt
 * never does: what is too long of it is left out.
 */
export function outgrows(
  context: LanguageContext,
  situation: Situation,
): boolean {
  if (situation.past.length === 0) return false;
  const shown = context.settings.prompt(situation);
  const messages = typeof shown === "string" ? [{ content: shown }] : shown;
  const most = messages.reduce(
    (sum, { content }) => sum + mostBytes(content) + 64,
    64,
  );
  const room = promptRoom(context);
  return most > room && promptTokens(context, situation).length > room;
}

/** Tokens of a prompt that leaves room for a reply; see {@linkcode outgrows}. */
export function fittedPrompt(
  context: LanguageContext,
  situation: Situation,
): Int32Array<ArrayBuffer> {
  return withoutMiddle(promptTokens(context, situation), promptRoom(context));
}

/** Tokens without their middle where they are too many: rules and the newest observation stay. */
export function withoutMiddle(
  tokens: Int32Array<ArrayBuffer>,
  most: number,
): Int32Array<ArrayBuffer> {
  if (tokens.length <= most) return tokens;
  if (most < 2) {
    throw new RangeError(
      `Cannot shorten a prompt as the model's context must have room for it beside a reply: current value is ${most} tokens; "contextLength" must be larger or "maxReplyTokens" smaller`,
    );
  }
  const end = Math.ceil(most / 2), start = most - end;
  return joined(
    tokens.subarray(0, start),
    tokens.subarray(tokens.length - end),
  );
}

/** Tokens of a prompt, with a teacher's hint. */
export function promptTokens(
  { tokenizer, settings }: LanguageContext,
  situation: Situation,
  hint = "",
): Int32Array<ArrayBuffer> {
  const shown = settings.prompt(guarded(tokenizer, situation));
  return encodeMessages(tokenizer, shown, hint);
}

/** Tokens of the action's own prompt. */
export function actionPromptTokens(
  { tokenizer, settings: { actionPrompt } }: LanguageContext,
  situation: Situation,
  subgoal: string,
): Int32Array<ArrayBuffer> | undefined {
  if (!actionPrompt) return undefined;
  const shown = actionPrompt(
    guarded(tokenizer, situation),
    tokenizer.guard(subgoal),
  );
  return encodeMessages(tokenizer, shown);
}

function encodeMessages(
  tokenizer: TextTokenizer,
  shown: string | readonly ChatMessage[],
  hint = "",
): Int32Array<ArrayBuffer> {
  const messages: ChatMessage[] = typeof shown === "string"
    ? [{ role: "user", content: shown }]
    : [...shown];
  const last = messages.pop() ?? { role: "user", content: "" };
  const content = hint === "" ? last.content : `${last.content}\n\n${hint}`;
  return tokenizer.encodeChat([...messages, { ...last, content }]);
}

/** A reply that was generated, and the prompts it was generated to. */
export interface WrittenTurn {
  readonly prompt: Int32Array;
  readonly reply: GeneratedReply;
  /** What was allowed, where the reply has a form. */
  readonly allowed: AllowedTokens | undefined;
  /** Where the action was written to a prompt of its own. */
  readonly action?: ActionPrompt;
}

/** A reply in two parts, the second written to a prompt of its own, as one. */
export function joinReplies(
  plan: GeneratedReply,
  action: GeneratedReply,
): GeneratedReply {
  return {
    tokens: joined(plan.tokens, action.tokens),
    pieces: [...plan.pieces, ...action.pieces],
    logProbs: Float32Array.of(...plan.logProbs, ...action.logProbs),
    sampled: Uint8Array.of(...plan.sampled, ...action.sampled),
    states: [
      ...Array.from(plan.tokens, (_, t) => plan.states[t]),
      ...action.states, // from the end of the action's own prompt on
    ],
  };
}

/** The same plan with another subgoal, for measurements: its log-probabilities are 0. */
export function planOf(
  { tokenizer }: LanguageContext,
  { states }: GeneratedReply,
  { subgoal, held }: { subgoal: string; held: string | undefined },
): GeneratedReply {
  const word = subgoal === held ? "KEEP" : "SWITCH";
  const tokens = tokenizer.encode(
    `<switch>${word}</switch>\n<subgoal>${subgoal}</subgoal>`,
  );
  return {
    tokens,
    pieces: Array.from(tokens, tokenizer.piece),
    logProbs: new Float32Array(tokens.length),
    sampled: new Uint8Array(tokens.length),
    states: states.slice(0, 1),
  };
}

/** Subgoal of the plan of a reply, as {@linkcode decisionOf} reads it. */
export function subgoalOf(
  { tokenizer, settings }: LanguageContext,
  situation: Situation,
  { tokens, pieces }: GeneratedReply,
): string {
  return readReply(pieces, {
    mode: settings.mode,
    text: tokenizer.replyText(tokens),
    ...(situation.subgoal === undefined ? {} : { held: situation.subgoal }),
  }).subgoal;
}

/** Parses a decision from a reply. */
export function decisionOf(
  { tokenizer, settings }: LanguageContext,
  situation: Situation,
  { prompt, reply, allowed, action }: WrittenTurn,
): Decision & { readonly trace: TokenTrace } {
  const { tokens, pieces, logProbs, sampled } = reply;
  const { admissibleActions } = situation.observation;
  const read = readReply(pieces, {
    mode: settings.mode,
    admissibleActions,
    text: tokenizer.replyText(tokens),
    ...(settings.skipThinking && {
      skipThinking: tokenizer.opensThought ? "opened" : true,
    }),
    ...(situation.subgoal === undefined ? {} : { held: situation.subgoal }),
  });
  const trace: TokenTrace = {
    kind: "tokens",
    prompt,
    reply: tokens,
    logProbs,
    spans: read.spans,
    executionSlot: action?.start ?? read.valueSlots.execution ?? 0,
    ...(allowed && { sampled, allowed }),
    ...(action && { action }),
  };
  return {
    // Without a held subgoal every reply switches.
    switched: read.switched || situation.subgoal === undefined,
    subgoal: read.subgoal,
    action: read.action,
    valid: read.valid,
    trace,
  };
}

/**
 * Probability of SWITCH, from that of the generated switching block. Exact if only KEEP and SWITCH are
 * possible; otherwise the mass of other words counts for the alternative.
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
 * The recorded reply of a trace, with its allowed tokens.
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
  const { prompt, reply, executionSlot = 0, allowed, action } = trace;
  const written = { prompt, reply, executionSlot, ...(action && { action }) };
  return form && allowed
    ? { ...written, choices: readAllowed(allowed, form.exclusions) }
    : written;
}

/**
 * A whole episode as one reply, every token an execution, for language modeling. `mask` is 1 for tokens of
 * the world and 0 for tokens of replies.
 */
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
  const reply = tokens.slice(1); // the first token is not predicted
  const whole = { start: 0, end: reply.length };
  const mask = new Float32Array(reply.length).fill(1);
  turns.forEach(({ decision }, t) => {
    const before = promptTokens(context, situationAt(t));
    const said = context.tokenizer.encode(formatReply({
      ...decision,
      switching: decision.switched ? "SWITCH" : "KEEP",
    }));
    const start = before.length - 1; // in `reply`, which lacks the first token
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
 * Encodes a given decision as tokens to be learned; log-probabilities are 0.
 *
 * Every token belongs to a decision: text between blocks to the preceding one, the copy of a kept
 * subgoal to switching, and a first switch, which is forced, to planning.
 */
export function writeTrace(
  context: LanguageContext,
  situation: Situation,
  decision: Decision,
  prompt: Int32Array,
): TokenTrace {
  const { tokenizer, form } = context;
  const keeps = situation.subgoal !== undefined && !decision.switched;
  // Tokenized in the parts of the grammar, so that the tokens are equal.
  const [tag, word, content, middle, action] = [
    "<switch>",
    `${keeps ? "KEEP" : "SWITCH"}</switch>\n<subgoal>`,
    `${keeps ? situation.subgoal : decision.subgoal}</subgoal>`,
    context.settings.actionPrompt ? "<action>" : "\n<action>",
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
  const own = actionPromptTokens(context, situation, decision.subgoal);
  const trace: TokenTrace = {
    kind: "tokens",
    prompt,
    reply,
    logProbs: new Float32Array(reply.length),
    spans,
    executionSlot: own ? act : locateBlocks(pieces).valueSlots.execution ?? 0,
    ...(own && { action: { prompt: own, start: act } }),
  };
  if (!form) return trace;
  const follow = (tokens: Int32Array, part: ReplyPart) => {
    const grammar = recordingGrammar(form, situation, part);
    const sampled = Uint8Array.from(tokens, (token) => {
      const next = grammar.next();
      grammar.accept(token);
      return isForced(next) ? 0 : 1;
    });
    return { sampled, allowed: grammar.allowed() };
  };
  if (!own) return { ...trace, ...follow(reply, "whole") };
  const planned = follow(reply.subarray(0, act), "plan");
  const done = follow(reply.subarray(act), "action");
  return {
    ...trace,
    sampled: Uint8Array.of(...planned.sampled, ...done.sampled),
    allowed: joinAllowed(planned.allowed, done.allowed),
  };
}
