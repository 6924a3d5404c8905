import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  type AblationPlan,
  type AblationProgress,
  listAblationRuns,
  runAblation,
} from "../../../lib/train/studies/ablation.ts";
import {
  readAblationMetrics,
  summarizeAblation,
} from "../../../lib/train/studies/ablation_summary.ts";

const plan: AblationPlan = {
  base: {
    iterations: 2,
    backend: "wasm",
    worlds: [{ kind: "corridor", length: 3, doors: 0 }],
    rollout: { tasks: 4, groupSize: 2, maxTurns: 5 },
    evaluation: {
      every: 0,
      tasks: 4,
      maxTurns: 5,
      sets: { again: [{ kind: "corridor", length: 3, doors: 0 }] },
    },
  },
  axes: {
    credit: { hae: {}, grpo: { estimator: { name: "grpo" } } },
    size: { small: { policy: { width: 8 } } },
  },
  seeds: [1, 2],
};

async function drain(
  news: AsyncIterable<AblationProgress>,
): Promise<AblationProgress[]> {
  const read: AblationProgress[] = [];
  for await (const one of news) read.push(one);
  return read;
}

Deno.test("runAblation() refuses a number of runs at a time that is none", async () => {
  for (const concurrency of [NaN, 0, 1.5]) {
    await rejects(drain(runAblation(plan, { directory: "", concurrency })), {
      name: "RangeError",
      message:
        `Cannot run an ablation as "concurrency" must be a positive integer: current value is ${concurrency}`,
    });
  }
});

async function rows(directory: string): Promise<string[]> {
  return await Promise.all(
    listAblationRuns(plan, directory).map((run) =>
      Deno.readTextFile(`${run.directory}/metrics.jsonl`)
    ),
  );
}

Deno.test("runAblation() gives the same runs whatever runs side by side, and skips what is done", async () => {
  const [one, two] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const news = await drain(
    runAblation(plan, { directory: one, concurrency: 1 }),
  );
  strictEqual(
    news.filter(({ iteration }) => iteration !== undefined).length,
    8,
  );
  deepStrictEqual(
    news.filter(({ iteration }) => iteration === undefined)
      .map(({ finished, failure }) => [finished, failure]),
    [[1, undefined], [2, undefined], [3, undefined], [4, undefined]],
  );
  await drain(runAblation(plan, { directory: two, concurrency: 3 }));
  deepStrictEqual(await rows(two), await rows(one));

  deepStrictEqual(await drain(runAblation(plan, { directory: one })), []);
  const [first] = listAblationRuns(plan, one);
  await Deno.remove(`${first!.directory}/evaluation.json`);
  const again = await drain(runAblation(plan, { directory: one }));
  deepStrictEqual(again.map(({ run }) => run.directory), [first!.directory]);
  deepStrictEqual(await rows(two), await rows(one));

  const compareTo = { credit: "hae", size: "small" };
  const metric = "again/success_rate";
  const summary = await summarizeAblation(one, { metric, compareTo });
  deepStrictEqual(summary.array("cell"), [
    "credit=hae,size=small",
    "credit=grpo,size=small",
  ]);
  deepStrictEqual(summary.array("runs"), [2, 2]);
  strictEqual(summary.get("difference", 0), 0);
  const difference = Number(summary.get("mean", 1)) -
    Number(summary.get("mean", 0));
  ok(Math.abs(Number(summary.get("difference", 1)) - difference) < 1e-12);
  const metrics = await readAblationMetrics(one);
  strictEqual(metrics.numRows(), 2 * 2 * 2); // cells, seeds, iterations
  deepStrictEqual([...new Set(metrics.array("cell"))], [
    "credit=hae,size=small",
    "credit=grpo,size=small",
  ]);
  deepStrictEqual([...metrics.array("seed")].slice(0, 4), [1, 1, 1, 1]);
  ok(metrics.columnNames().includes("success_rate"));
  await rejects(summarizeAblation(one, { metric: "joy" }), {
    name: "RangeError",
    message:
      'Cannot summarize an ablation as its runs must have the metric: current value is "joy"',
  });
  await rejects(
    summarizeAblation(one, { metric, compareTo: { credit: "gae" } }),
    /known are "credit=hae,size=small"/,
  );
});

Deno.test("runAblation() does not take runs of another grid for its own", async () => {
  const directory = await Deno.makeTempDir();
  const few: AblationPlan = { ...plan, axes: {}, seeds: [1] };
  await drain(runAblation(few, { directory }));
  strictEqual((await drain(runAblation(few, { directory }))).length, 0);
  const other = { ...few, base: { ...few.base, rollout: { tasks: 5 } } };
  const news = await drain(runAblation(other, { directory }));
  const failures = news.flatMap(({ failure }) => failure ?? []);
  strictEqual(failures.length, 1);
  ok(/"rollout\.[a-zA-Z]+" differs/.test(failures[0]!), failures[0]);
});

Deno.test("runAblation() goes on when a run fails, and says why", async () => {
  const directory = await Deno.makeTempDir();
  const flawed: AblationPlan = {
    ...plan,
    axes: {
      world: {
        lost: { worlds: [{ kind: "corridor", length: 4 }] },
        found: {},
      },
    },
    seeds: [1],
  };
  const news = await drain(runAblation(flawed, { directory, concurrency: 1 }));
  const failures = news.flatMap(({ failure }) => failure ?? []);
  strictEqual(failures.length, 1);
  ok(/"length" must be odd/.test(failures[0]!), failures[0]);
  strictEqual(news.at(-1)!.finished, 2);
  const metric = "success_rate";
  const summary = await summarizeAblation(directory, { metric });
  deepStrictEqual(summary.array("runs"), [0, 1]);
});

Deno.test("runAblation() lets runs save when it is told to stop", async () => {
  const directory = await Deno.makeTempDir();
  const long: AblationPlan = {
    base: { ...plan.base, iterations: 5000 },
    axes: {},
    seeds: [1],
  };
  const stop = new AbortController();
  let last = -1;
  for await (
    const { iteration } of runAblation(long, { directory, signal: stop.signal })
  ) {
    if (iteration === undefined) break;
    last = iteration;
    if (iteration === 3) stop.abort();
  }
  const checkpoints = [...Deno.readDirSync(`${directory}/all/1/checkpoints`)];
  const saved = Number(checkpoints.map(({ name }) => name).sort().at(-1));
  ok(saved > 3 && saved >= last, `${saved} after ${last}`);
});

Deno.test("listAblationRuns() refuses grids that name no folder or no setting", () => {
  throws(() => listAblationRuns({ ...plan, seeds: [] }, "x"), {
    name: "RangeError",
  });
  const slash = { axis: { "../etc": {} } };
  throws(() => listAblationRuns({ ...plan, axes: slash }, "x"), {
    name: "RangeError",
    message: /labels that can name a folder: current value is "..\/etc"/,
  });
  const typo = { axis: { a: { rollout: { task: 3 } } } };
  throws(() => listAblationRuns({ ...plan, axes: typo as never }, "x"), {
    name: "TypeError",
    message: /did you mean "rollout.tasks"/,
  });
});
