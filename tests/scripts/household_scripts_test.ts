import { match, ok, strictEqual } from "node:assert/strict";
import { listAlfworld } from "../../mod/household.ts";
import { compileGame } from "../../mod/pddl.ts";
import { RECORDED_TASK } from "./_recorded_task.ts";

const ROOT = new URL("../../", import.meta.url);

async function run(
  permissions: string,
  script: string,
  args: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      `-P=${permissions}`,
      `scripts/${script}`,
      ...args,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

Deno.test("household-stats draws, solves and compiles what it counts", async () => {
  const { code, out, err } = await run("study", "household_stats.ts", [
    "--games",
    "24",
    "--difficulty",
    "easy",
    "--compiled",
    "12",
  ]);
  strictEqual(code, 0, err);
  match(out, /2 of 2 compiled files are won by their walkthrough/);
  strictEqual(out.match(/4 of 4 solved by the expert/g)?.length, 6);
});

Deno.test("import-alfred writes folders that ALFWorld's loader lists, games that are won", async () => {
  const name = `runs/import-test-${Deno.pid}`;
  const task = RECORDED_TASK;
  const unknown = { ...task, scene: { ...task.scene, scene_num: 999 } };
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(
    path,
    [task, unknown].map((t) => JSON.stringify(t)).join("\n"),
  );
  const importing = [path, "--out", name];
  try {
    const { code, out, err } = await run(
      "import",
      "import_alfred.ts",
      importing,
    );
    strictEqual(code, 0, err);
    match(out, /1 of 2 tasks imported/);
    match(out, /1 {2}unknown scene/);
    const specs = await listAlfworld({
      dataset: "alfworld",
      directory: new URL(name, ROOT).pathname,
      split: "train",
    });
    strictEqual(specs.length, 1);
    strictEqual(specs[0]!["taskType"], "look_at_obj_in_light");
    const game = compileGame(
      await Deno.readTextFile(String(specs[0]!["path"])),
    );
    const play = game.start();
    for (const command of game.walkthrough) play.step(command);
    ok(play.won);
    const again = await run("import", "import_alfred.ts", importing);
    strictEqual(again.code, 0, again.err); // what was imported may be imported anew
    const { gen: _, ...official } = JSON.parse(
      await Deno.readTextFile(String(specs[0]!["path"])),
    );
    await Deno.writeTextFile(
      String(specs[0]!["path"]),
      JSON.stringify(official),
    );
    const refused = await run("import", "import_alfred.ts", importing);
    strictEqual(refused.code, 1);
    match(refused.err, /"--out" must hold no games but imported ones/);
  } finally {
    await Deno.remove(path);
    await Deno.remove(new URL(name, ROOT), { recursive: true }).catch(() => {});
  }
});

Deno.test("import-alfred counts what cannot be read over all splits, and names where", async () => {
  const folder = await Deno.makeTempDir();
  const write = async (path: string, text: string) => {
    await Deno.mkdir(`${folder}/${path}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}/traj_data.json`, text);
  };
  const { task_type: _, ...untyped } = RECORDED_TASK;
  await write("train/a", JSON.stringify(RECORDED_TASK));
  await write(
    "train/b",
    `\ufeff${JSON.stringify(RECORDED_TASK, null, 1).replaceAll("\n", "\r\n")}`,
  );
  await write("tests_seen/a", JSON.stringify(untyped));
  await write("tests_seen/b", JSON.stringify(untyped));
  await write("train/cut", JSON.stringify(RECORDED_TASK).slice(0, 100));
  await Deno.mkdir(`${folder}/train/gone`);
  await Deno.symlink(
    `${folder}/nowhere`,
    `${folder}/train/gone/traj_data.json`,
  );
  const { code, out, err } = await run("import", "import_alfred.ts", [
    folder,
    "--dry",
  ]);
  strictEqual(code, 0, err);
  match(out, /2 of 6 tasks could be imported/);
  ok(
    out.includes(
      `2  "task_type" must be text: current value is absent (first: ${folder}/tests_seen/a/traj_data.json)`,
    ),
    out,
  );
  ok(out.includes(`(first: ${folder}/train/cut/traj_data.json)`), out);
  ok(out.includes(`(first: ${folder}/train/gone/traj_data.json)`), out);
  const lines = `${folder}/tasks.jsonl`;
  await Deno.writeTextFile(
    lines,
    [JSON.stringify(RECORDED_TASK), "", JSON.stringify(untyped)].join("\r\n"),
  );
  const listed = await run("import", "import_alfred.ts", [lines, "--dry"]);
  match(listed.out, /1 of 2 tasks/);
  ok(listed.out.includes(`(first: ${lines}, line 3)`), listed.out);
  await Deno.remove(folder, { recursive: true });
});
