/**
 * One session on an OpenEnv server: requests one at a time, each with a deadline.
 *
 * What is sent and received is that of the packages `openenv` 0.2.3 to 0.10.0 and `openenv-core` 0.3.0.
 *
 * @module
 */

import { EpisodeLostError } from "../text_env.ts";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a connection needs to know. */
export interface ConnectionOptions {
  /** Address of the server. */
  readonly url: string;
  /** Token, sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Seconds until a connection must be open, and a full server may take to have room. */
  readonly connectSeconds: number;
}

/** A reply that says what was wrong. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** `EXECUTION_ERROR`, `VALIDATION_ERROR`, `CAPACITY_REACHED`, … */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Milliseconds that a closing server has, so that its slot is free when the next session begins. */
const CLOSING = 2000;
/** Milliseconds before a full server is asked again. */
const FULL_PAUSE = 100;

/**
 * The address of the sessions of a server.
 *
 * @param url `http://`, `https://`, `ws://` or `wss://` address, or host and port.
 * @returns The WebSocket's address.
 * @throws {TypeError} If it is none of these.
 */
export function socketUrl(url: string): string {
  const given = url.includes("://") ? url : `http://${url}`;
  const known = /^(?:http|ws)s?:\/\//.test(given) && URL.canParse(given);
  if (!known) {
    throw new TypeError(
      `Cannot reach an OpenEnv server as "url" must be an address such as http://127.0.0.1:8000: current value is ${url}`,
    );
  }
  const base = given.replace(/^http/, "ws").replace(/\/+$/, "");
  return base.endsWith("/ws") ? base : `${base}/ws`;
}

/** The address of the side doors of a server, without a slash at its end. */
export function httpUrl(url: string): string {
  return socketUrl(url).replace(/^ws/, "http").slice(0, -"/ws".length);
}

/** Headers that carry the token. */
export function tokenHeaders(
  token: string | undefined,
): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

interface Waiter {
  readonly resolve: (data: JsonObject) => void;
  readonly reject: (error: Error) => void;
}

/** An open session. */
export class Connection implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #url: string;
  #waiter: Waiter | undefined;
  #failure: Error | undefined;
  readonly #closed: Promise<void>;

  private constructor(socket: WebSocket, url: string) {
    this.#socket = socket;
    this.#url = url;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onerror = (event) => event.preventDefault();
    this.#closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.#fail(
          new EpisodeLostError(
            `the session on ${url} was closed (${code}${
              reason ? `, ${reason}` : ""
            })`,
          ),
        );
        resolve();
      };
    });
  }

  /**
   * Opens a session and waits while the server is full.
   *
   * @throws {EpisodeLostError} If no connection came about in time.
   * @throws {RefusedError} If the server is still full, with the number of sessions that it admits.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { url, token, connectSeconds } = options;
    const until = performance.now() + 1000 * connectSeconds;
    const address = socketUrl(url);
    let refusal: RefusedError | undefined;
    while (true) {
      const socket = new WebSocket(address, { headers: tokenHeaders(token) });
      const connection = new Connection(socket, url);
      await opened(socket, until, url).catch((error) => {
        throw refusal ?? error; // a full server explains more than a lack of time
      });
      // A full server says so before it is asked anything; asking for the state shows which came first.
      const answer = await connection.request({ type: "state" }, connectSeconds)
        .catch((error: Error) => error);
      if (!(answer instanceof Error)) return connection;
      await connection[Symbol.asyncDispose]();
      const full = answer instanceof RefusedError &&
        answer.code === "CAPACITY_REACHED";
      if (full) refusal = answer;
      if (!full || performance.now() > until) throw refusal ?? answer;
      await pause(FULL_PAUSE);
    }
  }

  /**
   * Sends a frame and waits for its reply.
   *
   * @param frame The request.
   * @param seconds Time until the reply must be there.
   * @returns `data` of the reply.
   * @throws {EpisodeLostError} If there is none in time, or the session is gone; the session cannot be used again.
   * @throws {RefusedError} If the server says what was wrong; the session goes on.
   */
  async request(frame: JsonObject, seconds: number): Promise<JsonObject> {
    if (this.#failure) throw this.#failure;
    if (this.#waiter) {
      throw new Error(
        "Cannot send a request as the one before must be answered: it is not",
      );
    }
    const reply = new Promise<JsonObject>((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
    const timer = setTimeout(() => {
      this.#fail(
        new EpisodeLostError(`no reply from ${this.#url} within ${seconds} s`),
      );
      this.#socket.close();
    }, 1000 * seconds);
    try {
      if (this.#socket.readyState === WebSocket.OPEN) {
        this.#socket.send(JSON.stringify(frame));
      }
      return await reply;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says goodbye and waits until the server has closed, so that its slot is free. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send('{"type":"close"}');
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#socket.close();
        resolve();
      }, CLOSING);
    });
    if (this.#socket.readyState !== WebSocket.CLOSED) {
      await Promise.race([this.#closed, late]);
    }
    clearTimeout(timer);
  }

  #receive(text: unknown): void {
    const reply = parseReply(text);
    if (reply instanceof Error) {
      // A refusal that nobody asked for ends the session; the next request is told.
      if (!this.#waiter) this.#failure = reply;
      else this.#take()?.reject(reply);
    } else this.#take()?.resolve(reply);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#take()?.reject(this.#failure);
  }

  #take(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    return waiter;
  }
}

/** `data` of a reply, or the error that it is. */
function parseReply(text: unknown): JsonObject | Error {
  let frame: unknown;
  try {
    frame = typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    // Told below.
  }
  if (!isObject(frame) || !isObject(frame.data)) {
    return new EpisodeLostError("the server sent a reply that is none");
  }
  const { type, data } = frame;
  if (type !== "error") return data;
  const { code, message, errors, max_sessions } = data;
  const where = Array.isArray(errors)
    ? errors.map((one) => isObject(one) ? `${one.loc}: ${one.msg}` : "")
      .join("; ")
    : "";
  const most = typeof max_sessions === "number"
    ? ` (it admits ${max_sessions} sessions)`
    : "";
  return new RefusedError(
    String(code),
    `${message}${where === "" ? "" : `: ${where}`}${most}`,
  );
}

/** Waits until a socket is open. */
async function opened(
  socket: WebSocket,
  until: number,
  url: string,
): Promise<void> {
  const wait = Math.max(1, until - performance.now());
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer);
      reject(new EpisodeLostError(`no connection to ${url}: ${reason}`));
    };
    const timer = setTimeout(() => {
      fail(`none within ${Math.round(wait) / 1000} s`);
      socket.close();
    }, wait);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.addEventListener("error", (event) => {
      fail(event instanceof ErrorEvent ? event.message : "refused");
    });
    socket.addEventListener("close", () => fail("closed"));
  });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
