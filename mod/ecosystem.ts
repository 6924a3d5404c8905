/**
 * Other projects' tools: worlds served over OpenEnv, and credit as a service.
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
