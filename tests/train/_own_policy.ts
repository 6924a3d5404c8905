/** What a user writes who brings a policy and a backend, and never selects one: prints what came of it. */

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import {
  byDecision,
  createCompactPolicy,
  createPpoLearner,
  createRandom,
  type DifferentiablePolicy,
} from "@hiper/lab";
import { fromRows, type SampleRow } from "../_samples.ts";

try {
  createCompactPolicy({ seed: 1 });
} catch (error) {
  console.log(String(error));
}
await tf.setBackend("cpu");
const bias = tf.variable(tf.scalar(0), true, "bias");
/** Chooses among two actions by one number. */
const policy: DifferentiablePolicy = {
  variables: { bias },
  open: () => ({ decide: () => [], [Symbol.dispose]() {} }),
  scoreSamples: () => [],
  score(samples) {
    const column = tf.mul(tf.ones([samples.length]), bias) as tf.Tensor1D;
    const logProbs = tf.neg(tf.softplus(tf.neg(column))) as tf.Tensor1D;
    const zeros = () => tf.zeros([samples.length]) as tf.Tensor1D;
    return { logProbs, entropies: zeros(), values: byDecision(zeros) };
  },
  dispose: () => bias.dispose(),
};
const observation = { text: "", admissibleActions: ["a", "b"], stateKey: "" };
const sample: SampleRow = {
  observation,
  decision: {
    ...{ switched: false, subgoal: "s", action: "a", valid: true },
    trace: {
      kind: "tokens",
      prompt: Int32Array.of(0),
      reply: Int32Array.of(0),
      logProbs: Float32Array.of(Math.log(0.5)),
      spans: byDecision((name) =>
        name === "execution" ? { start: 0, end: 1 } : undefined
      ),
    },
  },
  advantages: byDecision(() => 1),
  trained: byDecision((name) => name === "execution"),
};
const learner = createPpoLearner(policy);
await learner.update(fromRows([sample]), { random: createRandom(1) });
console.log(bias.dataSync()[0]! > 0 ? "learned" : "did not learn");
