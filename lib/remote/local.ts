/**
 * Servers of this process: on a port of this machine, or without any, for programs without permission for the network.
 *
 * @module
 */

/** Replies to a request. */
export type Answer = (request: Request) => Promise<Response>;

/** A server of this process. */
export interface LocalServer {
  /** Address that requests name. */
  readonly url: string;
  /** Ends it. */
  close(): Promise<void>;
}

/** Servers without a port, by origin. */
const UNLISTENED = new Map<string, Answer>();
let started = 0;

/**
 * Starts a server on this machine's loopback address.
 *
 * @param answer Replies to a request.
 * @param port Port; 0 takes a free one.
 */
export function listenLocally(answer: Answer, port: number): LocalServer {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    (request) => answer(request),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, close: () => server.shutdown() };
}

/**
 * Starts a server without a port: {@linkcode fetchAnywhere} of this thread alone reaches it, by a name of the domain
 * `invalid`, which no name server knows (RFC 2606).
 *
 * @param answer Replies to a request.
 */
export function serveUnlistened(answer: Answer): LocalServer {
  const url = `http://process-${++started}.invalid`;
  UNLISTENED.set(url, answer);
  return {
    url,
    close: () => {
      UNLISTENED.delete(url);
      return Promise.resolve();
    },
  };
}

/** Whether an address is one of a server without a port. */
export function isUnlistened(url: string): boolean {
  return UNLISTENED.has(new URL(url).origin);
}

/** Fetches from a server without a port if the address is one's, else from the network. */
export async function fetchAnywhere(
  url: string,
  init: RequestInit,
): Promise<Response> {
  const answer = UNLISTENED.get(new URL(url).origin);
  return answer ? await answer(new Request(url, init)) : await fetch(url, init);
}
