/**
 * Where OpenAI-compatible servers differ: names of fields, and how replies are constrained.
 *
 * @module
 */

import type { Situation } from "../../trajectory.ts";

/** Servers that are known. */
export const SERVER_KINDS = [
  "openai",
  "vllm",
  "sglang",
  "llama.cpp",
  "ollama",
] as const;

/** One of the {@linkcode SERVER_KINDS}. */
export type ServerKind = typeof SERVER_KINDS[number];

/** How constrained replies are. */
export const FORMS = ["free", "blocks"] as const;

/** The name of the field that bounds a reply. */
export function lengthField(
  server: ServerKind,
): "max_completion_tokens" | "max_tokens" {
  return server === "openai" || server === "vllm"
    ? "max_completion_tokens"
    : "max_tokens";
}

/** Sampling fields that a server would otherwise take from a model's own settings. */
export function plainSampling(server: ServerKind): Record<string, unknown> {
  switch (server) {
    case "vllm":
    case "sglang":
      return { top_k: -1, min_p: 0, repetition_penalty: 1 };
    case "llama.cpp":
      return { top_k: 0, min_p: 0, repeat_penalty: 1 };
    default:
      return { presence_penalty: 0, frequency_penalty: 0 };
  }
}

/** More alternatives take too long to compile; actions are then any line. */
const MOST_ALTERNATIVES = 200;

/** An action that the world lists with a part to be filled in: `search[<your query>]`. */
const OPEN_ACTION = /^(\w+\[)<[^\]]*>\]$/;

/** Quotes a text for a grammar. */
function quote(text: string): string {
  const escaped = text.replaceAll(/[\\"\p{Cc}]/gu, (character) => {
    switch (character) {
      case "\\":
        return "\\\\";
      case '"':
        return '\\"';
      case "\n":
        return "\\n";
      case "\r":
        return "\\r";
      case "\t":
        return "\\t";
      default:
        return `\\u${
          character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")
        }`;
    }
  });
  return `"${escaped}"`;
}

/**
 * The grammar of a reply in three blocks: the held subgoal can be kept word for word, or another one be taken up,
 * and the action is one that the world accepts.
 *
 * @param situation What is seen, and which subgoal is held.
 * @returns Rules in the dialect that vLLM, SGLang and llama.cpp share.
 */
export function blocksGrammar(situation: Situation): string {
  const { subgoal = "", observation } = situation;
  const held = subgoal === "" ? undefined : subgoal;
  const actions = [...new Set(observation.admissibleActions)];
  const alternatives = actions.map((action) => {
    const open = OPEN_ACTION.exec(action);
    return open
      ? `${quote(open[1]!)} [^\\[\\]<>\\n]{1,100} "]"`
      : quote(action);
  });
  const act = alternatives.length === 0 ||
      alternatives.length > MOST_ALTERNATIVES
    ? "[^<>\\n]{1,120}"
    : alternatives.join(" | ");
  const end = '"</subgoal>\\n<action>" act "</action>"';
  return [
    `root ::= ${held === undefined ? "change" : "keep | change"}`,
    ...(held === undefined ? [] : [
      `keep ::= ${quote(`<switch>KEEP</switch>\n<subgoal>${held}`)} ${end}`,
    ]),
    `change ::= "<switch>SWITCH</switch>\\n<subgoal>" goal ${end}`,
    "goal ::= [^<>\\n]{1,120}",
    `act ::= ${act}`,
  ].join("\n");
}

/**
 * The fields that constrain a reply, where the server has any.
 *
 * @param server Which server.
 * @param situation What is seen.
 * @returns Fields of the request. Servers without grammars get a JSON Schema, whose reply is JSON.
 */
export function constraint(
  server: ServerKind,
  situation: Situation,
): Record<string, unknown> {
  switch (server) {
    case "vllm":
      return { structured_outputs: { grammar: blocksGrammar(situation) } };
    case "sglang":
      return { ebnf: blocksGrammar(situation) };
    case "llama.cpp":
      return { grammar: blocksGrammar(situation) };
    default:
      return { response_format: jsonFormat(situation) };
  }
}

/** Whether constrained replies of a server are JSON. */
export function repliesJson(server: ServerKind): boolean {
  return server === "openai" || server === "ollama";
}

function jsonFormat({ observation }: Situation): Record<string, unknown> {
  const actions = [...new Set(observation.admissibleActions)];
  const listed = actions.length > 0 && actions.length <= MOST_ALTERNATIVES &&
    !actions.some((action) => OPEN_ACTION.test(action));
  return {
    type: "json_schema",
    json_schema: {
      name: "turn",
      strict: true,
      schema: {
        type: "object",
        additionalProperties: false,
        required: ["switch", "subgoal", "action"],
        properties: {
          switch: { type: "string", enum: ["KEEP", "SWITCH"] },
          subgoal: { type: "string" },
          action: { type: "string", ...(listed && { enum: actions }) },
        },
      },
    },
  };
}
