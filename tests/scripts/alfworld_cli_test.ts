import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { miniatureHouse } from "../envs/pddl/_miniature.ts";
import { RECORDED_TASK } from "./_recorded_task.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

async function run(script: string, args: readonly string[], folder: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      `--allow-write=${folder}`,
      "--allow-env",
      `scripts/${script}.ts`,
      ...args,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A folder of small houses in three splits, and a file of one recorded task. */
async function makeData(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const game = { ...miniatureHouse("simple"), solvable: true };
  for (const split of ["valid_train", "valid_seen", "valid_unseen"]) {
    const task = `pick_and_place_simple-Apple-None-Cabinet-3/trial_${split}`;
    const path = `${folder}/games/${split}/${task}`;
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeTextFile(`${path}/game.tw-pddl`, JSON.stringify(game));
    const said = { anns: [{ task_desc: "Bring an apple to the cabinet." }] };
    await Deno.writeTextFile(
      `${path}/traj_data.json`,
      JSON.stringify({ turk_annotations: said }),
    );
  }
  await Deno.writeTextFile(
    `${folder}/tasks.jsonl`,
    JSON.stringify(RECORDED_TASK),
  );
  return folder;
}

Deno.test("the preset alfworld trains on games and recordings, evaluates every held-out game, and reports", async () => {
  const folder = await makeData();
  const out = `${folder}/run`;
  const small = ["iterations=1", "rollout.tasks=4", "rollout.maxTurns=6"];
  const learning = [
    "--preset=alfworld",
    `--out=${out}`,
    ...small,
    "--data",
    `${folder}/games`,
    `${folder}/tasks.jsonl`,
    "--splits",
    "valid_train",
    "evaluation.maxTurns=6", // a setting, not one more split
  ];
  const trained = await run("train", learning, folder);
  strictEqual(trained.code, 0, trained.err);
  match(
    trained.out,
    /learns in 2 worlds, is evaluated on valid_seen \(1\), valid_unseen \(1\)/,
  );

  const playing = [
    out,
    "--baseline",
    "expert",
    "--plays",
    "2",
    "--wording",
    "human",
    "--alfworld",
    `${folder}/games`,
  ];
  const evaluated = await run("evaluate", playing, folder);
  strictEqual(evaluated.code, 0, evaluated.err);
  match(evaluated.out, /expert, valid_unseen/);
  match(evaluated.out, /All[^\n]*100 % \[21, 100\] of 1/);
  match(evaluated.out, /97.4 % +HiPER 7B \(arXiv 2602.16165\)/);

  const page = await run("report", [out], folder);
  strictEqual(page.code, 0, page.err);
  const html = await Deno.readTextFile(`${out}/report.html`);
  ok(html.includes("<td>HiPER 7B</td>"));
  ok(html.includes("<th>Pick</th>"));
});

Deno.test("train and evaluate say what is missing of ALFWorld, and where it comes from", async () => {
  const folder = await makeData();
  const complain = async (script: string, args: readonly string[]) => {
    const { code, err } = await run(script, args, folder);
    strictEqual(code, 1);
    return err.trim().split("\n");
  };
  const train = (...args: string[]) =>
    complain("train", [`--out=${folder}/run`, ...args]);
  deepStrictEqual(
    await train("--preset=alfworld", "--data", `${folder}/games`),
    [
      `Cannot list alfworld as "directory" must hold the split "train": current value is "${folder}/games" with "valid_train", "valid_seen", "valid_unseen"`,
      "deno task train --help says where its games come from",
    ],
  );
  deepStrictEqual(await train("--preset=corridor", "--data", folder), [
    'Cannot read "--data" and "--splits" as the preset must be one that plays ALFWorld',
  ]);
});
