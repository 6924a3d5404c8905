import fc from "fast-check";
import { deepStrictEqual, ok } from "node:assert/strict";
import { assignCredit } from "../../../lib/hae/credit.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import type { DifferentiablePolicy } from "../../../lib/policy/policy.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../../lib/rollout/schedule.ts";
import { assemblePolicy } from "../../../lib/train/assemble_policy.ts";
import { toSamples } from "../../../lib/train/batch.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import {
  checkFinite,
  computeGradient,
  type PpoGradient,
  sumGradients,
} from "../../../lib/train/ppo/step.ts";
import {
  gatherMicrobatches,
  layOutSamples,
  microbatchWeights,
  splitMicrobatches,
} from "../../../lib/train/ppo/microbatches.ts";
import { settingsAt } from "../../../lib/train/ppo/update_settings.ts";
import { byDecision, decisionUnits } from "../../../lib/trajectory.ts";
import { fromRows, type SampleRow, toRows } from "../../_samples.ts";

await selectBackend("wasm");

Deno.test("splitMicrobatches() keeps everything in order, in parts whose sizes differ by at most one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer()),
      fc.integer({ min: 1, max: 9 }),
      (items, shards) => {
        const cut = splitMicrobatches(items, shards);
        deepStrictEqual(cut.flat(), items);
        ok(cut.length >= 1 && cut.length <= shards);
        const sizes = cut.map((one) => one.length);
        ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
        ok(cut.length === 1 || Math.min(...sizes) >= 4);
      },
    ),
  );
});

const WORLD = { kind: "corridor", length: 5, doors: 1 };

const POLICIES = {
  compact: { name: "compact" },
  language: {
    name: "language",
    decoding: "admissible",
    layers: 1,
    width: 16,
    maxReplyTokens: 40,
  },
} as const;

/** Samples that lack a target here, are trained on some decisions only there, and a reference for each. */
async function minibatch(
  policy: DifferentiablePolicy,
): Promise<{ samples: SampleRow[]; references: Float32Array[] }> {
  const episodes = scheduleEpisodes([WORLD], {
    random: createRandom(3),
    tasks: 4,
    maxTurns: 6,
  });
  const trajectories = await collectTrajectories(policy, episodes);
  const credits = assignCredit(trajectories, { name: "hae", gamma: 0.9 });
  const random = createRandom(5);
  const samples = toRows(toSamples(trajectories, credits)).slice(0, 21)
    .map((sample, i) => ({
      ...sample,
      trained: { ...sample.trained, switching: i % 3 > 0 },
      targets: { ...sample.targets!, planning: i % 4 > 0 ? i / 9 : undefined },
    }));
  const references = samples.map(({ decision }) =>
    Float32Array.from(
      decisionUnits(decision.trace),
      () => -2 * random.uniform(),
    )
  );
  return { samples, references };
}

/** Largest difference of two columns, over the largest number of the second. */
function distance(a: Float32Array, b: Float32Array): number {
  const size = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0) /
    size;
}

for (const [name, policy] of Object.entries(POLICIES)) {
  Deno.test(`the gradients of microbatches add up to that of the minibatch, for a ${name} policy`, async () => {
    const config = defineConfig({ seed: 2, policy, worlds: [WORLD] });
    const assembled = await assemblePolicy(config, [WORLD]);
    const { samples, references } = await minibatch(assembled);
    const settings = settingsAt({
      klCoefficient: 0.3,
      entropyCoefficient: 0.1,
      valueCoefficient: 0.5,
      valueClipRange: 0.2,
    });
    const batch = fromRows(samples), columns = layOutSamples(batch);
    const gradientOf = async (microbatches: number): Promise<PpoGradient> => {
      const indices = samples.map((_, i) => i);
      const parts = gatherMicrobatches(batch, columns, {
        rows: splitMicrobatches(indices, microbatches),
        references: Float32Array.from(references.flatMap((row) => [...row])),
      });
      const gradients: PpoGradient[] = [];
      for (const part of parts) {
        gradients.push(await computeGradient(assembled, part, settings));
      }
      return sumGradients(gradients);
    };
    const whole = await gradientOf(1);
    checkFinite(whole, assembled.variables);
    for (const shards of [2, 3, 5]) {
      const sum = await gradientOf(shards);
      // Sums of 32-bit floats in another order.
      ok(distance(sum.gradient, whole.gradient) < 1e-5, `${shards} shards`);
      ok(distance(sum.terms, whole.terms) < 1e-5, `${shards} shards`);
    }
    assembled.dispose();
  });
}

Deno.test("microbatchWeights() counts nothing where there is nothing to average", () => {
  const masks = (units: readonly number[]) => ({
    turns: units,
    sequences: Int32Array.from(units.keys()),
    units: { mask: Float32Array.from(units) },
    heads: byDecision(() => ({ mask: new Float32Array(2) })),
  });
  const [first, second] = microbatchWeights([masks([1, 0, 1]), masks([0, 1])]);
  deepStrictEqual(first!.heads, { switching: 0, planning: 0, execution: 0 });
  deepStrictEqual([first!.units, second!.units], [2 / 3, 1 / 3]);
});
