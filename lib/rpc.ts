/**
 * Calls to functions in a Worker: typed requests and results, errors that keep their class, and
 * failures of the Worker named.
 *
 * Calls made in one go travel in one message, and their answers in another.
 *
 * @module
 */

/** Tells the caller something before the result. */
export type Tell = (news: unknown) => void;

/** Functions that a Worker offers, by name; requests and results are structured-cloneable. */
export type Handlers = Readonly<
  Record<string, (request: never, tell: Tell) => unknown>
>;

/** What a handler takes. */
export type RequestOf<H, K extends keyof H> = H[K] extends
  (request: infer R, ...rest: never[]) => unknown ? R : never;

/** What a handler returns. */
export type ResultOf<H, K extends keyof H> = H[K] extends
  (...rest: never[]) => infer R ? Awaited<R> : never;

/** A call on its way to a Worker. */
interface Call {
  readonly id: number;
  readonly name: string;
  readonly request: unknown;
}

/** An answer on its way back: news, a result or an error. */
interface Answer {
  readonly id: number;
  readonly news?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  /** Whether the call is over. */
  readonly over: boolean;
}

/** A Worker and the calls that it has not answered. */
export interface RemoteWorker<H extends Handlers> {
  /**
   * Calls a handler.
   *
   * @param name Which handler.
   * @param request What it takes.
   * @param onNews Is given what the handler tells before its result.
   * @returns Its result.
   * @throws {Error} What the handler threw, as an error of its class where that is built in, or why the Worker cannot be reached.
   */
  call<K extends keyof H & string>(
    name: K,
    request: RequestOf<H, K>,
    onNews?: Tell,
  ): Promise<ResultOf<H, K>>;
  /** Ends the Worker; calls without an answer, and later ones, are rejected for that reason. */
  end(reason: string): void;
}

/** Errors that keep their class on the way from one thread to another. */
const ERRORS: Readonly<Record<string, new (message: string) => Error>> = {
  RangeError,
  SyntaxError,
  TypeError,
};

/**
 * Starts a Worker that serves handlers.
 *
 * @param url The Worker's module; it calls {@linkcode serveCalls}.
 * @param purpose What cannot be done without it, for errors: `reach a world`.
 * @returns The Worker's handlers, to be called.
 */
export function connectWorker<H extends Handlers>(
  url: URL,
  purpose: string,
): RemoteWorker<H> {
  const worker = new Worker(url, { type: "module" });
  const open = new Map<
    number,
    PromiseWithResolvers<unknown> & {
      onNews: Tell | undefined;
    }
  >();
  let unsent: Call[] = [], calls = 0;
  let failure: Error | undefined;
  const fail = (reason: string) => {
    failure ??= new Error(`Cannot ${purpose} as ${reason}`);
    for (const { reject } of open.values()) reject(failure);
    open.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<Answer[]>) => {
    for (const { id, over, news, result, error } of data) {
      const call = open.get(id);
      if (!over) {
        call?.onNews?.(news);
        continue;
      }
      open.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new (ERRORS[error.name] ?? Error)(error.message));
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(`its Worker failed: ${event.message}`);
  };
  const send = () => {
    const batch = unsent;
    unsent = [];
    if (!failure) worker.postMessage(batch);
  };
  return {
    call<K extends keyof H & string>(
      name: K,
      request: RequestOf<H, K>,
      onNews?: Tell,
    ): Promise<ResultOf<H, K>> {
      if (failure) return Promise.reject(failure);
      const id = calls++;
      const call = Promise.withResolvers<unknown>();
      open.set(id, { ...call, onNews });
      unsent.push({ id, name, request });
      if (unsent.length === 1) queueMicrotask(send);
      return call.promise as Promise<ResultOf<H, K>>;
    },
    end(reason) {
      worker.terminate();
      fail(reason);
    },
  };
}

/** A Worker's own scope, as far as it is used here. */
declare const self: {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
};

/** How handlers are served. */
export interface ServeOptions {
  /** Whether a call is answered while others are under way; without it calls are answered in order. @default {false} */
  readonly concurrent?: boolean;
  /** Buffers of a result that move to the caller instead of being copied. @default {none} */
  readonly transfer?: (result: unknown) => Transferable[];
}

/**
 * Serves handlers to the thread that started this Worker; does nothing on a main thread.
 *
 * @param handlers Functions by name.
 * @param options In which order, and what is handed over.
 */
export function serveCalls(
  handlers: Handlers,
  options: ServeOptions = {},
): void {
  if (!("DedicatedWorkerGlobalScope" in globalThis)) return;
  const { concurrent = false, transfer = () => [] } = options;
  const answer = async ({ id, name, request }: Call): Promise<Answer> => {
    const tell = (news: unknown) =>
      self.postMessage([{ id, news, over: false }]);
    try {
      const result = await handlers[name]!(request as never, tell);
      return { id, result, over: true };
    } catch (error) {
      const { name, message } = error instanceof Error
        ? error
        : new Error(String(error));
      return { id, error: { name, message }, over: true };
    }
  };
  const post = (answers: Answer[]) =>
    self.postMessage(
      answers,
      answers.flatMap(({ result }) => transfer(result)),
    );
  let last: Promise<unknown> = Promise.resolve();
  self.onmessage = ({ data }: MessageEvent<Call[]>) => {
    if (concurrent) {
      for (const call of data) answer(call).then((one) => post([one]));
      return;
    }
    last = last.then(async () => {
      const answers: Answer[] = [];
      for (const call of data) answers.push(await answer(call));
      post(answers);
    });
  };
}
