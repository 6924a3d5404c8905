/**
 * How the actions and observations of an OpenEnv server map to texts: by its schema, and by settings that win.
 *
 * @module
 */

import { isObject, type JsonObject } from "./connection.ts";

/** Names of fields, as paths with dots; absent ones are found by their usual names. */
export interface FieldNames {
  /** What the agent reads. */
  readonly textField?: string | undefined;
  /** What may be done. */
  readonly admissibleField?: string | undefined;
  /** The task in words. */
  readonly goalField?: string | undefined;
  /** Whether the task is accomplished. */
  readonly successField?: string | undefined;
  /** Score in `[0, 1]`. */
  readonly scoreField?: string | undefined;
}

/** How a command is written as an action. */
export type EncodeAction = (command: string) => JsonObject;

const TEXT = [
  "text",
  "observation",
  "message",
  "prompt",
  "content",
  "output",
  "result.data",
  "result",
];
const ADMISSIBLE = [
  "admissible",
  "admissible_commands",
  "admissible_actions",
  "available_actions",
  "legal_actions",
  "valid_actions",
];
const GOAL = ["goal", "task", "instruction", "question"];
const SUCCESS = ["success", "won", "metadata.success"];
const TRUNCATED = ["truncated", "metadata.truncated"];
const SCORE = ["score"];
const STATE_KEYS = ["metadata.state_key"];

/** What a server's tools are called by. */
export interface ToolChoice {
  /** The tool that takes every command. */
  readonly tool: string;
  /** Its argument that holds the text. */
  readonly argument: string;
}

/** Titles of action schemas of servers whose actions are calls of tools. */
const TOOL_TITLES: readonly unknown[] = [
  "CallToolAction",
  "ListToolsAction",
  "Action",
];

/**
 * Whether actions are calls of tools.
 *
 * @param schema The action's JSON Schema.
 */
export function takesTools(schema: JsonObject): boolean {
  return TOOL_TITLES.includes(schema.title);
}

/**
 * Finds the property of an action that holds the command: the only required one, if it is text.
 *
 * @param schema The action's JSON Schema.
 * @returns Its name; `undefined` if the schema leaves a choice.
 */
export function commandField(schema: JsonObject): string | undefined {
  const { required, properties } = schema;
  if (!Array.isArray(required) || required.length !== 1) return undefined;
  const [name] = required;
  const property = isObject(properties) ? properties[String(name)] : undefined;
  return isObject(property) && property.type === "string"
    ? String(name)
    : undefined;
}

/**
 * Finds the tool that takes commands: the named one, or the only one, with its only argument that is text.
 *
 * @param tools What `list_tools` answered.
 * @param wanted Name of the tool, if it was given.
 * @returns The choice.
 * @throws {TypeError} If the tools leave a choice.
 */
export function chooseTool(
  tools: unknown,
  wanted: string | undefined,
): ToolChoice {
  const listed = Array.isArray(tools) ? tools.filter(isObject) : [];
  const found = wanted === undefined
    ? listed.filter((one) => textArgument(one) !== undefined)
    : listed.filter(({ name }) => name === wanted);
  const [tool] = found;
  const argument = tool && textArgument(tool);
  if (found.length === 1 && argument !== undefined) {
    return { tool: String(tool!.name), argument };
  }
  throw new TypeError(
    `Cannot play an OpenEnv world as "tool" must name one that takes a single text: current value is ${
      wanted ?? "absent"
    }, and there are ${
      listed.map(({ name }) => `"${name}"`).join(", ") || "none"
    }`,
  );
}

function textArgument(tool: JsonObject): string | undefined {
  const schema = tool.input_schema ?? tool.inputSchema;
  return isObject(schema) ? commandField(schema) : undefined;
}

/** What was observed, as texts and numbers. */
export interface ReadObservation {
  readonly text: string;
  readonly admissible: readonly string[];
  readonly goal: string | undefined;
  readonly success: boolean | undefined;
  readonly truncated: boolean;
  readonly score: number | undefined;
  readonly stateKey: string | undefined;
}

/**
 * Reads an observation.
 *
 * @param observation Its fields.
 * @param names Names that win over the usual ones.
 * @returns Text and lists.
 * @throws {TypeError} If a field that was named is absent or of the wrong kind.
 */
export function readObservation(
  observation: JsonObject,
  names: FieldNames,
): ReadObservation {
  const field = <T>(
    name: keyof FieldNames | undefined,
    usual: readonly string[],
    read: (value: unknown) => T | undefined,
  ): T | undefined => {
    const given = name === undefined ? undefined : names[name];
    if (given === undefined) {
      for (const path of usual) {
        const found = read(at(observation, path));
        if (found !== undefined) return found;
      }
      return undefined;
    }
    const value = at(observation, given);
    const found = read(value);
    if (found !== undefined || value === null) return found;
    throw new TypeError(
      `Cannot read an observation as "${name}" must name one of its fields: current value is "${given}", and there are ${
        Object.keys(observation).map((key) => `"${key}"`).join(", ")
      }`,
    );
  };
  return {
    text: field("textField", TEXT, asText) ?? joinMessages(observation) ??
      JSON.stringify(observation, null, 1),
    admissible: field("admissibleField", ADMISSIBLE, asTexts) ?? [],
    goal: field("goalField", GOAL, asText),
    success: field("successField", SUCCESS, asFlag),
    truncated: field(undefined, TRUNCATED, asFlag) ?? false,
    score: field("scoreField", SCORE, asNumber),
    stateKey: field(undefined, STATE_KEYS, asText),
  };
}

/** The value at a path with dots. */
function at(value: JsonObject, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (here, key) =>
      isObject(here) && Object.hasOwn(here, key) ? here[key] : undefined,
    value,
  );
}

const asText = (value: unknown) =>
  typeof value === "string" ? value : undefined;
const asFlag = (value: unknown) =>
  typeof value === "boolean" ? value : undefined;
const asNumber = (value: unknown) =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
const asTexts = (value: unknown) =>
  Array.isArray(value) && value.every((one) => typeof one === "string")
    ? value as string[]
    : undefined;

/** Contents of a conversation, one after the other. */
function joinMessages({ messages }: JsonObject): string | undefined {
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  const texts = messages.filter(isObject).map(({ content }) => content)
    .filter((content) => typeof content === "string");
  return texts.length > 0 ? texts.join("\n") : undefined;
}
