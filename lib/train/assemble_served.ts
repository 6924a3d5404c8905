/**
 * The parts of a training whose model is on an OpenAI-compatible server: it plays, and refuses to learn.
 *
 * @module
 */

import type { Learner } from "../policy/policy.ts";
import { createServedPolicy } from "../remote/openai/policy.ts";
import type { ServedPolicy } from "../remote/openai/policy.ts";
import type { OpenaiPolicyConfig } from "../remote/openai/settings.ts";

/**
 * Reaches the server of a config.
 *
 * @param config Settings of the policy.
 * @param signal Stops waiting for replies, by throwing its reason.
 * @returns Policy and learner; the learner refuses every update, as no gradient reaches the server.
 */
export async function assembleServed(
  config: OpenaiPolicyConfig,
  signal: AbortSignal | undefined,
): Promise<
  { policy: ServedPolicy; learner: Learner; end: () => Promise<void> }
> {
  const { name: _, ...settings } = config;
  const policy = await createServedPolicy(settings, { signal });
  return { policy, learner: REFUSING, end: () => Promise.resolve() };
}

const refuse = () =>
  Promise.reject(
    new TypeError(
      'Cannot train as "policy.name" must name a policy that learns: current value is "openai", which deno task evaluate judges',
    ),
  );

const REFUSING: Learner = { update: refuse, save: refuse, load: refuse };
