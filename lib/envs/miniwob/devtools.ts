/**
 * The Chrome DevTools Protocol over a pipe: JSON messages, each ended by a zero byte.
 *
 * @see {@link https://chromedevtools.github.io/devtools-protocol/ | Chrome DevTools Protocol}
 *
 * @module
 */

/** Bytes both ways: the pipe. */
export interface BytePipe {
  /** What the browser sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What the browser reads. */
  readonly writable: WritableStream<Uint8Array>;
}

/** An event of the browser. */
export interface DevtoolsEvent {
  /** Name: `Page.loadEventFired`. */
  readonly method: string;
  /** What it says. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The session that it belongs to. */
  readonly sessionId?: string;
}

/** How a connection is opened. */
export interface DevtoolsOptions {
  /** Milliseconds in which a call must be answered. @default {60000} */
  readonly deadline?: number;
  /** Most bytes of a message. @default {64 MiB} */
  readonly limit?: number;
}

/** An error that the browser reports. */
export class DevtoolsError extends Error {
  override readonly name = "DevtoolsError";
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message?: string };
}

interface Pending {
  readonly method: string;
  readonly resolve: (result: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** An open connection: calls with answers, and events by session. */
export class DevtoolsConnection {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #deadline: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, Set<(event: DevtoolsEvent) => void>>();
  #ids = 0;
  #failure: Error | undefined;
  /** Settles when the pipe has ended. */
  readonly ended: Promise<void>;

  constructor(pipe: BytePipe, options: DevtoolsOptions = {}) {
    const { deadline = 60_000, limit = 64 * 2 ** 20 } = options;
    this.#writer = pipe.writable.getWriter();
    this.#deadline = deadline;
    this.ended = this.#read(pipe.readable, limit);
  }

  /**
   * Calls a method.
   *
   * @typeParam Result What the protocol says of the result; trusted.
   * @param method Its name.
   * @param params What it takes.
   * @param sessionId The session; the browser itself if absent.
   * @param deadline Milliseconds in which it must be answered. @default {the connection's}
   * @returns The result.
   * @throws {DevtoolsError} If the browser reports an error.
   * @throws {Error} If there is no answer in time, or the pipe has ended.
   */
  async call<Result = Record<string, unknown>>(
    method: string,
    params?: Readonly<Record<string, unknown>>,
    sessionId?: string,
    deadline?: number,
  ): Promise<Result> {
    const limit = deadline ?? this.#deadline;
    if (this.#failure) throw this.#failure;
    const id = ++this.#ids;
    const answer = new Promise<Readonly<Record<string, unknown>>>(
      (resolve, reject) => {
        const timer = setTimeout(() => {
          this.#pending.delete(id);
          reject(
            new Error(
              `the browser did not answer ${method} in ${limit} ms`,
            ),
          );
        }, limit);
        this.#pending.set(id, { method, resolve, reject, timer });
      },
    );
    const text = JSON.stringify({
      id,
      method,
      params: params ?? {},
      ...(sessionId !== undefined && { sessionId }),
    });
    this.#writer.write(new TextEncoder().encode(`${text}\0`))
      .catch((error) => this.#fail(error));
    return await answer as Result;
  }

  /**
   * Listens to the events of a session.
   *
   * @param sessionId The session.
   * @param listener Takes every event.
   * @returns Ends listening.
   */
  listen(
    sessionId: string,
    listener: (event: DevtoolsEvent) => void,
  ): () => void {
    const known = this.#listeners.get(sessionId) ?? new Set();
    this.#listeners.set(sessionId, known);
    known.add(listener);
    return () => {
      known.delete(listener);
      if (known.size === 0) this.#listeners.delete(sessionId);
    };
  }

  /**
   * Waits for an event; called before what causes it.
   *
   * @param sessionId The session.
   * @param method The event's name.
   * @param deadline Milliseconds in which it must come. @default {the connection's}
   * @returns Settles when it has come.
   * @throws {Error} If it does not come in time.
   */
  event(
    sessionId: string,
    method: string,
    deadline = this.#deadline,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () =>
        reject(
          new Error(
            `the browser did not report ${method} in ${deadline} ms`,
          ),
        ),
      deadline,
    );
    const stop = this.listen(sessionId, (event) => {
      if (event.method === method) resolve();
    });
    this.ended.then(() => reject(new Error("the browser has ended")));
    return promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  /** Closes the writing side, at which a browser ends. */
  async close(): Promise<void> {
    this.#fail(new Error("the browser has been closed"));
    await this.#writer.close().catch(() => undefined);
    await this.ended;
  }

  async #read(
    bytes: ReadableStream<Uint8Array>,
    limit: number,
  ): Promise<void> {
    let reason = new Error("the browser has ended");
    try {
      for await (const text of splitMessages(bytes, limit)) this.#take(text);
    } catch (error) {
      if (error instanceof Error) reason = error;
    }
    this.#fail(reason);
  }

  #take(text: string): void {
    const message: Message = JSON.parse(text);
    if (message.id === undefined) {
      const { method = "", params = {}, sessionId } = message;
      if (sessionId === undefined) return;
      for (const listener of this.#listeners.get(sessionId) ?? []) {
        listener({ method, params, sessionId });
      }
      return;
    }
    const pending = this.#pending.get(message.id);
    if (!pending) return; // an answer that came too late
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if (message.error) {
      const { message: words = "an error" } = message.error;
      pending.reject(new DevtoolsError(`${pending.method}: ${words}`));
    } else pending.resolve(message.result ?? {});
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(this.#failure);
    }
    this.#pending.clear();
  }
}

/**
 * Splits bytes at zero bytes; messages and characters may be cut anywhere.
 *
 * @param bytes The stream.
 * @param limit Most bytes of a message.
 * @throws {RangeError} If a message is longer.
 */
export async function* splitMessages(
  bytes: ReadableStream<Uint8Array>,
  limit: number,
): AsyncGenerator<string, void, void> {
  let decoder = new TextDecoder(), text = "", length = 0;
  for await (const chunk of bytes) {
    let start = 0;
    for (
      let end = chunk.indexOf(0);
      end >= 0;
      end = chunk.indexOf(0, start)
    ) {
      yield text + decoder.decode(chunk.subarray(start, end));
      [decoder, text, length, start] = [new TextDecoder(), "", 0, end + 1];
    }
    const rest = chunk.subarray(start);
    length += rest.length;
    if (length > limit) {
      throw new RangeError(
        `Cannot read a message of the browser as it must have at most ${limit} bytes: current value is ${length}`,
      );
    }
    text += decoder.decode(rest, { stream: true });
  }
}
