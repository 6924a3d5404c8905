/**
 * Settings of a policy on an OpenAI-compatible server: kind, default and meaning of each.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { count, optional, positive, rate, unit } from "../../settings.ts";
import { FORMS, SERVER_KINDS } from "./servers.ts";

/** Defaults of a policy on a server. */
export const OPENAI_DEFAULTS = {
  server: "openai",
  prompt: "rules",
  flat: false,
  form: "free",
  maxReplyTokens: 512,
  temperature: 1,
  topP: 1,
  logProbs: false,
  concurrency: 64,
  attempts: 6,
  timeoutSeconds: 120,
} as const;

/** Whether an address begins with http:// or https:// and holds no name or password. */
function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

/** Settings of `policy` where `policy.name` is `openai`. */
export const openaiPolicySettings = z.strictObject({
  name: z.literal("openai").describe(
    "A language model on any OpenAI-compatible server: it plays and is judged, and does not learn.",
  ),
  url: z.string().refine(
    isPlainUrl,
    'must be the address of a server, such as "http://127.0.0.1:8001/v1", without name and password',
  ).describe("Address of the server, with /v1."),
  model: z.string().min(1, "must name a model that the server offers")
    .describe("The model, or an adapter, by the server's name."),
  server: z.enum(SERVER_KINDS).default(OPENAI_DEFAULTS.server).describe(
    "Which server it is, for fields that differ.",
  ),
  keyFile: optional(
    z.string().min(1, "must name a file"),
    "File that holds the key; it is read and never written anywhere.",
    "the environment variable OPENAI_API_KEY",
  ),
  prompt: z.enum(["rules", "brief", "transcript"]).default(
    OPENAI_DEFAULTS.prompt,
  ).describe(
    "What the model reads: the rules of the three blocks and the last turns; the facts of the last turn; or the whole conversation.",
  ),
  flat: z.boolean().default(OPENAI_DEFAULTS.flat).describe(
    "Whether it answers with thought and action, without a plan.",
  ),
  form: z.enum(FORMS).default(OPENAI_DEFAULTS.form).describe(
    "Whether the server constrains replies: not at all, or to the three blocks and admissible actions.",
  ),
  maxReplyTokens: count.default(OPENAI_DEFAULTS.maxReplyTokens).describe(
    "Longest reply, in tokens.",
  ),
  temperature: rate.default(OPENAI_DEFAULTS.temperature).describe(
    "Sampling temperature.",
  ),
  topP: unit.default(OPENAI_DEFAULTS.topP).describe(
    "Nucleus of top-p sampling.",
  ),
  logProbs: z.boolean().default(OPENAI_DEFAULTS.logProbs).describe(
    "Whether log-probabilities of replies are asked for and recorded.",
  ),
  concurrency: count.default(OPENAI_DEFAULTS.concurrency).describe(
    "Requests at once; fewer for a while after the server says it is overloaded.",
  ),
  attempts: count.default(OPENAI_DEFAULTS.attempts).describe(
    "Attempts of a request; after the last the episode is lost.",
  ),
  timeoutSeconds: positive.default(OPENAI_DEFAULTS.timeoutSeconds).describe(
    "Seconds until an attempt must be answered.",
  ),
  promptPrice: optional(
    rate,
    "Price of a million prompt tokens; gives costs with replyPrice.",
  ),
  replyPrice: optional(rate, "Price of a million reply tokens."),
});

/** A policy on an OpenAI-compatible server, as a config has it; every setting is described by `openaiPolicySettings`. */
export interface OpenaiPolicyConfig {
  /** The kind of policy. */
  readonly name: "openai";
  /** Address of the server, with `/v1`. */
  readonly url: string;
  /** The model, or an adapter, by the server's name. */
  readonly model: string;
  /** Which server it is. @default {"openai"} */
  readonly server: "openai" | "vllm" | "sglang" | "llama.cpp" | "ollama";
  /** File that holds the key. @default {$OPENAI_API_KEY} */
  readonly keyFile?: string;
  /** What the model reads. @default {"rules"} */
  readonly prompt: "rules" | "brief" | "transcript";
  /** Whether it answers without a plan. @default {false} */
  readonly flat: boolean;
  /** Whether the server constrains replies. @default {"free"} */
  readonly form: "free" | "blocks";
  /** Longest reply, in tokens. @default {512} */
  readonly maxReplyTokens: number;
  /** Sampling temperature. @default {1} */
  readonly temperature: number;
  /** Nucleus of top-p sampling. @default {1} */
  readonly topP: number;
  /** Whether log-probabilities are asked for. @default {false} */
  readonly logProbs: boolean;
  /** Requests at once. @default {64} */
  readonly concurrency: number;
  /** Attempts of a request. @default {6} */
  readonly attempts: number;
  /** Seconds until an attempt must be answered. @default {120} */
  readonly timeoutSeconds: number;
  /** Price of a million prompt tokens. */
  readonly promptPrice?: number;
  /** Price of a million reply tokens. */
  readonly replyPrice?: number;
}
