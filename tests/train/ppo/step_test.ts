import { throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { checkFinite, PPO_TERMS } from "../../../lib/train/ppo/step.ts";

Deno.test("checkFinite() names the loss term or the weight whose gradient is not finite", async () => {
  await selectBackend("wasm");
  const variables = {
    "trunk.weight": tf.variable(tf.zeros([2, 2])),
    "head.bias": tf.variable(tf.zeros([3])),
  };
  const terms = new Float32Array(PPO_TERMS.length);
  const gradient = new Float32Array(7);
  checkFinite({ terms, gradient }, variables);
  throws(
    () => checkFinite({ terms: terms.with(1, NaN), gradient }, variables),
    {
      name: "RangeError",
      message:
        'Cannot update as "value_loss" must be finite: current value is NaN; the weights are those before this step',
    },
  );
  for (const [at, name] of [[3, "trunk.weight"], [4, "head.bias"]] as const) {
    const wrong = { terms, gradient: gradient.with(at, Infinity) };
    throws(() => checkFinite(wrong, variables), {
      name: "RangeError",
      message:
        `Cannot update as the gradient of "${name}" must be finite: current value is Infinity; the weights are those before this step`,
    });
  }
  tf.dispose(variables);
});
