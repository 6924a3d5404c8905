/**
 * Settings of a policy on an engine: kind, default and meaning of each.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { count, optional, rate } from "../../settings.ts";
import { type DialectName, DIALECTS } from "./dialects.ts";

/** Defaults of a policy on an engine. */
export const TINKER_DEFAULTS = {
  rank: 32,
  maxReplyTokens: 128,
  temperature: 1,
  episodesInFlight: 256,
  critic: "linear",
} as const;

/** Whether an address begins with http:// or https:// and holds no name or password, which a run's folder would keep. */
function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

/** Settings of `policy` where `policy.name` is `tinker`. */
export const tinkerPolicySettings = z.strictObject({
  name: z.literal("tinker").describe(
    "A language model on an engine of the Tinker protocol, hosted or SkyRL: sampling and gradients are there, everything else is here.",
  ),
  url: z.string().refine(
    isPlainUrl,
    'must be the address of a server, such as "http://127.0.0.1:8000", without name and password',
  ).describe("Address of the server, without /api/v1."),
  baseModel: z.string().min(1, "must name a model that the server offers")
    .describe("The model that adapters are trained for."),
  tokenizer: optional(
    z.string().min(1, 'must name a folder with "tokenizer.json"'),
    "Folder with the base model's tokenizer.json and tokenizer_config.json; absent makes a tokenizer of the words that the expert meets, for rehearsals.",
  ),
  dialect: optional(
    z.enum(DIALECTS),
    "How the server behaves: hosted, SkyRL on JAX, SkyRL on FSDP or Megatron.",
    '"hosted" for the hosted service\'s address, else "skyrl-jax"',
  ),
  keyFile: optional(
    z.string().min(1, "must name a file"),
    "File that holds the account's key; it is read and never written anywhere.",
    "the environment variable TINKER_API_KEY",
  ),
  rank: count.default(TINKER_DEFAULTS.rank).describe("Rank of the adapters."),
  prompt: optional(
    z.enum(["rules", "brief", "transcript"]),
    "What the model reads: the rules of the three blocks and the last turns; the facts of the last turn; or the whole conversation.",
    "rules",
  ),
  maxReplyTokens: count.default(TINKER_DEFAULTS.maxReplyTokens).describe(
    "Longest reply, in tokens.",
  ),
  temperature: rate.default(TINKER_DEFAULTS.temperature).describe(
    "Sampling temperature; learning assumes 1.",
  ),
  repair: z.boolean().default(false).describe(
    "Whether the nearest admissible action is played for an unreadable reply; such turns are not learned from.",
  ),
  episodesInFlight: count.default(TINKER_DEFAULTS.episodesInFlight).describe(
    "Most episodes that are played at once, each at its own pace.",
  ),
  critic: z.enum(["linear", "network", "group"]).default(
    TINKER_DEFAULTS.critic,
  ).describe(
    "Where values come from: a linear critic or a compact network on this machine, or the returns of the group alone.",
  ),
});

/** A language model on an engine of the Tinker protocol; see `tinkerPolicySettings`. */
export type TinkerPolicyConfig = {
  readonly name: "tinker";
  readonly url: string;
  readonly baseModel: string;
  readonly tokenizer?: string;
  readonly dialect?: DialectName;
  readonly keyFile?: string;
  readonly rank: number;
  readonly prompt?: "rules" | "brief" | "transcript";
  readonly maxReplyTokens: number;
  readonly temperature: number;
  readonly repair: boolean;
  readonly episodesInFlight: number;
  readonly critic: "linear" | "network" | "group";
};
