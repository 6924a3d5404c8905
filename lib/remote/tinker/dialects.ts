/**
 * What engines of the Tinker protocol do differently, as data.
 *
 * @module
 */

/** Losses of the protocol that the project knows. */
export type LossName =
  | "cross_entropy"
  | "importance_sampling"
  | "ppo"
  | "cispo"
  | "dro";

/** Settings of the optimizer, all of which travel with every step. */
export interface AdamSettings {
  /** Step size. */
  readonly learningRate: number;
  /** Decay of the first moment. @default {0.9} */
  readonly beta1?: number;
  /** Decay of the second moment. @default {0.95} */
  readonly beta2?: number;
  /** Added to the root of the second moment. @default {1e-8} */
  readonly epsilon?: number;
  /** Decoupled weight decay. @default {0} */
  readonly weightDecay?: number;
  /** Largest gradient norm; 0 turns clipping off. @default {0} */
  readonly maxGradientNorm?: number;
}

/** Names of the dialects: the hosted service, SkyRL on JAX, SkyRL on FSDP or Megatron. */
export const DIALECTS = ["hosted", "skyrl-jax", "skyrl-train"] as const;

/** Name of a dialect. */
export type DialectName = typeof DIALECTS[number];

/** How one kind of engine behaves. */
export interface Dialect {
  /** Its name. */
  readonly name: DialectName;
  /**
   * What is summed up in a gradient: every token of every datum; or the mean over datums, since the last optimizer
   * step, of each datum's weighted mean.
   */
  readonly reduction: "sum" | "mean-of-means";
  /** Losses that it computes. */
  readonly losses: readonly LossName[];
  /** Whether `weights` mask tokens in losses of the policy gradient. */
  readonly masksByWeights: boolean;
  /** Who clips gradients: the request, the server's own configuration, nobody. */
  readonly clipping: "request" | "server" | "none";
  /** Optimizer settings that it honors; the others are fixed when the server starts. */
  readonly adam: readonly (keyof AdamSettings)[];
  /** Updates by which a sampler may lag behind the weights; 0 where samplers share the slot that is trained. */
  readonly maxStaleness: number;
  /** Statuses of a submission after which the same submission is repeated. */
  readonly transient: readonly number[];
  /** Whether creating a model twice by a repeated request leaves one model. */
  readonly deduplicatesModels: boolean;
  /** Time that the server may hold a request for a future, in milliseconds. */
  readonly pollTimeout: number;
  /** Most samples requested and not yet answered. */
  readonly samplesInFlight: number;
  /** Most data in one request, by number and by estimated bytes. */
  readonly chunk: { readonly data: number; readonly bytes: number };
  /** Whether an ended sequence needs the end tokens among its stops. */
  readonly stopsMustBeListed: boolean;
  /** Identifier of a sampler checkpoint in a path. */
  readonly samplerPath: (model: string, name: string) => string;
}

const RL_LOSSES = [
  "cross_entropy",
  "importance_sampling",
  "ppo",
  "cispo",
] as const;

const SKYRL = {
  masksByWeights: true,
  transient: [408, 429, 500, 502, 503, 504],
  deduplicatesModels: false,
  pollTimeout: 330_000,
  samplesInFlight: 64,
  chunk: { data: 64, bytes: 5_000_000 },
  stopsMustBeListed: true,
  samplerPath: (model: string, name: string) => `tinker://${model}/${name}`,
} as const;

/** Every dialect by name. */
export const DIALECT_TABLE: Readonly<Record<DialectName, Dialect>> = {
  hosted: {
    name: "hosted",
    reduction: "sum",
    losses: [...RL_LOSSES, "dro"],
    masksByWeights: false,
    clipping: "request",
    adam: [
      "learningRate",
      "beta1",
      "beta2",
      "epsilon",
      "weightDecay",
      "maxGradientNorm",
    ],
    maxStaleness: Infinity,
    transient: [408, 409, 429, 500, 502, 503, 504],
    deduplicatesModels: true,
    pollTimeout: 45_000,
    samplesInFlight: 400,
    chunk: { data: 1024, bytes: 5_000_000 },
    stopsMustBeListed: false,
    samplerPath: (model, name) => `tinker://${model}/sampler_weights/${name}`,
  },
  "skyrl-jax": {
    ...SKYRL,
    name: "skyrl-jax",
    reduction: "mean-of-means",
    losses: RL_LOSSES,
    clipping: "none",
    adam: ["learningRate", "beta1", "beta2", "epsilon", "weightDecay"],
    maxStaleness: 0,
  },
  "skyrl-train": {
    ...SKYRL,
    name: "skyrl-train",
    reduction: "sum",
    losses: RL_LOSSES,
    clipping: "server",
    adam: ["learningRate"],
    maxStaleness: Infinity,
  },
};

/** The dialect of an address where none is named: the hosted service's own by its host, else SkyRL on JAX. */
export function dialectOf(url: string, name?: DialectName): Dialect {
  const hosted = URL.canParse(url) &&
    new URL(url).hostname.endsWith("thinkingmachines.dev");
  return DIALECT_TABLE[name ?? (hosted ? "hosted" : "skyrl-jax")];
}
