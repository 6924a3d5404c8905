/**
 * Language models on engines of the Tinker protocol: the client, the policy, and an engine of tables in this process.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { assembleTraining, defineConfig } from "@hiper/lab";
 * import { startTableEngine } from "@hiper/lab/tinker";
 *
 * await using engine = startTableEngine({ vocabSize: 320 });
 * const config = defineConfig({
 *   iterations: 1,
 *   worlds: [{ kind: "corridor", length: 3, doors: 0 }],
 *   policy: { name: "tinker", url: engine.url, baseModel: "table", maxReplyTokens: 8 },
 *   rollout: { tasks: 2, groupSize: 2, maxTurns: 2 },
 *   update: { dualClip: 0, maxGradientNorm: 0, entropyCoefficient: 0 },
 *   evaluation: { every: 0 },
 * });
 * await using training = await assembleTraining(config);
 * for await (const { metrics } of training) ok(metrics.tokens_sampled! > 0);
 * ```
 *
 * @module
 */

export type { HttpReply } from "../lib/remote/http.ts";
export type {
  Datum,
  DatumOutputs,
  PassResult,
  SampledSequence,
} from "../lib/remote/tinker/codec.ts";
export type { ServerCheckpoint } from "../lib/remote/tinker/checkpoints.ts";
export {
  replyDatum,
  scaleAdvantages,
  weightOf,
} from "../lib/remote/tinker/data.ts";
export type { ReplyCredit } from "../lib/remote/tinker/data.ts";
export { DIALECT_TABLE, DIALECTS } from "../lib/remote/tinker/dialects.ts";
export type {
  AdamSettings,
  Dialect,
  DialectName,
  LossName,
} from "../lib/remote/tinker/dialects.ts";
export { TinkerError } from "../lib/remote/tinker/errors.ts";
export type {
  TinkerErrorKind,
  TinkerErrorParts,
} from "../lib/remote/tinker/errors.ts";
export type {
  PassOptions,
  Submitted,
  TinkerModel,
} from "../lib/remote/tinker/model.ts";
export type {
  SampleRequest,
  TinkerSampler,
} from "../lib/remote/tinker/sampler.ts";
export { openTinker } from "../lib/remote/tinker/session.ts";
export type {
  TinkerOptions,
  TinkerSession,
} from "../lib/remote/tinker/session.ts";
export { startTableEngine } from "../lib/remote/tinker/table/table_engine.ts";
export type {
  EngineCall,
  EngineFault,
  TableEngine,
  TableEngineOptions,
} from "../lib/remote/tinker/table/table_engine.ts";
export type {
  EngineCosts,
  RequestRecord,
  Submission,
  Transport,
  TransportOptions,
} from "../lib/remote/tinker/transport.ts";
export { createLinearCritic } from "../lib/train/critic/linear_critic.ts";
export type { LinearCriticOptions } from "../lib/train/critic/linear_critic.ts";
export { createNetworkCritic } from "../lib/train/critic/network_critic.ts";
export type { NetworkCriticOptions } from "../lib/train/critic/network_critic.ts";
export type { CrossFitOptions } from "../lib/train/critic/cross_fitted.ts";
export { LocalCritic } from "../lib/train/critic/local_critic.ts";
export type {
  HeldOutValues,
  ValuedCredit,
  ValueModel,
} from "../lib/train/critic/local_critic.ts";
