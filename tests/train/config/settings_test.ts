import fc from "fast-check";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { COMPACT_DEFAULTS } from "../../../lib/policy/compact/policy.ts";
import {
  defineConfig,
  type TrainingConfig,
} from "../../../lib/train/config/config.ts";
import { PRESETS } from "../../../lib/train/config/presets.ts";
import {
  firstDifference,
  mergeSettings,
  parseSettings,
} from "../../../lib/train/config/settings.ts";
import {
  settingsAt,
  UPDATE_DEFAULTS,
} from "../../../lib/train/ppo/update_settings.ts";

const key = fc.string().filter((name) => name !== "__proto__");
const json = fc.dictionary(
  key,
  fc.oneof(fc.integer(), fc.string(), fc.boolean()),
  {
    noNullPrototype: true, // what JSON.parse returns has one
  },
);
const worlds = [{ kind: "corridor" }];

/** What a preset asks for. */
const given = (preset: string) =>
  preset.startsWith("hiper-") || preset.endsWith("-model")
    ? { policy: { directory: "models/qwen2" } }
    : preset.endsWith("-tinker")
    ? { policy: { url: "http://127.0.0.1:8000", baseModel: "small" } }
    : {};

Deno.test("mergeSettings() changes nothing without changes, and the last change wins", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), json, (base, last) => {
      deepStrictEqual(mergeSettings(base, {}), { ...base });
      if (last === null) return;
      const once = mergeSettings(base, { last });
      deepStrictEqual(mergeSettings(once, { last }), once);
    }),
  );
});

Deno.test("mergeSettings() drops the settings of another variant", () => {
  deepStrictEqual(
    mergeSettings(
      { estimator: { name: "hae", lambdaTurn: 0.9 } },
      { estimator: { name: "grpo" } },
    ),
    { estimator: { name: "grpo" } },
  );
});

Deno.test("mergeSettings() takes a setting back with null", () => {
  deepStrictEqual(
    mergeSettings({ warmStart: { episodes: 3 }, seed: 1 }, { warmStart: null }),
    { seed: 1 },
  );
  deepStrictEqual(
    mergeSettings({}, { evaluation: { sets: null, tasks: 1 } }),
    { evaluation: { tasks: 1 } },
  );
});

Deno.test("parseSettings() reads numbers, booleans, texts and lists", () => {
  deepStrictEqual(
    parseSettings([
      "seed=3",
      "policy.flat=true",
      "estimator.name=gae",
      'worlds=[{"kind":"corridor"}]',
      "note=a=b",
    ]),
    {
      seed: 3,
      policy: { flat: true },
      estimator: { name: "gae" },
      worlds: [{ kind: "corridor" }],
      note: "a=b",
    },
  );
  throws(() => parseSettings(["--seed"]), {
    name: "SyntaxError",
    message:
      'Cannot read a setting as it must have the form path=value: current value is "--seed"',
  });
});

Deno.test("defineConfig() is at rest: what it returns it returns again", () => {
  for (const [name, preset] of Object.entries(PRESETS)) {
    const config = defineConfig(preset, given(name));
    deepStrictEqual(defineConfig(config), config, name);
    deepStrictEqual(JSON.parse(JSON.stringify(config)), config, name);
  }
});

Deno.test("defineConfig() fills in an estimator's settings; those with a critic normalize by the standard rule", () => {
  const filled = (estimator: TrainingConfig["estimator"]) =>
    defineConfig({ worlds, estimator }).estimator;
  deepStrictEqual(filled({ name: "gae" }), {
    name: "gae",
    gamma: 1,
    lambda: 1,
    truncation: "bootstrap",
    normalize: "standard",
  });
  deepStrictEqual(filled({ name: "rloo" }), {
    name: "rloo",
    weightBy: "episodes",
    singleton: "zero",
  });
  const raw = filled({ name: "gae", normalize: "none" });
  strictEqual("normalize" in raw && raw.normalize, "none");
});

