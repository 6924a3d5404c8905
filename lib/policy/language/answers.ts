/**
 * Answers of a language model to questions that are no turns of an episode, such as a judge's.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import { createPrefixCache } from "../decoder/fused_decoder.ts";
import { generateReplies } from "./generate.ts";
import { type LanguageContext, withoutMiddle } from "./replies.ts";
import type { ChatMessage } from "./tokenizer.ts";

/**
 * Writes one answer to each conversation, greedily. A conversation that is too long for the model is shortened in its
 * middle.
 */
export async function writeAnswers(
  { network, tokenizer, settings }: LanguageContext,
  conversations: readonly (readonly ChatMessage[])[],
  { randoms, maxTokens }: {
    readonly randoms: readonly Random[];
    readonly maxTokens: number;
  },
): Promise<string[]> {
  const { batchSize, tokensPerReadback, signal, skipThinking } = settings;
  const { model, adapter } = network.actor;
  const room = model.config.maxLength - maxTokens;
  using prefixes = createPrefixCache();
  const answers: string[] = [];
  for (let at = 0; at < conversations.length; at += batchSize) {
    const prompts = conversations.slice(at, at + batchSize).map((messages) => {
      const guarded = messages.map(({ role, content }) => ({
        ...{ role, content: tokenizer.guard(content) },
      }));
      return withoutMiddle(tokenizer.encodeChat(guarded), room);
    });
    const replies = await generateReplies(model, prompts, {
      ...{ tokenizer, adapter, prefixes, signal, tokensPerReadback },
      ...{ maxTokens, skipThinking, temperature: 0 },
      randoms: randoms.slice(at, at + batchSize),
    });
    answers.push(...replies.map(({ tokens }) => tokenizer.replyText(tokens)));
  }
  return answers;
}
