import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ESTIMATORS } from "../../../lib/hae/estimators.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import {
  describeSettings,
  type SettingDescription,
} from "../../../lib/train/config/describe.ts";
import { PRESETS } from "../../../lib/train/config/presets.ts";
import type { Json } from "../../../lib/train/config/settings.ts";

const find = (settings: readonly SettingDescription[], path: string) =>
  settings.filter((one) => one.path === path);

Deno.test("describeSettings() gives every setting a kind and a meaning", () => {
  for (const [name, preset] of Object.entries(PRESETS)) {
    for (const { path, kind, meaning } of describeSettings(preset)) {
      ok(kind !== "" && kind !== "anything", `${name}: kind of ${path}`);
      ok(path.startsWith("worlds[") || meaning !== "", `meaning of ${path}`);
    }
  }
});

Deno.test("describeSettings() names what is given and what holds otherwise", () => {
  const settings = describeSettings(PRESETS.household, {
    update: { epochs: 7 },
  });
  const [epochs] = find(settings, "update.epochs");
  strictEqual(epochs?.given, 7);
  strictEqual(epochs?.fallback, "3");
  strictEqual(epochs?.kind, "whole number > 0");
  strictEqual(
    find(settings, "worlds[kind=household].split")[0]?.given,
    "train",
  );
  strictEqual(
    find(settings, "policy.loraRank")[0]?.choice,
    "policy.name=language",
  );
  strictEqual(find(settings, "warmStart.epochs")[0]?.choice, "warmStart={}");
  const warm = describeSettings(PRESETS["household-warm"]);
  strictEqual(find(warm, "warmStart.epochs")[0]?.choice, undefined);
  strictEqual(find(warm, "warmStart.minibatchSize")[0]?.given, 256);
});

Deno.test("describeSettings() lists the settings of every estimator", () => {
  const settings = describeSettings({ estimator: { name: "gae" } });
  for (const [name, { settings: { shape } }] of Object.entries(ESTIMATORS)) {
    const choice = name === "gae" ? undefined : `estimator.name=${name}`;
    for (const key of Object.keys(shape)) {
      const found = find(settings, `estimator.${key}`);
      ok(found.some((one) => one.choice === choice), `${name}.${key}`);
    }
  }
});

Deno.test("describeSettings() misses no setting of a config", () => {
  for (const name of ["household-language", "corridor", "webshop"] as const) {
    const config = defineConfig(PRESETS[name]);
    const listed = new Set(describeSettings(config).map(({ path }) => path));
    deepStrictEqual(
      leaves(JSON.parse(JSON.stringify(config))).filter((path) =>
        !listed.has(path)
      ),
      [],
    );
  }
});

/** Paths of values; worlds are one value. */
function leaves(value: Json, path = ""): string[] {
  const whole = ["worlds", "evaluation.sets"].includes(path);
  if (
    whole || typeof value !== "object" || value === null || Array.isArray(value)
  ) {
    return [path];
  }
  return Object.entries(value).flatMap(([key, below]) =>
    leaves(below, path === "" ? key : `${path}.${key}`)
  );
}
