import {
  deepStrictEqual,
  notDeepStrictEqual,
  strictEqual,
} from "node:assert/strict";
import { createEnvOpener } from "../../../lib/envs/open_env.ts";
import { statelessPolicy } from "../../../lib/policy/session.ts";
import { withHints } from "../../../lib/rollout/hints.ts";
import { assembleTraining } from "../../../lib/train/assemble.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import { prepareWarmStart } from "../../../lib/train/imitation/warm_start.ts";

/** First metrics of a tiny run whose warm start may be kept. */
async function firstMetrics(
  options: { keep?: string; seed?: number; estimator?: "hae" | "grpo" },
) {
  const { keep, seed = 1, estimator = "hae" } = options;
  const config = defineConfig({
    seed,
    iterations: 1,
    backend: "wasm",
    policy: {
      name: "language",
      prompt: "transcript",
      hiddenSize: 16,
      layers: 1,
      decoding: "admissible",
    },
    worlds: [{ kind: "corridor", length: 3, doors: 0 }],
    warmStart: {
      episodes: 4,
      epochs: 2,
      lmLossWeight: 0.5,
      resample: true,
      gamma: 0.9,
      ...(keep === undefined ? {} : { keep }),
    },
    rollout: { tasks: 2, groupSize: 2, maxTurns: 4 },
    estimator: { name: estimator, ...(estimator === "hae" && { gamma: 0.9 }) },
    evaluation: { every: 0, tasks: 1 },
  });
  await using training = await assembleTraining(config);
  for await (const { metrics } of training) return metrics;
}

/** Names of the warm starts in a folder, without their locks. */
function keptIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)]
    .flatMap(({ name, isDirectory }) => isDirectory ? [name] : []);
}

Deno.test("a warm start that was kept gives the numbers of one that is learned", async () => {
  const keep = await Deno.makeTempDir();
  const names = () => keptIn(keep);
  try {
    const learned = await firstMetrics({});
    deepStrictEqual(await firstMetrics({ keep }), learned);
    const kept = names();
    strictEqual(kept.length, 1);
    deepStrictEqual(await firstMetrics({ keep }), learned);
    await firstMetrics({ keep, estimator: "grpo" }); // credit plays no part in it
    deepStrictEqual(names(), kept);
    const other = await firstMetrics({ keep, seed: 2 });
    notDeepStrictEqual(other, learned);
    strictEqual(names().length, 2);
  } finally {
    await Deno.remove(keep, { recursive: true });
  }
});

Deno.test("a kept warm start is what is read back: a damaged one is named", async () => {
  const keep = await Deno.makeTempDir();
  try {
    await firstMetrics({ keep });
    const [name] = keptIn(keep);
    await Deno.truncate(`${keep}/${name}/policy.safetensors`, 100);
    let message = "";
    try {
      await firstMetrics({ keep });
    } catch (error) {
      if (error instanceof Error) message = error.message;
    }
    strictEqual(message.includes("policy.safetensors"), true, message);
  } finally {
    await Deno.remove(keep, { recursive: true });
  }
});

Deno.test("equal runs side by side imitate once: the others wait and read it back", async () => {
  const keep = await Deno.makeTempDir();
  const deeds: string[] = [];
  const open = withHints(createEnvOpener());
  const begin = () =>
    prepareWarmStart(config, config.warmStart!, {
      policy: statelessPolicy({ decide: () => [] }),
      learner: {
        update: () => Promise.resolve({ updates: deeds.push("learns") }),
        async save(folder) {
          await Deno.writeTextFile(`${folder}/weights`, "as learned");
          deeds.push("saves");
        },
        load: () => Promise.resolve(void deeds.push("loads")),
      },
      specs: [{ kind: "corridor", length: 3, doors: 0 }],
      open,
    });
  const config = defineConfig({
    worlds: [{ kind: "corridor", length: 3, doors: 0 }],
    warmStart: { cacheDirectory: `${keep}/not/yet`, episodes: 2, epochs: 1 },
  });
  try {
    await Promise.all([begin()(), begin()(), begin()()]);
    deepStrictEqual(deeds, ["learns", "saves", "loads", "loads"]);
  } finally {
    await Deno.remove(keep, { recursive: true });
  }
});

Deno.test("after a warm start, divergence is measured from what it taught", async () => {
  const keep = await Deno.makeTempDir();
  const config = defineConfig({
    iterations: 1,
    backend: "wasm",
    worlds: [{ kind: "corridor", length: 3, doors: 0 }],
    warmStart: { cacheDirectory: keep, episodes: 4, epochs: 2 },
    rollout: { tasks: 4, maxTurns: 4 },
    update: { learningRate: 0, klCoefficient: 0.1, entropyCoefficient: 0 },
    evaluation: { every: 0, tasks: 1 },
  });
  try {
    for (const warmth of ["learned", "kept"]) {
      await using training = await assembleTraining(config);
      for await (const { metrics } of training) {
        strictEqual(Math.abs(metrics.kl_to_reference!) < 1e-6, true, warmth);
      }
    }
  } finally {
    await Deno.remove(keep, { recursive: true });
  }
});
