/** Laws of the losses, on the cpu and the wasm backend. */

import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../../../lib/train/ppo/aggregation.ts";
import {
  adaptKlCoefficient,
  klEstimates,
  penalizeRewards,
} from "../../../lib/train/ppo/kl.ts";
import {
  actorObjective,
  criticObjective,
} from "../../../lib/train/ppo/objective.ts";
import {
  policyLoss,
  sequencePolicyLoss,
  stopGradient,
  valueLoss,
} from "../../../lib/train/ppo/losses.ts";
import {
  BACKENDS,
  close,
  type Matrix,
  MODES,
  onEachBackend,
  scalar,
  slope,
} from "./_tensors.ts";

/** A batch of units in two sequences, masks with gaps; numbers a policy could give. */
const batches = fc.array(
  fc.record({
    logProb: fc.double({ min: -4, max: -0.01, noNaN: true }),
    drift: fc.double({ min: -0.6, max: 0.6, noNaN: true }),
    advantage: fc.double({ min: -3, max: 3, noNaN: true }),
    mask: fc.constantFrom(0, 1, 1),
  }),
  { minLength: 6, maxLength: 6 },
);

Deno.test("flat units and rows give the same losses and gradients", () => {
  fc.assert(
    fc.property(batches, fc.constantFrom(...MODES), (units, aggregation) => {
      onEachBackend(() => {
        const column = (pick: (unit: typeof units[0]) => number) =>
          tf.tensor1d(units.map(pick));
        const flat = {
          oldLogProbs: column(({ logProb, drift }) => logProb + drift),
          advantages: column(({ advantage }) => advantage),
          mask: column(({ mask }) => mask),
        };
        const twoRows = (x: tf.Tensor) => tf.reshape(x, [2, 3]);
        const rows = {
          oldLogProbs: twoRows(flat.oldLogProbs),
          advantages: twoRows(flat.advantages),
          mask: twoRows(flat.mask),
        };
        const sequences = Int32Array.of(0, 0, 0, 1, 1, 1);
        const now = column(({ logProb }) => logProb);
        const asRows = twoRows(now);
        for (const loss of [policyLoss, sequencePolicyLoss]) {
          const a = slope(
            (x) => loss(x, { ...flat, aggregation, sequences, length: 3 }).loss,
            now,
          );
          const b = slope(
            (x) => loss(x, { ...rows, aggregation }).loss,
            asRows,
          );
          close(a.value, b.value, "loss");
          close(a.grad, (b.grad as Matrix).flat(), "gradient");
        }
      });
    }),
    { numRuns: 25 },
  );
});

Deno.test("with the sampling policy the gradient is the policy gradient", () => {
  fc.assert(fc.property(batches, (units) => {
    onEachBackend(() => {
      const now = tf.tensor1d(units.map(({ logProb }) => logProb));
      const advantages = units.map(({ advantage }) => advantage);
      const masks = units.map(({ mask }) => mask as number);
      const { grad } = slope((x) =>
        policyLoss(x, {
          oldLogProbs: now,
          advantages: tf.tensor1d(advantages),
          mask: tf.tensor1d(masks),
        }).loss, now);
      const count = masks.reduce((a, b) => a + b, 0) || 1;
      close(
        grad,
        advantages.map((a, i) => a === 0 ? 0 : -a * masks[i]! / count),
        "gradient",
      );
    });
  }));
});

Deno.test("units without mask never matter, even when they are not numbers", () => {
  onEachBackend(() => {
    const mask = tf.tensor1d([1, 0]);
    const options = (junk: number) => ({
      oldLogProbs: tf.tensor1d([-1, junk]),
      advantages: tf.tensor1d([2, junk]),
      mask,
    });
    const now = tf.tensor1d([-1.1, -1]);
    const clean = slope((x) => policyLoss(x, options(0)).loss, now);
    for (const junk of [NaN, -1e9, Infinity]) {
      deepStrictEqual(
        slope((x) => policyLoss(x, options(junk)).loss, now),
        clean,
      );
    }
  });
});

Deno.test("an empty mask gives a loss and a gradient of exactly 0", () => {
  onEachBackend(() => {
    const zeros = tf.zeros([2, 2]);
    const now = tf.tensor2d([[-1, -2], [-3, -4]]);
    for (const aggregation of MODES) {
      const options = {
        oldLogProbs: tf.neg(now),
        advantages: tf.tensor2d([[1, -2], [3, -4]]),
        mask: zeros,
        aggregation,
      };
      const { value, grad } = slope((x) => policyLoss(x, options).loss, now);
      close(value, 0, "loss");
      close(grad, [[0, 0], [0, 0]], "gradient");
    }
  });
});

