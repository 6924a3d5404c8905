import { createTraining, defineConfig } from "@hiper/lab";
import { creditByClock } from "./clock_estimator.ts";
import { openEnv, proposeSubgoals } from "./errand_world.ts";
import { tableLearner } from "./table_learner.ts";
import { type Table, tablePolicy } from "./table_policy.ts";

const specs = [{ kind: "errand" }];
const config = defineConfig({
  worlds: specs,
  iterations: 30,
  rollout: { tasks: 32, maxTurns: 12 },
  evaluation: { every: 0 },
});
const table: Table = new Map();
const training = createTraining(config, {
  specs,
  open: openEnv,
  policy: tablePolicy(table, proposeSubgoals()),
  learner: tableLearner(table),
  assignCredit: creditByClock,
});
for await (const { iteration, metrics } of training) {
  console.log(iteration, metrics.success_rate); // rises from 0.5 to nearly 1
}
