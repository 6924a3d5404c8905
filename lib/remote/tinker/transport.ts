/**
 * Requests of the Tinker protocol: submissions that are repeated where that is safe, and futures that are waited for.
 *
 * @module
 */

import { createRandom, type Random } from "../../random.ts";
import { Gate } from "../../gate.ts";
import {
  backoffDelay,
  ConnectionLost,
  delay,
  type HttpReply,
  redact,
  retryAfter,
  sendOnce,
} from "../http.ts";
import { PROTOBUF } from "./codec.ts";
import type { Dialect } from "./dialects.ts";
import { detailOf, kindOf, TinkerError } from "./errors.ts";
import { isProtobuf, readPending } from "./replies.ts";

/** What was asked of the engine so far. */
export interface EngineCosts {
  /** Requests that were answered. */
  readonly requests: number;
  /** Attempts that were repeated. */
  readonly repeats: number;
  /** Bytes of request bodies. */
  readonly bytesSent: number;
  /** Seconds in which at least one result was waited for. */
  readonly waitingSeconds: number;
  /** Tokens sampled. */
  readonly tokensSampled: number;
  /** Tokens of prompts that samples were drawn for. */
  readonly tokensPrompted: number;
  /** Tokens in forward and backward passes. */
  readonly tokensTrained: number;
  /** Steps of the optimizer. */
  readonly optimizerSteps: number;
}

/** One request, for a log; it holds no key. */
export interface RequestRecord {
  /** What was attempted. */
  readonly operation: string;
  /** Status code of the last reply. */
  readonly status: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Time from the first attempt to the last reply. */
  readonly milliseconds: number;
  /** Attempts that were repeated. */
  readonly repeats: number;
}

/** How a connection is made. */
export interface TransportOptions {
  /** Address of the server, without `/api/v1`. */
  readonly url: string;
  /** How the server behaves. */
  readonly dialect: Dialect;
  /** Key of the account; SkyRL takes any. */
  readonly key?: string;
  /** Time without any reply after which an operation is given up, in milliseconds. @default {300000} */
  readonly patience?: number;
  /** Delay before the first repetition, in milliseconds. @default {500} */
  readonly firstDelay?: number;
  /** Is called after each request. */
  readonly onRequest?: (record: RequestRecord) => void;
}

/** A request to submit. */
export interface Submission {
  /** Path below `/api/v1`. */
  readonly path: string;
  /** Method. @default {"POST"} */
  readonly method?: "GET" | "POST" | "DELETE";
  /** JSON, or protobuf as bytes. */
  readonly body?: object | Uint8Array<ArrayBuffer>;
  /** Name of the operation, for messages. */
  readonly operation: string;
  /** Whether repeating it after an unknown outcome does nothing twice. */
  readonly repeatable: boolean;
  /** Number in its model's order. */
  readonly seqId?: number;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Time after which an attempt counts as lost, in milliseconds. @default {60000} */
  readonly timeout?: number;
  /** Stops waiting, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are returned instead of thrown. */
  readonly accept?: readonly number[];
}

/** Most futures that are polled at once; each costs a connection and a task of the server. */
const OPEN_POLLS = 64;

/** Replies of 500 to one request after which it is given up: SkyRL answers some client errors so. */
const SERVER_ERRORS = 4;

/** Statuses by which a proxy says that its server is away; they are waited out like a lost connection. */
const AWAY: readonly number[] = [502, 503, 504];

/** Times that an expired future is submitted again. */
const RESUBMISSIONS = 3;

/** Shortest time between two polls of one future, in milliseconds; servers hold a poll for seconds. */
const POLL_PACE = 20;

/** Pauses after "too many requests", in milliseconds, by whether the prompt is short. */
const PAUSES = { short: 1000, long: 5000 } as const;

