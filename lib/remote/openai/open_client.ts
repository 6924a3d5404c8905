/**
 * A client for one model of a server that is there.
 *
 * @module
 */

import { readKey } from "../http.ts";
import { ChatClient } from "./client.ts";
import type { OpenaiPolicyConfig } from "./settings.ts";

/** Environment variable that holds the key. */
const KEY = "OPENAI_API_KEY";

/** Where a model is, and how often it may be asked. */
export type ServedModel = Pick<
  OpenaiPolicyConfig,
  "url" | "model" | "keyFile" | "concurrency" | "attempts" | "timeoutSeconds"
>;

/** Options of {@linkcode openChatClient}. */
export interface OpenClientOptions {
  /** Stops waiting for replies, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds before the first repetition of a request. @default {500} */
  readonly firstDelay?: number;
}

/**
 * Reads the key and asks the server for its models.
 *
 * @param task What cannot be done otherwise, for messages.
 * @throws {TypeError} If the server does not answer, refuses the key, or does not offer the model.
 */
export async function openChatClient(
  { url, model, concurrency, attempts, timeoutSeconds, keyFile }: ServedModel,
  task: string,
  options: OpenClientOptions = {},
): Promise<ChatClient> {
  const key = await readKey({
    variable: KEY,
    ...(keyFile !== undefined && { file: keyFile }),
  });
  const client = new ChatClient({
    ...{ url, key, concurrency, attempts },
    timeout: 1000 * timeoutSeconds,
    ...options,
  });
  const offered = await client.models();
  if (offered !== undefined && !offered.includes(model)) {
    throw new TypeError(
      `Cannot ${task} as "model" must be one that ${url} offers: current value is "${model}", and there are ${
        offered.slice(0, 20).map((one) => `"${one}"`).join(", ")
      }`,
    );
  }
  return client;
}
