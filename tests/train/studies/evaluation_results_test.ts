import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  planExecute,
  scriptedExecutor,
  scriptedPlanner,
} from "../../../lib/policy/plan_execute.ts";
import { createRandom } from "../../../lib/random.ts";
import { evaluatePolicy } from "../../../lib/train/evaluation.ts";
import {
  playerResults,
  readResults,
  writeResults,
} from "../../../lib/train/studies/evaluation_results.ts";

const LEFT = planExecute(
  scriptedPlanner(() => "leave"),
  scriptedExecutor(() => "go left"),
);
const SETS = {
  left: [{ kind: "corridor", doors: 0, exit: "left" }],
  right: [{ kind: "corridor", doors: 0, exit: "right" }],
};

async function results() {
  const options = { random: createRandom(1), tasks: 2, maxTurns: 9 };
  const evaluation = await evaluatePolicy(LEFT, SETS, options);
  return {
    source: { preset: "corridor" },
    settings: { seed: 1 },
    environment: { deno: "2" },
    players: [playerResults("policy", evaluation)],
  };
}

Deno.test("playerResults() names world, seed, limit and outcome of every episode", async () => {
  const { episodes, metrics } = (await results()).players[0]!;
  strictEqual(metrics["left/success_rate"], 1);
  deepStrictEqual(episodes.map(({ id }) => id), [
    "left/corridor/0#0",
    "left/corridor/0.1#0",
    "right/corridor/0#0",
    "right/corridor/0.1#0",
  ]);
  const { seed: _, ...first } = episodes[0]!;
  deepStrictEqual(first, {
    id: "left/corridor/0#0",
    world: SETS.left[0],
    replica: 0,
    maxTurns: 9,
    taskType: "exit left",
    ending: "terminated",
    success: true,
    score: 1,
    return: 1,
    turns: 4,
  });
  deepStrictEqual(
    { ending: episodes[2]!.ending, turns: episodes[2]!.turns },
    { ending: "truncated", turns: 9 },
  );
});

Deno.test("A result file is read as it was written; a strange key is refused by name", async () => {
  const path = `${await Deno.makeTempDir()}/results.json`;
  const written = await results();
  await writeResults(path, written);
  deepStrictEqual(await readResults(path), JSON.parse(JSON.stringify(written)));
  const json = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...json, extra: 1 }));
  await rejects(
    readResults(path),
    new RegExp(`Cannot read results of "${path}" as "extra" is not a setting`),
  );
});
