/**
 * The grammar of OpenEnv's WebSocket frames: requests are read with the errors that the official server gives.
 *
 * @module
 */

/** One thing that is wrong with a request, in pydantic's form. */
export interface FieldError {
  /** Kind of error: `missing`, `extra_forbidden`, `string_type`. */
  readonly type: string;
  /** Where. */
  readonly loc: readonly (string | number)[];
  /** What, in words. */
  readonly msg: string;
  /** What was given. */
  readonly input: unknown;
}

/** Keywords of `reset` that are checked; others are ignored, as the official server does. */
export interface ResetRequest {
  readonly seed?: number;
  readonly episodeId?: string;
  readonly taskId?: string;
  readonly taskIndex?: number;
  readonly split?: string;
  readonly maxSteps?: number;
  readonly admissible?: boolean;
}

/** An action: a command, or an action of an MCP environment. */
export type ActionRequest =
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "list_tools" }
  | {
    readonly kind: "call_tool";
    readonly name: string;
    readonly arguments: JsonObject;
  };

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A request that could be read. */
export type FrameRequest =
  | { readonly type: "reset"; readonly reset: ResetRequest }
  | { readonly type: "step"; readonly action: ActionRequest }
  | { readonly type: "state" }
  | { readonly type: "close" }
  | { readonly type: "mcp"; readonly data: unknown };

/** An observation, as replies carry it. */
export interface ObservationReply {
  readonly observation: JsonObject;
  readonly reward: number | null;
  readonly done: boolean;
  readonly metadata?: JsonObject;
}

/** Codes of error frames. */
export type ErrorCode =
  | "INVALID_JSON"
  | "UNKNOWN_TYPE"
  | "VALIDATION_ERROR"
  | "EXECUTION_ERROR"
  | "SESSION_ERROR"
  | "CAPACITY_REACHED";

/** A request that could not be read or served. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  /** Code of the reply. */
  readonly code: ErrorCode;
  /** What else the reply says. */
  readonly details: JsonObject;

  constructor(code: ErrorCode, message: string, details: JsonObject = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** The reply as JSON. */
  get frame(): string {
    const { message, code, details } = this;
    return errorFrame(code, message, details);
  }
}