/** A connection to one server. */
export class Transport {
  /** How it was made; the key is left out, so that it is in no print of a session. */
  readonly options: Omit<TransportOptions, "key">;
  readonly #key: string | undefined;
  readonly #random: Random;
  readonly #polls = new Gate(OPEN_POLLS);
  readonly #costs = {
    requests: 0,
    repeats: 0,
    bytesSent: 0,
    waitingSeconds: 0,
    tokensSampled: 0,
    tokensPrompted: 0,
    tokensTrained: 0,
    optimizerSteps: 0,
  };
  #waiting = 0;
  #waitsSince = 0;
  #pausedUntil = 0;
  #samplingSeqId = 0;

  /**
   * Makes a connection; nothing is sent yet.
   *
   * @throws {TypeError} If the address is none.
   */
  constructor(options: TransportOptions) {
    const { url } = options;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new TypeError(
        `Cannot reach an engine as its "url" must begin with http:// or https://: current value is "${url}"`,
      );
    }
    const { key, ...shown } = options;
    this.#key = key;
    this.options = { ...shown, url: url.replace(/\/+$/, "") };
    this.#random = createRandom(0).fork("back-off");
  }

  /** How the server behaves. */
  get dialect(): Dialect {
    return this.options.dialect;
  }

  /** Number of the session's next sampler, temporary ones of models among them. */
  nextSamplingSeqId(): number {
    return this.#samplingSeqId++;
  }

  /** What was asked so far. */
  get costs(): EngineCosts {
    const running = this.#waiting > 0
      ? (performance.now() - this.#waitsSince) / 1000
      : 0;
    return {
      ...this.#costs,
      waitingSeconds: this.#costs.waitingSeconds + running,
    };
  }

  /** Adds to the counters. */
  count(
    counts: Partial<Omit<EngineCosts, "waitingSeconds">>,
  ): void {
    for (const [name, count] of Object.entries(counts)) {
      this.#costs[name as keyof typeof counts] += count;
    }
  }

  /** Headers of every request, the key among them. */
  headers(): Record<string, string> {
    return this.#key === undefined ? {} : { "X-API-Key": this.#key };
  }

  /** Address of a path. */
  address(path: string): string {
    return `${this.options.url}/api/v1${path}`;
  }

  /**
   * Submits a request, again where that is safe and the outcome is unknown.
   *
   * @throws {TinkerError} If it is rejected, or there is no reply.
   */
  async submit(submission: Submission): Promise<HttpReply> {
    const { operation, seqId, accept = [] } = submission;
    const place = seqId === undefined ? {} : { seqId };
    const began = performance.now();
    let reply: HttpReply & { repeated: number };
    try {
      reply = await this.#send(submission);
    } catch (cause) {
      if (!(cause instanceof ConnectionLost)) throw cause;
      const shown = this.#redact(cause.message);
      throw new TinkerError({
        operation,
        kind: "transport",
        must: submission.repeatable
          ? "the server must answer within the client's patience"
          : "its outcome must be known, and it is not safe to repeat",
        detail: shown,
        ...place,
        cause: new ConnectionLost(shown),
      });
    }
    const { status } = reply;
    this.options.onRequest?.({
      operation,
      status,
      bytes: sizeOf(submission.body),
      milliseconds: performance.now() - began,
      repeats: reply.repeated,
    });
    if ((status >= 200 && status < 300) || accept.includes(status)) {
      return reply;
    }
    const detail = this.#redact(detailOf(reply.bytes));
    throw new TinkerError({
      operation,
      kind: kindOf(status, detail),
      must: "the server must accept the request",
      detail,
      status,
      ...place,
    });
  }

  async #send(
    submission: Submission,
  ): Promise<HttpReply & { repeated: number }> {
    const { body, method = "POST", repeatable, signal } = submission;
    const { patience = 300_000 } = this.options;
    const binary = body instanceof Uint8Array;
    const request = {
      method,
      url: this.address(submission.path),
      headers: {
        ...this.headers(),
        ...(method === "GET" ? {} : {
          "X-Idempotency-Key": crypto.randomUUID(), // one for all attempts
          "Content-Type": binary ? PROTOBUF : "application/json",
        }),
        ...submission.headers,
      },
      ...(body !== undefined && {
        body: binary ? body : JSON.stringify(body),
      }),
      timeout: submission.timeout ?? 60_000,
      ...(signal && { signal }),
    };
    let errors = 0, lostSince: number | undefined;
    for (let attempt = 0;; attempt++) {
      await this.#unpaused(signal);
      let wait: number | undefined;
      try {
        const reply = await sendOnce(request);
        this.count({ requests: 1, bytesSent: sizeOf(body) });
        const whole = { ...reply, repeated: attempt };
        if (!this.#isTransient(reply, submission)) return whole;
        if (AWAY.includes(reply.status)) {
          lostSince ??= performance.now();
          if (performance.now() - lostSince >= patience) return whole;
        } else {
          lostSince = undefined;
          if (reply.status >= 500 && ++errors >= SERVER_ERRORS) return whole;
        }
        wait = retryAfter(reply.headers);
        if (reply.status === 429) this.#pause(wait, sizeOf(body));
      } catch (error) {
        const unsent = error instanceof ConnectionLost &&
          /refused|dns|unreachable/i.test(error.message);
        if (!(error instanceof ConnectionLost) || !(repeatable || unsent)) {
          throw error;
        }
        lostSince ??= performance.now();
        if (performance.now() - lostSince >= patience) throw error;
      }
      this.count({ repeats: 1 });
      const { firstDelay = 500 } = this.options;
      await delay(
        wait ?? backoffDelay(attempt, { firstDelay, random: this.#random }),
        signal,
      );
    }
  }

  #isTransient(reply: HttpReply, { repeatable, accept }: Submission): boolean {
    const { status, headers } = reply;
    if (accept?.includes(status)) return false;
    const told = headers.get("x-should-retry");
    if (told !== null) return told === "true";
    // An error of the server leaves the outcome unknown.
    if (status >= 500 && !repeatable) return false;
    return this.options.dialect.transient.includes(status);
  }

  #pause(wait: number | undefined, bytes: number): void {
    const pause = bytes <= 128 * 1024 ? PAUSES.short : PAUSES.long;
    this.#pausedUntil = Math.max(
      this.#pausedUntil,
      performance.now() + (wait ?? pause),
    );
  }

  /** Waits while the server asks everybody to wait. */
  async #unpaused(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const left = this.#pausedUntil - performance.now();
      if (left <= 0) return;
      await delay(left, signal);
    }
  }

  /**
   * Waits for a future.
   *
   * @param requestId The future.
   * @param options Its type by the protocol's name, the operation, and how to submit it again should it expire.
   * @returns The reply with the result; protobuf or JSON by its content type.
   * @throws {TinkerError} If the operation failed, the future is unknown, or there is no reply.
   */
  async result(
    requestId: string,
    options: {
      type: string;
      operation: string;
      seqId?: number;
      signal?: AbortSignal | undefined;
      resubmit?: () => Promise<string>;
    },
  ): Promise<HttpReply> {
    return await this.#polls.run(async () => {
      if (this.#waiting++ === 0) this.#waitsSince = performance.now();
      try {
        return await this.#poll(requestId, options);
      } finally {
        if (--this.#waiting === 0) {
          this.#costs.waitingSeconds += (performance.now() - this.#waitsSince) /
            1000;
        }
      }
    });
  }

  async #poll(
    first: string,
    options: Parameters<Transport["result"]>[1],
  ): Promise<HttpReply> {
    const { type, operation, seqId, signal, resubmit } = options;
    const hosted = this.options.dialect.name === "hosted";
    let requestId = first, metadata = hosted, refusals = 0, resubmissions = 0;
    let due = 0;
    for (let iteration = 0;; iteration++) {
      const early = due - performance.now();
      if (early > 0) await delay(early, signal);
      due = performance.now() + POLL_PACE;
      const reply = await this.submit({
        path: "/retrieve_future",
        body: {
          request_id: requestId,
          ...(hosted && { allow_metadata_only: metadata }),
        },
        operation,
        repeatable: true,
        ...(seqId !== undefined && { seqId }),
        headers: {
          Accept: PROTOBUF,
          "X-Tinker-Request-Iteration": String(iteration),
          "X-Tinker-Request-Type": type,
        },
        timeout: this.options.dialect.pollTimeout,
        signal,
        accept: [400, 404, 408, 410],
      });
      const { status } = reply;
      if (status === 408) continue;
      const place = { requestId, ...(seqId !== undefined && { seqId }) };
      if (status === 410 && resubmit && ++resubmissions <= RESUBMISSIONS) {
        requestId = await resubmit();
        continue;
      }
      if (status === 400 && hosted && ++refusals <= 3) {
        await delay(backoffDelay(refusals), signal);
        continue;
      }
      if (status !== 200) {
        const detail = this.#redact(detailOf(reply.bytes));
        const kind = kindOf(status, detail);
        throw new TinkerError({
          operation,
          kind: kind === "rejected" ? "failed" : kind,
          must: "the operation must succeed on the server",
          detail,
          status,
          ...place,
        });
      }
      if (isProtobuf(reply)) return reply;
      const pending = readPending(reply);
      if (pending === undefined) return reply;
      if ("error" in pending) {
        throw new TinkerError({
          operation,
          kind: "failed",
          must: "the operation must succeed on the server",
          detail: this.#redact(pending.error),
          status,
          ...place,
        });
      }
      metadata = pending.again === "with metadata" && hosted;
    }
  }

  #redact(text: string): string {
    return redact(text, this.#key === undefined ? [] : [this.#key]);
  }
}

function sizeOf(body: Submission["body"]): number {
  if (body === undefined) return 0;
  return body instanceof Uint8Array
    ? body.byteLength
    : JSON.stringify(body).length;
}
