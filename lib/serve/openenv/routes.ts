/**
 * The HTTP side doors of an OpenEnv server: health, schemas, stateless probes, the task API and JSON-RPC.
 *
 * @module
 */

import { BodyTooLarge, detail, json, readBody, text } from "../http_server.ts";
import {
  FrameError,
  isJsonObject,
  type JsonObject,
  readAction,
  readReset,
  reason,
} from "./frames.ts";
import { answerRpc, PARSE_FAILURE } from "./json_rpc.ts";
import { openApi, SCHEMAS } from "./schemas.ts";
import type { ServedTask, ServedWorld } from "./served_world.ts";
import type { SessionTable } from "./session_table.ts";

/** Longest body, in bytes. */
const MOST_BYTES = 1 << 20;

/** What routes answer from. */
interface Context {
  readonly world: ServedWorld;
  readonly sessions: SessionTable;
}

type Route = (
  context: Context,
  request: Request,
) => Response | Promise<Response>;

/** Routes without a name in their path. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  "/health": { GET: () => json(200, { status: "healthy" }) },
  "/metadata": {
    GET: ({ world: { name, description } }) =>
      json(200, {
        name,
        description,
        readme_content: null,
        version: "1.0.0",
        author: null,
        documentation_url: null,
      }),
  },
  "/schema": { GET: () => json(200, SCHEMAS) },
  "/openapi.json": { GET: () => json(200, DESCRIPTION) },
  "/state": {
    GET: ({ sessions }) =>
      sessions.once((session) => Promise.resolve(json(200, session.state()))),
  },
  "/reset": { POST: postReset },
  "/step": { POST: postStep },
  "/mcp": { POST: postRpc },
  "/list_environments": { GET: ({ world }) => json(200, [world.name]) },
};

/** Routes of the task API, below the name of the environment. */
const TASK_ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  splits: { GET: getSplits },
  tasks: {
    POST: (context, request) =>
      withSplit(context, request, "list_tasks", (tasks) =>
        json(200, {
          tasks: tasks.map(describeTask),
          env_name: context.world.name,
        })),
  },
  num_tasks: {
    POST: (context, request) =>
      withSplit(
        context,
        request,
        "num_tasks",
        (tasks) => json(200, { num_tasks: tasks.length }),
      ),
  },
  task: {
    POST: (context, request) =>
      withSplit(context, request, "get_task", (tasks, { index }) => {
        if (typeof index !== "number" || !Number.isInteger(index)) {
          return invalid("index", index);
        }
        const task = tasks[index];
        return task === undefined
          ? detail(400, "Invalid task index")
          : json(200, { task: describeTask(task) });
      }),
  },
  task_range: {
    POST: (context, request) =>
      withSplit(
        context,
        request,
        "get_task_range",
        (tasks, { start, stop }) => {
          for (const [name, value] of Object.entries({ start, stop })) {
            if (value === undefined || value === null) continue;
            if (!Number.isInteger(value)) return invalid(name, value);
          }
          const cut = tasks.slice(
            (start as number | null) ?? 0,
            (stop as number | null) ?? tasks.length,
          );
          return json(200, { tasks: cut.map(describeTask) });
        },
      ),
  },
};

const DESCRIPTION = openApi({
  ...Object.fromEntries(
    Object.entries(ROUTES).filter(([path]) => path !== "/openapi.json")
      .map(([path, methods]) => [path, Object.keys(methods)]),
  ),
  ...Object.fromEntries(
    Object.entries(TASK_ROUTES).map(([path, methods]) => [
      `/{env_name}/${path}`,
      Object.keys(methods),
    ]),
  ),
});

/**
 * Answers a request that is no upgrade.
 *
 * @param request The request.
 * @param context World and sessions.
 * @returns The answer.
 */
export async function answerHttp(
  request: Request,
  context: Context,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const known = findRoute(pathname, context.world);
  if (known === undefined) return detail(404, "Not Found");
  if (known === "other") {
    const [, name = ""] = pathname.split("/");
    return detail(404, `unknown environment '${decodeURIComponent(name)}'`);
  }
  const route = known[request.method];
  if (route === undefined) {
    await request.body?.cancel();
    return detail(405, "Method Not Allowed", {
      allow: Object.keys(known).join(", "),
    });
  }
  try {
    return await route(context, request);
  } catch (error) {
    if (error instanceof BodyTooLarge) return detail(413, error.message);
    if (error instanceof TypeError) return detail(400, error.message);
    if (!(error instanceof FrameError)) throw error;
    return error.code === "VALIDATION_ERROR"
      ? detail(422, error.details.errors)
      : text(500, "Internal Server Error");
  }
}

