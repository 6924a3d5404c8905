/** The presets for engines to their ends on a table engine: training, evaluation, report; and the key is nowhere. */

import { match, ok, strictEqual } from "node:assert/strict";
import {
  assembleTraining,
  defineConfig,
  openRun,
  PRESETS,
  recordTraining,
} from "../../../mod.ts";
import { readReport } from "../../../mod/studies.ts";
import { reportHtml, trainingReport } from "../../../mod/plots.ts";
import { openTinker } from "../../../lib/remote/tinker/session.ts";
import { startTableEngine } from "../../../lib/remote/tinker/table/table_engine.ts";
import { miniatureHouse } from "../../envs/pddl/_miniature.ts";
import { searchKey } from "./_search_key.ts";

const ROOT = new URL("../../..", import.meta.url).pathname;
const KEY = "tml-never-to-be-written";

const temporary = () => Deno.makeTempDir({ prefix: "hiper-presets-" });

Deno.test("household-tinker trains, evaluates on seen and unseen houses, and is reported", async () => {
  await using engine = startTableEngine({ vocabSize: 2048, listen: false });
  const config = defineConfig(PRESETS["household-tinker"], {
    iterations: 1,
    policy: { url: engine.url, baseModel: "table", maxReplyTokens: 6 },
    rollout: { tasks: 6, groupSize: 2, maxTurns: 2 },
    evaluation: { tasks: 6, maxTurns: 2 },
    record: { trajectoriesEvery: 1 },
  });
  const directory = await temporary();
  {
    await using training = await assembleTraining(config);
    await using run = await openRun(directory, config);
    for await (const { metrics } of recordTraining(training, run)) {
      strictEqual(metrics["episodes"], 12);
      ok(metrics["tokens_prompted"]! > 0);
      for (const set of ["seen", "unseen"]) {
        ok(metrics[`${set}/success_rate`]! >= 0, set);
        strictEqual(metrics[`${set}/episodes`], 6);
      }
    }
  }
  const data = await readReport([directory]);
  const html = reportHtml({ title: "t", sections: trainingReport(data) });
  ok(html.includes("tokens_sampled") || html.includes("success"));
  await Deno.remove(directory, { recursive: true });
});

/** Runs a script as its task does; all output. */
async function runScript(
  script: string,
  words: readonly string[],
  options: { folder: string; url: string },
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt", "--allow-read", "--allow-env"],
      `--allow-write=${options.folder}`,
      `--allow-net=${new URL(options.url).host}`,
      `scripts/${script}.ts`,
      ...words,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", TINKER_API_KEY: KEY },
  }).output();
  const said = new TextDecoder().decode(Uint8Array.of(...stdout, ...stderr));
  strictEqual(code, 0, said);
  return said;
}

Deno.test("alfworld-tinker trains, evaluates and is reported by the tasks; the key is in no file and no output", async () => {
  await using engine = startTableEngine({ vocabSize: 2048 });
  const folder = await temporary(), out = `${folder}/run`;
  const game = { ...miniatureHouse("simple"), solvable: true };
  for (const split of ["valid_train", "valid_seen", "valid_unseen"]) {
    const path =
      `${folder}/games/${split}/pick_and_place_simple-Apple-None-Cabinet-3/trial_${split}`;
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(`${path}/game.tw-pddl`, JSON.stringify(game));
  }
  const place = { folder, url: engine.url };
  const trained = await runScript("train", [
    ...["--preset=alfworld-tinker", `--out=${out}`],
    ...[`policy.url=${engine.url}`, "policy.baseModel=table"],
    ...[
      "policy.maxReplyTokens=6",
      "iterations=1",
      "record.trajectoriesEvery=1",
    ],
    ...["rollout.tasks=2", "rollout.groupSize=2", "rollout.maxTurns=2"],
    ...["evaluation.maxTurns=2", "--data", `${folder}/games`],
    ...["--splits", "valid_train"],
  ], place);
  match(trained, /is evaluated on valid_seen \(1\), valid_unseen \(1\)/);
  const evaluated = await runScript("evaluate", [out], place);
  match(evaluated, /valid_unseen/);
  const reported = await runScript("report", [out], place);
  for (const call of engine.calls) {
    strictEqual(call.headers.get("x-api-key"), KEY);
  }
  for (const said of [trained, evaluated, reported]) {
    ok(!said.includes(KEY), said);
  }
  ok(await searchKey(folder, KEY) > 10); // the run with its logs, and the page
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a session that is shown, as a notebook shows the value of a cell, does not show the key", async () => {
  await using engine = startTableEngine({ vocabSize: 16, listen: false });
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, KEY);
  await using session = await openTinker({ url: engine.url, keyFile: file });
  strictEqual(engine.calls.at(-1)!.headers.get("x-api-key"), KEY);
  const model = await session.createModel({
    baseModel: "table",
    rank: 1,
    seed: 1,
  });
  const sampler = await model.sampler();
  for (const value of [session, session.transport, model, sampler]) {
    const shown = Deno.inspect(value, { depth: 20, getters: true });
    ok(!shown.includes(KEY), shown);
    ok(!(JSON.stringify(value) ?? "").includes(KEY));
  }
  await Deno.remove(file);
});

Deno.test("no notebook holds a key of the hosted service, nor the one of this machine", async () => {
  const own = Deno.env.get("TINKER_API_KEY");
  let count = 0;
  for await (const { name } of Deno.readDir(`${ROOT}notebooks`)) {
    if (!name.endsWith(".ipynb")) continue;
    const text = await Deno.readTextFile(`${ROOT}notebooks/${name}`);
    ok(!/\btml-[\w-]{8,}/.test(text), name);
    ok(own === undefined || own === "" || !text.includes(own), name);
    count++;
  }
  ok(count > 8);
});
