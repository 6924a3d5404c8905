/**
 * Chat completions of an OpenAI-compatible server: bounded concurrency, repeated attempts, counts of tokens and time.
 *
 * Sampling has no effect on the server, so that any attempt may be repeated, with the same seed.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { ChatMessage } from "../../policy/language/tokenizer.ts";
import {
  backoffDelay,
  ConnectionLost,
  delay,
  type HttpReply,
  originOf,
  redact,
  retryAfter,
  sendOnce,
} from "../http.ts";

/** How a server is reached. */
export interface ChatClientOptions {
  /** Address, with `/v1`. */
  readonly url: string;
  /** Key; sent as `Authorization: Bearer …`, and in no message. */
  readonly key?: string | undefined;
  /** Requests at once. */
  readonly concurrency: number;
  /** Attempts of a request. */
  readonly attempts: number;
  /** Milliseconds until an attempt must be answered. */
  readonly timeout: number;
  /** Milliseconds before the first repetition. @default {500} */
  readonly firstDelay?: number;
  /** Stops waiting, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One sample. */
export interface ChatReply {
  /** The reply's text. */
  readonly text: string;
  /** `length` if it was cut. */
  readonly stop: "stop" | "length";
  /** Text of each token, where log-probabilities were given. */
  readonly pieces?: readonly string[];
  /** Log-probability of each token. */
  readonly logProbs?: readonly number[];
  /** Token ids of the reply, where the server gives them. */
  readonly tokens?: readonly number[];
  /** Token ids of the prompt, where the server gives them. */
  readonly prompt?: readonly number[];
}

/** What requests cost so far. */
export interface ChatUsage {
  /** Requests that were answered. */
  readonly requests: number;
  /** Attempts beyond the first. */
  readonly repeated: number;
  /** Requests without an answer, whose episodes are lost. */
  readonly failed: number;
  /** Tokens of prompts, as the server counts them. */
  readonly promptTokens: number;
  /** Tokens of replies. */
  readonly replyTokens: number;
  /** Replies that were cut by their limit. */
  readonly cut: number;
  /** Seconds of all answered requests together. */
  readonly seconds: number;
  /** Median seconds of a request. */
  readonly medianSeconds: number;
  /** 95 % of requests were answered within so many seconds. */
  readonly slowSeconds: number;
}

/** No attempt was answered. */
export class SamplingFailed extends Error {
  override readonly name = "SamplingFailed";
}

/** The prompt does not fit the model's context. */
export class PromptTooLong extends Error {
  override readonly name = "PromptTooLong";
}

/** Statuses after which an attempt is repeated. */
const REPEATED = [408, 409, 425, 429, 500, 502, 503, 504];
/** Answered requests after which one more runs at once again, once an overload has halved their number. */
const RECOVERY = 10;

/** A client; what runs at once is counted over all its calls. */
export class ChatClient {
  readonly #options: ChatClientOptions;
  readonly #waiting: (() => void)[] = [];
  readonly #times: number[] = [];
  #running = 0;
  #limit: number;
  #successes = 0;
  #counts = {
    requests: 0,
    repeated: 0,
    failed: 0,
    promptTokens: 0,
    replyTokens: 0,
    cut: 0,
  };

  constructor(options: ChatClientOptions) {
    this.#options = options;
    this.#limit = options.concurrency;
  }

