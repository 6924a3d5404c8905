/**
 * What every server of the project has: the loopback address, a bearer token, limits on bodies, clean shutdown.
 *
 * Requests are refused that name another host while the loopback address is served, which rebinding of names
 * would allow, and that come from the page of another site.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";

/** Where and to whom is served. */
export interface ServeOptions {
  /** Address to listen on; anything but a loopback address can be reached from other machines. @default {"127.0.0.1"} */
  readonly host?: string;
  /** Port; 0 takes a free one. @default {8000} */
  readonly port?: number;
  /** Token that requests must carry as `Authorization: Bearer …`; absent asks for none. */
  readonly token?: string;
  /** Stops serving. */
  readonly signal?: AbortSignal;
}

/** A running server. */
export interface RunningServer extends AsyncDisposable {
  /** Address, without a slash at its end. */
  readonly url: string;
  /** Resolves when the server has stopped. */
  readonly finished: Promise<void>;
}

/** How a server answers and ends. */
export interface HttpHandlers {
  /** Answers a request. */
  readonly handle: (request: Request) => Response | Promise<Response>;
  /** Paths that need no token. */
  readonly open: readonly string[];
  /** Ends what outlives requests, before the server stops. */
  readonly end?: () => Promise<void>;
}

/** Milliseconds that requests in progress have when a server stops. */
const GRACE = 2000;

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|localhost|::1|\[::1\])$/;

/** A body that is longer than a server takes. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/**
 * Starts a server.
 *
 * @param handlers What answers.
 * @param options Where and to whom.
 * @returns The running server; needs permission to listen.
 * @throws {TypeError} If the token is empty.
 */
export function serveHttp(
  handlers: HttpHandlers,
  options: ServeOptions = {},
): RunningServer {
  const { host = "127.0.0.1", port = 8000, token, signal } = options;
  if (token !== undefined && token.trim() === "") {
    throw new TypeError(
      "Cannot serve as the token must not be empty: current value is empty",
    );
  }
  const local = LOOPBACK.test(host);
  const wanted = token === undefined ? undefined : digest(`Bearer ${token}`);
  const abort = new AbortController();
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve({
    hostname: host,
    port,
    onListen: () => {},
    signal: abort.signal,
    onError: () => text(500, "Internal Server Error"),
  }, async (request) => {
    const url = new URL(request.url);
    const refused = refuse(request, url, local) ??
      (wanted !== undefined && !handlers.open.includes(url.pathname) &&
          !timingSafeEqual(
            digest(request.headers.get("authorization") ?? ""),
            wanted,
          )
        ? detail(401, "Unauthorized", { "www-authenticate": "Bearer" })
        : undefined);
    return refused ?? await handlers.handle(request);
  });
  let ending: Promise<void> | undefined;
  const end = () => ending ??= stop();
  const stop = async () => {
    await handlers.end?.();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), GRACE);
    });
    const stopped = server.shutdown().then(() => false);
    if (await Promise.race([stopped, late])) abort.abort();
    clearTimeout(timer);
    await server.finished;
  };
  signal?.addEventListener("abort", () => void end(), { once: true });
  if (signal?.aborted) void end();
  const shown = host.includes(":") && !host.startsWith("[")
    ? `[${host}]`
    : host;
  return {
    url: `http://${shown}:${server.addr.port}`,
    finished: server.finished,
    [Symbol.asyncDispose]: end,
  };
}

/** A refusal of requests that are not meant for this server. */
function refuse(
  request: Request,
  url: URL,
  local: boolean,
): Response | undefined {
  if (local && !LOOPBACK.test(url.hostname)) {
    return detail(403, "Only this machine is served");
  }
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  const same = URL.canParse(origin) && new URL(origin).host === url.host;
  return same ? undefined : detail(403, "Pages of other sites are not served");
}

/** Comparing digests takes a time that does not depend on the token. */
function digest(words: string): Buffer {
  return createHash("sha256").update(words).digest();
}

/**
 * Reads a body, compressed or not.
 *
 * @param request The request.
 * @param limit Most bytes, before and after decompression.
 * @returns The text.
 * @throws {BodyTooLarge} If it is longer.
 * @throws {TypeError} If it is compressed otherwise than its headers say.
 */
export async function readBody(
  request: Request,
  limit: number,
): Promise<string> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  const length = request.headers.get("content-length");
  // A stated length is the length: the server reads no further.
  if (encoding === "identity" && length !== null && Number(length) <= limit) {
    return await request.text();
  }
  const raw = limited(request.body ?? new Blob([]).stream(), limit);
  let bytes: ReadableStream<Uint8Array<ArrayBuffer>> = raw;
  if (encoding === "gzip") {
    bytes = limited(raw.pipeThrough(new DecompressionStream("gzip")), limit);
  } else if (encoding !== "identity") {
    throw new TypeError(
      `Cannot read a body as its encoding must be gzip or none: current value is ${encoding}`,
    );
  }
  return await new Response(bytes).text();
}

/** Passes bytes on up to a limit. */
function limited(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  limit: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let size = 0;
  return stream.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        size += chunk.length;
        if (size > limit) {
          throw new BodyTooLarge(
            `Cannot read a body as it must have at most ${limit} bytes: it has more`,
          );
        }
        controller.enqueue(chunk);
      },
    }),
  );
}

/** A JSON answer. */
export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, { status, headers });
}

/** An answer that says what is wrong, in FastAPI's form. */
export function detail(
  status: number,
  message: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json(status, { detail: message }, headers);
}

/** A line of text. */
export function text(status: number, body: string): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
