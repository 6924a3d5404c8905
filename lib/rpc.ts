/**
 * Calls to functions in a Worker: typed requests and results, errors that keep their class, and
 * failures of the Worker named.
 *
 * Calls made in one go travel in one message, and their answers in another.
 *
 * @module
 */

import { Worker as NodeWorker } from "node:worker_threads";

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

/** How a Worker is started. */
export interface ConnectOptions {
  /** Whether the program may end while the Worker has nothing to answer. @default {false} */
  readonly background?: boolean;
}

/** A Worker as its calls use it. */
interface Thread {
  post(message: unknown): void;
  listen(
    onMessage: (answers: Answer[]) => void,
    onError: (message: string) => void,
  ): void;
  /** Keeps the program alive, or lets it end. */
  hold(isHeld: boolean): void;
  terminate(): void;
}

function startThread(url: URL): Thread {
  const worker = new Worker(url, { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onError) {
      worker.onmessage = ({ data }: MessageEvent<Answer[]>) => onMessage(data);
      worker.onerror = (event) => {
        event.preventDefault();
        onError(event.message);
      };
    },
    hold: () => {},
    terminate: () => worker.terminate(),
  };
}

/** The same by Node's interface, as only that lets the program end. */
function startBackgroundThread(url: URL): Thread {
  const worker = new NodeWorker(url);
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onError) {
      worker.on("message", onMessage);
      worker.on("error", ({ message }) => onError(message));
    },
    hold(isHeld) {
      if (isHeld) worker.ref();
      else worker.unref();
    },
    terminate: () => void worker.terminate(),
  };
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
 * @param options Whether the program waits for it.
 * @returns The Worker's handlers, to be called.
 */
export function connectWorker<H extends Handlers>(
  url: URL,
  purpose: string,
  { background = false }: ConnectOptions = {},
): RemoteWorker<H> {
  const thread = background ? startBackgroundThread(url) : startThread(url);
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
    thread.hold(false);
  };
  const receive = (answers: Answer[]) => {
    for (const { id, over, news, result, error } of answers) {
      const call = open.get(id);
      if (!over) {
        call?.onNews?.(news);
        continue;
      }
      open.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new (ERRORS[error.name] ?? Error)(error.message));
    }
    if (open.size === 0) thread.hold(false);
  };
  thread.listen(receive, (message) => fail(`its Worker failed: ${message}`));
  const send = () => {
    const batch = unsent;
    unsent = [];
    if (!failure) thread.post(batch);
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
      thread.hold(true);
      unsent.push({ id, name, request });
      if (unsent.length === 1) queueMicrotask(send);
      return call.promise as Promise<ResultOf<H, K>>;
    },
    end(reason) {
      thread.terminate();
      fail(reason);
    },
  };
}

/** A Worker's own scope, as far as it is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

function isWorkerScope(scope: object): scope is WorkerScope {
  return "DedicatedWorkerGlobalScope" in scope;
}

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
  const scope: object = globalThis;
  if (!isWorkerScope(scope)) return;
  const { concurrent = false, transfer = () => [] } = options;
  const answer = async ({ id, name, request }: Call): Promise<Answer> => {
    const tell = (news: unknown) =>
      scope.postMessage([{ id, news, over: false }]);
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
    scope.postMessage(
      answers,
      answers.flatMap(({ result }) => transfer(result)),
    );
  let last: Promise<unknown> = Promise.resolve();
  scope.onmessage = ({ data }: MessageEvent<Call[]>) => {
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
