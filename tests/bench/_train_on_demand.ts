/**
 * One iteration of a tree's training for each line of standard input; see `training_against.ts`.
 *
 * @module
 */

import process from "node:process";

const [root, preset, tasks] = Deno.args;
const { assembleTraining, defineConfig, PRESETS } = await import(
  `${root}/mod.ts`
);
const config = defineConfig(PRESETS[preset!], {
  seed: 1,
  iterations: 10_000,
  rollout: { tasks: Number(tasks) },
  evaluation: { every: 0 },
});
const training = await assembleTraining(config);
const iterations = training[Symbol.asyncIterator]();
const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
for await (const _ of Deno.stdin.readable) {
  const before = seconds();
  const { value: { trajectories, metrics, timing } } = await iterations.next();
  const turns = trajectories.reduce(
    (sum: number, one: { turns: unknown[] }) => sum + one.turns.length,
    0,
  );
  console.log(JSON.stringify({
    turns,
    samples: turns * metrics.epochs,
    rollout: timing.rollout,
    update: timing.update,
    cpu: seconds() - before,
  }));
}
