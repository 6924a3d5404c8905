import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";

import { readResults } from "../../lib/train/studies/evaluation_results.ts";

const root = new URL("../..", import.meta.url).pathname;

function script(name: string, args: readonly string[], folder: string) {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      `--allow-write=${folder}`,
      "--allow-env",
      `scripts/${name}.ts`,
      ...args,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(name: string, args: readonly string[], folder: string) {
  const { code, stdout, stderr } = await script(name, args, folder).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const small = [
  "--preset=corridor",
  "iterations=3",
  "rollout.tasks=8",
  "backend=wasm",
  "evaluation.every=2",
  "evaluation.tasks=4",
];

Deno.test("deno task train, evaluate and report work from settings to a page", async () => {
  const folder = await Deno.makeTempDir();
  const out = `--out=${folder}/run`;
  const trained = await run("train", [...small, out, "seed=3"], folder);
  strictEqual(trained.code, 0, trained.err);
  ok(trained.out.includes("3/3 success"), trained.out);
  const names = [...Deno.readDirSync(`${folder}/run`)].map(({ name }) => name);
  deepStrictEqual(names.sort(), [
    "checkpoints",
    "config.json",
    "environment.json",
    "evaluation.json",
    "evaluation.parquet",
    "events",
    "lock",
    "metrics.jsonl",
    "metrics.parquet",
    "timing.jsonl",
    "trajectories",
  ]);
  const again = await run("train", [...small, out, "seed=3"], folder);
  strictEqual(again.code, 1);
  ok(again.err.includes("it must be new unless it is resumed"), again.err);

  const page = await run("report", [`${folder}/run`], folder);
  strictEqual(page.code, 0, page.err);
  const html = await Deno.readTextFile(`${folder}/run/report.html`);
  ok(html.includes("Episodes, turn by turn"));
  strictEqual(/<(?:script|link|img|iframe)[^>]*https?:/.test(html), false);

  const players = ["iteration 3", "random", "expert", "untrained"];
  const args = [
    ...[`${folder}/run`, "evaluation.tasks=3", "--baseline"],
    ...[...players.slice(1), `--out=${folder}/results.json`],
  ];
  const evaluated = await run("evaluate", args, folder);
  strictEqual(evaluated.code, 0, evaluated.err);
  for (const player of players) {
    ok(evaluated.out.includes(`${player}, longer`), evaluated.out);
  }
  const results = await readResults(`${folder}/results.json`);
  deepStrictEqual(results.source, { run: `${folder}/run`, iteration: 3 });
  deepStrictEqual(
    results.players.map(({ name, episodes }) => [name, episodes.length]),
    players.map((name) => [name, 3]),
  );
});

Deno.test("deno task train suggests what was meant, and explains itself", async () => {
  const folder = await Deno.makeTempDir();
  const typo = await run(
    "train",
    ["--preset=corridor", "rollout.task=3"],
    folder,
  );
  strictEqual(typo.code, 1);
  deepStrictEqual(typo.err.trim().split("\n"), [
    'Cannot read config as "rollout.task" is not a setting: did you mean "rollout.tasks"?',
    "deno task train --settings lists every setting; --settings <word> searches among them",
  ]);
  const file = `${folder}/settings.json`;
  await Deno.writeTextFile(file, '{"iterations": NaN}');
  const ofFile = ["--preset=corridor", "--config", file, "seed=2"];
  const bare = await run("train", ofFile, folder);
  strictEqual(
    bare.err.split("\n")[0],
    `Cannot read config as "iterations" must be a whole number, not negative: current value is "NaN" (in "${file}")`,
  );
  const both = await run("train", [...ofFile, "rollout.task=3"], folder);
  ok(!both.err.includes(`(in "${file}")`), both.err);
  const flag = await run("train", ["--presett", "corridor"], folder);
  ok(flag.code !== 0 && flag.err.includes("Did you mean --preset"), flag.err);
  const help = await run("train", ["--help"], folder);
  strictEqual(help.code, 0);
  for (
    const word of [
      "--preset",
      "--resume",
      "--minutes",
      "--settings",
      "path=value",
    ]
  ) {
    ok(help.out.includes(word), help.out);
  }
});

Deno.test("deno task train --settings lists settings and searches among them", async () => {
  const folder = await Deno.makeTempDir();
  const list = async (...args: string[]) => {
    const { code, out, err } = await run("train", args, folder);
    strictEqual(code, 0, err);
    for (const line of out.split("\n")) ok(line.length <= 80, line);
    return { out, err };
  };
  const all = await list("--preset=corridor", "--settings", "seed=7");
  for (const word of ["seed=7", "update.learningRate=0.001", "default 0.003"]) {
    ok(all.out.includes(word), word);
  }
  ok(!all.out.includes("policy.loraRank"), "of another policy");
  const found = await list("--settings", "LoRA", "rank");
  ok(found.out.startsWith("policy.loraRank=0"), found.out);
  ok(/\[with\s+policy\.name=language\]/.test(found.out), found.out);
  const old = await list("warmStart.tasks=3", "--settings", "expert", "plays");
  ok(old.err.includes("warmStart.tasks is now warmStart.episodes"), old.err);
  ok(old.out.startsWith("warmStart.episodes=3"), old.out);
  const none = await list("--settings", "nonsense");
  strictEqual(none.out.trim(), 'No setting has "nonsense".');
});

Deno.test("Ctrl-C saves, and the run goes on from there", async () => {
  const folder = await Deno.makeTempDir();
  const out = `--out=${folder}/run`;
  const args = [...small, out, "iterations=100000"];
  const child = script("train", args, folder).spawn();
  const ended = child.output();
  while (!await has(`${folder}/run/metrics.jsonl`)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const metrics = await Deno.readTextFile(`${folder}/run/metrics.jsonl`);
  const rows = metrics.trim().split("\n").length;
  const [{ name }] = [...Deno.readDirSync(`${folder}/run/checkpoints`)] as [
    Deno.DirEntry,
  ];
  strictEqual(Number(name), rows);
  const on = [out, "--resume", `iterations=${rows + 2}`];
  const resumed = await run("train", on, folder);
  strictEqual(resumed.code, 0, resumed.err);
  ok(resumed.out.includes(`iterations ${rows} to ${rows + 2}`), resumed.out);
});

/** Whether a file holds anything. */
async function has(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).size > 0;
  } catch {
    return false;
  }
}
