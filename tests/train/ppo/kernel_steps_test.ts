import { ok, rejects, strictEqual } from "node:assert/strict";
import { assignCredit } from "../../../lib/hae/credit.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  createCompactPolicy,
  sharedWeightsOf,
} from "../../../lib/policy/compact/policy.ts";
import type { UpdateOptions } from "../../../lib/policy/policy.ts";
import { proposeCorridorSubgoals } from "../../../lib/envs/corridor.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { toSamples } from "../../../lib/train/batch.ts";
import {
  type GradientSteps,
  tensorSteps,
  type Update,
} from "../../../lib/train/ppo/gradient_steps.ts";
import { computePart } from "../../../lib/train/ppo/kernel_gradient.ts";
import { KernelLearning } from "../../../lib/train/ppo/kernel_steps.ts";
import { layOutSamples } from "../../../lib/train/ppo/microbatches.ts";
import { beginAdamW } from "../../../lib/train/ppo/optimizer.ts";
import {
  assignWeights,
  computeGradient,
  readWeights,
} from "../../../lib/train/ppo/step.ts";
import { settingsAt } from "../../../lib/train/ppo/update_settings.ts";
import { fromRows, toRows } from "../../_samples.ts";

await selectBackend("wasm");
const policy = createCompactPolicy({
  seed: 1,
  proposeSubgoals: proposeCorridorSubgoals,
});
const variables = Object.values(policy.variables);
const weights = await readWeights(variables);

/** Turns whose ratios lie on both sides of the clip range, with and without targets. */
async function play() {
  const episodes = scheduleEpisodes([{ kind: "corridor", length: 5 }], {
    random: createRandom(3),
    tasks: 12,
    maxTurns: 8,
  });
  const trajectories = await collectTrajectories(policy, episodes);
  const credits = assignCredit(trajectories, { name: "hae", gamma: 0.9 });
  const noise = createRandom(5);
  const rows = toRows(toSamples(trajectories, credits)).map((row, i) => {
    const { trace, values } = row.decision;
    if (trace.kind !== "choices") {
      throw new TypeError("a compact policy played");
    }
    const { switching, planning, execution } = trace.logProbs;
    const shift = (x: number) => x + 0.4 * noise.normal();
    const logProbs = {
      switching: shift(switching),
      planning: shift(planning),
      execution: shift(execution),
    };
    const decision = {
      ...row.decision,
      trace: { ...trace, logProbs },
      values: { ...values!, switching: shift(values!.switching) },
    };
    const targets = {
      ...row.targets!,
      planning: i % 4 > 0 ? noise.normal() : undefined,
    };
    return { ...row, decision, targets };
  });
  return fromRows(rows);
}

const samples = await play();
const rows = samples.turns.map((_, i) => i);

function update(options: UpdateOptions): Update {
  const settings = settingsAt(options);
  const columns = layOutSamples(samples);
  const random = createRandom(7);
  const references = settings.klCoefficient === 0
    ? undefined
    : columns.units.oldLogProbs.map((one) => one + random.normal());
  const moments = beginAdamW(weights.length);
  return { samples, columns, rows, references, settings, weights, moments };
}

const byTensors = (options: UpdateOptions, microbatches = 1) =>
  tensorSteps(policy, update(options), {
    microbatches,
    computeGradients: (parts, settings) =>
      Promise.all(parts.map((one) => computeGradient(policy, one, settings))),
  });

const shared = sharedWeightsOf(policy)!;
/** Learning by kernels, the parts of a minibatch in some order. */
const learning = (ordered: <T>(list: T[]) => T[]) =>
  new KernelLearning(shared, (jobs) => {
    const terms = ordered([...jobs])
      .map((job) => computePart(shared.network(), job));
    return Promise.resolve(ordered(terms));
  });

const byKernels = (options: UpdateOptions) =>
  learning((list) => list).begin(update(options));

/** One step from the first weights: its report, and the gradient, which is ten times AdamW's first moment. */
async function takeStep(
  begin: (options: UpdateOptions) => GradientSteps,
  options: UpdateOptions,
) {
  assignWeights(variables, weights);
  const steps = begin(options);
  const report = await steps.step(rows.slice(1));
  return { ...report, gradient: steps.end().first };
}

const SETTINGS: Record<string, UpdateOptions> = {
  "defaults": {},
  "clipped values and a dual clip": { valueClipRange: 0.1, dualClip: 1.2 },
  "an asymmetric clip range without dual clip": {
    clipRange: [0.1, 0.3],
    dualClip: 0,
  },
  "a reference": { klCoefficient: 0.3 },
  "on-policy": { onPolicy: true, entropyCoefficient: 0.1 },
  "a clipped gradient": { maxGradientNorm: 0.01 },
  "one ratio for a turn": { loss: "gspo", clipRange: [0.05, 0.1] },
  "one ratio for a turn, on-policy": { loss: "gspo", onPolicy: true },
  "sums of sequences": {
    aggregation: "seq-mean-token-sum",
    klCoefficient: 0.3,
    klEstimator: "k1",
  },
  "means of sequences": {
    aggregation: "seq-mean-token-mean",
    klCoefficient: 0.3,
    klEstimator: "k2",
  },
  "sums over one length": {
    aggregation: "seq-mean-token-sum-norm",
    aggregationLength: 3,
    klCoefficient: 0.3,
    klEstimator: "abs",
  },
};

for (const [name, options] of Object.entries(SETTINGS)) {
  Deno.test(`kernels take the steps of TensorFlow.js: ${name}`, async () => {
    const wanted = await takeStep(byTensors, options);
    const given = await takeStep(byKernels, options);
    const parts = await takeStep((some) => byTensors(some, 3), options);
    ok(Math.abs(wanted.norm - parts.norm) < 1e-5 * wanted.norm, "microbatches");
    wanted.terms.forEach((term, i) => {
      ok(Math.abs(term - parts.terms[i]!) < 1e-5 * (1 + Math.abs(term)));
    });
    wanted.terms.forEach((term, i) => {
      ok(Math.abs(term - given.terms[i]!) < 1e-5 * (1 + Math.abs(term)));
    });
    ok(Math.abs(wanted.norm - given.norm) < 1e-5 * wanted.norm);
    const largest = Math.max(...wanted.gradient.map(Math.abs));
    wanted.gradient.forEach((g, i) => {
      ok(Math.abs(g - given.gradient[i]!) < 1e-5 * largest, `weight ${i}`);
    });
  });
}

Deno.test("the parts of a minibatch give the same numbers in any order", async () => {
  const forwards = await takeStep(byKernels, {});
  const backwards = await takeStep(
    (options) => learning((list) => list.toReversed()).begin(update(options)),
    {},
  );
  strictEqual(forwards.norm, backwards.norm);
  strictEqual(String(forwards.gradient), String(backwards.gradient));
});

Deno.test("a step along what is not finite is refused by name, and not taken", async () => {
  assignWeights(variables, weights);
  const wrong = update({});
  wrong.columns.units.advantages.fill(NaN);
  const steps = learning((list) => list).begin(wrong);
  await rejects(steps.step(rows), /"policy_loss" must be finite/);
  steps.end();
  strictEqual(String(await readWeights(variables)), String(weights));
});
