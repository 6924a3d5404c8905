import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  type AdamWOptions,
  beginAdamW,
  clipGradient,
  stepAdamW,
} from "../../../lib/train/ppo/optimizer.ts";

const float = fc.float({ min: -100, max: 100, noNaN: true });
const column = (size: number) =>
  fc.array(float, { minLength: size, maxLength: size }).map((list) =>
    Float32Array.from(list)
  );

/** Several steps with one gradient each. */
function descend(
  weights: Float32Array,
  gradients: readonly Float32Array[],
  options: AdamWOptions = {},
) {
  let state = beginAdamW(weights.length);
  let now = weights;
  for (const gradient of gradients) {
    const step = stepAdamW(now, gradient, { ...options, state });
    now = step.weights;
    state = step.state;
  }
  return now;
}

Deno.test("stepAdamW() does not depend on the scale of gradients", () => {
  // Powers of two scale exactly; epsilon 0 leaves nothing that has a scale. Gradients of 0 divide 0 by 0.
  const slope = fc.double({ min: 0.01, max: 100, noNaN: true });
  fc.assert(
    fc.property(
      column(3),
      fc.array(slope, { minLength: 3, maxLength: 3 }),
      (weights, list) => {
        const gradient = Float32Array.from(list);
        const once = descend(weights, [gradient, gradient], { epsilon: 0 });
        const scaled = gradient.map((slope) => slope * 4);
        const twice = descend(weights, [scaled, scaled], { epsilon: 0 });
        once.forEach((weight, i) =>
          ok(Math.abs(weight - twice[i]!) <= 1e-5 * (1 + Math.abs(weight)))
        );
      },
    ),
  );
});

Deno.test("stepAdamW() without gradient takes away the decayed share alone", () => {
  fc.assert(fc.property(column(4), (weights) => {
    const after = descend(weights, [new Float32Array(4)], {
      learningRate: 0.5,
      weightDecay: 0.5,
    });
    deepStrictEqual(after, weights.map((weight) => 0.75 * weight));
  }));
});

Deno.test("stepAdamW() agrees with three steps worked out by hand", () => {
  // m and v of gradients 1, -2, 3 with beta1 = 0.5, beta2 = 0.75, rate 0.1, no decay.
  const expected = [
    1 - 0.1,
    1 - 0.1 + 0.1 * (0.75 / 0.75) / Math.sqrt(1.1875 / 0.4375),
    1 - 0.1 + 0.1 / Math.sqrt(1.1875 / 0.4375) -
    0.1 * (1.125 / 0.875) / Math.sqrt(3.140625 / 0.578125),
  ];
  const gradients = [1, -2, 3].map((slope) => Float32Array.of(slope));
  expected.forEach((weight, i) => {
    const after = descend(Float32Array.of(1), gradients.slice(0, i + 1), {
      learningRate: 0.1,
      beta1: 0.5,
      beta2: 0.75,
      epsilon: 0,
    });
    ok(
      Math.abs(after[0]! - weight) < 1e-6,
      `step ${i + 1}: ${after[0]} against ${weight}`,
    );
  });
});

Deno.test("stepAdamW() writes to none of its arguments", () => {
  const weights = Float32Array.of(1, 2), gradient = Float32Array.of(3, -4);
  const state = beginAdamW(2);
  stepAdamW(weights, gradient, { state });
  deepStrictEqual(weights, Float32Array.of(1, 2));
  deepStrictEqual(gradient, Float32Array.of(3, -4));
  deepStrictEqual(state, beginAdamW(2));
});

Deno.test("stepAdamW() refuses columns of different lengths", () => {
  throws(
    () =>
      stepAdamW(new Float32Array(2), new Float32Array(3), {
        state: beginAdamW(2),
      }),
    {
      name: "RangeError",
      message:
        "Cannot step as weights, gradient and state must have one length: current values are 2, 3, 2",
    },
  );
});

Deno.test("clipGradient() leaves direction, and length up to the largest norm", () => {
  fc.assert(
    fc.property(
      column(5),
      fc.double({ min: 0.01, max: 50, noNaN: true }),
      (gradient, maxNorm) => {
        const { gradient: clipped, norm } = clipGradient(gradient, maxNorm);
        const length = Math.hypot(...clipped);
        ok(length <= maxNorm * (1 + 1e-5) || length <= norm * (1 + 1e-5));
        ok(Math.abs(length - Math.min(norm, maxNorm)) <= 1e-5 * (1 + norm));
        clipped.forEach((slope, i) =>
          ok(Math.sign(slope) === Math.sign(gradient[i]!) || slope === 0)
        );
      },
    ),
  );
});

Deno.test("clipGradient() with 0 measures and changes nothing", () => {
  const gradient = Float32Array.of(3, 4);
  const { gradient: same, norm } = clipGradient(gradient, 0);
  strictEqual(same, gradient);
  strictEqual(norm, 5);
});
