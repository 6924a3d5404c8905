/**
 * Published methods by name: what each changes in a preset of a world, so that every method trains in every world.
 *
 * Worlds, policy, step size, discount and the number of episodes stay those of the preset; estimator, groups, loss and
 * sampling are the method's.
 *
 * @module
 */

import { checkName } from "../../checks.ts";
import { mergeParts, type PartialDeep, type TrainingConfig } from "./config.ts";
import { isObject, type Json } from "./settings.ts";

/** Settings that are given in part. */
type Settings = PartialDeep<TrainingConfig>;

/** What a method takes over from the preset. */
export interface MethodContext {
  /** Discount per turn. */
  readonly gamma: number;
  /** Weight of later residuals. */
  readonly lambda: number;
  /** The preset's own settings of `hae`, if it has some. */
  readonly hae: PartialDeep<TrainingConfig>["estimator"];
  /** Whether units are tokens, and not single decisions. */
  readonly tokens: boolean;
}

/** One published method. */
export interface Method {
  /** Its name as published. */
  readonly title: string;
  /** Where it was published. */
  readonly paper: string;
  /** Episodes of a task; a preset's number of tasks shrinks so that its number of episodes stays. */
  readonly groupSize: number;
  /** Whether its weights of tokens need a policy that writes. */
  readonly writes?: boolean;
  /** What it changes beside. */
  readonly settings: (given: MethodContext) => PartialDeep<TrainingConfig>;
}

/** Episodes that are compared. */
const METHOD_GROUP = 8;

const relative = (name: "grpo" | "rloo" | "pass-at-k"): Settings => ({
  estimator: { name },
});

/** Name of a method. */
export type MethodName =
  | "hiper"
  | "ppo"
  | "turn-ppo"
  | "bi-level-gae"
  | "grpo"
  | "dr-grpo"
  | "dapo"
  | "gspo"
  | "rloo"
  | "reinforce++-baseline"
  | "reinforce++"
  | "reinforce"
  | "remax"
  | "pass-at-k"
  | "gigpo"
  | "strata"
  | "gear";

/** Every method, in reading order. */
export const METHODS: Readonly<Record<MethodName, Method>> = {
  hiper: {
    title: "HiPER",
    paper: "https://arxiv.org/abs/2602.16165",
    groupSize: 1,
    settings: ({ hae, gamma, lambda }) => ({
      estimator: hae ??
        { name: "hae", gamma, lambdaTurn: lambda, lambdaSegment: lambda },
    }),
  },
  ppo: {
    title: "PPO, a value for each decision",
    paper: "https://arxiv.org/abs/1707.06347",
    groupSize: 1,
    settings: ({ gamma, lambda }) => ({
      estimator: { name: "token-gae", gamma, lambda },
    }),
  },
  "turn-ppo": {
    title: "PPO, a value for each turn",
    paper: "https://arxiv.org/abs/1506.02438",
    groupSize: 1,
    settings: ({ gamma, lambda }) => ({
      estimator: { name: "gae", gamma, lambda },
    }),
  },
  "bi-level-gae": {
    title: "bi-level GAE (RAGEN), every turn an end",
    paper: "https://arxiv.org/abs/2504.20073",
    groupSize: 1,
    settings: ({ gamma, lambda }) => ({
      estimator: { name: "bi-level-gae", gammaTurn: gamma, lambda },
    }),
  },
  grpo: {
    title: "GRPO",
    paper: "https://arxiv.org/abs/2402.03300",
    groupSize: METHOD_GROUP,
    settings: () => relative("grpo"),
  },
  "dr-grpo": {
    title: "Dr. GRPO: no deviation, sums over one length",
    paper: "https://arxiv.org/abs/2503.20783",
    groupSize: METHOD_GROUP,
    settings: () => ({
      estimator: { name: "dr-grpo" },
      update: { aggregation: "seq-mean-token-sum-norm" },
    }),
  },
  dapo: {
    title: "DAPO: GRPO, higher clip, dynamic sampling, no KL",
    paper: "https://arxiv.org/abs/2503.14476",
    groupSize: METHOD_GROUP,
    settings: () => ({
      ...relative("grpo"),
      rollout: { dynamicSampling: {} },
      update: {
        clipRange: [0.2, 0.28],
        aggregation: "token-mean",
        klCoefficient: 0,
      },
    }),
  },
  gspo: {
    title: "GSPO: GRPO, one ratio for a turn",
    paper: "https://arxiv.org/abs/2507.18071",
    groupSize: METHOD_GROUP,
    settings: ({ tokens }) => ({
      ...relative("grpo"),
      update: {
        loss: "gspo",
        // Published for means over long replies; a turn of three decisions would be clipped by its first step.
        ...(tokens && { clipRange: [3e-4, 4e-4] as const }),
      },
    }),
  },
  rloo: {
    title: "RLOO",
    paper: "https://arxiv.org/abs/2402.14740",
    groupSize: METHOD_GROUP,
    settings: () => relative("rloo"),
  },
  "reinforce++-baseline": {
    title: "REINFORCE++ with baseline",
    paper: "https://arxiv.org/abs/2501.03262",
    groupSize: METHOD_GROUP,
    settings: () => ({ estimator: { name: "reinforce++-baseline" } }),
  },
  "reinforce++": {
    title: "REINFORCE++",
    paper: "https://arxiv.org/abs/2501.03262",
    groupSize: 1,
    settings: ({ gamma }) => ({ estimator: { name: "reinforce++", gamma } }),
  },
  reinforce: {
    title: "REINFORCE",
    paper: "https://doi.org/10.1007/BF00992696",
    groupSize: 1,
    settings: ({ gamma }) => ({ estimator: { name: "reinforce", gamma } }),
  },
  remax: {
    title: "ReMax",
    paper: "https://arxiv.org/abs/2310.10505",
    groupSize: METHOD_GROUP,
    settings: ({ gamma }) => ({ estimator: { name: "remax", gamma } }),
  },
  "pass-at-k": {
    title: "pass@k",
    paper: "https://arxiv.org/abs/2503.19595",
    groupSize: METHOD_GROUP,
    settings: () => relative("pass-at-k"),
  },
  gigpo: {
    title: "GiGPO",
    paper: "https://arxiv.org/abs/2505.10978",
    groupSize: METHOD_GROUP,
    settings: ({ gamma }) => ({ estimator: { name: "gigpo", gamma } }),
  },
  strata: {
    title: "StraTA: 4 strategies of a task, 4 episodes of each",
    paper: "https://arxiv.org/abs/2605.06642",
    groupSize: 2 * METHOD_GROUP,
    settings: () => ({ estimator: { name: "strata" } }),
  },
  gear: {
    title: "GEAR: GRPO, tokens weighed by a teacher",
    paper: "https://arxiv.org/abs/2605.11853",
    groupSize: METHOD_GROUP,
    writes: true,
    settings: () => ({
      ...relative("grpo"),
      tokenWeights: { name: "gear" },
    }),
  },
};

