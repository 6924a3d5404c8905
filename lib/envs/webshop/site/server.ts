/**
 * The shop in a browser, to shop in, or to watch an agent.
 *
 * Only this machine is served: the address is the loopback's, requests that name another host or
 * come from another site are refused, and pages may load nothing but their style sheet.
 *
 * @module
 */

import type { Decision, Situation, Turn } from "../../../trajectory.ts";
import type { Hint } from "../../text_env.ts";
import { openWebshopEpisode, type WebshopEnv } from "../webshop.ts";
import { WEBSHOP_STYLE, webshopHtml } from "./html.ts";
import { proposeWebshopQueries } from "../subgoals.ts";
import type { Webshop } from "../state.ts";

/** An agent: the next subgoal and action of a situation. */
export type WebshopAgent = (
  situation: Situation,
) => Hint | Promise<Hint>;

/** Settings of {@linkcode serveWebshop}. */
export interface ServeWebshopOptions {
  /** Port of the loopback address; 0 takes a free one. @default {8000} */
  port?: number;
  /** Goals that are offered, by position. @default {all} */
  goals?: readonly number[];
  /** Agent that `/watch` shows. @default {the expert} */
  agent?: WebshopAgent;
  /** Stops serving. */
  signal?: AbortSignal;
}

/** A running server. */
export interface WebshopServer extends AsyncDisposable {
  /** Address of the first page. */
  readonly url: string;
  /** Resolves when the server has stopped. */
  readonly finished: Promise<void>;
}

/** Bytes of a form. */
const MOST_BYTES = 65_536;
/** Most episodes that are kept. */
const MOST_EPISODES = 100;
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
};

/** One visitor's episode, or an agent's. */
interface Visit {
  readonly env: WebshopEnv;
  readonly start: { readonly task: string };
  situation: Situation;
  last: Hint | undefined;
  ended: boolean;
}

/**
 * Serves a shop at `http://127.0.0.1`.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { generateWebshop, serveWebshop } from "@hiper/lab/envs/webshop";
 *
 * const shop = generateWebshop({ size: 100 });
 * await using server = serveWebshop(shop, { port: 0 });
 * const page = await fetch(server.url);
 * ok((await page.text()).includes("Instruction"));
 * ```
 *
 * @param shop The shop.
 * @param options Port, goals, agent.
 * @returns The running server; needs permission to listen.
 * @throws {RangeError} If there are no goals.
 */
export function serveWebshop(
  shop: Webshop,
  options: ServeWebshopOptions = {},
): WebshopServer {
  const { port = 8000, signal } = options;
  const goals = options.goals ?? [...shop.goals.keys()];
  if (goals.length === 0) {
    throw new RangeError("Cannot serve a webshop as it has no goals");
  }
  const handler = createHandler(shop, { goals, agent: options.agent });
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: () => {},
    ...(signal ? { signal } : {}),
  }, (request) => handler(request, server.addr.port));
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    finished: server.finished,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Keeps the episodes of the most recent pages. */
function createVisits(shop: Webshop, goals: readonly number[]) {
  const visits = new Map<string, Visit>();
  return (path: string, number: number, fresh: boolean): Visit => {
    const known = fresh ? undefined : visits.get(path);
    const found = known ?? openVisit(shop, goals[number]!);
    visits.delete(path);
    visits.set(path, found);
    for (const oldest of visits.keys()) {
      if (visits.size <= MOST_EPISODES) break;
      visits.delete(oldest);
    }
    return found;
  };
}