/** An error frame as JSON. */
export function errorFrame(
  code: ErrorCode,
  message: string,
  details: JsonObject = {},
): string {
  return JSON.stringify({ type: "error", data: { message, code, ...details } });
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Kinds of requests with the keys that each may have besides its type. */
const FRAMES: Readonly<Record<string, { data: "none" | "may" | "must" }>> = {
  reset: { data: "may" },
  step: { data: "must" },
  state: { data: "none" },
  close: { data: "none" },
  mcp: { data: "must" },
};

/**
 * Reads a frame.
 *
 * @param text The frame.
 * @returns The request.
 * @throws {FrameError} If it is not one; `SESSION_ERROR` ends the session, every other code leaves it open.
 */
export function readFrame(text: string): FrameRequest {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (error) {
    throw new FrameError("INVALID_JSON", `Invalid JSON: ${reason(error)}`);
  }
  if (!isJsonObject(frame)) {
    throw new FrameError("SESSION_ERROR", "A frame must be a JSON object");
  }
  const { type } = frame;
  const kind = typeof type === "string" && Object.hasOwn(FRAMES, type)
    ? FRAMES[type]
    : undefined;
  if (kind === undefined) {
    const shown = type === undefined ? "" : String(type);
    throw new FrameError("UNKNOWN_TYPE", `Unknown message type: ${shown}`);
  }
  const errors: FieldError[] = [];
  if (kind.data === "must" && !Object.hasOwn(frame, "data")) {
    errors.push(missing("data", frame));
  }
  if (kind.data !== "none" && Object.hasOwn(frame, "data")) {
    if (!isJsonObject(frame.data)) {
      errors.push({
        type: "dict_type",
        loc: ["data"],
        msg: "Input should be a valid dictionary",
        input: frame.data,
      });
    }
  }
  for (const [key, input] of Object.entries(frame)) {
    if (key === "type" || (key === "data" && kind.data !== "none")) continue;
    errors.push(extra(key, input));
  }
  refuse(errors);
  const data = isJsonObject(frame.data) ? frame.data : {};
  switch (type) {
    case "reset":
      return { type, reset: readReset(data) };
    case "step":
      return { type, action: readAction(data) };
    case "mcp":
      return { type, data };
    default:
      return { type: type as "state" | "close" };
  }
}

/** Throws the errors of a request, if there are any. */
function refuse(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  throw new FrameError("VALIDATION_ERROR", "Invalid message", { errors });
}

function missing(key: string, input: unknown): FieldError {
  return { type: "missing", loc: [key], msg: "Field required", input };
}

function extra(key: string, input: unknown): FieldError {
  return {
    type: "extra_forbidden",
    loc: [key],
    msg: "Extra inputs are not permitted",
    input,
  };
}

/** Keywords of `reset`, by name, and the property each fills. */
const RESET_WORDS = {
  seed: { as: "seed", read: readWhole },
  episode_id: { as: "episodeId", read: readWord },
  task_id: { as: "taskId", read: readWord },
  task_index: { as: "taskIndex", read: readCount },
  split: { as: "split", read: readWord },
  max_steps: { as: "maxSteps", read: readPositive },
  admissible: { as: "admissible", read: readFlag },
} as const;

/**
 * Reads the keywords of `reset`; `null` means absent, and unknown ones are ignored.
 *
 * @param data Keywords.
 * @returns Those that are known.
 * @throws {FrameError} If one is of the wrong kind.
 */
export function readReset(data: JsonObject): ResetRequest {
  const errors: FieldError[] = [];
  const request: Record<string, unknown> = {};
  for (const [name, { as, read }] of Object.entries(RESET_WORDS)) {
    const value = data[name];
    if (value === undefined || value === null) continue;
    const found = read(value);
    if (typeof found === "object") {
      errors.push({ ...found, loc: [name], input: value });
    } else request[as] = found;
  }
  refuse(errors);
  return request;
}

/** What a reader found to be wrong. */
type Complaint = Pick<FieldError, "type" | "msg">;

function readWhole(value: unknown): number | Complaint {
  const number = typeof value === "string" && /^[+-]?\d+$/.test(value.trim())
    ? Number(value)
    : value;
  if (typeof number === "string") {
    return {
      type: "int_parsing",
      msg:
        "Input should be a valid integer, unable to parse string as an integer",
    };
  }
  if (typeof number === "number" && Number.isSafeInteger(number)) return number;
  return typeof number === "number"
    ? {
      type: "int_from_float",
      msg:
        "Input should be a valid integer, got a number with a fractional part",
    }
    : { type: "int_type", msg: "Input should be a valid integer" };
}

function readCount(value: unknown): number | Complaint {
  const number = readWhole(value);
  return typeof number === "number" && number < 0
    ? {
      type: "greater_than_equal",
      msg: "Input should be greater than or equal to 0",
    }
    : number;
}

function readPositive(value: unknown): number | Complaint {
  const number = readWhole(value);
  return typeof number === "number" && number < 1
    ? {
      type: "greater_than_equal",
      msg: "Input should be greater than or equal to 1",
    }
    : number;
}

function readWord(value: unknown): string | Complaint {
  if (typeof value !== "string") {
    return { type: "string_type", msg: "Input should be a valid string" };
  }
  return value.length <= 255 ? value : {
    type: "string_too_long",
    msg: "String should have at most 255 characters",
  };
}

function readFlag(value: unknown): boolean | Complaint {
  return typeof value === "boolean"
    ? value
    : { type: "bool_type", msg: "Input should be a valid boolean" };
}

/**
 * Reads an action: `{"command": "…"}`, or an action of an MCP environment.
 *
 * @param data The action; `metadata` is accepted and ignored.
 * @returns The action.
 * @throws {FrameError} If a key is absent, unknown or of the wrong kind.
 */
export function readAction(data: JsonObject): ActionRequest {
  const { type } = data;
  if (type === "list_tools" || type === "call_tool") {
    return readToolAction(data, type);
  }
  const errors: FieldError[] = [];
  const { command } = data;
  if (!Object.hasOwn(data, "command")) errors.push(missing("command", data));
  else if (typeof command !== "string") {
    errors.push({
      type: "string_type",
      loc: ["command"],
      msg: "Input should be a valid string",
      input: command,
    });
  } else if (command === "") {
    errors.push({
      type: "string_too_short",
      loc: ["command"],
      msg: "String should have at least 1 character",
      input: command,
    });
  }
  checkKeys(data, ["command", "metadata"], errors);
  refuse(errors);
  return { kind: "command", command: command as string };
}

function readToolAction(
  data: JsonObject,
  type: "list_tools" | "call_tool",
): ActionRequest {
  const errors: FieldError[] = [];
  if (type === "list_tools") {
    checkKeys(data, ["type", "metadata"], errors);
    refuse(errors);
    return { kind: "list_tools" };
  }
  const { tool_name: name, arguments: given = {} } = data;
  if (name === undefined) errors.push(missing("tool_name", data));
  else if (typeof name !== "string") {
    errors.push({
      type: "string_type",
      loc: ["tool_name"],
      msg: "Input should be a valid string",
      input: name,
    });
  }
  if (!isJsonObject(given)) {
    errors.push({
      type: "dict_type",
      loc: ["arguments"],
      msg: "Input should be a valid dictionary",
      input: given,
    });
  }
  checkKeys(data, ["type", "tool_name", "arguments", "metadata"], errors);
  refuse(errors);
  return {
    kind: "call_tool",
    name: name as string,
    arguments: given as JsonObject,
  };
}

/** Names the keys that an action may not have, and metadata that is no object. */
function checkKeys(
  data: JsonObject,
  known: readonly string[],
  errors: FieldError[],
): void {
  for (const [key, input] of Object.entries(data)) {
    if (!known.includes(key)) errors.push(extra(key, input));
    else if (key === "metadata" && !isJsonObject(input)) {
      errors.push({
        type: "dict_type",
        loc: [key],
        msg: "Input should be a valid dictionary",
        input,
      });
    }
  }
}

/** Message of anything that was thrown. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
