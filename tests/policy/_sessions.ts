/**
 * Asking a policy about single situations: a session is opened for each, its past is taken in, and
 * then the policy is asked.
 *
 * @module
 */

import type {
  EncodeOptions,
  Policy,
  PolicySession,
} from "../../lib/policy/policy.ts";
import type { Random } from "../../lib/random.ts";
import type { ByDecision, Decision, Situation } from "../../lib/trajectory.ts";

/** Opens a session in which row `i` stands where situation `i` does. */
export async function sessionAt(
  policy: Policy,
  situations: readonly Situation[],
): Promise<PolicySession> {
  const session = policy.open(situations);
  const pasts = situations.map(pastOf);
  const longest = Math.max(0, ...pasts.map(({ length }) => length));
  for (let t = 0; t < longest; t++) {
    const rows = [...pasts.keys()].filter((row) => t < pasts[row]!.length);
    const turns = rows.map((row) => pasts[row]![t]!);
    await session.encode!(
      rows,
      turns.map(({ observation }) => observation),
      turns.map(({ decision }) => decision),
      { score: false },
    );
  }
  return session;
}

/** The past of a situation; a held subgoal without one is given a turn that took it up. */
function pastOf({ past, observation, subgoal }: Situation) {
  if (past.length > 0 || subgoal === undefined) return past;
  const action = observation.admissibleActions[0] ?? "";
  const trace = { kind: "untrainable" } as const;
  const decision = { switched: true, subgoal, action, valid: true, trace };
  return [{ observation, decision }];
}

/** Decides in each situation. */
export async function decideAt(
  policy: Policy,
  situations: readonly Situation[],
  randoms: readonly Random[],
): Promise<Decision[]> {
  using session = await sessionAt(policy, situations);
  return await session.decide(...rowsOf(situations), randoms);
}

/** Values each situation. */
export async function valuesAt(
  policy: Policy,
  situations: readonly Situation[],
): Promise<ByDecision<number>[]> {
  using session = await sessionAt(policy, situations);
  return await session.values!(...rowsOf(situations));
}

/** Encodes a decision in each situation. */
export async function encodeAt(
  policy: Policy,
  situations: readonly Situation[],
  decisions: readonly Decision[],
  options?: EncodeOptions,
): Promise<Decision[]> {
  using session = await sessionAt(policy, situations);
  return await session.encode!(...rowsOf(situations), decisions, options);
}

function rowsOf(situations: readonly Situation[]) {
  const seen = situations.map(({ observation }) => observation);
  return [[...situations.keys()], seen] as const;
}
