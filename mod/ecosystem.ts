/**
 * Other people's tools: worlds served over OpenEnv.
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