/** Answers requests. */
function createHandler(
  shop: Webshop,
  context: { goals: readonly number[]; agent: WebshopAgent | undefined },
): (request: Request, port: number) => Promise<Response> {
  const { goals, agent } = context;
  const visit = createVisits(shop, goals);
  const show = (path: string, number: number, found: Visit) => {
    const watched = path.startsWith("/watch/");
    const body = webshopHtml(shop, found.env.state(), {
      goal: shop.goals[goals[number]!]!,
      address: path,
      number,
      count: goals.length,
      searches: proposeWebshopQueries(found.situation.task),
      ...(watched && found.last ? { watching: found.last } : {}),
      reload: watched && !found.ended,
    });
    return new Response(body, { headers: HEADERS });
  };
  return async (request, port) => {
    const refused = refuse(request, port);
    if (refused) return refused;
    const url = new URL(request.url);
    if (url.pathname === "/style.css") return styleSheet();
    if (url.pathname === "/") return redirect("/goal/0");
    const [, kind, digits] = /^\/(goal|watch)\/(\d{1,7})$/
      .exec(url.pathname) ?? [];
    const number = Number(digits);
    if (!kind || !(number < goals.length)) return plain(404, "no such page");
    const path = `/${kind}/${number}`;
    if (request.method === "POST") {
      const form = await readForm(request);
      if (!form) return plain(400, "no such form");
      const again = form.get("action") === "again";
      const found = visit(path, number, again);
      if (!again) takeForm(found, form);
      return redirect(path);
    }
    const fresh = kind === "watch" && url.searchParams.has("again");
    const found = visit(path, number, fresh);
    if (fresh) return redirect(path);
    if (kind === "watch") await takeTurn(found, agent);
    return show(path, number, found);
  };
}

/** Begins an episode. */
function openVisit(shop: Webshop, position: number): Visit {
  const env = openWebshopEpisode(shop, {
    goal: shop.goals[position]!,
    seed: position,
  });
  const start = env.start();
  const { task, observation } = start;
  const situation = { task, past: [], observation };
  return { env, start, situation, last: undefined, ended: false };
}

/** Takes the action of a form. */
function takeForm(visit: Visit, form: URLSearchParams): void {
  const query = form.get("query"), action = form.get("action");
  if (query !== null) {
    const words = query.replace(/[[\]\p{Cc}]/gu, " ");
    step(visit, { subgoal: "", action: `search[${words}]` });
  } else if (action !== null) step(visit, { subgoal: "", action });
}

/** Lets the agent take one turn; the first look shows the search page. */
async function takeTurn(
  visit: Visit,
  agent: WebshopAgent | undefined,
): Promise<void> {
  if (visit.ended) return;
  if (!visit.last) {
    visit.last = { subgoal: "read the instruction", action: "" };
    return;
  }
  const hint = agent ? await agent(visit.situation) : visit.env.hint();
  if (hint) step(visit, hint);
  else visit.ended = true;
}

/** Takes one action and remembers the turn. */
function step(visit: Visit, hint: Hint): void {
  if (visit.ended) return;
  const { observation, reward, ending } = visit.env.step(hint.action);
  const decision: Decision = {
    ...hint,
    switched: hint.subgoal !== visit.situation.subgoal,
    valid: true,
    trace: { kind: "untrainable" },
  };
  const turn: Turn = {
    observation: visit.situation.observation,
    decision,
    reward,
  };
  visit.situation = {
    task: visit.start.task,
    past: [...visit.situation.past, turn],
    observation,
    subgoal: hint.subgoal,
  };
  visit.last = hint;
  visit.ended = ending !== undefined;
}

/** Rejects requests of other hosts, sites and methods. */
function refuse(request: Request, port: number): Response | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(request.headers.get("host") ?? "")) {
    return plain(403, "another host");
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !hosts.some((host) => origin === `http://${host}`)) {
    return plain(403, "another site");
  }
  return ["GET", "HEAD", "POST"].includes(request.method)
    ? undefined
    : plain(405, "no such method");
}

/** Reads a small form. */
async function readForm(
  request: Request,
): Promise<URLSearchParams | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(await new Blob(chunks as BlobPart[]).text());
}

/** The style sheet of all pages. */
function styleSheet(): Response {
  const headers = { ...HEADERS, "content-type": "text/css" };
  return new Response(WEBSHOP_STYLE, { headers });
}

/** A redirect. */
function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { ...HEADERS, location } });
}

/** A line of text. */
function plain(status: number, text: string): Response {
  const headers = { ...HEADERS, "content-type": "text/plain" };
  return new Response(text, { status, headers });
}