  /** What requests cost so far. */
  get usage(): ChatUsage {
    const sorted = this.#times.toSorted((a, b) => a - b);
    const quantile = (q: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
    return {
      ...this.#counts,
      seconds: sorted.reduce((sum, time) => sum + time, 0),
      medianSeconds: quantile(0.5),
      slowSeconds: quantile(0.95),
    };
  }

  /** Names of the models that the server offers; `undefined` if it lists none. */
  async models(): Promise<readonly string[] | undefined> {
    const reply = await this.#send("GET", "/models").catch((error) => {
      throw new TypeError(
        `Cannot reach a served model as its server must answer at ${
          originOf(this.#options.url)
        }: ${error.message}`,
        { cause: error },
      );
    });
    if (reply.status === 401 || reply.status === 403) throw this.#fatal(reply);
    const { data } = asObject(parse(reply));
    return Array.isArray(data)
      ? data.map((one) => String(asObject(one).id))
      : undefined;
  }

  /**
   * Samples one reply.
   *
   * @param messages The conversation.
   * @param fields Model, sampling, and whatever else the server takes.
   * @param random Draws the jitter of waits.
   * @returns The reply.
   * @throws {SamplingFailed} If no attempt was answered.
   * @throws {PromptTooLong} If the prompt does not fit.
   * @throws {TypeError} If the server refuses the key, the model or a field: no other request would fare better.
   */
  async sample(
    messages: readonly ChatMessage[],
    fields: Readonly<Record<string, unknown>>,
    random: Random,
  ): Promise<ChatReply> {
    await this.#enter();
    try {
      return await this.#attempt(
        JSON.stringify({ ...fields, messages }),
        random,
      );
    } finally {
      this.#running--;
      this.#admit();
    }
  }

  async #attempt(body: string, random: Random): Promise<ChatReply> {
    const { attempts, firstDelay = 500, signal } = this.#options;
    let last = "";
    for (let attempt = 0; attempt < attempts; attempt++) {
      const began = performance.now();
      let wait: number | undefined;
      try {
        const reply = await this.#send("POST", "/chat/completions", body);
        const found = this.#read(reply);
        if (typeof found !== "string") {
          this.#succeed((performance.now() - began) / 1000, found);
          return found;
        }
        last = found;
        wait = retryAfter(reply.headers);
        if (reply.status === 429 || reply.status === 503) this.#overloaded();
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        last = error.message;
      }
      if (attempt + 1 === attempts) break;
      this.#counts.repeated++;
      await delay(
        wait ?? backoffDelay(attempt, { firstDelay, random }),
        signal,
      );
    }
    this.#counts.failed++;
    throw new SamplingFailed(
      `the served model gave no reply in ${attempts} attempts: ${last}`,
    );
  }

  /** The reply, or why it is none. */
  #read(reply: HttpReply): ChatReply | string {
    const json = parse(reply);
    if (reply.status === 200) {
      const found = readChoice(json);
      if (found === undefined) return "an empty reply";
      const usage = asObject(asObject(json).usage);
      this.#counts.promptTokens += Number(usage.prompt_tokens ?? 0);
      this.#counts.replyTokens += Number(usage.completion_tokens ?? 0);
      return found;
    }
    const message = errorText(reply, json);
    if (REPEATED.includes(reply.status)) return `${reply.status} ${message}`;
    if (
      reply.status === 400 &&
      /context[ _]length|too long|maximum (?:context|input)|exceeds? the .*context|input tokens/i
        .test(message)
    ) throw new PromptTooLong(message);
    throw this.#fatal(reply);
  }

  #fatal(reply: HttpReply): TypeError {
    const message = errorText(reply, parse(reply));
    const { url, key } = this.#options;
    return new TypeError(
      `Cannot sample as the server at ${
        originOf(url)
      } must accept the request: it answered ${reply.status}, ${
        redact(message, key === undefined ? [] : [key])
      }`,
    );
  }

  #succeed(seconds: number, reply: ChatReply): void {
    this.#counts.requests++;
    if (reply.stop === "length") this.#counts.cut++;
    this.#times.push(seconds);
    const { concurrency } = this.#options;
    if (this.#limit < concurrency && ++this.#successes % RECOVERY === 0) {
      this.#limit++;
      this.#admit();
    }
  }

  #overloaded(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  #send(
    method: "GET" | "POST",
    path: string,
    body?: string,
  ): Promise<HttpReply> {
    const { url, key, timeout, signal } = this.#options;
    return sendOnce({
      method,
      url: `${url.replace(/\/+$/, "")}${path}`,
      timeout,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        authorization: `Bearer ${key ?? "EMPTY"}`,
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#limit) {
      this.#running++;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #admit(): void {
    while (this.#running < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running++;
      next();
    }
  }
}

/** The first choice; `undefined` if it has no text. */
function readChoice(json: unknown): ChatReply | undefined {
  const { choices, prompt_token_ids } = asObject(json);
  const [first] = Array.isArray(choices)
    ? choices.toSorted((a, b) =>
      Number(asObject(a).index ?? 0) - Number(asObject(b).index ?? 0)
    )
    : [];
  const choice = asObject(first);
  const { content } = asObject(choice.message);
  if (typeof content !== "string" || content === "") return undefined;
  const { finish_reason: reason, token_ids } = choice;
  if (reason !== "stop" && reason !== "length") return undefined;
  const listed = asObject(choice.logprobs).content;
  const tokens = Array.isArray(listed) ? listed.map(asObject) : undefined;
  return {
    text: content,
    stop: reason,
    ...(tokens && {
      pieces: tokens.map(({ token }) => String(token)),
      logProbs: tokens.map(({ logprob }) => Number(logprob)),
    }),
    ...(areNumbers(token_ids) && { tokens: token_ids }),
    ...(areNumbers(prompt_token_ids) && { prompt: prompt_token_ids }),
  };
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}

function parse({ bytes }: HttpReply): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** What a server says was wrong: nested, flat, or a page of a proxy. */
function errorText({ bytes }: HttpReply, json: unknown): string {
  const { error, message, detail } = asObject(json);
  const said = asObject(error).message ?? message ??
    (typeof error === "string" ? error : detail);
  const shown = typeof said === "string"
    ? said
    : new TextDecoder().decode(bytes).replaceAll(/<[^>]*>|\s+/g, " ");
  return shown.trim().slice(0, 300);
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
    ? value as Readonly<Record<string, unknown>>
    : {};
}
