/**
 * Tasks as a person starts them: paths outside the checkout work, and nothing else does.
 *
 * @module
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { explain } from "../../scripts/explain.ts";
import {
  reachedHosts,
  worldPrograms,
  writtenPaths,
} from "../../scripts/launch.ts";
import { RECORDED_TASK } from "./_recorded_task.ts";

const ROOT = new URL("../../", import.meta.url);

/** Runs a task with its own permissions, without a terminal. */
async function task(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

const SMALL = [
  "--preset=corridor",
  "iterations=1",
  "rollout.tasks=4",
  "evaluation.tasks=2",
  "backend=wasm",
];

Deno.test("worldPrograms() grants programs to the worlds that are named, and nothing else", async () => {
  deepStrictEqual(worldPrograms(["--preset", "corridor"]), {
    run: [],
    hosts: [],
  });
  const hosts = ["127.0.0.1"];
  deepStrictEqual(worldPrograms(["scienceworld"]), { run: ["java"], hosts });
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/config.json`,
      '{"worlds":[{"kind":"scienceworld","java":"/opt/java"}]}',
    );
    const own = { run: ["java", "/opt/java"], hosts };
    deepStrictEqual(worldPrograms([folder]), own);
    deepStrictEqual(worldPrograms([`--grid=${folder}/config.json`]), own);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("reachedHosts() finds the servers that are named, in files that are named too", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/config.json`,
    '{"worlds": [{"kind": "openenv", "url": "ws://lab.example:8000"}], "urls": ["https://b.example/v1"]}',
  );
  deepStrictEqual(
    reachedHosts([
      folder,
      "--url=http://127.0.0.1:8001/v1",
      "--host",
      "::1",
      "policy.url=https://api.example/v1",
      "policy.directory=models/http",
    ]),
    [
      "lab.example:8000",
      "b.example:443",
      "127.0.0.1:8001",
      "[::1]",
      "api.example:443",
    ],
  );
  deepStrictEqual(reachedHosts(["runs/none", "url=lib/world.ts"]), []);
});

Deno.test("writtenPaths() finds what is named to be written, in files that are named too", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/run`);
  await Deno.writeTextFile(
    `${folder}/run/config.json`,
    '{"warmStart": {"cacheDirectory": "/c1"}}',
  );
  await Deno.writeTextFile(
    `${folder}/grid.json`,
    '{"cells": [{"warmStart.keep": "/c2"}]}',
  );
  deepStrictEqual(writtenPaths(["--out", "a", "x=1", "--title", "b"]), ["a"]);
  deepStrictEqual(writtenPaths(["--out=a", "warmStart.cacheDirectory=/c"]), [
    "a",
    "/c",
  ]);
  deepStrictEqual(writtenPaths([`${folder}/run`, "--baseline", "expert"]), [
    `${folder}/run`,
    "/c1",
  ]);
  deepStrictEqual(writtenPaths(["--out", "a/b.json"]), [
    "a/b.json",
    "a/b.json.partial",
  ]);
  deepStrictEqual(writtenPaths([`--config=${folder}/grid.json`, "-o", "b"]), [
    "/c2",
    "b",
  ]);
  // As PowerShell and json.dump write them.
  await Deno.writeTextFile(
    `${folder}/marked.json`,
    '\ufeff{"update": {"targetKl": NaN},\r\n"warmStart": {"cacheDirectory": "/c3"}}',
  );
  deepStrictEqual(writtenPaths(["--config", `${folder}/marked.json`]), [
    "/c3",
  ]);
  deepStrictEqual(
    writtenPaths(['warmStart={"epochs":1, "cacheDirectory":"/a \\"b\\""}']),
    ['/a "b"'],
  );
  deepStrictEqual(writtenPaths(["--help"]), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("train, report and evaluate work on a run outside the checkout, links and commas in its path included", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/scratch`);
  await Deno.symlink(`${folder}/scratch`, `${folder}/link`);
  const run = `${folder}/link/a,b run`;
  await Deno.writeTextFile(`${folder}/settings.json`, '{"seed": 7}');
  const trained = await task([
    "train",
    ...SMALL,
    "--config",
    `${folder}/settings.json`,
    "--out",
    run,
  ]);
  strictEqual(trained.code, 0, trained.err);
  match(trained.out, /seed 7/);
  const page = `${folder}/page.html`;
  const reported = await task(["report", run, "--out", page]);
  strictEqual(reported.code, 0, reported.err);
  ok((await Deno.stat(page)).size > 0);
  const evaluated = await task(["evaluate", run, "--tasks", "2"]);
  strictEqual(evaluated.code, 0, evaluated.err);
  const again = await task(["train", "--resume", "--out", run, "iterations=2"]);
  strictEqual(again.code, 0, again.err);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a place that Deno keeps for programs with every permission is named as one", () => {
  const denied = new Deno.errors.NotCapable(
    'Requires all access to "/dev/shm/run", run again with the --allow-all flag',
  );
  match(explain(denied), /^Deno opens "\/dev\/shm\/run", like all of \/dev/);
});

