/**
 * The Worker's side of a team: plays chunks of episodes and computes parts of minibatches on the shared memory of the
 * training's thread.
 *
 * @module
 */

import { createEnvOpener } from "../../envs/open_env.ts";
import type { EnvSpec, OpenEnv } from "../../envs/text_env.ts";
import {
  KernelNetwork,
  type KernelNetworkHandle,
} from "../../policy/compact/kernels/kernel_network.ts";
import { createCompactReplica } from "../../policy/compact/policy.ts";
import { collectTrajectories } from "../../rollout/collect.ts";
import { withHints } from "../../rollout/hints.ts";
import type { Assignment } from "../../rollout/schedule.ts";
import { serveCalls, type Tell } from "../../rpc.ts";
import type { Trajectory } from "../../trajectory.ts";
import { compactOptions } from "../assemble_policy.ts";
import type { CompactPolicyConfig } from "../config/config.ts";
import type { StrategiesConfig } from "../config/strategy_settings.ts";
import { computePart, type GradientJob } from "../ppo/kernel_gradient.ts";

/** What a thread needs to join. */
export interface JoinOrder {
  readonly handle: KernelNetworkHandle;
  readonly policy: CompactPolicyConfig;
  readonly specs: readonly EnvSpec[];
  readonly hints: boolean;
  readonly strategies?: StrategiesConfig | undefined;
}

/** Episodes to be played by all threads. */
export interface PlayOrder {
  readonly chunks: readonly (readonly Assignment[])[];
  /** Number of the chunk that is taken next, in memory that all threads share. */
  readonly next: Int32Array;
  readonly temperature: number;
  readonly bootstrap: boolean;
}

/** A chunk that was played. */
export interface PlayedChunk {
  readonly chunk: number;
  readonly trajectories: Trajectory[];
}

/** A thread's own part of the team. */
interface Member {
  readonly network: KernelNetwork;
  readonly policy: ReturnType<typeof createCompactReplica>;
  readonly open: OpenEnv;
}

/** Types of the calls that a team's Worker answers. */
export type TeamHandlers = ReturnType<typeof teamHandlers>;

/** What a team can ask of a thread. */
function teamHandlers() {
  let member: Member | undefined;
  return {
    async join(order: JoinOrder): Promise<void> {
      const { handle, policy: config, specs, hints, strategies } = order;
      const network = new KernelNetwork(handle);
      const options = await compactOptions(config, {
        ...{ seed: 0, specs, strategies },
      });
      const opener = createEnvOpener();
      member = {
        network,
        policy: createCompactReplica(options, network),
        open: hints ? withHints(opener) : opener,
      };
    },
    /** Plays chunks until none is left, and tells of each. */
    async play(order: PlayOrder, tell: Tell): Promise<void> {
      const { chunks, next, temperature, bootstrap } = order;
      const { open, policy } = member!;
      const player = policy.atTemperature(temperature);
      for (;;) {
        const chunk = Atomics.add(next, 0, 1);
        if (chunk >= chunks.length) return;
        const options = { open, bootstrap };
        const trajectories = await collectTrajectories(
          ...[player, chunks[chunk]!, options] as const,
        );
        tell({ chunk, trajectories } satisfies PlayedChunk);
      }
    },
    compute: (job: GradientJob): Float64Array =>
      computePart(member!.network, job),
  };
}

serveCalls(teamHandlers());
