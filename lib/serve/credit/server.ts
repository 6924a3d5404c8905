/**
 * Credit over HTTP: `POST /v1/credit` with the request of `creditEpisodes` as JSON.
 *
 * @module
 */

import {
  BodyTooLarge,
  detail,
  json,
  readBody,
  type RunningServer,
  serveHttp,
  type ServeOptions,
} from "../http_server.ts";
import { answerCredit } from "./credit_service.ts";

/** Longest request, in bytes, before and after decompression. */
const MOST_BYTES = 1 << 24;

/**
 * Serves credit.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { serveCredit } from "@hiper/lab/ecosystem";
 *
 * await using server = serveCredit({ port: 0 });
 * const answer = await fetch(`${server.url}/v1/credit`, {
 *   method: "POST",
 *   body: JSON.stringify({
 *     algorithm: "reinforce",
 *     episodes: [{ id: "a", turns: [{ reward: 0 }, { reward: 1 }] }],
 *   }),
 * });
 * deepStrictEqual((await answer.json()).episodes[0].advantages, [1, 1]);
 * ```
 *
 * @param options Address and token.
 * @returns The running server; needs permission to listen.
 */
export function serveCredit(options: ServeOptions = {}): RunningServer {
  return serveHttp({ open: ["/health"], handle: answer }, {
    port: 8100,
    ...options,
  });
}

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return json(200, { status: "healthy" });
  if (pathname !== "/v1/credit") return detail(404, "Not Found");
  if (request.method !== "POST") {
    return detail(405, "Method Not Allowed", { allow: "POST" });
  }
  let text: string;
  try {
    text = await readBody(request, MOST_BYTES);
  } catch (error) {
    return detail(
      error instanceof BodyTooLarge ? 413 : 400,
      error instanceof Error ? error.message : String(error),
    );
  }
  const reply = answerCredit(text);
  return new Response(reply.json, {
    status: reply.ok ? 200 : 422,
    headers: { "content-type": "application/json" },
  });
}
