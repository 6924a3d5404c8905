/**
 * How fast the compact policy decides and learns, on what it really meets: 128 households at once.
 *
 * Read "turns per second" as 1000 / (milliseconds of a batch) × 128, and for learning × 512.
 */

import { proposeHouseholdSubgoals } from "../../lib/envs/household/subgoals.ts";
import { assignCredit } from "../../lib/hae/credit.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../lib/policy/compact/policy.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import { situationAt, toSamples } from "../../lib/train/batch.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { fromRows, toRows } from "../_samples.ts";
import type { Policy } from "../../lib/policy/policy.ts";
import { sessionAt } from "../policy/_sessions.ts";

const EPISODES = 128, MIDDLE = 20, MINIBATCH = 512;

await selectBackend("wasm");
const planned = createCompactPolicy({
  seed: 1,
  proposeSubgoals: proposeHouseholdSubgoals,
});
const flat = createCompactPolicy({ seed: 1 });
const assignments = scheduleEpisodes([{ kind: "household", hints: false }], {
  random: createRandom(1),
  tasks: EPISODES,
});
const trajectories = await collectTrajectories(planned, assignments);
const samples = toRows(toSamples(
  trajectories,
  assignCredit(trajectories, { name: "hae" }),
));
const batch = samples.slice(0, MINIBATCH);
const long = trajectories.filter((one) => one.turns.length > MIDDLE);
const situations = long.map((one) => situationAt(one, MIDDLE));
const randoms = situations.map((_, i) => createRandom(i));
const learner = createPpoLearner(planned);

Deno.bench("propose subgoals", { group: "one turn of 128 households" }, () => {
  for (const situation of situations) proposeHouseholdSubgoals(situation);
});
/** Decides one turn of sessions that have come that far. */
async function decideOnce(b: Deno.BenchContext, policy: Policy) {
  using session = await sessionAt(policy, situations);
  const seen = situations.map(({ observation }) => observation);
  b.start();
  await session.decide([...seen.keys()], seen, randoms);
  b.end();
}

Deno.bench("decide without a plan", {
  group: "one turn of 128 households",
  baseline: true,
}, async (b) => await decideOnce(b, flat));
Deno.bench(
  "decide with a plan",
  { group: "one turn of 128 households" },
  async (b) => await decideOnce(b, planned),
);
const middle = await sessionAt(planned, situations);
Deno.bench("values", { group: "one turn of 128 households" }, async () => {
  await middle.values!(
    [...situations.keys()],
    situations.map(({ observation }) => observation),
  );
});

Deno.bench("scoreSamples", { group: "512 turns again", baseline: true }, () => {
  planned.scoreSamples(batch);
});
Deno.bench("one gradient step", { group: "512 turns again" }, async () => {
  await learner.update(fromRows(batch), {
    epochs: 1,
    minibatchSize: MINIBATCH,
    learningRate: 1e-9,
    random: createRandom(1),
  });
});

Deno.bench(
  "play 128 episodes of up to 50 turns",
  { group: "whole episodes" },
  async () => {
    await collectTrajectories(planned, assignments);
  },
);
