import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { readParquet } from "../../../lib/train/runs/parquet.ts";
import { recordTraining } from "../../../lib/train/runs/record_training.ts";
import {
  openRun,
  readMetrics,
  readRunConfig,
  type Run,
} from "../../../lib/train/runs/run_store.ts";
import { readEpisodes } from "../../../lib/train/runs/turns_table.ts";
import type { IterationRecord } from "../../../lib/train/training.ts";
import { countingConfig, countingTraining } from "../_counting.ts";

const temporary = () => Deno.makeTempDir({ prefix: "hiper_run_" });

async function drain(
  records: AsyncIterable<IterationRecord>,
  limit = Infinity,
): Promise<IterationRecord[]> {
  const drained: IterationRecord[] = [];
  if (limit === 0) return drained;
  for await (const record of records) {
    drained.push(record);
    if (drained.length >= limit) break;
  }
  return drained;
}

async function play(
  directory: string,
  options: {
    resume?: boolean;
    limit?: number;
    spoil?: (run: Run) => Promise<void>;
  } = {},
): Promise<void> {
  const { resume = false, limit = Infinity, spoil } = options;
  const config = countingConfig();
  await using run = await openRun(directory, config, { resume });
  await drain(recordTraining(countingTraining(config), run), limit);
  await spoil?.(run);
}

const files = ["metrics.jsonl", "config.json", "metrics.parquet"];

async function contents(directory: string): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  const episodes = [...Deno.readDirSync(`${directory}/trajectories`)]
    .map(({ name }) => `trajectories/${name}`).sort();
  for (const name of [...files, ...episodes]) {
    const bytes = await Deno.readFile(`${directory}/${name}`);
    read[name] = bytes.toHex();
  }
  return read;
}

Deno.test("A run stopped anywhere and resumed leaves the very bytes of one that was not", async () => {
  const whole = await temporary();
  await play(whole);
  const expected = await contents(whole);
  for (const limit of [1, 2, 5, 9]) {
    const directory = await temporary();
    await play(directory, { limit });
    await play(directory, { resume: true });
    deepStrictEqual(
      await contents(directory),
      expected,
      `stopped after ${limit}`,
    );
  }
});

Deno.test("A run whose process died between two writes is resumed from its last checkpoint", async () => {
  const whole = await temporary();
  await play(whole);
  const expected = await contents(whole);
  const deaths: Record<string, (directory: string) => Promise<void>> = {
    "half a row": (d) =>
      Deno.writeTextFile(`${d}/metrics.jsonl`, '{"iteration":5,"succ', {
        append: true,
      }),
    "rows without a checkpoint": async (d) => {
      await Deno.remove(`${d}/checkpoints/00000005`, { recursive: true });
      await Deno.truncate(`${d}/timing.jsonl`, 999);
    },
    "a checkpoint half written": (d) =>
      Deno.mkdir(`${d}/checkpoints/00000006.partial`),
    "a broken newest checkpoint": (d) =>
      Deno.truncate(`${d}/checkpoints/00000005/learned.json`, 4),
    "no checkpoint at all": (d) =>
      Deno.remove(`${d}/checkpoints`, { recursive: true }),
    "half an episode file": (d) =>
      Deno.writeTextFile(`${d}/trajectories/00000006.parquet.partial`, "PAR"),
    "no events": (d) => Deno.remove(`${d}/events`, { recursive: true }),
  };
  for (const [name, death] of Object.entries(deaths)) {
    const directory = await temporary();
    await play(directory, { limit: 5 });
    await death(directory);
    await play(directory, { resume: true });
    deepStrictEqual(await contents(directory), expected, name);
  }
});