Deno.test("a sequence without units changes no mean over sequences' means", () => {
  onEachBackend(() => {
    const mode = "seq-mean-token-mean";
    const some = tf.tensor2d([[1, 3], [8, 0]]);
    const mask = tf.tensor2d([[1, 1], [1, 0]]);
    const more = tf.concat([some, tf.tensor2d([[7, 7]])]);
    const padded = tf.concat([mask, tf.zeros([1, 2])]);
    close(scalar(aggregate(some, mask, { mode })), 5, "mean");
    close(scalar(aggregate(more, padded, { mode })), 5, "padded mean");
  });
});

Deno.test("the ratio of a sequence stops at e to the tenth", () => {
  onEachBackend(() => {
    const options = {
      oldLogProbs: tf.tensor2d([[-20, -20]]),
      advantages: tf.tensor2d([[-1, -1]]),
      mask: tf.ones([1, 2]),
    };
    const now = tf.tensor2d([[-1, -3]]);
    const { value, grad } = slope(
      (x) => sequencePolicyLoss(x, options).loss,
      now,
    );
    close(value, Math.exp(10), "loss");
    const { approximateKl } = sequencePolicyLoss(now, options);
    close(scalar(approximateKl), -18, "approximate KL, not clipped");
    close(grad, [[0, 0]], "gradient");
  });
});

Deno.test("stopGradient passes numbers and no gradient", () => {
  onEachBackend(() => {
    const { value, grad } = slope(
      (x) => tf.sum(tf.mul(x, stopGradient(x))),
      tf.tensor1d([3, 4]),
    );
    deepStrictEqual([value, grad], [25, [3, 4]]);
  });
});

Deno.test("losses leave no tensor behind and hand theirs to the caller", () => {
  for (const backend of BACKENDS) {
    void tf.setBackend(backend);
    const x = tf.tensor2d([[-1, -2]]);
    const mask = tf.onesLike(x);
    const before = tf.memory().numTensors;
    const made: tf.TensorContainer[] = [
      { ...policyLoss(x, { oldLogProbs: x, advantages: x, mask }) },
      { ...sequencePolicyLoss(x, { oldLogProbs: x, advantages: x, mask }) },
      { ...valueLoss(x, { oldValues: x, targets: x, mask }) },
      { ...actorObjective(x, { oldLogProbs: x, advantages: x, mask }) },
      klEstimates(x, { reference: mask }),
      aggregate(x, mask),
      stopGradient(x),
    ];
    const { loss, errors, clipFractions } = criticObjective({
      planning: { values: x, oldValues: x, targets: x, mask },
    });
    made.push(loss, { ...errors }, { ...clipFractions });
    made.push(
      penalizeRewards(x, { logProbs: x, reference: x, mask, coefficient: 1 })
        .rewards,
    );
    // Everything above: 4 + 4 + 2 + 7 + 3 singles + 3 + 1.
    deepStrictEqual(tf.memory().numTensors - before, 24);
    tf.dispose(made);
    deepStrictEqual(tf.memory().numTensors - before, 0);
    tf.dispose([x, mask]);
  }
});

Deno.test("the one sequence of a flat batch is averaged like any other", () => {
  onEachBackend(() => {
    const x = tf.tensor1d([1, 3]), mask = tf.tensor1d([1, 1]);
    const sequences = new Int32Array(2);
    for (
      const [mode, expected] of [
        ["seq-mean-token-mean", 2],
        ["seq-mean-token-sum", 4],
      ] as const
    ) {
      close(scalar(aggregate(x, mask, { mode, sequences })), expected, mode);
    }
    const { loss } = sequencePolicyLoss(x, {
      oldLogProbs: x,
      advantages: x,
      mask,
      sequences,
    });
    close(scalar(loss), -2, "sequence loss");
  });
});

Deno.test("impossible settings are refused by name", () => {
  const x = tf.tensor1d([0]);
  const options = { oldLogProbs: x, advantages: x, mask: x };
  throws(() => policyLoss(x, { ...options, dualClip: 1 }), {
    name: "RangeError",
    message:
      'Cannot clip the policy loss as "dualClip" must be 0 or above 1: current value is 1',
  });
  throws(
    () => policyLoss(x, { ...options, clipRange: [-1, 0.2] }),
    /"clipRange" must not be negative/,
  );
  throws(
    () => valueLoss(x, { oldValues: x, targets: x, mask: x, clipRange: -1 }),
    RangeError,
  );
  throws(() => sequencePolicyLoss(x, options), {
    name: "TypeError",
    message: /"sequences" must name one for each of 1 units/,
  });
  throws(() => aggregate(x, x, { mode: "seq-mean-token-sum" }), TypeError);
  throws(() => aggregate(x, x, { mode: "seq-mean-token-sum-norm" }), TypeError);
  throws(
    () => adaptKlCoefficient(1, { kl: 1, steps: 1, target: 0, horizon: 1 }),
    RangeError,
  );
  tf.dispose(x);
});
