/**
 * JSON Schemas of a served world's action, observation and state, and its OpenAPI description.
 *
 * The action has exactly one required property, so that a generic client can send a plain reply as an action.
 *
 * @module
 */

import type { JsonObject } from "./frames.ts";

const METADATA = {
  type: "object",
  title: "Metadata",
  additionalProperties: true,
};

const NULLABLE = (type: string) => ({
  anyOf: [{ type }, { type: "null" }],
  default: null,
});

const ACTION = {
  title: "TextAction",
  type: "object",
  additionalProperties: false,
  required: ["command"],
  properties: {
    metadata: { ...METADATA, description: "Ignored" },
    command: {
      title: "Command",
      type: "string",
      minLength: 1,
      description: "Text command to run in the world",
    },
  },
};

const OBSERVATION = {
  title: "TextObservation",
  type: "object",
  additionalProperties: false,
  properties: {
    done: {
      title: "Done",
      type: "boolean",
      default: false,
      description: "Whether the episode is over, terminated or truncated",
    },
    reward: {
      title: "Reward",
      ...NULLABLE("number"),
      description: "Reward of the last command; null after reset",
    },
    metadata: {
      ...METADATA,
      description: "Kind and name of the task, and a digest of the state",
    },
    text: {
      title: "Text",
      type: "string",
      default: "",
      description: "What the agent reads",
    },
    admissible: {
      title: "Admissible",
      type: "array",
      items: { type: "string" },
      description: "Commands the world accepts now; empty when done",
    },
    goal: {
      title: "Goal",
      type: "string",
      default: "",
      description: "The task in words",
    },
    score: {
      title: "Score",
      type: "number",
      default: 0,
      description: "Score so far in [0, 1]",
    },
    success: {
      title: "Success",
      ...NULLABLE("boolean"),
      description: "Whether the task was accomplished; null while playing",
    },
    truncated: {
      title: "Truncated",
      type: "boolean",
      default: false,
      description: "Whether a limit ended the episode",
    },
  },
};

const STATE = {
  title: "TextState",
  type: "object",
  additionalProperties: true,
  properties: {
    episode_id: { title: "Episode Id", ...NULLABLE("string") },
    step_count: { title: "Step Count", type: "integer", minimum: 0 },
    goal: { title: "Goal", type: "string" },
    seed: { title: "Seed", ...NULLABLE("integer") },
    max_steps: { title: "Max Steps", type: "integer" },
    task_id: { title: "Task Id", ...NULLABLE("string") },
    cumulative_reward: { title: "Cumulative Reward", type: "number" },
  },
};

/** What `/schema` answers. */
export const SCHEMAS: JsonObject = {
  action: ACTION,
  observation: OBSERVATION,
  state: STATE,
  reset_observation: OBSERVATION,
};

/** What `/openapi.json` answers. */
export function openApi(
  routes: Readonly<Record<string, readonly string[]>>,
): JsonObject {
  const paths = Object.fromEntries(
    Object.entries(routes).map(([path, methods]) => [
      path,
      Object.fromEntries(methods.map((method) => [
        method.toLowerCase(),
        {
          summary: path,
          responses: { "200": { description: "Successful Response" } },
        },
      ])),
    ]),
  );
  return {
    openapi: "3.1.0",
    info: { title: "OpenEnv Environment HTTP API", version: "1.0.0" },
    paths,
  };
}
