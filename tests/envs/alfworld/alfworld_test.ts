import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { listEnvs, openEnv, readDataset } from "../../../lib/envs/open_env.ts";
import { readGame } from "../../../lib/envs/pddl/game_env.ts";
import {
  findTraceGame,
  readTraces,
  replayTrace,
} from "../../../lib/envs/pddl/trace.ts";
import { planHousehold } from "../../../lib/envs/household/expert.ts";
import { miniatureHouse } from "../pddl/_miniature.ts";
import {
  datasetArchive,
  datasetFolder,
  NO_ALFWORLD,
  samplesFolder,
} from "./_alfworld_data.ts";

/** A dataset of small houses in the official layout. */
async function withDataset(
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const write = async (path: string, file: object) => {
    await Deno.mkdir(`${folder}/json_2.1.1/${path}`, { recursive: true });
    await Deno.writeTextFile(
      `${folder}/json_2.1.1/${path}/game.tw-pddl`,
      JSON.stringify(file),
    );
  };
  const solvable = { ...miniatureHouse("simple"), solvable: true };
  try {
    await write(
      "valid_seen/pick_two_obj_and_place-Mug-None-Cabinet-3/trial_b",
      solvable,
    );
    await write(
      "valid_seen/pick_two_obj_and_place-Mug-None-Cabinet-3/trial_a",
      solvable,
    );
    await write(
      "valid_seen/pick_and_place_simple-Apple-None-Cabinet-3/trial_c",
      solvable,
    );
    await write(
      "valid_seen/pick_and_place_simple-AppleSliced-None-Cabinet-3/trial_d",
      solvable,
    );
    await write(
      "valid_seen/pick_and_place_with_movable_recep-Apple-Bowl-Cabinet-3/trial_e",
      solvable,
    );
    await write("valid_seen/pick_and_place_simple-Apple-None-Shelf-4/trial_f", {
      ...solvable,
      solvable: false,
    });
    await write(
      "valid_seen/pick_and_place_simple-Apple-None-Shelf-4/trial_g",
      miniatureHouse("simple"),
    );
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("listEnvs() lists what ALFWorld's loader keeps, sorted", async () => {
  await withDataset(async (directory) => {
    const specs = await listEnvs({
      dataset: "alfworld",
      directory,
      split: "valid_seen",
    });
    const names = specs.map(({ path }) => String(path).split("/").at(-2));
    deepStrictEqual(names, ["trial_c", "trial_a", "trial_b"]);
    deepStrictEqual(specs[0]!.taskType, "pick_and_place_simple");
    const inner = `${directory}/json_2.1.1/`;
    strictEqual(
      (await listEnvs({
        dataset: "alfworld",
        directory: inner,
        split: "valid_seen",
      })).length,
      3,
    );
  });
});

Deno.test("listEnvs() filters by task type and passes settings on", async () => {
  await withDataset(async (directory) => {
    const specs = await listEnvs({
      dataset: "alfworld",
      directory,
      split: "valid_seen",
      taskTypes: ["pick_two_obj_and_place"],
      settings: { reward: 1 },
    });
    deepStrictEqual(specs.map(({ reward, taskType }) => [reward, taskType]), [
      [1, "pick_two_obj_and_place"],
      [1, "pick_two_obj_and_place"],
    ]);
  });
});

Deno.test("listEnvs() takes splits from wherever among several folders they are", async () => {
  await withDataset(async (first) => {
    await withDataset(async (second) => {
      await Deno.rename(
        `${second}/json_2.1.1/valid_seen`,
        `${second}/json_2.1.1/train`,
      );
      const list = (split: string | string[]) =>
        listEnvs({ dataset: "alfworld", directory: [first, second], split });
      const both = await list(["train", "valid_seen"]);
      strictEqual(both.length, 6);
      deepStrictEqual(both, [
        ...await list("train"),
        ...await list("valid_seen"),
      ]);
      ok(String(both[0]!.path).startsWith(second));
      ok(String(both[3]!.path).startsWith(first));
      await rejects(list(["train", "valid_unseen"]), {
        name: "TypeError",
        message:
          `Cannot list alfworld as "directory" must hold the split "valid_unseen": current value is "${first}", "${second}" with "train", "valid_seen"`,
      });
    });
  });
});

Deno.test("listEnvs() says when a folder is missing, or holds no game to play", async () => {
  await withDataset(async (folder) => {
    const list = (directory: string, taskTypes?: string[]) =>
      listEnvs({
        dataset: "alfworld",
        directory,
        split: "valid_seen",
        ...(taskTypes && { taskTypes }),
      });
    await rejects(list(`${folder}/nowhere`), {
      name: "TypeError",
      message:
        `Cannot list alfworld as "directory" must be a folder: current value is "${folder}/nowhere"`,
    });
    await Deno.mkdir(`${folder}/empty`);
    await rejects(list(`${folder}/empty`), /with no split at all$/);
    await rejects(
      list(folder, ["look_at_obj_in_light"]),
      /"valid_seen" must hold solvable games of the wanted kinds of task/,
    );
  });
});

Deno.test("a game asks in the words of the first person who described its task", async () => {
  await withDataset(async (directory) => {
    const list = (settings: object) =>
      listEnvs({
        dataset: "alfworld",
        directory,
        split: "valid_seen",
        settings: settings as Record<string, unknown>,
      });
    const [spec] = await list({ wording: "human" });
    await rejects(
      async () => await openEnv(spec!, 1),
      /traj_data.json" must stand beside it: there is none/,
    );
    const beside = String(spec!.path).replace("game.tw-pddl", "traj_data.json");
    const recorded = (...said: string[]) =>
      JSON.stringify({
        turk_annotations: { anns: said.map((task_desc) => ({ task_desc })) },
      });
    await Deno.writeTextFile(beside, recorded());
    await rejects(
      async () => await openEnv(spec!, 1),
      /must hold an annotation: there is none/,
    );
    await Deno.writeTextFile(beside, recorded("Stow |the| fruit.", "Else."));
    const start = await (await openEnv(spec!, 1)).start();
    strictEqual(start.task, "Stow the fruit.");
    ok(start.observation.text.endsWith("Your task is to: Stow the fruit."));
    const [plain] = await list({ wording: "template" });
    const own = await (await openEnv(plain!, 1)).start();
    deepStrictEqual(
      { ...own.observation, text: "" },
      { ...start.observation, text: "" },
    );
    ok(own.task !== start.task);
  });
});

Deno.test("readDataset() skips damaged games and names each, whatever else is in the folder", async () => {
  await withDataset(async (directory) => {
    const seen = `${directory}/json_2.1.1/valid_seen`;
    const kind = `${seen}/pick_and_place_simple-Apple-None-Cabinet-3`;
    const whole = await Deno.readTextFile(`${kind}/trial_c/game.tw-pddl`);
    const add = async (trial: string, bytes: Uint8Array | string) => {
      await Deno.mkdir(`${kind}/${trial}`);
      const path = `${kind}/${trial}/game.tw-pddl`;
      await Deno.writeFile(
        path,
        typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
      );
      return path;
    };
    const cut = await add("cut", whole.slice(0, 200));
    const empty = await add("empty", "");
    const list = await add("list", "null");
    const rows = await add("rows", "[]");
    const folder = `${kind}/folder/game.tw-pddl`;
    await Deno.mkdir(folder, { recursive: true });
    await add("mark", `\ufeff${whole}`);
    await add("nan", whole.replace("{", '{"cost": NaN,'));
    await add("crlf", whole.replace(/^\{/, "{\r\n"));
    await Deno.mkdir(`${kind}/gone`);
    const gone = `${kind}/gone/game.tw-pddl`;
    await Deno.symlink(`${directory}/nowhere`, gone);
    const { specs, skipped } = await readDataset({
      dataset: "alfworld",
      directory,
      split: "valid_seen",
      taskTypes: ["pick_and_place_simple"],
    });
    deepStrictEqual(
      specs.map(({ path }) => String(path).split("/").at(-2)),
      ["crlf", "mark", "nan", "trial_c"],
    );
    for (const spec of specs) await (await openEnv(spec, 1)).start();
    deepStrictEqual(
      skipped.map((message) => message.split(": ")[0]).sort(),
      [cut, empty, folder, gone, list, rows].sort(),
    );
    const reasons = skipped.join("\n");
    ok(/cut\/game.tw-pddl: it must hold JSON.*line 1, column/.test(reasons));
    ok(/empty\/game.tw-pddl: it must hold JSON: it is empty/.test(reasons));
    ok(/list\/game.tw-pddl: it must hold a JSON object/.test(reasons));
    ok(/rows\/game.tw-pddl: it must hold a JSON object/.test(reasons));
    ok(/folder\/game.tw-pddl: it must be a file/.test(reasons));
    await rejects(
      async () => await openEnv({ kind: "game", path: cut }, 1),
      (error) => error instanceof Error && error.message.includes(cut),
    );
    for (const spec of specs) await Deno.remove(String(spec.path));
    await rejects(
      listEnvs({
        dataset: "alfworld",
        directory,
        split: "valid_seen",
        taskTypes: ["pick_and_place_simple"],
      }),
      /none in .*, 6 files were skipped, the first: .*game\.tw-pddl: /,
    );
  });
});

Deno.test("listEnvs() follows links, and lists a game once", async () => {
  await withDataset(async (directory) => {
    const seen = `${directory}/json_2.1.1/valid_seen`;
    const away = await Deno.makeTempDir();
    const apple = "pick_and_place_simple-Apple-None-Cabinet-3";
    const mug = "pick_two_obj_and_place-Mug-None-Cabinet-3";
    await Deno.rename(`${seen}/${apple}`, `${away}/${apple}`);
    await Deno.symlink(`${away}/${apple}`, `${seen}/${apple}`);
    await Deno.symlink(seen, `${seen}/pick_and_place_simple-Back-None-X-1`);
    await Deno.symlink(`${seen}/${mug}`, `${seen}/pick_aaa-again`);
    await Deno.rename(
      `${seen}/${mug}/trial_a/game.tw-pddl`,
      `${away}/blob`,
    );
    await Deno.symlink(`${away}/blob`, `${seen}/${mug}/trial_a/game.tw-pddl`);
    const { specs, skipped } = await readDataset({
      dataset: "alfworld",
      directory,
      split: "valid_seen",
    });
    deepStrictEqual(
      specs.map(({ path }) => String(path).split("/").at(-2)),
      ["trial_c", "trial_a", "trial_b"],
    );
    deepStrictEqual(skipped, []);
    await (await openEnv(specs[1]!, 1)).start();
    await Deno.remove(away, { recursive: true });
  });
});

Deno.test("a data folder that is named nowhere is found where ALFWorld's tools put it, or the places are named", async () => {
  await withDataset(async (directory) => {
    const list = async (env: Record<string, string>) => {
      const url = new URL("../../../lib/envs/open_env.ts", import.meta.url);
      const code = `import { listEnvs } from ${JSON.stringify(url)};
        const dataset = { dataset: "alfworld", split: "valid_seen" };
        console.log((await listEnvs(dataset))[0].path);`;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--config=deno.json",
          "--no-check",
          `data:text/typescript,${encodeURIComponent(code)}`,
        ],
        cwd: new URL("../../../", import.meta.url),
        env: { NO_COLOR: "1", ...env },
      }).output();
      const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return decode(stdout) + decode(stderr);
    };
    const home = await Deno.makeTempDir();
    const named = await list({ ALFWORLD_DATA: directory, HOME: home });
    ok(named.startsWith(`${directory}/json_2.1.1/valid_seen/`), named);
    const none = await list({ ALFWORLD_DATA: "", HOME: home });
    ok(none.includes(`"data/alfworld" or "${home}/.cache/alfworld"`), none);
    await Deno.mkdir(`${home}/.cache`, { recursive: true });
    await Deno.symlink(directory, `${home}/.cache/alfworld`);
    const usual = await list({ ALFWORLD_DATA: "", HOME: home });
    ok(usual.startsWith(`${home}/.cache/alfworld/json_2.1.1/`), usual);
    const wrong = await list({ ALFWORLD_DATA: `${home}/no`, HOME: home });
    ok(
      wrong.includes(`must be a folder: current value is "${home}/no"`),
      wrong,
    );
    await Deno.remove(home, { recursive: true });
  });
});

