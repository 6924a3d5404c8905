/**
 * A policy whose decisions are replies of a served model. It plays and is judged, and does not learn.
 *
 * @module
 */

import { formatReply, parseReply } from "../../policy/language/blocks.ts";
import { formatPrompt, readReply } from "../../policy/language/prompts.ts";
import {
  formatBriefPrompt,
  formatTranscript,
} from "../../policy/language/small_model.ts";
import type { ChatMessage } from "../../policy/language/tokenizer.ts";
import type { Policy } from "../../policy/policy.ts";
import { statelessPolicy } from "../../policy/session.ts";
import type { Random } from "../../random.ts";
import { readSettings } from "../../settings.ts";
import type { Decision, DecisionTrace, Situation } from "../../trajectory.ts";
import {
  type ChatClient,
  type ChatReply,
  type ChatUsage,
  PromptTooLong,
  SamplingFailed,
} from "./client.ts";
import { openChatClient, type OpenClientOptions } from "./open_client.ts";
import {
  constraint,
  lengthField,
  plainSampling,
  repliesJson,
} from "./servers.ts";
import { type OpenaiPolicyConfig, openaiPolicySettings } from "./settings.ts";

/** A policy on a server, and what it cost. */
export interface ServedPolicy extends Policy {
  /** Requests, tokens, times and, where prices are known, the cost. */
  readonly usage: ServedUsage;
  /** The same policy at another temperature, on the same connections. */
  atTemperature(temperature: number): ServedPolicy;
}

/** What a served policy cost. */
export interface ServedUsage extends ChatUsage {
  /** In the currency of the prices; absent without them. */
  readonly cost?: number;
}

/** Options beside the settings. */
export type ServedPolicyOptions = OpenClientOptions;

/** Settings of {@linkcode createServedPolicy}: `url`, `model`, and those with defaults. */
export type ServedPolicySettings =
  & Pick<OpenaiPolicyConfig, "url" | "model">
  & Partial<Omit<OpenaiPolicyConfig, "name" | "url" | "model">>;

/**
 * Makes a policy of a served model.
 *
 * A turn whose reply never comes ends its episode as lost; a reply that cannot be read is an invalid decision.
 * Log-probabilities are recorded, so that they can be learned from, only if the server gives them with token ids
 * and nothing constrained the reply.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { createServedPolicy } from "@hiper/lab/ecosystem";
 *
 * const nowhere = { url: "http://127.0.0.1:9/v1", model: "none" };
 * await rejects(createServedPolicy(nowhere), /must answer/);
 * ```
 *
 * @param settings Server, model and sampling.
 * @param options A signal to stop by.
 * @returns The policy.
 * @throws {TypeError} If the server does not answer, refuses the key, or does not offer the model.
 */
export async function createServedPolicy(
  settings: ServedPolicySettings,
  options: ServedPolicyOptions = {},
): Promise<ServedPolicy> {
  const config = readSettings(
    openaiPolicySettings,
    { ...settings, name: "openai" },
    "play a served model",
  );
  const client = await openChatClient(config, "play a served model", options);
  return servedPolicy(client, config);
}

function servedPolicy(
  client: ChatClient,
  config: OpenaiPolicyConfig,
): ServedPolicy {
  const { promptPrice, replyPrice } = config;
  return {
    ...statelessPolicy({
      decide: (situations, randoms) =>
        Promise.all(
          situations.map((situation, i) =>
            decide(client, config, { situation, random: randoms[i]! })
          ),
        ),
    }),
    get usage() {
      const { usage } = client;
      const known = promptPrice !== undefined || replyPrice !== undefined;
      return {
        ...usage,
        ...(known && {
          cost: (usage.promptTokens * (promptPrice ?? 0) +
            usage.replyTokens * (replyPrice ?? 0)) / 1e6,
        }),
      };
    },
    atTemperature: (temperature) =>
      servedPolicy(client, { ...config, temperature }),
  };
}

async function decide(
  client: ChatClient,
  config: OpenaiPolicyConfig,
  turn: { situation: Situation; random: Random },
): Promise<Decision> {
  const { situation, random } = turn;
  const fields = requestFields(config, situation, random);
  const ask = (messages: readonly ChatMessage[]) =>
    client.sample(messages, fields, random);
  try {
    const reply = await ask(promptOf(config, situation)).catch((error) => {
      if (!(error instanceof PromptTooLong)) throw error;
      // The history is what can be left out.
      return ask(promptOf(config, { ...situation, past: [] }));
    });
    return decisionOf(reply, config, situation);
  } catch (error) {
    if (
      !(error instanceof SamplingFailed || error instanceof PromptTooLong)
    ) throw error;
    return {
      switched: false,
      subgoal: situation.subgoal ?? "",
      action: "",
      valid: false,
      lost: error.message,
      trace: { kind: "untrainable" },
    };
  }
}

