/**
 * WebShop: catalogs, goals, search, rewards, and the shop as a world and as a web site.
 *
 * @module
 */

export { createWebshopCataloger } from "../lib/envs/webshop/catalog.ts";
export type {
  WebshopAnnotations,
  WebshopCatalog,
  WebshopCataloger,
  WebshopCleaning,
  WebshopInstruction,
  WebshopProduct,
} from "../lib/envs/webshop/catalog.ts";
export type { WebshopDifficulty } from "../lib/envs/webshop/families.ts";
export {
  adviseWebshop,
  planWebshopPurchase,
} from "../lib/envs/webshop/expert.ts";
export type { WebshopPlan } from "../lib/envs/webshop/expert.ts";
export { generateWebshopProducts } from "../lib/envs/webshop/generator.ts";
export type {
  GeneratedProduct,
  WebshopGeneratorOptions,
} from "../lib/envs/webshop/generator.ts";
export {
  listWebshopGoals,
  pickWebshopGoal,
} from "../lib/envs/webshop/goals.ts";
export type {
  WebshopGoal,
  WebshopGoalList,
  WebshopGoalOption,
  WebshopGoalOptions,
} from "../lib/envs/webshop/goals.ts";
export {
  parseWebshopAnnotations,
  readWebshopCatalog,
  readWebshopNouns,
} from "../lib/envs/webshop/loader.ts";
export type { NamedJson, WebshopFiles } from "../lib/envs/webshop/loader.ts";
export { parseNounTable, titleNouns } from "../lib/envs/webshop/nouns.ts";
export type { NounTagger } from "../lib/envs/webshop/nouns.ts";
export {
  proposeWebshopQueries,
  proposeWebshopSubgoals,
} from "../lib/envs/webshop/subgoals.ts";
export { scoreWebshopPurchase } from "../lib/envs/webshop/reward.ts";
export type {
  WebshopPurchase,
  WebshopScore,
  WebshopScoring,
  WebshopTypeScore,
} from "../lib/envs/webshop/reward.ts";
export type {
  Bm25Document,
  Bm25Hits,
  Bm25Index,
  Bm25Statistics,
} from "../lib/envs/webshop/search/bm25.ts";
export type { WebshopSearch } from "../lib/envs/webshop/search/search.ts";
export {
  createWebshop,
  generateWebshop,
  generateWebshopCatalog,
  scoreWebshopState,
} from "../lib/envs/webshop/shop.ts";
export type {
  WebshopGoalFilter,
  WebshopSettings,
} from "../lib/envs/webshop/shop.ts";
export { WEBSHOP_REFERENCE } from "../lib/envs/webshop/settings.ts";
export type { StockedWebshop } from "../lib/envs/webshop/spec.ts";
export { webshopHtml } from "../lib/envs/webshop/site/html.ts";
export type { WebshopHtmlOptions } from "../lib/envs/webshop/site/html.ts";
export { serveWebshop } from "../lib/envs/webshop/site/server.ts";
export type {
  ServeWebshopOptions,
  WebshopAgent,
  WebshopServer,
} from "../lib/envs/webshop/site/server.ts";
export { stockWebshopSpec } from "../lib/envs/webshop/spec.ts";
export {
  splitWebshopGoals,
  WEBSHOP_SCHEMES,
  WEBSHOP_SPLITS,
} from "../lib/envs/webshop/splits.ts";
export type {
  WebshopScheme,
  WebshopSplit,
  WebshopSplitting,
} from "../lib/envs/webshop/splits.ts";
export {
  parseWebshopAction,
  WEBSHOP_START,
  WEBSHOP_SUB_PAGES,
} from "../lib/envs/webshop/state.ts";
export type {
  WebshopAction,
  WebshopRules,
  WebshopState,
  WebshopSubPage,
} from "../lib/envs/webshop/state.ts";
export { openWebshopEpisode } from "../lib/envs/webshop/webshop.ts";
export type {
  WebshopEnv,
  WebshopEpisodeOptions,
} from "../lib/envs/webshop/webshop.ts";
export type { Webshop } from "../lib/envs/webshop/state.ts";
