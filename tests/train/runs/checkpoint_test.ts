import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  checkpointPath,
  findCheckpoint,
  openCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
} from "../../../lib/train/runs/checkpoint.ts";
import {
  writeDurably,
  writeFolderDurably,
} from "../../../lib/train/runs/durable_file.ts";

async function temporary(): Promise<string> {
  return await Deno.makeTempDir({ prefix: "hiper_" });
}

const saving = (content: string) => async (folder: string) => {
  await Deno.writeTextFile(`${folder}/weights.bin`, content);
};

Deno.test("saveCheckpoint() writes what openCheckpoint() finds whole", async () => {
  const directory = `${await temporary()}/one`;
  await saveCheckpoint(directory, { iteration: 7, save: saving("weights") });
  deepStrictEqual(await openCheckpoint(directory), {
    directory,
    iteration: 7,
    warm: true,
  });
});

Deno.test("saveCheckpoint() leaves the old checkpoint when the new one fails", async () => {
  const directory = `${await temporary()}/one`;
  await saveCheckpoint(directory, { iteration: 1, save: saving("good") });
  for (
    const failing of [
      () => Promise.reject(new Error("No space left on device")),
      async (folder: string) => {
        await Deno.writeTextFile(`${folder}/weights.bin`, "half");
        throw new Error("No space left on device");
      },
    ]
  ) {
    await rejects(saveCheckpoint(directory, { iteration: 2, save: failing }), {
      name: "Error",
      message:
        `Cannot write "${directory}" as its folder must have room and be writable: No space left on device`,
    });
    strictEqual((await openCheckpoint(directory)).iteration, 1);
    strictEqual(await Deno.readTextFile(`${directory}/weights.bin`), "good");
  }
});

Deno.test("openCheckpoint() says which file was cut short, changed or lost", async () => {
  const directory = `${await temporary()}/one`;
  const save = () =>
    saveCheckpoint(directory, { iteration: 1, save: saving("weights") });
  const cannot = `Cannot open checkpoint "${directory}" as`;
  await save();
  await Deno.truncate(`${directory}/weights.bin`, 3);
  await rejects(openCheckpoint(directory), {
    message: `${cannot} "weights.bin" must have 7 bytes: current size is 3`,
  });
  await Deno.writeTextFile(`${directory}/weights.bin`, "weightz");
  await rejects(openCheckpoint(directory), {
    message: `${cannot} "weights.bin" must be unchanged: its hash differs`,
  });
  await Deno.remove(`${directory}/weights.bin`);
  await rejects(openCheckpoint(directory), {
    message: `${cannot} "weights.bin" must be readable`,
  });
  await Deno.writeTextFile(
    `${directory}/checkpoint.json`,
    '{"format":"other"}',
  );
  await rejects(openCheckpoint(directory), { name: "SyntaxError" });
  await Deno.remove(`${directory}/checkpoint.json`);
  await rejects(openCheckpoint(directory), {
    name: "SyntaxError",
    message: `${cannot} it must hold "checkpoint.json"`,
  });
});

Deno.test("openCheckpoint() finds the old checkpoint when a save was interrupted between two renames", async () => {
  const directory = `${await temporary()}/one`;
  await saveCheckpoint(directory, { iteration: 3, save: saving("old") });
  await Deno.rename(directory, `${directory}.previous`);
  strictEqual((await openCheckpoint(directory)).iteration, 3);
});

Deno.test("findCheckpoint() passes over what is broken and says why", async () => {
  const parent = await temporary();
  for (const iteration of [5, 10, 15]) {
    await saveCheckpoint(checkpointPath(parent, iteration), {
      iteration,
      save: saving(`weights ${iteration}`),
    });
  }
  await Deno.truncate(`${checkpointPath(parent, 15)}/weights.bin`, 0);
  await Deno.mkdir(`${checkpointPath(parent, 20)}.partial`);
  const { checkpoint, passedOver } = await findCheckpoint(parent);
  strictEqual(checkpoint?.iteration, 10);
  strictEqual(passedOver.length, 1);
  const none = await findCheckpoint(`${parent}/nowhere`);
  deepStrictEqual(none, { checkpoint: undefined, passedOver: [] });
});

Deno.test("pruneCheckpoints() keeps the newest and sweeps up what was interrupted", async () => {
  const parent = await temporary();
  for (const iteration of [1, 2, 10]) {
    await saveCheckpoint(checkpointPath(parent, iteration), {
      iteration,
      save: saving("x"),
    });
  }
  await Deno.mkdir(`${checkpointPath(parent, 11)}.partial`);
  await pruneCheckpoints(parent, 2);
  const names = [...Deno.readDirSync(parent)].map(({ name }) => name).sort();
  deepStrictEqual(names, ["00000002", "00000010"]);
});

Deno.test("writeDurably() replaces a file in one step, or not at all", async () => {
  const folder = await temporary();
  await writeDurably(`${folder}/a.txt`, "one");
  await writeDurably(`${folder}/a.txt`, "two");
  strictEqual(await Deno.readTextFile(`${folder}/a.txt`), "two");
  await rejects(writeDurably(`${folder}/missing/a.txt`, "x"), {
    message: /^Cannot write ".*" as its folder must have room and be writable/,
  });
  deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [
    "a.txt",
  ]);
});

Deno.test("writeFolderDurably() fills a fresh folder even after an interruption", async () => {
  const path = `${await temporary()}/folder`;
  await Deno.mkdir(`${path}.partial`);
  await Deno.writeTextFile(`${path}.partial/stale`, "from another life");
  await writeFolderDurably(path, saving("fresh"));
  deepStrictEqual([...Deno.readDirSync(path)].map(({ name }) => name), [
    "weights.bin",
  ]);
});