/** The conversation that the model continues. */
function promptOf(
  { prompt, flat }: OpenaiPolicyConfig,
  situation: Situation,
): readonly ChatMessage[] {
  const shown = prompt === "rules"
    ? formatPrompt(situation, { flat })
    : prompt === "brief"
    ? formatBriefPrompt(situation)
    : formatTranscript(situation, { repeatTask: true });
  return typeof shown === "string" ? [{ role: "user", content: shown }] : shown;
}

/** Every sampling field is sent, as servers take absent ones from the model's own settings. */
function requestFields(
  config: OpenaiPolicyConfig,
  situation: Situation,
  random: Random,
): Record<string, unknown> {
  const { model, server, temperature, topP, maxReplyTokens } = config;
  return {
    model,
    temperature,
    top_p: topP,
    n: 1,
    seed: random.fork("reply").seed % 2 ** 31,
    [lengthField(server)]: maxReplyTokens,
    ...plainSampling(server),
    ...(server === "vllm" || server === "sglang"
      ? { chat_template_kwargs: { enable_thinking: false } }
      : {}),
    ...(config.logProbs && { logprobs: true }),
    ...(config.logProbs && server === "vllm" && { return_token_ids: true }),
    ...(config.form === "blocks" && !config.flat &&
      constraint(server, situation)),
  };
}

function decisionOf(
  reply: ChatReply,
  config: OpenaiPolicyConfig,
  situation: Situation,
): Decision {
  const { observation, subgoal: held } = situation;
  const { admissibleActions } = observation;
  const { form, flat, server } = config;
  const constrained = form === "blocks" && !flat;
  // Models that think aloud do so before they answer.
  const said = reply.text.replace(
    /^\s*<think>[\s\S]*?<\/think>\s*/,
    flat ? "$&" : "",
  );
  const text = constrained && repliesJson(server)
    ? fromJson(said)
    : said.trim();
  if (flat) return flatDecision(text, admissibleActions);
  const pieces = reply.pieces?.join("") === text ? reply.pieces : [text];
  const read = readReply(pieces, {
    ...(held !== undefined && { held }),
    ...(admissibleActions.length > 0 && { admissibleActions }),
  });
  if (constrained && reply.stop === "stop" && !hasForm(read.parsed.problems)) {
    throw new TypeError(
      `Cannot constrain replies as "server" must be the kind of server that is there: current value is "${server}", and it answered ${
        JSON.stringify(reply.text.slice(0, 200))
      }`,
    );
  }
  return {
    switched: read.switched || situation.past.length === 0,
    subgoal: read.subgoal,
    action: read.action,
    valid: read.valid,
    trace: constrained ? UNTRAINABLE : traceOf(reply, read.spans),
  };
}

const UNTRAINABLE: DecisionTrace = { kind: "untrainable" };

/** Whether a reply has the three blocks, whatever is in them. */
function hasForm(problems: readonly string[]): boolean {
  return problems.every((one) => one === "inadmissible-action");
}

/** Writes a JSON reply as the three blocks. */
function fromJson(text: string): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return text;
  }
  const { switch: word, subgoal, action } = (json ?? {}) as Record<
    string,
    unknown
  >;
  return typeof subgoal === "string" && typeof action === "string"
    ? formatReply({
      switching: word === "KEEP" ? "KEEP" : "SWITCH",
      subgoal,
      action,
    })
    : text;
}

/** The decision of a reply of thought and action. */
function flatDecision(
  text: string,
  admissibleActions: readonly string[],
): Decision {
  const { action } = parseReply(text, { mode: "webshop-flat" });
  return {
    switched: false,
    subgoal: "",
    action,
    valid: admissibleActions.length === 0 ||
      admissibleActions.includes(action),
    trace: UNTRAINABLE,
  };
}

/** What a learner needs, if the server gave all of it. */
function traceOf(
  { tokens, prompt, logProbs, pieces }: ChatReply,
  spans: ReturnType<typeof readReply>["spans"],
): DecisionTrace {
  const whole = tokens && prompt && logProbs && pieces &&
    tokens.length === logProbs.length && pieces.length === tokens.length;
  return whole
    ? {
      kind: "tokens",
      prompt: Int32Array.from(prompt),
      reply: Int32Array.from(tokens),
      logProbs: Float32Array.from(logProbs),
      spans,
    }
    : UNTRAINABLE;
}
