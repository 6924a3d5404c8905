import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  defineConfig,
  type PartialDeep,
  readStoredConfig,
  type TrainingConfig,
} from "../../../lib/train/config/config.ts";
import { readRunConfig } from "../../../lib/train/runs/run_store.ts";
import { openRun } from "../../../lib/train/runs/run_store.ts";
import { renameSettings } from "../../../lib/train/config/old_names.ts";

const worlds = [{ kind: "corridor" }];

/** Settings as a version before these names wrote them; a file's JSON has no type. */
const OLD: PartialDeep<TrainingConfig> = JSON.parse(JSON.stringify({
  worlds,
  policy: {
    name: "language",
    layers: 2,
    width: 32,
    loraRank: 4,
    tokensPerRead: 8,
    tokensAtOnce: 4096,
    frozenPrecision: "half",
  },
  estimator: { name: "grpo", pooling: "turns", alone: "score" },
  replicas: { workers: 1, shards: 3 },
  refine: { name: "gear", strength: 0.25 },
  warmStart: {
    keep: "runs/warm",
    tasks: 8,
    fresh: true,
    detours: 0.2,
    searching: true,
    learnerTurns: 0.5,
    reading: 0.25,
  },
}));

const NOW: PartialDeep<TrainingConfig> = {
  worlds,
  policy: {
    name: "language",
    layers: 2,
    hiddenSize: 32,
    loraRank: 4,
    tokensPerReadback: 8,
    microbatchTokens: 4096,
    frozenPrecision: "float16",
  },
  estimator: { name: "grpo", weightBy: "turns", singleton: "score" },
  replicas: { workers: 1, microbatches: 3 },
  tokenWeights: { name: "gear", strength: 0.25 },
  warmStart: {
    cacheDirectory: "runs/warm",
    episodes: 8,
    resample: true,
    randomActionRate: 0.2,
    expertKnowledge: "partial",
    daggerRate: 0.5,
    lmLossWeight: 0.25,
  },
};

Deno.test("defineConfig() reads every old name as today's", () => {
  deepStrictEqual(defineConfig(OLD), defineConfig(NOW));
  deepStrictEqual(readStoredConfig(OLD), defineConfig(NOW));
});

Deno.test("a run folder of an older version is opened and goes on under today's names", async () => {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/config.json`;
  await Deno.writeTextFile(file, JSON.stringify(OLD));
  await Deno.writeTextFile(`${directory}/metrics.jsonl`, '{"iteration":0}\n');
  const config = await readRunConfig(directory);
  deepStrictEqual(config, defineConfig(NOW));
  {
    await using run = await openRun(directory, config, { resume: true });
    strictEqual(run.directory, directory);
  }
  deepStrictEqual(JSON.parse(await Deno.readTextFile(file)), config);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("an old name is read in the variant that had it, wherever that was named", () => {
  const typed = { policy: { width: 16 } } as PartialDeep<TrainingConfig>;
  const language = defineConfig(NOW, typed).policy;
  strictEqual("hiddenSize" in language && language.hiddenSize, 16);
  const compact = defineConfig({ worlds }, typed).policy;
  strictEqual("width" in compact && compact.width, 16);
});

Deno.test("renameSettings() notes old names and values, and nothing else", () => {
  const { settings, notes } = renameSettings({
    policy: { frozenPrecision: "single" },
    warmStart: { searching: false, keep: null, epochs: 3 },
  });
  deepStrictEqual(settings, {
    policy: { frozenPrecision: "float32" },
    warmStart: { expertKnowledge: "full", cacheDirectory: null, epochs: 3 },
  });
  deepStrictEqual(notes, [
    "warmStart.keep is now warmStart.cacheDirectory",
    "warmStart.searching is now warmStart.expertKnowledge: false is full",
    "policy.frozenPrecision=single is now policy.frozenPrecision=float32",
  ]);
  deepStrictEqual(renameSettings(settings), { settings, notes: [] });
});

Deno.test("renameSettings() refuses a setting under two names", () => {
  throws(() => renameSettings({ warmStart: { tasks: 1, episodes: 2 } }), {
    name: "TypeError",
    message:
      'Cannot read config as "warmStart.tasks" is an older name of "warmStart.episodes": both are given',
  });
});

Deno.test("settings without effect are refused, and dropped where a run folder holds them", () => {
  const policy = { name: "language", directory: "models/qwen2" } as const;
  const cases: [PartialDeep<TrainingConfig>, string][] = [
    [
      { policy: { ...policy, layers: 2 } },
      '"policy.layers" has no effect beside "policy.directory", whose model has its own',
    ],
    [
      { policy: { ...policy, hiddenSize: 64 } },
      '"policy.hiddenSize" has no effect beside "policy.directory", whose model has its own',
    ],
    [
      { policy: { ...policy, maxContentTokens: 8 } },
      '"policy.maxContentTokens" has no effect where "policy.decoding" is "free"',
    ],
    [
      { policy: { ...policy, frozenPrecision: "float16" } },
      '"policy.frozenPrecision" has no effect without adapters ("policy.loraRank" is 0)',
    ],
    [
      { shaping: { keepPenaltyMode: "fixed" } },
      '"shaping.keepPenaltyMode" has no effect without "shaping.keepPenalty"',
    ],
    [
      { shaping: { consistencyCompares: "tokens" } },
      '"shaping.consistencyCompares" has no effect without "shaping.consistencyPenalty"',
    ],
    [
      { tokenWeights: { name: "gear" } },
      '"tokenWeights" has no effect where each decision is one unit with a credit of its own',
    ],
    [
      { evaluation: { tasks: "every", balanceBy: "taskType" } },
      '"evaluation.balanceBy" has no effect where "evaluation.tasks" is "every": every world is played',
    ],
  ];
  for (const [part, reason] of cases) {
    throws(() => defineConfig({ worlds }, part), (error: Error) => {
      strictEqual(
        error.message.startsWith(`Cannot read config as ${reason}`),
        true,
        error.message,
      );
      return error instanceof TypeError;
    });
    const stored = readStoredConfig({ worlds, ...part });
    deepStrictEqual(defineConfig(stored), stored);
  }
});
