/**
 * Requests to servers: one attempt with a timeout, repetition with back-off, and keys that stay secret.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { fetchAnywhere } from "./local.ts";

/** One request. */
export interface HttpRequest {
  /** Method. */
  readonly method: "GET" | "POST" | "DELETE";
  /** Address. */
  readonly url: string;
  /** Headers, the key among them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body, if any. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Time after which an attempt counts as lost, in milliseconds. @default {60000} */
  readonly timeout?: number;
  /** Stops waiting, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** What came back. */
export interface HttpReply {
  /** Status code. */
  readonly status: number;
  /** Headers. */
  readonly headers: Headers;
  /** Body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** No reply: the connection failed, was reset, or the time was over. What the server did is unknown. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/**
 * Sends a request once. Redirects are not followed, so that a key is never sent elsewhere.
 *
 * @throws {ConnectionLost} If no whole reply came back.
 */
export async function sendOnce(request: HttpRequest): Promise<HttpReply> {
  const { method, url, headers = {}, body, timeout = 60_000, signal } = request;
  signal?.throwIfAborted();
  // A timer of its own, ended with the request: those of AbortSignal.timeout() are held until they are over.
  const ending = new AbortController();
  const end = () => ending.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, timeout);
  signal?.addEventListener("abort", end, { once: true });
  try {
    const response = await fetchAnywhere(url, {
      method,
      headers,
      redirect: "manual",
      signal: ending.signal,
      ...(body !== undefined && { body }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes };
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = late
      ? `no reply within ${timeout} ms`
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new ConnectionLost(`connection to ${originOf(url)} lost: ${reason}`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

/** Scheme, host and port of an address; messages name no path or query. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "the server";
}

/** How long and how often requests are repeated. */
export interface RetryOptions {
  /** Time without any reply after which repetition ends, in milliseconds. @default {300000} */
  readonly patience?: number;
  /** Delay before the first repetition, in milliseconds; it doubles each time. @default {500} */
  readonly firstDelay?: number;
  /** Longest delay, in milliseconds. @default {30000} */
  readonly longestDelay?: number;
  /** Most repetitions. @default {unlimited} */
  readonly most?: number;
  /** Draws the jitter; without it delays are whole. */
  readonly random?: Random;
  /** Stops waiting, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Delay before the repetition that follows attempt `attempt`, from 0, in milliseconds. */
export function backoffDelay(
  attempt: number,
  options: RetryOptions = {},
): number {
  const { firstDelay = 500, longestDelay = 30_000, random } = options;
  const jitter = random ? random.fork("jitter", attempt).uniform() : 1;
  return Math.min(longestDelay, firstDelay * 2 ** Math.min(attempt, 20)) *
    (0.75 + 0.25 * jitter);
}

/** The wait that a reply asks for, in milliseconds, if it is at most a minute. */
export function retryAfter(headers: Headers): number | undefined {
  const exact = Number(headers.get("retry-after-ms") ?? NaN);
  const seconds = Number(headers.get("retry-after") ?? NaN);
  const wait = Number.isFinite(exact) ? exact : 1000 * seconds;
  return wait >= 0 && wait <= 60_000 ? wait : undefined;
}

/**
 * Sends a request until a reply is final.
 *
 * @param request The same bytes and headers on every attempt.
 * @param isFinal Whether a reply ends the repetition; a lost connection never does.
 * @param options Patience and delays.
 * @returns The final reply, or the last one when patience or repetitions are spent, and the number of repetitions.
 * @throws {ConnectionLost} If no reply came within the patience.
 */
export async function sendRepeatedly(
  request: HttpRequest,
  isFinal: (reply: HttpReply) => boolean,
  options: RetryOptions = {},
): Promise<HttpReply & { readonly repeated: number }> {
  const { patience = 300_000, most = Infinity } = options;
  const began = performance.now();
  for (let attempt = 0;; attempt++) {
    const spent = () =>
      attempt >= most || performance.now() - began >= patience;
    let wait: number | undefined;
    try {
      const reply = await sendOnce(request);
      if (isFinal(reply) || spent()) return { ...reply, repeated: attempt };
      wait = retryAfter(reply.headers);
    } catch (error) {
      if (!(error instanceof ConnectionLost) || spent()) throw error;
    }
    await delay(wait ?? backoffDelay(attempt, options), request.signal);
  }
}

/** Waits, in milliseconds; the signal ends the wait by its reason. */
export async function delay(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Where a key stands. It is never part of a config, a run's folder or a message. */
export interface KeySource {
  /** Environment variable that holds it. */
  readonly variable: string;
  /** File that holds it, on a line of its own; wins over the variable. */
  readonly file?: string;
}

/**
 * Reads a key.
 *
 * @returns The key, or `undefined` if neither file nor variable is there.
 * @throws {TypeError} If the file is there and cannot be read or is empty; its content is not shown.
 */
export async function readKey(source: KeySource): Promise<string | undefined> {
  const { variable, file } = source;
  if (file === undefined) return Deno.env.get(variable)?.trim() || undefined;
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw new TypeError(
      `Cannot read a key as its file must be readable: current value is "${file}"`,
      { cause },
    );
  }
  const key = text.trim();
  if (key !== "") return key;
  throw new TypeError(
    `Cannot read a key as its file must not be empty: current value is "${file}"`,
  );
}

/** Replaces secrets in a text by `***`. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (shown, secret) => secret === "" ? shown : shown.replaceAll(secret, "***"),
    text,
  );
}