Deno.test("A run killed after its warm start goes on from there, and the warm start is not repeated", async () => {
  const warmUps = { count: 0 };
  const begin = async (directory: string, resume: boolean, seed = 0) => {
    const config = countingConfig({ seed });
    const training = countingTraining(config, { warmUps });
    const run = await openRun(directory, config, { resume });
    return { run, records: recordTraining(training, run) };
  };
  const whole = await temporary();
  {
    const { run, records } = await begin(whole, false);
    await using _ = run;
    await drain(records);
  }
  const directory = await temporary();
  {
    const { run, records } = await begin(directory, false);
    await using _ = run;
    await records.next();
    await Deno.remove(`${directory}/metrics.jsonl`); // as if killed before the first row
    await Deno.writeTextFile(`${directory}/metrics.jsonl`, "");
  }
  strictEqual(warmUps.count, 2);
  await rejects(begin(directory, false), /must be new unless it is resumed/);
  await rejects(begin(directory, true, 1), /"seed" differs/);
  {
    const { run, records } = await begin(directory, true);
    await using _ = run;
    await drain(records);
  }
  strictEqual(warmUps.count, 2);
  deepStrictEqual(await contents(directory), await contents(whole));
});

Deno.test("A training saved before its warm start begins with it when it is loaded", async () => {
  const warmUps = { count: 0 };
  const directory = `${await temporary()}/early`;
  const config = countingConfig();
  await using early = countingTraining(config, { warmUps });
  await early.save(directory);
  await using late = countingTraining(config, { warmUps });
  await late.load(directory);
  strictEqual(await late.warmUp(), true);
  strictEqual(await late.warmUp(), false);
});

Deno.test("openRun() refuses a folder that holds another run", async () => {
  const directory = await temporary();
  await play(directory, { limit: 2 });
  await rejects(openRun(directory, countingConfig()), {
    message:
      `Cannot open run "${directory}" as it must be new unless it is resumed: it holds "config.json"`,
  });
  const other = countingConfig({ rollout: { tasks: 5 } });
  await rejects(openRun(directory, other, { resume: true }), {
    message:
      `Cannot resume run "${directory}" as its settings must be the same: "rollout.tasks" differs`,
  });
  const longer = countingConfig({ iterations: 12 });
  await using run = await openRun(directory, longer, { resume: true });
  strictEqual(run.checkpoint?.iteration, 2);
  await rejects(openRun(directory, longer, { resume: true }), {
    message:
      `Cannot open run "${directory}" as only one process may write it: another has it open`,
  });
});

Deno.test("openRun() goes on with other replicas, as long as there are as many microbatches", async () => {
  const directory = await temporary();
  await play(directory, { limit: 2 });
  const more = countingConfig({ replicas: { workers: 3, microbatches: 1 } });
  await (await openRun(directory, more, { resume: true }))
    [Symbol.asyncDispose]();
  const cut = countingConfig({ replicas: { workers: 3 } });
  await rejects(openRun(directory, cut, { resume: true }), {
    message:
      `Cannot resume run "${directory}" as its settings must be the same: "replicas.microbatches" differs`,
  });
});

Deno.test("openRun() refuses fewer iterations than are done", async () => {
  const directory = await temporary();
  await play(directory, { limit: 4 });
  const shorter = countingConfig({ iterations: 3 });
  await rejects(openRun(directory, shorter, { resume: true }), {
    name: "RangeError",
    message:
      `Cannot resume run "${directory}" as "iterations" must be at least the 4 that are done: current value is 3`,
  });
  strictEqual((await readRunConfig(directory)).iterations, 9);
});

Deno.test("openRun() starts anew where a run did nothing, but not over files of other programs", async () => {
  const directory = await temporary();
  await (await openRun(directory, countingConfig()))[Symbol.asyncDispose]();
  const other = countingConfig({ rollout: { tasks: 5 } });
  await (await openRun(directory, other))[Symbol.asyncDispose]();
  strictEqual((await readRunConfig(directory)).rollout.tasks, 5);
  for (const text of ['{"name":"site"}', "{"]) {
    await Deno.writeTextFile(`${directory}/config.json`, text);
    await rejects(
      openRun(directory, other),
      /must be new unless it is resumed/,
    );
    strictEqual(await Deno.readTextFile(`${directory}/config.json`), text);
  }
  await rejects(readRunConfig(directory), {
    name: "SyntaxError",
    message: /^Cannot read ".*config.json" as it must hold JSON: /,
  });
});

