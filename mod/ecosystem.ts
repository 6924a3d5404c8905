/**
 * Other projects' tools: worlds served over OpenEnv, credit as a service, models on
 * servers, and records of other projects.
 *
 * @module
 */

export { createServedWorld } from "../lib/serve/openenv/served_world.ts";
export type {
  EpisodeRequest,
  ServedEpisode,
  ServedTask,
  ServedWorld,
  ServedWorldOptions,
} from "../lib/serve/openenv/served_world.ts";
export { serveOpenEnv } from "../lib/serve/openenv/server.ts";
export type {
  OpenEnvServer,
  ServeOpenEnvOptions,
} from "../lib/serve/openenv/server.ts";
export type { EpisodeLog } from "../lib/serve/openenv/session.ts";
export type { RunningServer, ServeOptions } from "../lib/serve/http_server.ts";
export {
  answerCredit,
  creditEpisodes,
} from "../lib/serve/credit/credit_service.ts";
export type {
  CreditReply,
  CreditSpan,
  EpisodeCredit,
} from "../lib/serve/credit/credit_service.ts";
export { CreditRequestError } from "../lib/serve/credit/request.ts";
export type {
  CreditEpisode,
  CreditRequest,
  CreditRole,
  CreditSegment,
  CreditTurn,
} from "../lib/serve/credit/request.ts";
export { serveCredit } from "../lib/serve/credit/server.ts";
export { createServedPolicy } from "../lib/remote/openai/policy.ts";
export type {
  ServedPolicy,
  ServedPolicyOptions,
  ServedPolicySettings,
  ServedUsage,
} from "../lib/remote/openai/policy.ts";
export type { ChatUsage } from "../lib/remote/openai/client.ts";
export type { OpenaiPolicyConfig } from "../lib/remote/openai/settings.ts";
export { EpisodeLostError } from "../lib/envs/text_env.ts";
export type { LostEpisode } from "../lib/rollout/collect.ts";
export {
  ACT_TOOL,
  readMessages,
  writeMessages,
} from "../lib/records/messages.ts";
export type {
  MessageRecord,
  ReadMessagesOptions,
  RecordMessage,
  WriteMessagesOptions,
} from "../lib/records/messages.ts";
export {
  readConversation,
  writeConversation,
} from "../lib/records/conversations.ts";
export type {
  AgentGymConversation,
  ReadConversationOptions,
} from "../lib/records/conversations.ts";
