/**
 * MCP over JSON-RPC 2.0 as OpenEnv servers speak it: tools of a session, and sessions over HTTP.
 *
 * @module
 */

import { FrameError, isJsonObject, type JsonObject } from "./frames.ts";
import { toolResult, TOOLS, type ToolSession } from "./tools.ts";

/** Sessions that outlive a request. */
export interface SessionKeeper {
  /** Opens one, and returns its name. */
  create(): string;
  /** Ends one; `undefined` if there is none, `"closing"` while a socket is attached. */
  close(id: string): Promise<"closed" | "closing" | undefined>;
  /** Calls a function with a session, in its turn; `undefined` if there is none. */
  use<T>(
    id: string,
    call: (session: ToolSession) => Promise<T>,
  ): Promise<T> | undefined;
  /** Calls a function with a session that is thrown away. */
  once<T>(call: (session: ToolSession) => Promise<T>): Promise<T>;
}

/** Codes of JSON-RPC. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const CAPACITY = -32000;

/** The reply to text that is no JSON. */
export const PARSE_FAILURE = failure(null, PARSE_ERROR, "Parse error");

/**
 * Answers a request.
 *
 * @param request What was sent.
 * @param keeper Sessions over HTTP.
 * @param own The session of the socket that asks, if a socket asks.
 * @returns The reply.
 */
export async function answerRpc(
  request: unknown,
  keeper: SessionKeeper,
  own?: ToolSession,
): Promise<JsonObject> {
  const wrong = wrongRequest(request);
  if (wrong !== undefined) {
    return failure(null, INVALID_REQUEST, `Invalid request: ${wrong}`);
  }
  const { id = null, method, params = {} } = request as {
    id?: string | number | null;
    method: string;
    params?: JsonObject;
  };
  const reply = (result: JsonObject) => ({ jsonrpc: "2.0", id, result });
  switch (method) {
    case "tools/list":
      return reply({ tools: TOOLS });
    case "tools/call":
      return await callTool(id, params, { keeper, own });
    case "openenv/session/create":
      try {
        return reply({ session_id: keeper.create() });
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        return failure(id, CAPACITY, error.message, error.details);
      }
    case "openenv/session/close": {
      const session = String(params.session_id ?? "");
      const closed = await keeper.close(session);
      if (closed === undefined) return unknownSession(id, session);
      return reply({
        session_id: session,
        ...(closed === "closed"
          ? { closed: true }
          : { closed: false, closing: true }),
      });
    }
    default:
      return failure(id, METHOD_NOT_FOUND, `Method not found: ${method}`);
  }
}

async function callTool(
  id: string | number | null,
  params: JsonObject,
  sessions: { keeper: SessionKeeper; own: ToolSession | undefined },
): Promise<JsonObject> {
  const { name, arguments: given = {}, session_id: session } = params;
  if (typeof name !== "string") {
    return failure(id, INVALID_PARAMS, "Missing 'name' in params");
  }
  if (!isJsonObject(given)) {
    return failure(id, INVALID_PARAMS, "'arguments' must be an object");
  }
  const { keeper, own } = sessions;
  const call = (tools: ToolSession) => toolResult(tools, name, given);
  const answering = session !== undefined && session !== null
    ? keeper.use(String(session), call)
    : own !== undefined
    ? call(own)
    : keeper.once(call);
  if (answering === undefined) return unknownSession(id, String(session));
  const { result, error } = await answering;
  return result === undefined
    ? failure(id, INTERNAL_ERROR, error!.message)
    : { jsonrpc: "2.0", id, result };
}

/** What is wrong with a request, if anything. */
function wrongRequest(request: unknown): string | undefined {
  if (!isJsonObject(request)) return "it must be an object";
  if (request.jsonrpc !== "2.0") return '"jsonrpc" must be "2.0"';
  if (typeof request.method !== "string") return '"method" must be text';
  if (request.params !== undefined && !isJsonObject(request.params)) {
    return '"params" must be an object';
  }
  const { id } = request;
  if (
    id !== undefined && id !== null && typeof id !== "string" &&
    typeof id !== "number"
  ) return '"id" must be text or a number';
  const extra = Object.keys(request).find((key) =>
    !["jsonrpc", "id", "method", "params"].includes(key)
  );
  return extra === undefined ? undefined : `"${extra}" is not permitted`;
}

function unknownSession(
  id: string | number | null,
  session: string,
): JsonObject {
  return failure(id, INVALID_PARAMS, `Unknown session_id: ${session}`);
}

/** An error object. */
function failure(
  id: string | number | null,
  code: number,
  message: string,
  data: JsonObject | null = null,
): JsonObject {
  return { jsonrpc: "2.0", id, error: { code, message, data } };
}