Deno.test("openRun() goes on with a run whose settings left defaults out", async () => {
  const directory = await temporary();
  await play(directory, { limit: 2 });
  const { update: _, policy: __, ...rest } = await readRunConfig(directory);
  await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(rest));
  deepStrictEqual(await readRunConfig(directory), countingConfig());
  await using run = await openRun(directory, countingConfig(), {
    resume: true,
  });
  strictEqual(run.checkpoint?.iteration, 2);
});

Deno.test("recordTraining() keeps the last good checkpoint when an update gives no number", async () => {
  const directory = await temporary();
  const config = countingConfig();
  {
    await using run = await openRun(directory, config);
    const training = countingTraining(config, { failAt: 5 });
    await rejects(drain(recordTraining(training, run)), {
      name: "RangeError",
      message:
        'Cannot go on training after iteration 5 as "learned" must be finite: current value is NaN',
    });
  }
  await using run = await openRun(directory, config, { resume: true });
  strictEqual(run.checkpoint?.iteration, 4);
});

Deno.test("recordTraining() keeps the last good checkpoint when the disk is full", async () => {
  const directory = await temporary();
  const config = countingConfig();
  {
    await using run = await openRun(directory, config);
    let saves = 0;
    const training = countingTraining(config, {
      saving: () =>
        ++saves > 2
          ? Promise.reject(new Error("No space left on device (os error 28)"))
          : Promise.resolve(),
    });
    await rejects(
      drain(recordTraining(training, run)),
      /Cannot write ".*00000006" as its folder must have room and be writable: No space left/,
    );
  }
  await using run = await openRun(directory, config, { resume: true });
  strictEqual(run.checkpoint?.iteration, 4);
});

Deno.test("recordTraining() saves when it is told to stop in the middle of an episode", async () => {
  const whole = await temporary();
  await play(whole);
  const directory = await temporary();
  const config = countingConfig();
  {
    await using run = await openRun(directory, config);
    const stop = new AbortController();
    const { signal } = stop;
    const training = countingTraining(config, { signal });
    for await (
      const { iteration } of recordTraining(training, run, { signal })
    ) {
      if (iteration === 2) stop.abort(new Error("interrupted"));
    }
    strictEqual(training.iteration, 3);
  }
  await play(directory, { resume: true });
  deepStrictEqual(await contents(directory), await contents(whole));
});

Deno.test("recordTraining() stops when its time is over", async () => {
  const directory = await temporary();
  const config = countingConfig();
  await using run = await openRun(directory, config);
  const records = await drain(
    recordTraining(countingTraining(config), run, { minutes: 1e-9 }),
  );
  strictEqual(records.length <= 1, true);
});

Deno.test("openRun() says that a folder cannot be written", async () => {
  const directory = await temporary();
  await Deno.writeTextFile(`${directory}/file`, "");
  await rejects(
    openRun(`${directory}/file/run`, countingConfig()),
    /^Error: Cannot open run ".*" as its folder must be writable/,
  );
});

Deno.test("readMetrics() puts runs under one another", async () => {
  const [a, b] = [await temporary(), await temporary()];
  await play(a);
  await play(b, { limit: 3 });
  const table = await readMetrics([a, b]);
  strictEqual(table.numRows(), 12);
  strictEqual(table.get("run", 0), a.split("/").at(-1));
  strictEqual(table.get("again/success_rate", 0), null);
  strictEqual(typeof table.get("again/success_rate", 3), "number");
  await rejects(readMetrics([await temporary()]), /must hold "config.json"/);
});

Deno.test("Episodes come back from their Parquet file as they were played", async () => {
  const directory = await temporary();
  const config = countingConfig();
  await using run = await openRun(directory, config);
  const [record] = await drain(
    recordTraining(countingTraining(config), run),
    1,
  );
  const table = await readParquet(`${directory}/trajectories/00000000.parquet`);
  const stored = readEpisodes(table);
  strictEqual(stored.length, record!.trajectories.length);
  for (const [i, { trajectory, credit }] of stored.entries()) {
    const { finalObservation: _, ...played } = record!.trajectories[i]!;
    deepStrictEqual({ ...trajectory, bootstrap: played.bootstrap }, played);
    deepStrictEqual(credit!.advantages, record!.credits[i]!.advantages);
  }
});
