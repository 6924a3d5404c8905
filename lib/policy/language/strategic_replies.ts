/**
 * Conversions between text and tokens under a strategy: the strategy of an episode, the action of a turn, and
 * demonstrations of both.
 *
 * The first turn's reply holds the strategy and the first action, each written to a prompt of its own; a later
 * one holds the action alone.
 *
 * @module
 */

import type {
  Decision,
  Situation,
  Strategy,
  TokenSpan,
  TokenTrace,
  WrittenStrategy,
} from "../../trajectory.ts";
import { locateBlocks, thoughtEnd } from "./blocks.ts";
import {
  isForced,
  joinAllowed,
  recordingGrammar,
  type ReplyPart,
} from "./grammar.ts";
import type { GeneratedReply } from "./partial_reply.ts";
import { joined } from "./prefix_sharing.ts";
import type { LanguageContext, WrittenTurn } from "./replies.ts";

/** A strategy that was written, or the beginning of it where it was cut off. */
export function strategyFrom(
  context: LanguageContext,
  { prompt, reply, allowed }: WrittenTurn,
): Strategy {
  const { tokens, logProbs, sampled } = reply;
  const said = textOf(context, reply);
  const block = /<strategy>([\s\S]*?)(?:<\/strategy>|$)/.exec(said)?.[1];
  const text = (block ?? said).trim().replaceAll(/\s+/g, " ");
  return {
    text,
    steps: [text],
    written: {
      prompt: Int32Array.from(prompt),
      reply: tokens,
      logProbs,
      sampled,
      ...(allowed && { allowed }),
    },
  };
}

/** What a reply says after its thought, if thoughts are skipped. */
function textOf(
  { tokenizer, settings }: LanguageContext,
  { tokens }: GeneratedReply,
): string {
  const text = tokenizer.replyText(tokens);
  if (!settings.skipThinking) return text;
  return text.slice(thoughtEnd(text, { opened: tokenizer.opensThought }));
}

/** Reads a turn's action; the first turn's decision holds the strategy as well. */
export function strategicDecision(
  context: LanguageContext,
  situation: Situation,
  { prompt, reply, allowed }: WrittenTurn,
  strategy: Strategy,
): Decision & { readonly trace: TokenTrace } {
  const first = situation.past.length === 0;
  const { admissibleActions } = situation.observation;
  const said = textOf(context, reply);
  const block = /<action>([\s\S]*?)<\/action>/.exec(said);
  const action = (block?.[1] ?? said).trim();
  const alone = block !== null && said.replace(block[0], "").trim() === "";
  const acting: TokenTrace = {
    kind: "tokens",
    prompt,
    reply: reply.tokens,
    logProbs: reply.logProbs,
    spans: {
      switching: undefined,
      planning: undefined,
      execution: locateBlocks(reply.pieces).spans.execution,
    },
    executionSlot: 0,
    ...(allowed && { allowed, sampled: reply.sampled }),
  };
  const { written, text } = strategy;
  return {
    switched: first,
    subgoal: text,
    ...(first && { strategy: text }),
    action,
    valid: alone &&
      (admissibleActions.length === 0 || admissibleActions.includes(action)),
    trace: first && written ? joinTraces(written, acting) : acting,
  };
}

/** The trace of a strategy and of the first action under it. */
function joinTraces(
  { prompt, reply, logProbs, sampled, allowed }: WrittenStrategy,
  acting: TokenTrace,
): TokenTrace {
  const start = reply.length;
  const span = acting.spans.execution;
  const shifted: TokenSpan | undefined = span &&
    { start: span.start + start, end: span.end + start };
  const given = acting.sampled ?? new Uint8Array(acting.reply.length).fill(1);
  return {
    kind: "tokens",
    prompt,
    reply: joined(reply, acting.reply),
    logProbs: Float32Array.of(...logProbs, ...acting.logProbs),
    spans: {
      switching: undefined,
      planning: { start: 0, end: start },
      execution: shifted,
    },
    executionSlot: start,
    action: { prompt: acting.prompt, start },
    ...(allowed && acting.allowed && {
      sampled: Uint8Array.of(...sampled, ...given),
      allowed: joinAllowed(allowed, acting.allowed),
    }),
  };
}

/** Prompts that a demonstration is encoded to. */
export interface StrategicPrompts {
  /** Asks for the strategy; read on the first turn. */
  readonly strategy: Int32Array;
  /** Asks for an action under it. */
  readonly action: Int32Array;
}

/** Encodes a given action, and on the first turn the strategy, as tokens to be learned; log-probabilities are 0. */
export function writeStrategicTrace(
  context: LanguageContext,
  situation: Situation,
  { subgoal: text, action }: { subgoal: string; action: string },
  prompts: StrategicPrompts,
): TokenTrace {
  const own = encodePart(context, situation, "action", [
    "<action>",
    `${action}</action>`,
  ]);
  const acting: TokenTrace = {
    ...{ kind: "tokens", prompt: prompts.action, ...own },
    spans: {
      switching: undefined,
      planning: undefined,
      execution: { start: 0, end: own.reply.length },
    },
    executionSlot: 0,
  };
  if (situation.past.length > 0) return acting;
  const { subgoal: _, ...start } = situation;
  const written = encodePart(context, start, "strategy", [
    "<strategy>",
    `${text}</strategy>`,
  ]);
  const prompt = Int32Array.from(prompts.strategy);
  const sampled = written.sampled ??
    new Uint8Array(written.reply.length).fill(1);
  return joinTraces({ ...written, prompt, sampled }, acting);
}

/** Tokens of a part of a reply, tokenized as its grammar does, so that they are equal. */
function encodePart(
  { tokenizer, form }: LanguageContext,
  situation: Situation,
  part: ReplyPart,
  texts: readonly string[],
) {
  const reply = Int32Array.from(
    texts.flatMap((text) => [...tokenizer.encode(text)]),
  );
  const logProbs = new Float32Array(reply.length);
  if (!form) return { reply, logProbs };
  const grammar = recordingGrammar(form, situation, part);
  const sampled = Uint8Array.from(reply, (token) => {
    const next = grammar.next();
    grammar.accept(token);
    return isForced(next) ? 0 : 1;
  });
  return { reply, logProbs, sampled, allowed: grammar.allowed() };
}
