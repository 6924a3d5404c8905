import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { trainingReport } from "../../../lib/plots/training_report.ts";
import { defineConfig } from "../../../lib/train/config/config.ts";
import { writeParquet } from "../../../lib/train/runs/parquet.ts";
import { turnsTable } from "../../../lib/train/runs/turns_table.ts";
import { readReport } from "../../../lib/train/studies/report_data.ts";
import { byDecision, type Trajectory } from "../../../lib/trajectory.ts";

interface Play {
  readonly id: string;
  readonly success: boolean;
  /** Whether the subgoal is switched, turn by turn. */
  readonly switched: readonly boolean[];
}

function episode({ id, success, switched }: Play): Trajectory {
  return {
    id,
    task: "leave",
    taskType: id.includes("left") ? "exit left" : "exit right",
    group: id,
    turns: switched.map((switched, t) => ({
      observation: { text: "room", admissibleActions: ["go"], stateKey: "" },
      decision: {
        switched,
        subgoal: `subgoal ${t}`,
        action: "go",
        valid: true,
        trace: { kind: "untrainable" },
        values: byDecision(() => 0.5),
      },
      reward: 0,
    })),
    ending: success ? "terminated" : "truncated",
    success,
    score: Number(success),
    bootstrap: byDecision(() => 0),
    seed: 0,
  };
}

const played = (plays: readonly Play[]) => {
  const trajectories = plays.map(episode);
  const credits = trajectories.map(({ turns }) => ({
    advantages: byDecision(() => new Float64Array(turns.length).fill(0.25)),
  }));
  return turnsTable(trajectories, { iteration: 0, credits });
};

/** A run's folder with two iterations, recorded episodes and a final evaluation. */
async function writeRun(
  directory: string,
  run: {
    seed: number;
    rates: readonly number[];
    first: readonly Play[];
    last: readonly Play[];
    evaluation: readonly Play[];
  },
): Promise<void> {
  await Deno.mkdir(`${directory}/trajectories`, { recursive: true });
  const config = defineConfig({
    seed: run.seed,
    iterations: 2,
    worlds: [{ kind: "corridor", length: 3 }],
    rollout: { tasks: 4, maxTurns: 9 },
    estimator: { name: "hae", gamma: 0.5 },
  });
  const metrics = run.rates.map((success_rate, iteration) =>
    JSON.stringify({ iteration, episodes: 4, success_rate, turns: 3 })
  );
  await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(config));
  await Deno.writeTextFile(
    `${directory}/metrics.jsonl`,
    metrics.map((line) => `${line}\n`).join(""),
  );
  const files = {
    "trajectories/00000000.parquet": run.first,
    "trajectories/00000001.parquet": run.last,
    "evaluation.parquet": run.evaluation,
  };
  for (const [name, plays] of Object.entries(files)) {
    await writeParquet(played(plays), `${directory}/${name}`);
  }
}

const lost = (id: string): Play => ({ id, success: false, switched: [true] });
const won = (id: string, segments: number): Play => ({
  id,
  success: true,
  switched: Array.from({ length: 3 }, (_, t) => t < segments),
});

Deno.test("readReport() reads what two seeds of one series did, and the report shows it", async () => {
  const directory = await Deno.makeTempDir();
  const paths = ["one", "two"].map((name) => `${directory}/${name}`);
  const evaluation = [
    won("seen/left", 1),
    lost("seen/right"),
    won("seen/x", 2),
  ];
  await writeRun(paths[0]!, {
    seed: 0,
    rates: [0.25, 0.5],
    first: [lost("early")],
    last: [won("short", 1), won("usual", 2), won("busy", 3), lost("late")],
    evaluation,
  });
  await writeRun(paths[1]!, {
    seed: 1,
    rates: [0.75, 1],
    first: [won("early", 1)],
    last: [won("late", 1)],
    evaluation: [],
  });
  const report = await readReport(paths);
  strictEqual(
    report.summary,
    "2 runs in corridor: 4 episodes of at most 9 turns in an iteration, up to 2 iterations.",
  );
  deepStrictEqual(report.headlines, [
    { value: "66.7 %", label: "success on seen: 3 episodes of 2.3 turns" },
    { value: "8", label: "training episodes, in 2 iterations" },
  ]);
  const rates = report.curves
    .objects() as { metric: string; iteration: number; mean: number }[];
  deepStrictEqual(
    rates.filter(({ metric }) => metric === "success_rate")
      .map(({ iteration, mean }) => [iteration, mean]),
    [[0, 0.5], [1, 0.75]], // means over both seeds
  );
  deepStrictEqual(
    report.runs.objects().map((row) => {
      const { run, seed, ...rest } = row as Record<string, unknown>;
      return [
        run,
        seed,
        rest["success (training)"],
        rest["success (evaluation)"],
      ];
    }),
    [["one", 0, "50 %", "66.7 %"], ["two", 1, "100 %", null]],
  );
  strictEqual(report.gamma, 0.5);
  strictEqual(report.trajectories.length, 5); // of the last recorded iterations
  // The median success by segments, the busiest one, a late and an early failure.
  deepStrictEqual(report.replays.map(({ trajectory }) => trajectory.id), [
    "usual",
    "busy",
    "late",
    "early",
    "late", // the other run's one success, once
  ]);
  deepStrictEqual(
    report.replays[0]!.credit!.advantages.execution,
    new Float64Array(3).fill(0.25),
  );
  const sections = trainingReport(report);
  const success = sections.find(({ heading }) => /kind of task/.test(heading))!;
  const bars = success.figure!.data[0]!;
  deepStrictEqual([bars["x"], bars["y"]], [["exit left", "exit right"], [
    1,
    0.5,
  ]]);
  ok(sections.find(({ heading }) => /calibrated/.test(heading)));
  await Deno.remove(directory, { recursive: true });
});

Deno.test("readReport() names a folder that holds no run, and wants one", async () => {
  const directory = await Deno.makeTempDir();
  await rejects(readReport([directory]), (error: Error) => {
    ok(error.message.includes(directory));
    return true;
  });
  await rejects(readReport([]), {
    name: "RangeError",
    message: "Cannot report as there must be at least one run: none was given",
  });
  await Deno.remove(directory, { recursive: true });
});