function findRoute(
  path: string,
  world: ServedWorld,
): Readonly<Record<string, Route>> | "other" | undefined {
  if (Object.hasOwn(ROUTES, path)) return ROUTES[path];
  const [, name, route, ...rest] = path.split("/");
  if (
    route === undefined || rest.length > 0 || !Object.hasOwn(TASK_ROUTES, route)
  ) return undefined;
  return name!.toLowerCase() === world.name.toLowerCase()
    ? TASK_ROUTES[route]
    : "other";
}

async function postReset(
  { sessions }: Context,
  request: Request,
): Promise<Response> {
  const body = await readBody(request, MOST_BYTES);
  const data = body === "" ? {} : parse(body);
  if (!isJsonObject(data)) return noObject(body);
  const asked = readReset(data);
  if ((asked.seed ?? 0) < 0) {
    return detail(422, [{
      type: "greater_than_equal",
      loc: ["body", "seed"],
      msg: "Input should be greater than or equal to 0",
      input: asked.seed,
      ctx: { ge: 0 },
    }]);
  }
  return json(
    200,
    await sessions.once((session) => session.reset(asked)),
  );
}

async function postStep(
  { sessions }: Context,
  request: Request,
): Promise<Response> {
  const body = await readBody(request, MOST_BYTES);
  const data = parse(body);
  if (!isJsonObject(data)) return noObject(body);
  if (data.action === undefined) return missing("action", data);
  if (!isJsonObject(data.action)) return invalid("action", data.action);
  const action = readAction(data.action);
  return json(200, await sessions.once((session) => session.step(action)));
}

async function postRpc(
  { sessions }: Context,
  request: Request,
): Promise<Response> {
  let call: unknown;
  try {
    call = JSON.parse(await readBody(request, MOST_BYTES));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return json(200, PARSE_FAILURE);
  }
  return json(200, await answerRpc(call, sessions));
}

/** A type of split as the Open Reward Standard has it. */
const SPLIT_TYPES = ["train", "validation", "test"];

function getSplits({ world }: Context): Response {
  if (world.splits.length === 0) return unsupported("list_splits");
  return json(
    200,
    world.splits.map((name) => ({
      name,
      type: SPLIT_TYPES.includes(name) ? name : "validation",
    })),
  );
}

/** Calls a function with the tasks of the split that a body names. */
async function withSplit(
  { world }: Context,
  request: Request,
  method: string,
  answer: (tasks: readonly ServedTask[], body: JsonObject) => Response,
): Promise<Response> {
  const body = await readBody(request, MOST_BYTES);
  if (world.splits.length === 0) return unsupported(method);
  const data = parse(body);
  if (!isJsonObject(data)) return noObject(body);
  const { split } = data;
  if (split === undefined) return missing("split", data);
  if (typeof split !== "string") return invalid("split", split);
  let tasks: readonly ServedTask[];
  try {
    tasks = await world.tasks(split);
  } catch (error) {
    return detail(400, reason(error));
  }
  return answer(tasks, data);
}

function describeTask({ id, spec }: ServedTask): JsonObject {
  const slash = id.lastIndexOf("/");
  const { taskType } = spec;
  return {
    id,
    split: id.slice(0, slash),
    index: Number(id.slice(slash + 1)),
    ...(typeof taskType === "string" && { task_type: taskType }),
  };
}

function unsupported(method: string): Response {
  return detail(501, `${method} is not supported for this environment`);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function noObject(body: string): Response {
  return detail(422, [{
    type: "model_attributes_type",
    loc: ["body"],
    msg: "Input should be a valid dictionary or object to extract fields from",
    input: body.slice(0, 200),
  }]);
}

function missing(key: string, input: JsonObject): Response {
  return detail(422, [{
    type: "missing",
    loc: ["body", key],
    msg: "Field required",
    input,
  }]);
}

function invalid(key: string, input: unknown): Response {
  return detail(422, [{
    type: "value_error",
    loc: ["body", key],
    msg: "Input is of the wrong kind",
    input: input ?? null,
  }]);
}
