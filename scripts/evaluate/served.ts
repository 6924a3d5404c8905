/**
 * Evaluating a model on an OpenAI-compatible server: `--url` and `--served-model`.
 *
 * @module
 */

import { defineConfig, type Training, type TrainingConfig } from "../../mod.ts";
import type { ServedUsage } from "../../mod/ecosystem.ts";

/** What the command line says of a server. */
export interface ServedFlags {
  /** Address, with `/v1`. */
  readonly url?: string;
  /** Model, by the server's name. */
  readonly servedModel?: string;
}

/**
 * Puts a served model in the place of a config's policy.
 *
 * @param config Settings with worlds to evaluate in.
 * @param flags Server and model.
 * @returns The settings; as they were without a server.
 * @throws {TypeError} If only one of server and model is named.
 */
export function withServed(
  config: TrainingConfig,
  { url, servedModel: model }: ServedFlags,
): TrainingConfig {
  if (url === undefined && model === undefined) return config;
  if (url === undefined || model === undefined) {
    throw new TypeError(
      `Cannot evaluate a served model as "--url" and "--served-model" must both be there: "${
        url === undefined ? "--url" : "--served-model"
      }" is absent`,
    );
  }
  const { warmStart: _, tokenWeights: __, ...others } = config;
  return defineConfig({ ...others, policy: { name: "openai", url, model } });
}

/** What a served model cost in an evaluation; nothing for other policies. */
export function usageOf({ policy }: Training): ServedUsage | undefined {
  return "usage" in policy ? policy.usage as ServedUsage : undefined;
}

/** Prints requests, tokens, times and cost. */
export function printUsage(usage: ServedUsage): void {
  const rounded = Object.fromEntries(
    Object.entries(usage).map(([name, value]) => [
      name,
      Number(Number(value).toFixed(3)),
    ]),
  );
  console.log("\nserved model");
  console.table({ total: rounded });
}
