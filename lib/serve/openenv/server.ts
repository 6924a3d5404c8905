/**
 * Any world as an OpenEnv server: a WebSocket is a session, a session plays one episode at a time.
 *
 * @see {@link https://github.com/huggingface/OpenEnv | OpenEnv}, versions 0.2.3 to 0.10.0
 *
 * @module
 */

import { checkPositiveInteger } from "../../checks.ts";
import { createRandom } from "../../random.ts";
import {
  detail,
  type RunningServer,
  serveHttp,
  type ServeOptions,
} from "../http_server.ts";
import { type FrameRequest, readFrame } from "./frames.ts";
import { answerRpc, PARSE_FAILURE } from "./json_rpc.ts";
import { answerHttp } from "./routes.ts";
import type { ServedWorld } from "./served_world.ts";
import type { EpisodeLog, Session } from "./session.ts";
import { type SessionSlot, SessionTable } from "./session_table.ts";
import { type FrameHandler, type ServedSocket, serveSocket } from "./socket.ts";

/** Options of {@linkcode serveOpenEnv}. */
export interface ServeOpenEnvOptions extends ServeOptions {
  /** Sessions at once. @default {256} */
  readonly sessions?: number;
  /** Steps after which an episode is truncated, unless `reset` names `max_steps`. @default {50} */
  readonly maxSteps?: number;
  /** Whether observations list admissible actions, unless `reset` names `admissible`. @default {true} */
  readonly admissible?: boolean;
  /** `score` pays the score in `[0, 1]` when the episode ends, `world` what the world pays. @default {"score"} */
  readonly reward?: "score" | "world";
  /** Seconds without a request after which a socket is closed; 0 never does. @default {0} */
  readonly idleSeconds?: number;
  /** Seed of episodes whose `reset` names none. @default {0} */
  readonly seed?: number;
  /** Longest frame, in characters. @default {16777216} */
  readonly frameLimit?: number;
  /** Told of every episode that ends or is left. */
  readonly onEpisode?: (record: EpisodeLog) => void;
}

/** A running OpenEnv server. */
export interface OpenEnvServer extends RunningServer {
  /** Sessions that are open. */
  readonly sessions: number;
}

/** Milliseconds between looks for idle sessions. */
const IDLE_CHECK = 1000;

/**
 * Serves a world.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createServedWorld, serveOpenEnv } from "@hiper/lab/ecosystem";
 *
 * await using server = serveOpenEnv(await createServedWorld("corridor"), { port: 0 });
 * const health = await fetch(`${server.url}/health`);
 * strictEqual((await health.json()).status, "healthy");
 * ```
 *
 * @param world The world; see `createServedWorld`.
 * @param options Address, token, sessions, limits.
 * @returns The running server; needs permission to listen.
 * @throws {RangeError} If a limit is not a positive whole number.
 */
export function serveOpenEnv(
  world: ServedWorld,
  options: ServeOpenEnvOptions = {},
): OpenEnvServer {
  const { sessions: most = 256, maxSteps = 50, admissible = true } = options;
  const { reward = "score", idleSeconds = 0, seed = 0 } = options;
  const { frameLimit = 1 << 24, onEpisode } = options;
  checkPositiveInteger("serve a world", {
    sessions: most,
    maxSteps,
    frameLimit,
  });
  const seeds = createRandom(seed).fork("serve");
  let resets = 0;
  const table = new SessionTable(world, {
    maxSteps,
    admissible,
    reward,
    nextSeed: () => seeds.fork(resets++).seed,
    ...(onEpisode && { onEpisode }),
  }, most);
  const sockets = new Set<ServedSocket>();
  const bounds = { frame: frameLimit, idle: 1000 * idleSeconds };
  const upgrade = (request: Request, open: () => FrameHandler): Response => {
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: 0, // a client that generates for a minute answers no ping
    });
    const served = serveSocket(
      socket,
      open,
      bounds,
      () => sockets.delete(served),
    );
    sockets.add(served);
    return response;
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (const socket of sockets) socket.checkIdle(now);
    void table.prune(now);
  }, IDLE_CHECK);
  const server = serveHttp({
    open: ["/health"],
    handle: (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const upgrading =
        request.headers.get("upgrade")?.toLowerCase() === "websocket";
      if (!upgrading) return answerHttp(request, { world, sessions: table });
      const id = searchParams.get("session_id");
      switch (pathname) {
        case "/ws":
          return upgrade(request, () => playFrames(table, id));
        case "/mcp":
          return upgrade(request, () => rpcFrames(table));
        default:
          return detail(404, "Not Found");
      }
    },
    end: async () => {
      clearInterval(timer);
      await Promise.all(
        [...sockets].map((one) => one.stop(1001, "server shutting down")),
      );
      await table.end();
    },
  }, options);
  return {
    url: server.url,
    finished: server.finished,
    get sessions() {
      return table.size;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Answers the frames of `/ws`. */
function playFrames(table: SessionTable, id: string | null): FrameHandler {
  const slot = id === null ? table.open() : table.attach(id);
  return {
    answer: async (text) => {
      const request = readFrame(text);
      if (request.type === "close") return undefined;
      return await slot.run((session) =>
        answerFrame(request, { table, session })
      );
    },
    end: () => table.release(slot, id !== null),
  };
}

async function answerFrame(
  request: FrameRequest,
  { table, session }: { table: SessionTable; session: Session },
): Promise<string> {
  const { type } = request;
  switch (type) {
    case "reset":
      return observation(await session.reset(request.reset));
    case "step":
      return observation(await session.step(request.action));
    case "mcp":
      return JSON.stringify({
        type,
        data: await answerRpc(request.data, table, session),
      });
    default:
      return JSON.stringify({ type: "state", data: session.state() });
  }
}

function observation(data: unknown): string {
  return JSON.stringify({ type: "observation", data });
}

/** Answers the frames of `/mcp`, which are JSON-RPC. */
function rpcFrames(table: SessionTable): FrameHandler {
  const slot: SessionSlot = table.open();
  return {
    answer: async (text) => {
      let call: unknown;
      try {
        call = JSON.parse(text);
      } catch {
        return JSON.stringify(PARSE_FAILURE);
      }
      return JSON.stringify(
        await slot.run((session) => answerRpc(call, table, session)),
      );
    },
    end: () => table.release(slot, false),
  };
}
