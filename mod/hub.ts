/**
 * Models by name: where the Hugging Face hub's cache is, and what is in it.
 *
 * @module
 */

export {
  findModel,
  hubCache,
  parseHubName,
} from "../lib/policy/decoder/model_path.ts";
export type { HubName } from "../lib/policy/decoder/model_path.ts";
