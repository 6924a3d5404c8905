/**
 * User-defined worlds: `{ kind: "module", url, … }` names a module that opens them.
 *
 * The module exports `openEnv(spec, seed)`, and may export `proposeSubgoals` and `alternatives` as the
 * records of built-in worlds have them. A module works in Workers too, where a function could not be sent.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { z } from "npm:zod@4.6.7";
import type {
  EnvSpec,
  ListAlternatives,
  OpenEnv,
  ProposeStrategy,
  ProposeSubgoals,
  SubgoalRule,
} from "./text_env.ts";
import type { World } from "./world.ts";
import { readSettings } from "../settings.ts";

const MODULE_SPEC = z.looseObject({
  kind: z.literal("module"),
  url: z.string().min(1).describe(
    "URL or path of a module that exports openEnv(spec, seed)",
  ),
});

/** What a module may export for its worlds. */
interface WorldModule {
  readonly openEnv: OpenEnv;
  readonly proposeSubgoals?: ProposeSubgoals;
  readonly proposeSteps?: ProposeSubgoals;
  readonly proposeStrategy?: ProposeStrategy;
  readonly subgoalRule?: SubgoalRule;
  readonly alternatives?: ListAlternatives;
}

/** Worlds whose module the specification names. */
export const MODULE: World = {
  settings: MODULE_SPEC,
  createOpener: () => async (spec, seed) =>
    (await importWorld(spec)).openEnv(spec, seed),
  resolve: async (spec) => {
    const { openEnv, ...guide } = await importWorld(spec);
    const { proposeSubgoals, proposeSteps, proposeStrategy } = guide;
    const { subgoalRule, alternatives } = guide;
    return {
      settings: MODULE_SPEC,
      createOpener: () => openEnv,
      ...(proposeSubgoals && { proposeSubgoals }),
      ...(proposeSteps && { proposeSteps }),
      ...(proposeStrategy && { proposeStrategy }),
      ...(subgoalRule && { subgoalRule }),
      ...(alternatives && { alternatives }),
    };
  },
};

async function importWorld(spec: EnvSpec): Promise<WorldModule> {
  const { url } = readSettings(MODULE_SPEC, spec, "open a world of a module");
  // A path is relative to the working directory, not to this module.
  const target = URL.canParse(url)
    ? url
    : pathToFileURL(await Deno.realPath(url)).href;
  const module: Readonly<Record<string, unknown>> = await import(target);
  if (isWorldModule(module)) return module;
  throw new TypeError(
    typeof module.openEnv === "function"
      ? `Cannot open a world of a module as its "proposeSubgoals", "proposeSteps", "proposeStrategy" and "alternatives" must be functions, and its "subgoalRule" must have "serves" and "achieved": current value is ${url}`
      : `Cannot open a world of a module as it must export a function "openEnv": current value is ${url}`,
  );
}

function isWorldModule(
  module: { readonly [K in keyof WorldModule]?: unknown },
): module is WorldModule {
  const { openEnv, proposeSubgoals, proposeSteps, alternatives } = module;
  const functions = [
    proposeSubgoals,
    proposeSteps,
    module.proposeStrategy,
    alternatives,
  ];
  return typeof openEnv === "function" &&
    functions.every((one) => one === undefined || typeof one === "function") &&
    (module.subgoalRule === undefined || isRule(module.subgoalRule));
}

function isRule(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    "serves" in value && typeof value.serves === "function" &&
    "achieved" in value && typeof value.achieved === "function";
}
