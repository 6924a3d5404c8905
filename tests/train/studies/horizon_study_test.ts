import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  packHorizons,
  readHorizons,
} from "../../../lib/train/studies/horizon_data.ts";
import {
  type HorizonRecord,
  readHorizonRecords,
  readHorizonStudy,
  runHorizonStudy,
} from "../../../lib/train/studies/horizon_study.ts";
import {
  compareHorizons,
  completeRuns,
  horizonTrend,
  iterationRatio,
  iterationsTo,
  summarizeHorizons,
} from "../../../lib/train/studies/horizon_summary.ts";
import { tabularHorizons } from "../../../lib/train/studies/tabular_horizons.ts";
import { readJson } from "../../../lib/text_file.ts";

const world = (rooms: number) => ({
  worlds: [{ kind: "corridor", length: 3, doors: 0, rooms }],
  rollout: { maxTurns: 4 * rooms },
});
const SMALL = {
  base: {
    iterations: 1,
    rollout: { tasks: 4 },
    backend: "cpu",
    policy: { name: "compact", buckets: 16, embedding: 4, width: 4 },
  },
  horizons: { short: world(1), long: world(2) },
  methods: {
    hae: { settings: { estimator: { name: "hae" } } },
    gae: { settings: { estimator: { name: "gae" } } },
  },
  tune: [[{ "update.learningRate": 0.001 }, { "update.learningRate": 0.01 }]],
  tuning: { horizons: ["short"], seeds: [11] },
  seeds: [1],
  panel: { tasks: 3, seed: 7 },
};

async function play(
  study: ReturnType<typeof readHorizonStudy>,
  directory: string,
) {
  return await Array.fromAsync(runHorizonStudy(study, { directory }));
}

Deno.test("A horizon study tunes, reports on the same panel, and goes on where it stopped", async () => {
  const directory = await Deno.makeTempDir();
  const study = readHorizonStudy(SMALL);
  const news = await play(study, directory);
  strictEqual(news.length, 4 + 4);
  deepStrictEqual(new Set(news.map(({ total }) => total)), new Set([8]));
  const long = news.map(({ run }) => run)
    .filter(({ phase, horizon }) => phase === "reported" && horizon === "long");
  deepStrictEqual(
    long[0]!.panel.map(({ id }) => id),
    long[1]!.panel.map(({ id }) => id),
  );
  const lost = `${directory}/reported`;
  const [first] = [...Deno.readDirSync(lost)];
  await Deno.remove(`${lost}/${first!.name}`);
  strictEqual((await readHorizonRecords(study, directory)).complete, false);
  const again = await play(study, directory);
  deepStrictEqual(again.filter(({ found }) => !found).length, 1);
  const plain = ({ seconds: _, ...run }: HorizonRecord) => run;
  deepStrictEqual(
    again.map(({ run }) => plain(run)),
    news.map(({ run }) => plain(run)),
  );

  const { records } = await readHorizonRecords(study, directory);
  const path = `${directory}/study.json`;
  await Deno.writeTextFile(path, packHorizons(study, records));
  const packed = await readHorizons(path);
  deepStrictEqual(packed.study, study);
  deepStrictEqual(
    summarizeHorizons(packed.records).map(({ panel, turns }) => [panel, turns]),
    summarizeHorizons(records).map(({ panel, turns }) => [panel, turns]),
  );

  const other = { ...SMALL, base: { ...SMALL.base, iterations: 2 } };
  await rejects(
    play(readHorizonStudy(other), directory),
    /must hold a run with its settings: "iterations" differs/,
  );
});

Deno.test("A study that names what it lacks is refused", () => {
  const tuning = { horizons: ["longer"], seeds: [1] };
  throws(
    () => readHorizonStudy({ ...SMALL, tuning }),
    /"tuning.horizons" must name horizons of the study: current value is "longer"/,
  );
  throws(
    () => readHorizonStudy({ ...SMALL, seed: [1] }),
    /"seed" is not a setting/,
  );
});

/** A run whose successes are given. */
function made(
  [horizon, method, seed]: readonly [string, string, number],
  success: readonly number[],
) {
  return {
    phase: "reported" as const,
    ...{ horizon, method, seed, point: {} },
    curve: success.map((success_rate) => ({ success_rate, segment_length: 2 })),
    panel: [{ id: "a", success: success.at(-1)! > 0.5, score: 0, turns: 3 }],
  };
}

Deno.test("A summary pairs seeds, counts iterations, and finds growth", () => {
  const records = [1, 2, 3].flatMap((seed) =>
    ["short", "long"].flatMap((horizon, i) => [
      made([horizon, "own", seed], [0.1 * seed, 0.9, 0.9, 0.9]),
      made([horizon, "other", seed], [0.1 * seed, 0.9 - 0.4 * i, 0.9, 0.9]),
    ])
  );
  const lonely = made(["long", "own", 4], [0, 0, 0, 0]);
  strictEqual(completeRuns([...records, lonely]).length, records.length);
  const [short, long] = compareHorizons([...records, lonely], "own");
  strictEqual(short!.estimate, 0);
  ok(Math.abs(long!.estimate - 0.1) < 1e-12);
  const options = { reference: "own", method: "other" };
  const ratio = iterationRatio(records, { ...options, horizon: "long" });
  ok(Math.abs(ratio.estimate - 1.5) < 1e-12); // 3 iterations instead of 2
  const trend = horizonTrend(records, {
    ...options,
    horizons: ["short", "long"],
  });
  ok(Math.abs(trend.estimate - 0.1) < 1e-12);
  strictEqual(iterationsTo(lonely, 0.8), 5);
});

Deno.test("The tabular study learns, and takes up runs that are done", () => {
  const options = {
    ...{ stages: [1, 2], seeds: [1, 2], tuningSeeds: [9] },
    iterations: 25,
  };
  const runs = [...tabularHorizons(options)];
  const reported = runs.filter(({ phase }) => phase === "reported");
  strictEqual(reported.length, 2 * 2 * 6);
  // In one stage a large step may settle on the wrong subgoal.
  const longer = reported.filter(({ horizon }) => horizon === "2 stages");
  for (const { curve } of longer) {
    ok(curve.at(-1)!.success_rate! > curve[0]!.success_rate! + 0.5);
  }
  const again = [...tabularHorizons({ ...options, done: runs })];
  ok(again.every((run, i) => run === runs[i]));
});

Deno.test("The study of corridors is one, and pins its policy", async () => {
  const path = new URL(
    "../../../scripts/grids/horizon_rooms.json",
    import.meta.url,
  );
  const study = readHorizonStudy(await readJson(path.pathname));
  strictEqual(Object.keys(study.methods).length, 7);
  ok(study.seeds.length >= 5);
  ok(study.tuning.seeds.every((seed) => !study.seeds.includes(seed)));
});
