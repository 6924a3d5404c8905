/**
 * The corridor learned by a published model on a server: success by iteration, and before and after on the same
 * episodes.
 *
 * @module
 */

import {
  assembleTraining,
  createRandom,
  defineConfig,
  PRESETS,
  readRunConfig,
} from "../../mod.ts";
import {
  bootstrapInterval,
  type Interval,
  stratifiedInterval,
} from "../../mod/studies.ts";
import type { CheckResult } from "./checks.ts";
import { readRows, startRun } from "./kills.ts";

/** Iterations that are learned. */
const ITERATIONS = 10;

/** Episodes that are played before and after. */
const EPISODES = 16;

/**
 * What differs from the preset: an imitation that does not suffice, a step that decays, fewer iterations. Every
 * checkpoint stays, so that the first can be played again.
 */
const SETTINGS = [
  `iterations=${ITERATIONS}`,
  "warmStart.epochs=4",
  "update.finalLearningRate=2e-4",
  "policy.maxReplyTokens=36",
  `record.checkpointsKept=${ITERATIONS + 1}`,
];

/**
 * Learns the corridor, or goes on with it, and measures whether success rises.
 *
 * @param options The server, the model's public name and folder, and a folder for the run.
 */
export async function checkCorridor(
  { url, baseModel, model, folder }: {
    url: string;
    baseModel: string;
    model: string;
    folder: string;
  },
): Promise<CheckResult[]> {
  const begun = await exists(`${folder}/config.json`);
  const run = startRun(
    folder,
    begun ? ["--resume"] : [
      ...["--preset", "corridor-tinker", `policy.url=${url}`],
      ...[`policy.baseModel=${baseModel}`, `policy.tokenizer=${model}`],
      ...SETTINGS,
    ],
  );
  if (!(await run.status).success) {
    return [{ name: "a run in the corridor", value: "failed", holds: false }];
  }
  const rows = await readRows(folder);
  const curve = rows.map((row) => row["success_rate"]!);
  const strata = rows.map((row) => {
    const won = Math.round(row["success_rate"]! * row["episodes"]!);
    return Array.from({ length: row["episodes"]! }, (_, i) => i < won ? 1 : 0);
  });
  const slope = stratifiedInterval(strata, {
    random: createRandom(0),
    statistic: (values) => slopeOf(values, strata.length),
  });
  const [before, after] = await playBeforeAndAfter(folder);
  const difference = bootstrapInterval(
    after.map((won, i) => won - before[i]!),
    { random: createRandom(0) },
  );
  return [
    {
      name: `${baseModel}: success in the corridor by iteration`,
      value: curve.map((one) => one.toFixed(2)).join(" "),
      holds: rows.length === ITERATIONS,
    },
    {
      name:
        "its slope for each iteration, with an interval of 95 % over episodes",
      value: shown(slope),
      holds: slope.low > 0,
    },
    {
      name:
        `success of ${EPISODES} episodes before and after, and the difference of pairs`,
      value: `${share(before)}, ${share(after)}, ${shown(difference)}`,
      holds: difference.low > 0,
    },
  ];
}

/** Success of the same episodes with the first and the last weights of a run. */
async function playBeforeAndAfter(
  folder: string,
): Promise<[number[], number[]]> {
  const config = await readRunConfig(folder);
  await using training = await assembleTraining(defineConfig(config, {
    evaluation: {
      tasks: EPISODES,
      maxTurns: PRESETS["corridor-tinker"].rollout!.maxTurns!,
      sets: { same: config.worlds },
    },
  }));
  const play = async (iteration: number) => {
    const name = String(iteration).padStart(8, "0");
    await training.load(`${folder}/checkpoints/${name}`);
    const { trajectories } = await training.evaluate();
    return trajectories.map(({ success }) => success ? 1 : 0);
  };
  return [await play(0), await play(ITERATIONS)];
}

/** Slope of a line through the means of equal parts, by least squares. */
function slopeOf(values: Float64Array, parts: number): number {
  const size = values.length / parts, middle = (parts - 1) / 2;
  let along = 0, square = 0;
  for (const [i, value] of values.entries()) {
    const x = Math.floor(i / size) - middle;
    along += x * value;
    square += x * x;
  }
  return along / square;
}

function share(values: readonly number[]): string {
  return (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2);
}

function shown({ estimate, low, high }: Interval): string {
  return `${estimate.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
