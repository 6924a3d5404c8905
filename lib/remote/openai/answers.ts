/**
 * Answers of a served model to questions that are no turns of an episode.
 *
 * @module
 */

import type { ChatMessage } from "../../policy/language/tokenizer.ts";
import type { Random } from "../../random.ts";
import { PromptTooLong, SamplingFailed } from "./client.ts";
import { openChatClient, type ServedModel } from "./open_client.ts";
import { lengthField, plainSampling, type ServerKind } from "./servers.ts";

/** A model on a server, and how it answers. */
export interface ServedAnswersOptions extends ServedModel {
  /** Which server it is, for fields that differ. */
  readonly server: ServerKind;
  /** Sampling temperature. */
  readonly temperature: number;
  /** Longest answer, in tokens. */
  readonly maxReplyTokens: number;
}

/** Asks a model once for each conversation; `undefined` stands where no answer came. */
export type ServedAnswers = (
  conversations: readonly (readonly ChatMessage[])[],
  randoms: readonly Random[],
) => Promise<(string | undefined)[]>;

/**
 * Reaches a served model.
 *
 * @throws {TypeError} If the server does not answer, refuses the key, or does not offer the model.
 */
export async function createServedAnswers(
  options: ServedAnswersOptions,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ServedAnswers> {
  const { model, server, temperature, maxReplyTokens } = options;
  const task = "ask a served model";
  const client = await openChatClient(options, task, { signal });
  const ask = async (messages: readonly ChatMessage[], random: Random) => {
    const fields = {
      ...{ model, temperature, n: 1 },
      seed: random.fork("reply").seed % 2 ** 31,
      [lengthField(server)]: maxReplyTokens,
      ...plainSampling(server),
    };
    try {
      return (await client.sample(messages, fields, random)).text;
    } catch (error) {
      const unanswered = error instanceof SamplingFailed ||
        error instanceof PromptTooLong;
      if (unanswered) return undefined;
      throw error;
    }
  };
  return (conversations, randoms) =>
    Promise.all(conversations.map((one, i) => ask(one, randoms[i]!)));
}