Deno.test("defineConfig() writes down every default of learner and policy, and no final value that was not set", () => {
  const { update } = defineConfig({ worlds, update: { epochs: 7 } });
  deepStrictEqual(update, { ...UPDATE_DEFAULTS, epochs: 7 });
  const { policy } = defineConfig({ worlds, policy: { prior: 0 } });
  deepStrictEqual(policy, {
    name: "compact",
    flat: false,
    ...COMPACT_DEFAULTS,
    prior: 0,
  });
});

Deno.test("defineConfig() cuts work into a microbatch for each thread, and leaves a number that was settled", () => {
  const microbatches = (
    replicas: { workers?: number; microbatches?: number },
  ) => defineConfig({ worlds, replicas }).replicas.microbatches;
  strictEqual(defineConfig({ worlds }).replicas.microbatches, 1);
  strictEqual(microbatches({ workers: 3 }), 4);
  strictEqual(microbatches({ workers: 0, microbatches: 4 }), 4);
});

Deno.test("settingsAt() changes nothing that is filled in, and moves what has a final value", () => {
  deepStrictEqual(settingsAt({}), UPDATE_DEFAULTS);
  deepStrictEqual(settingsAt(UPDATE_DEFAULTS), UPDATE_DEFAULTS);
  const moving = { learningRate: 4, finalLearningRate: 2, progress: 0.5 };
  strictEqual(settingsAt(moving).learningRate, 3);
  strictEqual(settingsAt(moving).entropyCoefficient, 0.01);
});

Deno.test("defineConfig() suggests the setting that was meant", () => {
  const cases: [string, string][] = [
    [
      "rollout.task=8",
      '"rollout.task" is not a setting: did you mean "rollout.tasks"?',
    ],
    ["sed=1", '"sed" is not a setting: did you mean "seed"?'],
    [
      "replicas.worker=1",
      '"replicas.worker" is not a setting: did you mean "replicas.workers"?',
    ],
    [
      "policy.widht=1",
      '"policy.widht" is not a setting: did you mean "policy.width"?',
    ],
    [
      "policy.name=compat",
      '"policy.name" must be one of "compact", "language", "tinker", "openai": current value is "compat" (did you mean "compact"?)',
    ],
    [
      "seed=x",
      '"seed" must be a whole number: current value is "x"',
    ],
    [
      "worlds=[3]",
      '"worlds.0" must be a world with "kind", or a family of worlds with "dataset": current value is 3',
    ],
  ];
  for (const [word, message] of cases) {
    throws(() => defineConfig(PRESETS.corridor, parseSettings([word])), {
      name: "TypeError",
      message: `Cannot read config as ${message}`,
    });
  }
  throws(
    () => defineConfig(PRESETS.corridor, parseSettings(["estimator.name=hea"])),
    { name: "TypeError", message: /did you mean "hae"/ },
  );
});

Deno.test("The reference presets have the settings of the authors' scripts", () => {
  const alfworld = defineConfig(
    PRESETS["hiper-alfworld"],
    given("hiper-alfworld"),
  );
  strictEqual(alfworld.rollout.tasks, 128);
  strictEqual(alfworld.shaping.keepPenalty, -0.3);
  strictEqual(alfworld.update.klCoefficient, 0.01);
  const webshop = defineConfig(
    PRESETS["hiper-webshop"],
    given("hiper-webshop"),
  );
  strictEqual(webshop.shaping.keepPenalty, -3.5);
  strictEqual(webshop.rollout.maxTurns, 15);
});

Deno.test("firstDifference() names the path, or nothing when there is none", () => {
  fc.assert(fc.property(json, (value) => {
    strictEqual(firstDifference(value, structuredClone(value)), undefined);
  }));
  strictEqual(
    firstDifference({ a: { b: [1, 2] } }, { a: { b: [1, 3] } }),
    "a.b",
  );
  strictEqual(firstDifference({ a: 1 }, { a: 1, c: 2 }), "c");
});

Deno.test("defineConfig() refuses numbers that are none, and does not take a setting back for them", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    throws(
      () => defineConfig({ worlds, iterations: 3 }, { iterations: value }),
      new RegExp(`"iterations" must be .*: current value is "${value}"`),
    );
    throws(
      () => defineConfig({ worlds, update: { targetKl: value } }),
      /"update.targetKl" must be/,
    );
  }
});
