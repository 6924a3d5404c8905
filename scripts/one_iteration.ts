/**
 * One training iteration by hand, with what each stage gives for the first episode. The loop in
 * `lib/train/training.ts` has the same stages; it keeps episodes as columns from collecting on.
 *
 * ```sh
 * deno task one-iteration
 * deno task one-iteration gigpo   # another estimator
 * ```
 *
 * @module
 */

import {
  assignCredit,
  collectTrajectories,
  createCompactPolicy,
  createPpoLearner,
  createRandom,
  DECISIONS,
  defineConfig,
  parseSettings,
  proposeCorridorSubgoals,
  scheduleEpisodes,
  selectBackend,
  shapeRewards,
  toSamples,
  type TrainingConfig,
} from "../mod.ts";
import { explain } from "./explain.ts";

const worlds = [{ kind: "corridor", length: 5, doors: 1 }];
const config = configWith(Deno.args[0] ?? "hae");
const random = createRandom(config.seed).fork("iteration", 0);
await selectBackend("wasm");
const policy = createCompactPolicy({
  seed: config.seed,
  proposeSubgoals: proposeCorridorSubgoals,
});
const learner = createPpoLearner(policy);

print("1 schedule: worlds, seeds and groups, as plain data");
const assignments = scheduleEpisodes(worlds, { ...config.rollout, random });
console.log(`${assignments.length} episodes, the first:`, assignments[0]);

print("2 collect: the policy plays all episodes side by side");
const trajectories = await collectTrajectories(policy, assignments);
const { turns, ending } = trajectories[0]!;
for (const { observation, decision, reward } of turns) {
  const plan = decision.switched ? "SWITCH" : "KEEP";
  console.log(observation.text);
  console.log(`  ${plan} "${decision.subgoal}", ${decision.action}: ${reward}`);
}
console.log(`the episode was ${ending}`);

print("3 shape: rewards with penalties; the record keeps the world's own");
const shaped = shapeRewards(trajectories, config.shaping);
printColumn("rewards", shaped[0]!.turns.map((turn) => turn.reward));

print(`4 credit by "${config.estimator.name}": one advantage a decision`);
const credits = orEnd(() => assignCredit(shaped, config.estimator));
for (const name of DECISIONS) {
  printColumn(name, credits[0]!.advantages[name]);
  const targets = credits[0]!.targets?.[name];
  if (targets) printColumn("  its value target", targets);
}

print("5 samples: one row a turn, 1 where a decision is trained");
const samples = toSamples(shaped, credits);
console.log(`${samples.turns.length} rows, the first episode's:`);
for (const name of DECISIONS) {
  printColumn(name, samples.trained[name].subarray(0, turns.length));
}

print("6 update: clipped surrogates, value losses, AdamW");
console.log(await learner.update(samples, { ...config.update, random }));
policy.dispose();

/** Settings with an estimator; a name that is none ends the script, and the message lists them. */
function configWith(estimator: string): TrainingConfig {
  return orEnd(() =>
    defineConfig({
      seed: 1,
      worlds,
      rollout: { tasks: 8, groupSize: 4, maxTurns: 12 },
      shaping: { keepPenalty: -0.1 },
      update: { learningRate: 1e-3 },
    }, parseSettings([`estimator.name=${estimator}`]))
  );
}

/** The result, or the end of the script with the error's message. */
function orEnd<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    console.error(explain(error));
    Deno.exit(1);
  }
}

function print(stage: string): void {
  console.log(`\n== ${stage}`);
}

/** Prints one number for each turn. */
function printColumn(name: string, column: ArrayLike<number>): void {
  const numbers = Array.from(column, (x) => x.toFixed(3).padStart(6));
  console.log(`${name.padEnd(18)} ${numbers.join(" ")}`);
}
