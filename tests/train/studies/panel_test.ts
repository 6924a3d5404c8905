import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { openHousehold } from "../../../lib/envs/household/household.ts";
import type { Assignment } from "../../../lib/rollout/schedule.ts";
import { createRandom } from "../../../lib/random.ts";
import {
  assembleTraining,
  evaluationSets,
} from "../../../lib/train/assemble.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import { scheduleEvaluation } from "../../../lib/train/evaluation.ts";
import {
  makePanel,
  readPanel,
  schedulePanel,
  writePanel,
} from "../../../lib/train/studies/panel.ts";
import {
  datasetFolder,
  NO_ALFWORLD,
} from "../../envs/alfworld/_alfworld_data.ts";
import { miniatureHouse } from "../../envs/pddl/_miniature.ts";

const SHIPPED = new URL("../../../panels/", import.meta.url).pathname;
const ABOUT = { name: "test", about: "for a test" };

function corridors(exit: string) {
  const sets = {
    all: [{ kind: "corridor", exit }, { kind: "corridor", rooms: 2 }],
  };
  const random = createRandom(3);
  return scheduleEvaluation(sets, {
    random,
    tasks: "every",
    groupSize: 2,
    maxTurns: 9,
  });
}

/** A data folder as ALFWorld has it, with the games of some seeds, those last made first. */
async function gamesFolder(seeds: readonly number[]): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const seed of seeds) {
    const trial =
      `${folder}/json_2.1.1/valid_seen/pick_and_place_simple-${seed}/trial_T1`;
    await Deno.mkdir(trial, { recursive: true });
    const game = { ...miniatureHouse("simple"), solvable: true };
    await Deno.writeTextFile(`${trial}/game.tw-pddl`, JSON.stringify(game));
  }
  return folder;
}

async function alfworldPanel(folder: string) {
  const sets = await evaluationSets(defineConfig({
    worlds: [{ kind: "corridor" }],
    evaluation: {
      sets: {
        valid_seen: [{
          dataset: "alfworld",
          directory: folder,
          split: "valid_seen",
        }],
      },
    },
  }));
  const random = createRandom(1);
  const schedule = scheduleEvaluation(sets, { random, tasks: "every" });
  return await makePanel(schedule, { ...ABOUT, alfworld: [folder] });
}

Deno.test("A panel is read as it was written, and schedules the episodes it was made of", async () => {
  const path = `${await Deno.makeTempDir()}/panel.json`;
  const schedule = corridors("left");
  const panel = await makePanel(schedule, ABOUT);
  await writePanel(path, panel);
  const read = await readPanel(path);
  deepStrictEqual(read, panel);
  const again = await schedulePanel(read);
  const drawn = (
    { seed, spec, replica, maxTurns }: Assignment,
  ) => ({
    ...{ seed, spec, replica, maxTurns },
  });
  deepStrictEqual(again.all!.map(drawn), schedule.all!.map(drawn));
});

Deno.test("The shipped panels have the same hash when every world is opened again here", async () => {
  for (const name of ["household", "webshop"]) {
    const shipped = await readPanel(`${SHIPPED}${name}.json`);
    const again = await makePanel(await schedulePanel(shipped), shipped);
    strictEqual(again.hash, shipped.hash);
  }
});

const data = datasetFolder();
Deno.test({
  name: `The shipped panel of ALFWorld's games has the same hash here${
    data === undefined ? ` (${NO_ALFWORLD})` : ""
  }`,
  ignore: data === undefined,
  fn: async () => {
    const alfworld = [data!];
    const shipped = await readPanel(`${SHIPPED}alfworld.json`);
    const schedule = await schedulePanel(shipped, { alfworld });
    const again = await makePanel(schedule, { ...shipped, alfworld });
    strictEqual(again.hash, shipped.hash);
    strictEqual(again.episodes.length, 117);
  },
});

Deno.test("Games have one panel's hash in two folders, in whatever order they were written", async () => {
  const here = await gamesFolder([5, 6, 7]),
    there = await gamesFolder([7, 5, 6]);
  const panel = await alfworldPanel(here);
  strictEqual((await alfworldPanel(there)).hash, panel.hash);
  const { valid_seen } = await schedulePanel(panel, { alfworld: [there] });
  deepStrictEqual(
    valid_seen!.map(({ spec }) => String(spec.path).startsWith(there)),
    [true, true, true],
  );
});

Deno.test("A changed game file is refused by name, and a missing one", async () => {
  const folder = await gamesFolder([5, 6]);
  const panel = await alfworldPanel(folder);
  const path =
    `${folder}/json_2.1.1/valid_seen/pick_and_place_simple-6/trial_T1/game.tw-pddl`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `${text}\n`);
  await rejects(
    schedulePanel(panel, { alfworld: [folder] }),
    ({ message }: Error) => {
      match(message, /valid_seen\/game\/1#0/);
      match(message, /pick_and_place_simple-6\/trial_T1\/game\.tw-pddl/);
      return true;
    },
  );
  await Deno.remove(path);
  await rejects(
    schedulePanel(panel, { alfworld: [folder] }),
    /must hold "valid_seen\/pick_and_place_simple-6\/trial_T1\/game\.tw-pddl"/,
  );
});

Deno.test("A world that starts otherwise is refused by name", async () => {
  const panel = await makePanel(corridors("left"), ABOUT);
  const open = (spec: { kind: string }, seed: number) =>
    openHousehold({}, seed + spec.kind.length);
  await rejects(
    schedulePanel(panel, { open }),
    /Cannot play panel "test" as episode "all\/corridor\/0#0" \(\{"kind":"corridor","exit":"left"\}, seed \d+\) must start with SHA-256/,
  );
});

Deno.test("A panel whose episodes were edited is refused", async () => {
  const path = `${await Deno.makeTempDir()}/panel.json`;
  await writePanel(path, await makePanel(corridors("left"), ABOUT));
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace('"maxTurns":9', '"maxTurns":8'));
  await rejects(readPanel(path), /as "hash" must be that of its episodes/);
  await Deno.writeTextFile(path, text.replace('"name"', '"nome"'));
  await rejects(readPanel(path), /must be|is not a setting/);
});

Deno.test("A panel that would name a file of this machine alone is not made", async () => {
  const folder = await gamesFolder([5]);
  const path =
    `${folder}/json_2.1.1/valid_seen/pick_and_place_simple-5/trial_T1/game.tw-pddl`;
  const random = createRandom(1);
  const schedule = scheduleEvaluation({ one: [{ kind: "game", path }] }, {
    random,
    tasks: 1,
  });
  await rejects(
    makePanel(schedule, { ...ABOUT, alfworld: ["/elsewhere"] }),
    /must be in ALFWorld's folders/,
  );
});

Deno.test("A training evaluates on a panel's episodes", async () => {
  const panel = await makePanel(corridors("right"), ABOUT);
  const config = defineConfig({
    worlds: [{ kind: "corridor" }],
    backend: "cpu",
  });
  await using training = await assembleTraining(config);
  const { assignments, metrics } = await training.evaluate(
    undefined,
    await schedulePanel(panel),
  );
  deepStrictEqual(
    assignments.map(({ id }) => id),
    panel.episodes.map(({ id }) => id),
  );
  strictEqual(metrics["all/turns"]! <= 9, true);
});
