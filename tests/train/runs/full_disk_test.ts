import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { createCompactPolicy } from "../../../lib/policy/compact/policy.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  openCheckpoint,
  saveCheckpoint,
} from "../../../lib/train/runs/checkpoint.ts";
import { createPpoLearner } from "../../../lib/train/ppo/learner.ts";
import { recordTraining } from "../../../lib/train/runs/record_training.ts";
import { openRun } from "../../../lib/train/runs/run_store.ts";
import { countingConfig, countingTraining } from "../_counting.ts";

/** Runs `mount` or `umount`; whether it could. */
async function mount(...args: string[]): Promise<boolean> {
  const [command, ...rest] = args;
  try {
    const { success } = await new Deno.Command(command!, {
      args: rest,
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** A disk of its own of so many kilobytes, gone when the test is over. */
async function smallDisk(kilobytes: number) {
  const path = await Deno.makeTempDir({ prefix: "hiper_disk_" });
  const size = `size=${kilobytes}k`;
  if (!await mount("mount", "-t", "tmpfs", "-o", size, "none", path)) {
    await Deno.remove(path);
    return undefined;
  }
  return {
    path,
    /** Takes all room that is left. */
    async fill(): Promise<void> {
      const page = new Uint8Array(4096);
      using file = await Deno.create(`${path}/filler`);
      await rejects(async () => {
        for (;;) await file.write(page);
      }, /No space left/);
    },
    /** Lets files be read only. */
    forbid: () => mount("mount", "-o", "remount,ro", path),
    async [Symbol.asyncDispose]() {
      await mount("umount", path);
      await Deno.remove(path);
    },
  };
}

/** Whether this process may mount disks. */
const mountable = await (async () => {
  await using disk = await smallDisk(64);
  return disk !== undefined;
})();

Deno.test({
  name:
    "a disk that is full ends a run with a clear error, and the run goes on when there is room [needs the right to mount a disk]",
  ignore: !mountable,
  fn: async () => {
    await using disk = await smallDisk(512);
    const directory = `${disk!.path}/run`;
    const config = countingConfig({ iterations: 40 });
    const play = async (resume: boolean, path = directory) => {
      await using run = await openRun(path, config, { resume });
      for await (
        const { iteration } of recordTraining(countingTraining(config), run)
      ) {
        if (iteration === 4 && !resume && path === directory) {
          await disk!.fill();
        }
      }
    };
    await rejects(play(false), {
      message:
        /^Cannot (write|append to) ".*" as its folder must have room and be writable: No space left on device/,
    });
    await Deno.remove(`${disk!.path}/filler`);
    await play(true);
    const whole = await Deno.makeTempDir({ prefix: "hiper_whole_" });
    await play(false, whole);
    strictEqual(
      await Deno.readTextFile(`${directory}/metrics.jsonl`),
      await Deno.readTextFile(`${whole}/metrics.jsonl`),
    );
  },
});

Deno.test({
  name:
    "a disk that is full leaves the last checkpoint of real weights intact [needs the right to mount a disk]",
  ignore: !mountable,
  fn: async () => {
    await selectBackend("wasm");
    const policy = createCompactPolicy({ seed: 1 });
    const learner = createPpoLearner(policy);
    const save = (folder: string) => learner.save(folder);
    await using disk = await smallDisk(5120); // room for one checkpoint and some of another
    const directory = `${disk!.path}/one`;
    await saveCheckpoint(directory, { iteration: 1, save });
    await Deno.writeFile(`${disk!.path}/more`, new Uint8Array(2 ** 21));
    await rejects(saveCheckpoint(directory, { iteration: 2, save }), {
      message:
        /^Cannot write ".*\/one" as its folder must have room and be writable: .*No space left on device/,
    });
    const checkpoint = await openCheckpoint(directory);
    strictEqual(checkpoint.iteration, 1);
    await learner.load(checkpoint.directory);
    const names = [...Deno.readDirSync(disk!.path)].map(({ name }) => name);
    deepStrictEqual(names.sort(), ["more", "one"]);
    policy.dispose();
  },
});

Deno.test({
  name:
    "a disk that may only be read is refused in words [needs the right to mount a disk]",
  ignore: !mountable,
  fn: async () => {
    await using disk = await smallDisk(512);
    const directory = `${disk!.path}/one`;
    const save = (folder: string) =>
      Deno.writeTextFile(`${folder}/weights.bin`, "weights");
    await saveCheckpoint(directory, { iteration: 1, save });
    await disk!.forbid();
    await rejects(saveCheckpoint(directory, { iteration: 2, save }), {
      message:
        /^Cannot write ".*\/one" as its folder must have room and be writable: Read-only file system/,
    });
    strictEqual((await openCheckpoint(directory)).iteration, 1);
    await rejects(openRun(`${disk!.path}/run`, countingConfig()), {
      message:
        /^Cannot open run ".*" as its folder must be writable: Read-only file system/,
    });
  },
});
