import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { listEnvs, openEnv } from "../../../lib/envs/open_env.ts";
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

Deno.test("listEnvs() refuses links that lead out of the dataset", async () => {
  await withDataset(async (directory) => {
    await Deno.symlink(
      "/tmp",
      `${directory}/json_2.1.1/valid_seen/pick_and_place_simple-Away-None-Desk-1`,
    );
    await rejects(
      listEnvs({ dataset: "alfworld", directory, split: "valid_seen" }),
      /links must stay inside/,
    );
  });
});

const samples = samplesFolder();

Deno.test({
  name: `reference traces replay exactly${
    samples === undefined ? ` (${NO_ALFWORLD})` : ""
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
    noGames ? ` (${NO_ALFWORLD})` : ""
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
