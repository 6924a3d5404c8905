/**
 * The tools of a served world, for MCP clients: one acts, one lists actions.
 *
 * @module
 */

import {
  FrameError,
  type JsonObject,
  type ObservationReply,
  reason,
} from "./frames.ts";

/** What tools need of a session. */
export interface ToolSession {
  /** Takes a command. */
  act(command: string): Promise<ObservationReply>;
  /** Lists admissible actions. */
  actions(): Promise<readonly string[]>;
}

/** The tools, as `tools/list` describes them. */
export const TOOLS = [
  {
    name: "act",
    description: "Run one text command in the world.",
    inputSchema: {
      type: "object",
      properties: {
        command: { type: "string", description: "The command to run" },
      },
      required: ["command"],
      additionalProperties: false,
    },
  },
  {
    name: "actions",
    description: "List the commands that the world accepts now.",
    inputSchema: {
      type: "object",
      properties: {},
      additionalProperties: false,
    },
  },
] as const;

/** What a tool answered, or why it could not. */
export interface ToolAnswer {
  /** Result in MCP's form. */
  readonly result?: JsonObject;
  /** Failure of the call, in OpenEnv's form. */
  readonly error?: {
    readonly error_type: "tool_not_found" | "invalid_args" | "execution_error";
    readonly message: string;
  };
  /** Reward and end of the step that the tool took. */
  readonly step?: ObservationReply;
}

/**
 * Calls a tool; failures are answers.
 *
 * @param session Whose world is played.
 * @param name Name of the tool.
 * @param given Its arguments.
 * @returns The answer.
 */
export async function toolResult(
  session: ToolSession,
  name: string,
  given: JsonObject,
): Promise<ToolAnswer> {
  const tool = TOOLS.find((one) => one.name === name);
  if (tool === undefined) {
    const message = `Unknown tool: '${name}'`;
    return { error: { error_type: "tool_not_found", message } };
  }
  const wrong = wrongArguments(tool, given);
  if (wrong !== undefined) {
    return { error: { error_type: "invalid_args", message: wrong } };
  }
  try {
    if (tool.name === "actions") {
      const actions = await session.actions();
      return { result: textResult(actions.join("\n"), actions) };
    }
    const step = await session.act(String(given.command));
    const text = String(step.observation.text);
    return { result: textResult(text, text), step };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    const message = `Error calling tool '${name}': ${reason(error)}`;
    return { error: { error_type: "execution_error", message } };
  }
}

function wrongArguments(
  { name, inputSchema }: typeof TOOLS[number],
  given: JsonObject,
): string | undefined {
  const known = Object.keys(inputSchema.properties);
  for (const key of known) {
    const value = given[key];
    if (typeof value === "string" && value !== "") continue;
    return `call[${name}]: "${key}" must be text, not empty: current value is ${
      value === undefined ? "absent" : JSON.stringify(value)
    }`;
  }
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  return unknown === undefined
    ? undefined
    : `call[${name}]: "${unknown}" is no argument`;
}

/** A result in the form of the official server. */
function textResult(text: string, value: unknown): JsonObject {
  return {
    content: [{ type: "text", text, annotations: null, meta: null }],
    structured_content: { result: value },
    meta: null,
    data: value,
    is_error: false,
  };
}
