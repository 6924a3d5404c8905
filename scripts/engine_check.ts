/**
 * Checks a real SkyRL server on this machine's processor: installs it, starts it, measures, kills and resumes, stops it.
 *
 * ```sh
 * deno task engine-check                          # a tiny random Qwen3, ten minutes
 * deno task engine-check --url http://host:8000   # a server that runs already; nothing is installed or killed
 * ```
 *
 * @module
 */

import { Command } from "commander";
import { openTinker } from "../mod/tinker.ts";
import {
  checkAgreement,
  checkBandit,
  type Checked,
  checkHierarchicalStep,
  checkReduction,
  type CheckResult,
} from "./engine/checks.ts";
import { checkKills } from "./engine/kills.ts";
import { installSkyrl, startSkyrl } from "./engine/server.ts";
import { writeTinyModel } from "./engine/tiny_model.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly url?: string;
  readonly environment: string;
  readonly python: string;
  readonly out: string;
  readonly port: number;
}

const program = new Command("engine-check")
  .description("Check a real engine: what it computes, and that runs survive.")
  .option("--url <url>", "a server that runs already")
  .option("--environment <folder>", "SkyRL's environment", "runs/skyrl")
  .option("--python <path>", "a Python of at least 3.12", "python3.12")
  .option("--out <folder>", "models, state and results", "runs/engine-check")
  .option("--port <number>", "port of the server", Number, 8123)
  .showHelpAfterError();

const NAME = "tiny-qwen3";

async function measure(url: string): Promise<CheckResult[]> {
  await using session = await openTinker({ url });
  const [baseModel] = await session.baseModels();
  const checked: Checked = { session, baseModel: baseModel! };
  const results: CheckResult[] = [];
  for (
    const check of [
      checkAgreement,
      checkReduction,
      checkHierarchicalStep,
      checkBandit,
    ]
  ) results.push(...print(await check(checked)));
  return results;
}

function print(results: readonly CheckResult[]): readonly CheckResult[] {
  for (const { name, value, holds } of results) {
    console.log(`${holds ? "holds" : "FAILS"}  ${name}: ${value}`);
  }
  return results;
}

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const { url, environment, python, out, port } = program.opts<Flags>();
  const results: CheckResult[] = [];
  if (url !== undefined) results.push(...await measure(url));
  else {
    await Deno.mkdir(environment, { recursive: true });
    await installSkyrl(environment, python);
    await writeTinyModel(`${out}/model`);
    const start = () =>
      startSkyrl({
        environment,
        port,
        model: `${out}/model`,
        name: NAME,
        state: `${out}/server`,
      });
    const server = await start();
    try {
      results.push(...await measure(server.url));
      await server.stop();
      results.push(...print(await checkKills({ start, out, baseModel: NAME })));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }
  await Deno.mkdir(out, { recursive: true });
  await Deno.writeTextFile(
    `${out}/results.json`,
    JSON.stringify(results, undefined, 1) + "\n",
  );
  if (results.every(({ holds }) => holds)) return;
  throw new Error("Cannot learn on this engine as every check must hold");
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
