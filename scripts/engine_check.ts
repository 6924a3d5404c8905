/**
 * Checks a real SkyRL server on this machine's processor: installs it, starts it, measures, kills and resumes, stops it.
 *
 * ```sh
 * deno task engine-check                               # a tiny random Qwen3
 * deno task engine-check --model models/smollm2-135m   # and a published model learns the corridor
 * deno task engine-check --url http://host:8000        # a server that runs already; nothing is installed or killed
 * ```
 *
 * Results are also in `results.json` of the folder `--out`. The run in the corridor goes on where it was stopped.
 *
 * @module
 */

import { Command, Option } from "commander";
import { openTinker } from "../mod/tinker.ts";
import {
  checkAgreement,
  checkBandit,
  type Checked,
  checkHierarchicalStep,
  checkReduction,
  type CheckResult,
} from "./engine/checks.ts";
import { checkCorridor } from "./engine/corridor.ts";
import { checkKills } from "./engine/kills.ts";
import {
  type EngineServer,
  installSkyrl,
  startSkyrl,
} from "./engine/server.ts";
import { writeTinyModel } from "./engine/tiny_model.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly url?: string;
  readonly model?: string;
  readonly only?: readonly Part[];
  readonly environment: string;
  readonly python: string;
  readonly out: string;
  readonly port: number;
}

const PARTS = ["numbers", "kills", "corridor"] as const;

/** A part of the checks. */
type Part = typeof PARTS[number];

const program = new Command("engine-check")
  .description("Check a real engine: what it computes, and that runs survive.")
  .option("--url <url>", "a server that runs already")
  .option(
    "--model <folder>",
    "published model in float32 that learns the corridor, as a Hugging Face folder",
  )
  .addOption(
    new Option("--only <parts...>", "parts of the checks").choices([...PARTS]),
  )
  .option("--environment <folder>", "SkyRL's environment", "runs/skyrl")
  .option("--python <path>", "a Python of at least 3.12", "python3.12")
  .option("--out <folder>", "models, state and results", "runs/engine-check")
  .option("--port <number>", "port of the server", Number, 8123)
  .showHelpAfterError();

/** Public name of the tiny model. */
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
  const { url, out, environment, python, model, ...flags } = program.opts<
    Flags
  >();
  const { only } = flags;
  if (only?.includes("corridor") && model === undefined) {
    throw new TypeError(
      'Cannot check the corridor as "--model" must name a published model',
    );
  }
  if (only?.includes("kills") && url !== undefined) {
    throw new TypeError(
      `Cannot kill a server as it must be one that the task starts: current value of "--url" is "${url}"`,
    );
  }
  const does = (part: Part) => only?.includes(part) ?? true;
  const results: CheckResult[] = [];
  if (url !== undefined) {
    if (does("numbers")) results.push(...await measure(url));
    if (model !== undefined && does("corridor")) {
      results.push(...await learnCorridor(url, { model, out }));
    }
  } else {
    await Deno.mkdir(environment, { recursive: true });
    await installSkyrl(environment, python);
    await writeTinyModel(`${out}/model`);
    const starter = (name: string, model: string) => () =>
      startSkyrl({
        environment,
        model,
        name,
        port: flags.port,
        state: `${out}/server-${name}`,
      });
    const tiny = starter(NAME, `${out}/model`);
    if (does("numbers")) {
      results.push(...await served(tiny, (server) => measure(server.url)));
    }
    if (does("kills")) {
      const kills = { start: tiny, out, baseModel: NAME };
      results.push(...print(await checkKills(kills)));
    }
    if (model !== undefined && does("corridor")) {
      const published = starter("published", model);
      results.push(
        ...await served(
          published,
          (server) => learnCorridor(server.url, { model, out }),
        ),
      );
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

/** Learns the corridor with the model that a server offers. */
async function learnCorridor(
  url: string,
  { model, out }: { model: string; out: string },
): Promise<readonly CheckResult[]> {
  await using session = await openTinker({ url });
  const [baseModel] = await session.baseModels();
  return print(
    await checkCorridor({
      url,
      model,
      baseModel: baseModel!,
      folder: `${out}/corridor`,
    }),
  );
}

/** Does something with a server, and ends it. */
async function served<T>(
  start: () => Promise<EngineServer>,
  work: (server: EngineServer) => Promise<T>,
): Promise<T> {
  const server = await start();
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
