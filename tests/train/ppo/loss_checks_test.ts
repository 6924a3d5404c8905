/** Shapes that would be broadcast, and words that do not exist. */

import { throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../../../lib/train/ppo/aggregation.ts";
import { klEstimates } from "../../../lib/train/ppo/kl.ts";
import {
  policyLoss,
  sequencePolicyLoss,
  valueLoss,
} from "../../../lib/train/ppo/losses.ts";
import { BACKENDS } from "./_tensors.ts";

await tf.setBackend(BACKENDS[0]!);

Deno.test("tensors of other shapes are refused where they would be broadcast", () => {
  const two = tf.tensor1d([1, 2]), one = tf.tensor1d([1]);
  const column = tf.tensor2d([[1], [2]]);
  const units = { oldLogProbs: two, advantages: two, mask: two };
  const heads = { oldValues: two, targets: two, mask: two };
  const refused = (call: () => unknown, message: string) =>
    throws(call, { name: "TypeError", message });
  refused(
    () => policyLoss(two, { ...units, advantages: one }),
    'Cannot compute the policy loss as "advantages" must have the shape of "logProbs", [2]: current value is [1]',
  );
  refused(
    () => sequencePolicyLoss(two, { ...units, oldLogProbs: column }),
    'Cannot compute the policy loss as "oldLogProbs" must have the shape of "logProbs", [2]: current value is [2,1]',
  );
  refused(
    () => valueLoss(two, { ...heads, targets: one }),
    'Cannot compute the value loss as "targets" must have the shape of "values", [2]: current value is [1]',
  );
  refused(
    () => klEstimates(two, { reference: column }),
    'Cannot estimate the divergence as "reference" must have the shape of "logProbs", [2]: current value is [2,1]',
  );
  refused(
    () => aggregate(two, one),
    'Cannot aggregate units as "mask" must have the shape of "values", [2]: current value is [1]',
  );
  tf.dispose([two, one, column]);
});

Deno.test("words and sequences that do not exist are refused", () => {
  const x = tf.tensor1d([1, 2]);
  const options: { mode: "token-mean" } = JSON.parse('{"mode":"token-means"}');
  const kl: { estimator: "k3" } = JSON.parse('{"estimator":"low_var"}');
  const sequences = new Int32Array([0, 2]);
  const mode = "seq-mean-token-mean";
  const refused = (call: () => unknown, message: string) =>
    throws(call, { name: "RangeError", message });
  refused(
    () => aggregate(x, x, options),
    'Cannot compute a loss as "token-means" is not an aggregation: did you mean "token-mean"?',
  );
  refused(
    () => klEstimates(x, { reference: x, ...kl }),
    'Cannot compute a loss as "low_var" is not an estimator of divergence: did you mean "low_var_kl"?',
  );
  refused(
    () => aggregate(x, x, { mode, sequences, sequenceCount: 2 }),
    "Cannot aggregate flat units by sequence as each must be in [0, 2): unit 1 has 2",
  );
  refused(
    () => aggregate(x, x, { mode: "seq-mean-token-sum-norm", length: 0 }),
    'Cannot aggregate units by a fixed length as "length" must be positive: current value is 0',
  );
  tf.dispose(x);
});