/** Names of every method. */
export const METHOD_NAMES: readonly MethodName[] = Object.keys(
  METHODS,
) as MethodName[];

/**
 * What a published method changes in the settings of a world, for `defineConfig`.
 *
 * Methods that compare episodes play groups of 8, StraTA of 16; as many tasks fewer are drawn, so that the number of episodes stays.
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { defineConfig, PRESETS } from "@hiper/lab";
 * import { methodSettings } from "@hiper/lab/studies";
 *
 * const world = PRESETS["household-easy"];
 * const config = defineConfig(world, methodSettings("gigpo", world));
 * deepStrictEqual([config.rollout.tasks, config.rollout.groupSize], [24, 8]);
 * strictEqual(config.estimator.name, "gigpo");
 * ```
 *
 * @param name The method.
 * @param base Settings of the world and policy, such as a preset.
 * @returns Settings that win over the base.
 * @throws {RangeError} If there is no such method; the nearest is suggested.
 * @throws {TypeError} If it weighs tokens and the policy writes none.
 */
export function methodSettings(
  name: MethodName,
  base: PartialDeep<TrainingConfig>,
): PartialDeep<TrainingConfig> {
  checkName("choose a method", name, { what: "a method", names: METHOD_NAMES });
  const method: Method = METHODS[name];
  const given = mergeParts([base]);
  const policy = textAt(given, "policy", "name");
  if (method.writes && policy !== "language") {
    throw new TypeError(
      `Cannot train by method "${name}" as "policy.name" must be "language", whose tokens it weighs: current value is "${policy}"`,
    );
  }
  const estimator = isObject(given) && isObject(given["estimator"])
    ? given["estimator"]
    : {};
  const number = (key: string, otherwise: number) =>
    typeof estimator[key] === "number" ? estimator[key] : otherwise;
  const changed = method.settings({
    gamma: number("gamma", 1),
    lambda: number("lambdaTurn", number("lambda", 1)),
    hae: estimator["name"] === "hae"
      ? estimator as Settings["estimator"]
      : undefined,
    tokens: policy === "language" || policy === "tinker",
  });
  const { groupSize } = method;
  if (groupSize === 1) return changed;
  const { rollout } = base;
  const episodes = (rollout?.tasks ?? 16) * (rollout?.groupSize ?? 1);
  return {
    ...changed,
    rollout: {
      ...changed.rollout,
      tasks: Math.max(1, Math.round(episodes / groupSize)),
      groupSize,
    },
  };
}

/** The text at a path of two keys; empty if there is none. */
function textAt(settings: Json, first: string, second: string): string {
  const part = isObject(settings) ? settings[first] : undefined;
  const value = isObject(part) ? part[second] : undefined;
  return typeof value === "string" ? value : "";
}
