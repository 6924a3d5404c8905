/**
 * Older names of settings, for run folders, grids and settings files of earlier versions.
 *
 * @module
 */

import { isObject, type Json } from "./settings.ts";

/** An older name of a setting, with older spellings of its values. */
interface OldName {
  /** Path in older versions. */
  readonly old: string;
  /** Path now. */
  readonly now: string;
  /** Values by their old spelling, where those changed too. */
  readonly values?: Readonly<Record<string, Json>>;
  /** Variant to which the old name belongs: a setting and what it must be. */
  readonly where?: readonly [path: string, value: Json];
}

const LANGUAGE = ["policy.name", "language"] as const;

/** Every old name; parents stand before what they hold. */
const OLD_NAMES: readonly OldName[] = [
  { old: "refine", now: "tokenWeights" },
  { old: "estimator.pooling", now: "estimator.weightBy" },
  { old: "estimator.alone", now: "estimator.singleton" },
  { old: "replicas.shards", now: "replicas.microbatches" },
  { old: "warmStart.tasks", now: "warmStart.episodes" },
  { old: "warmStart.keep", now: "warmStart.cacheDirectory" },
  { old: "warmStart.fresh", now: "warmStart.resample" },
  { old: "warmStart.detours", now: "warmStart.randomActionRate" },
  { old: "warmStart.learnerTurns", now: "warmStart.daggerRate" },
  { old: "warmStart.reading", now: "warmStart.lmLossWeight" },
  {
    old: "warmStart.searching",
    now: "warmStart.expertKnowledge",
    values: { true: "partial", false: "full" },
  },
  { old: "policy.width", now: "policy.hiddenSize", where: LANGUAGE },
  {
    old: "policy.tokensPerRead",
    now: "policy.tokensPerReadback",
    where: LANGUAGE,
  },
  {
    old: "policy.tokensAtOnce",
    now: "policy.microbatchTokens",
    where: LANGUAGE,
  },
  {
    old: "policy.frozenPrecision",
    now: "policy.frozenPrecision",
    values: { single: "float32", half: "float16" },
  },
];

/**
 * Replaces older names by current ones.
 *
 * @param settings Settings, perhaps in part.
 * @param before Settings that they are merged into, which may name the variants.
 * @returns The settings under current names, and a note for each older one.
 * @throws {TypeError} If a setting is given under both its names.
 */
export function renameSettings(
  settings: Json,
  before: Json = {},
): { readonly settings: Json; readonly notes: readonly string[] } {
  const notes: string[] = [];
  let renamed = settings;
  for (const { old, now, values = {}, where } of OLD_NAMES) {
    const value = at(renamed, old);
    if (value === undefined) continue;
    if (where) {
      const [path, wanted] = where;
      if ((at(renamed, path) ?? at(before, path)) !== wanted) continue;
    }
    const spelling = String(value);
    const today = Object.hasOwn(values, spelling) ? values[spelling]! : value;
    if (old === now && today === value) continue;
    if (old !== now && at(renamed, now) !== undefined) {
      throw new TypeError(
        `Cannot read config as "${old}" is an older name of "${now}": both are given`,
      );
    }
    renamed = put(put(renamed, old, undefined), now, today);
    notes.push(
      old === now
        ? `${old}=${spelling} is now ${now}=${today}`
        : `${old} is now ${now}` +
          (today === value ? "" : `: ${spelling} is ${today}`),
    );
  }
  return { settings: renamed, notes };
}

/** The value at a path, if there is one. */
function at(settings: Json, path: string): Json | undefined {
  let here: Json | undefined = settings;
  for (const key of path.split(".")) {
    here = isObject(here) && Object.hasOwn(here, key) ? here[key] : undefined;
  }
  return here;
}

/** The same settings with another value at a path, or none. */
function put(settings: Json, path: string, value: Json | undefined): Json {
  const [key, ...rest] = path.split(".");
  const { [key!]: below = {}, ...others } = isObject(settings) ? settings : {};
  const inner = rest.length > 0 ? put(below, rest.join("."), value) : value;
  return inner === undefined ? others : { ...others, [key!]: inner };
}
