/**
 * Plans: how far they last, serve and are achieved, and interventions on them.
 *
 * @module
 */

export {
  evaluateIntervention,
  INTERVENTIONS,
  planIntervention,
} from "../lib/train/interventions.ts";
export type { InterventionName } from "../lib/train/interventions.ts";
export { judgePlans, summarizePlans } from "../lib/train/plans.ts";
export type { JudgedEpisode, PlanColumns } from "../lib/train/plans.ts";
export type {
  IntervenablePolicy,
  PlanIntervention,
  PlannedSwitch,
} from "../lib/policy/policy.ts";
