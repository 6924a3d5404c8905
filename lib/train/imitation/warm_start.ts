/**
 * The warm start of a run: imitation of an expert, with a cache for equal runs.
 *
 * @module
 */

import type {
  EnvSpec,
  ListAlternatives,
  OpenEnv,
} from "../../envs/text_env.ts";
import type { Backend } from "../../policy/backends/select.ts";
import type { Learner } from "../../policy/policy.ts";
import { createRandom } from "../../random.ts";
import { openCheckpoint, saveCheckpoint } from "../runs/checkpoint.ts";
import type { TrainingConfig, WarmStartConfig } from "../config/config.ts";
import {
  imitateExpert,
  type ImitationOptions,
  type ImitationProgress,
} from "./imitation.ts";

/** Learns before the first iteration; reports progress after each pass. */
export type WarmUp = (
  onPass?: (progress: ImitationProgress) => void,
) => Promise<void>;

/** The policy, its learner and its worlds. */
export interface WarmStartComponents {
  /** The policy to be trained; its sessions encode the expert's decisions. */
  readonly policy: ImitationOptions["policy"];
  readonly learner: Learner;
  readonly specs: readonly EnvSpec[];
  /** Opens worlds whose observations carry hints; see `withHints`. */
  readonly open: OpenEnv;
  /** Equally good actions, for an expert with partial knowledge. */
  readonly alternatives?: ListAlternatives;
  /** Backend, part of the cache key as last digits depend on it; absent takes the config's. */
  readonly backend?: Backend;
  /** Stops while playing, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Prepares the warm start of a run.
 *
 * With `cacheDirectory`, weights and optimizer moments are cached under a hash of everything that they
 * depend on; a hit gives the same numbers as imitating again. Of concurrent equal runs one imitates and
 * the others wait. The result becomes the reference policy of `update.klCoefficient`.
 */
export function prepareWarmStart(
  config: TrainingConfig,
  warmStart: WarmStartConfig,
  components: WarmStartComponents,
): WarmUp {
  const { cacheDirectory, expertKnowledge = "full", episodes, ...imitation } =
    warmStart;
  const { alternatives, ...given } = components;
  const partial = expertKnowledge === "partial";
  if (partial && !alternatives) {
    throw new TypeError(
      'Cannot assemble a warm start as its worlds must be households where "warmStart.expertKnowledge" is "partial"',
    );
  }
  const search = partial && alternatives ? { alternatives } : {};
  const { balanceBy, maxTurns } = config.rollout;
  const options = {
    maxTurns,
    ...(balanceBy === undefined ? {} : { balanceBy }),
    ...gammaOf(config),
    ...imitation,
    tasks: episodes,
  };
  return async (onPass) => {
    const imitate = async () => {
      const random = createRandom(config.seed).fork("warm start");
      const report = onPass && { onPass };
      await imitateExpert({
        ...options,
        ...given,
        ...search,
        ...report,
        random,
      });
    };
    if (cacheDirectory === undefined) await imitate();
    else {
      const { seed, policy, worlds, replicas: { microbatches } } = config;
      const { name: backend, detail } = components.backend ??
        { name: config.backend };
      const name = await nameOf({
        ...{ seed, policy, backend, worlds, options, expertKnowledge },
        ...(detail !== undefined && { detail }),
        ...(microbatches > 1 && { microbatches }),
        ...(config.strategies && { strategies: true }),
      });
      await Deno.mkdir(cacheDirectory, { recursive: true });
      await learnOnce(`${cacheDirectory}/${name}`, { ...components, imitate });
    }
    components.learner.setReference?.();
  };
}

/** Loads the cached result, or imitates and caches it, under a lock. */
async function learnOnce(
  directory: string,
  { learner, imitate }: { learner: Learner; imitate: () => Promise<void> },
): Promise<void> {
  using lock = await Deno.open(`${directory}.lock`, {
    create: true,
    write: true,
  });
  await lock.lock(true); // released when the process exits, even after a crash
  if (await isThere(directory)) {
    const kept = await openCheckpoint(directory);
    return await learner.load(kept.directory);
  }
  await imitate();
  await saveCheckpoint(directory, {
    iteration: 0,
    save: (folder) => learner.save(folder),
  });
}

/** The estimator's discount, if it has one. */
function gammaOf({ estimator }: TrainingConfig) {
  return "gamma" in estimator && estimator.gamma !== undefined
    ? { gamma: estimator.gamma }
    : {};
}

/** Hash of plain data, independent of the order of keys. */
async function nameOf(data: unknown): Promise<string> {
  const sorted = JSON.stringify(
    data,
    (_, value) =>
      value?.constructor === Object
        ? Object.fromEntries(
          Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1),
        )
        : value,
  );
  const bytes = new TextEncoder().encode(sorted);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex().slice(0, 16);
}

async function isThere(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(directory)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
