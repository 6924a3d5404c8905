import { ok } from "node:assert/strict";
import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { proposeHouseholdSubgoals } from "../../../lib/envs/household/subgoals.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { Arena } from "../../../lib/policy/backends/wasm/shared_memory.ts";
import { readInputs } from "../../../lib/policy/compact/batch.ts";
import { choiceTrace } from "../../../lib/policy/compact/choice.ts";
import { scoreBatch } from "../../../lib/policy/compact/kernels/scores.ts";
import { SharedWeights } from "../../../lib/policy/compact/kernels/shared_weights.ts";
import {
  gatherTurns,
  storeTurns,
} from "../../../lib/policy/compact/kernels/turns.ts";
import {
  COMPACT_DEFAULTS,
  type CompactPolicyOptions,
  createCompactPolicy,
} from "../../../lib/policy/compact/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { byDecision, DECISIONS, type Turn } from "../../../lib/trajectory.ts";

const random = createRandom(3);

/** A kind of policy. */
type Kind = Pick<CompactPolicyOptions, "executor"> & { plan?: boolean };

/** A policy whose weights are all at work, and turns that it played on a backend. */
async function play({ plan = true, ...options }: Kind) {
  await selectBackend("wasm");
  const policy = createCompactPolicy({
    seed: 1,
    ...(plan && { proposeSubgoals: proposeHouseholdSubgoals }),
    ...options,
  });
  for (const [name, variable] of Object.entries(policy.variables)) {
    const stream = random.fork(name);
    const noise = Float32Array.from(
      { length: variable.size },
      () => 0.1 * stream.normal(),
    );
    variable.assign(
      tf.tidy(() => tf.add(variable, tf.tensor(noise, variable.shape))),
    );
  }
  const episodes = scheduleEpisodes([{ kind: "household", hints: false }], {
    random,
    tasks: 6,
    maxTurns: 8,
  });
  const trajectories = await collectTrajectories(policy, episodes);
  return { policy, turns: trajectories.flatMap((one) => one.turns) };
}

type Played = Awaited<ReturnType<typeof play>>;

/** Gradients of a weighted sum of all scores, by the tape and by the kernels. */
function differentiate({ policy, turns }: Played, rows: readonly number[]) {
  const some = rows.map((i) => turns[i]!);
  const draw = (name: string, length: number) => {
    const stream = random.fork(name);
    return Float64Array.from({ length }, () => stream.normal());
  };
  const d = {
    logProbs: draw("log-probabilities", 3 * rows.length),
    entropies: draw("entropies", 3 * rows.length),
    values: byDecision((name) => draw(name, rows.length)),
  };
  const weighted = (tensor: tf.Tensor, weights: Float64Array) =>
    tf.sum(tf.mul(tensor, tf.tensor1d(Float32Array.from(weights))));
  const variables = Object.values(policy.variables);
  let scored: Record<"logProbs" | "entropies", Float32Array> | undefined;
  const { value, grads } = tf.variableGrads(() => {
    const { logProbs, entropies, values } = policy.score(some);
    scored = {
      logProbs: logProbs.dataSync().slice() as Float32Array,
      entropies: entropies.dataSync().slice() as Float32Array,
    };
    return tf.addN([
      weighted(logProbs, d.logProbs),
      weighted(entropies, d.entropies),
      ...DECISIONS.map((name) => weighted(values[name], d.values[name])),
    ]) as tf.Scalar;
  }, variables);
  const tape = Object.fromEntries(
    Object.entries(policy.variables).map(([name, one]) => [
      name,
      (grads[one.name]?.dataSync().slice() ??
        new Float32Array(one.size)) as Float32Array,
    ]),
  );
  tf.dispose([value, grads]);
  return { d, tape, scored: scored! };
}

function byKernels(
  { policy, turns }: Played,
  rows: readonly number[],
  d: ReturnType<typeof differentiate>["d"],
) {
  const network = new SharedWeights(policy.variables, COMPACT_DEFAULTS)
    .network();
  const { shared, handle: { weights } } = network;
  const arena = new Arena(shared);
  const traces = turns.map((turn: Turn) => choiceTrace(turn));
  const inputs = traces.map((trace) => readInputs(trace.inputs));
  const store = storeTurns(arena, inputs, COMPACT_DEFAULTS.buckets);
  const chosen = rows.flatMap((i) => {
    const { switching, planning, execution } = traces[i]!.chosen;
    const held = inputs[i]!.contextTexts[0]! >= 0;
    return [held ? switching : -1, planning, execution];
  });
  const gradient = arena.zeros(weights.padded);
  const scored = scoreBatch(
    { arena, weights, gradient },
    gatherTurns(arena, store, rows),
    { chosen: Int32Array.from(chosen), scale: COMPACT_DEFAULTS.valueScale },
  );
  scored.backward(d);
  const column = shared.floats(gradient, weights.size);
  return { scored, column, places: weights.places };
}

/** Largest difference, in units of the largest number. */
function gap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0, difference = 0;
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i]!));
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
  }
  return difference / Math.max(most, 1e-30);
}

const KINDS: Record<string, Kind> = {
  "with a plan": {},
  "with an executor that sees its subgoal alone": { executor: "subgoal" },
  "without a plan": { plan: false },
};

for (const [name, kind] of Object.entries(KINDS)) {
  Deno.test(`the kernels' scores and gradients are those of the tape: ${name}`, async () => {
    const played = await play(kind);
    const rows = played.turns.map((_, i) => i).filter((i) => i % 7 !== 3)
      .reverse();
    const { d, tape, scored: wanted } = differentiate(played, rows);
    const { scored, column, places } = byKernels(played, rows, d);
    ok(gap(wanted.logProbs, scored.logProbs) < 1e-5);
    ok(gap(wanted.entropies, scored.entropies) < 1e-5);
    for (const [weight, gradient] of Object.entries(tape)) {
      const { offset } = places[weight]!;
      const own = column.subarray(offset, offset + gradient.length);
      const difference = gap(gradient, own);
      ok(difference < 1e-5, `${weight}: ${difference}`);
    }
    played.policy.dispose();
  });
}