const samples = samplesFolder();

Deno.test({
  name: `reference traces replay exactly${
    samples === undefined ? ` [${NO_ALFWORLD}]` : ""
  }`,
  ignore: samples === undefined,
  async fn() {
    const traces = await readTraces(`${samples}/traces.jsonl.gz`);
    ok(traces.length >= 12);
    for (const trace of traces) {
      const path = await findTraceGame(trace, [samples!]);
      ok(path !== undefined, trace.game);
      deepStrictEqual(replayTrace(await readGame(path), trace), [], trace.game);
    }
  },
});

/** The real games at hand, unpacked for as long as `run` takes if they are packed. */
async function withGames(
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = datasetFolder();
  if (folder !== undefined) return await run(folder);
  const unpacked = await Deno.makeTempDir();
  try {
    const tar = new Deno.Command("tar", {
      args: ["xJf", datasetArchive()!, "-C", unpacked],
    });
    ok((await tar.output()).success);
    await run(unpacked);
  } finally {
    await Deno.remove(unpacked, { recursive: true });
  }
}

const noGames = datasetFolder() === undefined && datasetArchive() === undefined;

Deno.test({
  name: `every real game is solved, as short as its walkthrough${
    noGames ? ` [${NO_ALFWORLD}]` : ""
  }`,
  ignore: noGames,
  async fn() {
    await withGames(async (directory) => {
      let games = 0, compared = 0;
      for (const split of ["valid_train", "valid_seen", "valid_unseen"]) {
        for (
          const { path } of await listEnvs({
            dataset: "alfworld",
            directory,
            split,
          })
        ) {
          const game = await readGame(String(path));
          const plan = planHousehold(game)?.flatMap(({ actions }) => actions);
          ok(plan !== undefined && plan.length <= 50, String(path));
          const play = game.start();
          strictEqual(play.won, false);
          for (const command of plan) ok(play.step(command).accepted);
          strictEqual(play.won, true, String(path));
          games++;
          if (game.walkthrough.length === 0) continue;
          compared++;
          const replayed = game.start();
          for (const command of game.walkthrough) {
            ok(replayed.step(command).accepted, `${path}: ${command}`);
          }
          strictEqual(replayed.won, true);
          ok(plan.length <= game.walkthrough.length, String(path));
        }
      }
      ok(
        games > 200 && compared > 100,
        `${games} games, ${compared} walkthroughs`,
      );
    });
  },
});