Deno.test("ablate reads a grid as PowerShell writes it, and writes outside the checkout", async () => {
  const folder = await Deno.makeTempDir();
  const grid = JSON.stringify({
    preset: "corridor",
    base: {
      iterations: 1,
      backend: "wasm",
      rollout: { tasks: 4 },
      evaluation: { tasks: 2 },
    },
    axes: { seed: { one: {} } },
    seeds: [1],
  });
  const utf16 = Uint16Array.from(`\ufeff${grid}\r\n`, (c) => c.charCodeAt(0));
  await Deno.writeFile(`${folder}/grid.json`, new Uint8Array(utf16.buffer));
  const out = `${folder}/out`;
  const { code, out: printed, err } = await task([
    ...["ablate", `${folder}/grid.json`, "--out", out],
    ...["--metric", "longer/success_rate"],
  ]);
  strictEqual(code, 0, err);
  ok(printed.trimEnd().endsWith(`${out}/summary.html`), printed);
  ok((await Deno.stat(`${out}/summary.csv`)).isFile);
  await Deno.writeTextFile(`${folder}/grid.json`, '{"axes": }');
  const bad = await task(["ablate", `${folder}/grid.json`, "--out", out]);
  strictEqual(bad.code, 1);
  ok(bad.err.includes(`${folder}/grid.json`), bad.err);
  match(bad.err, /line 1, column 10/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a script without its launcher says how a path is named, in words of the tasks", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-P=study",
      "--no-check",
      "--quiet",
      "--no-prompt",
      "scripts/train.ts",
      ...SMALL,
      "--out",
      `${folder}/run`,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const err = new TextDecoder().decode(stderr);
  strictEqual(code, 1);
  match(
    err,
    /^Cannot open run .*: a task writes to runs\/ and to what its command line names \(--out/,
  );
  ok(!err.includes("--allow"), err);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("import-alfred writes and play reads where they are told, ALFWorld's usual places included", async () => {
  const folder = await Deno.makeTempDir();
  const out = `${folder}/games`, tasks = `${folder}/tasks.jsonl`;
  await Deno.writeTextFile(tasks, JSON.stringify(RECORDED_TASK));
  const { code, err } = await task([
    "import-alfred",
    tasks,
    "--out",
    out,
    "--split",
    "valid_seen",
  ]);
  strictEqual(code, 0, err);
  for (
    const [args, env] of [
      [["play", out], {}],
      [["play", "alfworld"], { ALFWORLD_DATA: out }],
    ] as const
  ) {
    const played = await task(args, env);
    strictEqual(played.code, 0, played.err);
    match(played.out, /Your task is to: /);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("SIGTERM to the task saves the run", async () => {
  if (Deno.build.os === "windows") return;
  const folder = await Deno.makeTempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "task",
      "--quiet",
      "train",
      ...SMALL,
      "iterations=100000",
      "--out",
      `${folder}/run`,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = child.output();
  const metrics = `${folder}/run/metrics.jsonl`;
  while (!await Deno.stat(metrics).then(({ size }) => size > 0, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGTERM");
  const { code, stderr } = await ended;
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const rows = (await Deno.readTextFile(metrics)).trim().split("\n").length;
  const [checkpoint] = [...Deno.readDirSync(`${folder}/run/checkpoints`)];
  strictEqual(Number(checkpoint!.name), rows);
  await Deno.remove(folder, { recursive: true });
});
