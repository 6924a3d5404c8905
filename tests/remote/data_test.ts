/** Alignment, masks and scaling of data, against the recorded step of two turns with hierarchical advantages. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  replyDatum,
  scaleAdvantages,
  weightOf,
} from "../../lib/remote/tinker/data.ts";
import { parsePath } from "../../lib/remote/tinker/checkpoints.ts";
import { wholeLength } from "../../lib/remote/tinker/sampler.ts";
import { tokenLoss } from "../../lib/remote/tinker/table/table_model.ts";

const recorded = JSON.parse(Deno.readTextFileSync(
  new URL("../vectors/tinker/skyrl_a9564572.json", import.meta.url),
));
const [step, reply] = recorded.exchanges;

/** Advantages of the two recorded turns, by reply token. */
const LEVELS = [
  {
    switching: [0, 12, 1.52],
    planning: [13, 21, 0.939],
    execution: [22, 32, 1.16],
    length: 33,
  },
  { switching: [0, 7, 1.8], execution: [17, 29, 0.8], length: 30 },
] as const;

function recordedData() {
  const { prompt, response_turn0, response_turn1 } = recorded.tokens;
  const sent = step.body.forward_backward_input.data;
  return LEVELS.map(({ length, ...levels }, d) => {
    const advantages = new Float32Array(length);
    const mask = new Float32Array(length);
    for (const [start, end, level] of Object.values(levels)) {
      advantages.fill(level, start, end);
      mask.fill(1, start, end);
    }
    return replyDatum({
      prompt: Int32Array.from(prompt),
      reply: Int32Array.from(d === 0 ? response_turn0 : response_turn1),
      logProbs: Float32Array.from(
        sent[d].loss_fn_inputs.logprobs.data.slice(prompt.length - 1),
      ),
    }, { advantages, mask });
  });
}

Deno.test("replyDatum() lays two turns out as they were recorded", () => {
  for (const [d, datum] of recordedData().entries()) {
    const { model_input, loss_fn_inputs } =
      step.body.forward_backward_input.data[d];
    deepStrictEqual([...datum.tokens], model_input.chunks[0].tokens);
    deepStrictEqual([...datum.targets], loss_fn_inputs.target_tokens.data);
    for (const name of ["advantages", "weights", "logprobs"]) {
      deepStrictEqual(
        datum.arrays[name],
        Float32Array.from(loss_fn_inputs[name].data),
        name,
      );
    }
  }
});

Deno.test("scaleAdvantages() gives one objective on engines that sum and on engines that take means", () => {
  const outputs = reply.reply.loss_fn_outputs;
  const objective = (reduction: "sum" | "mean-of-means") => {
    const data = scaleAdvantages(recordedData(), { reduction, units: 49 });
    const plain = recordedData();
    const parts = data.map((datum, d) => {
      const weight = weightOf(datum);
      let sum = 0;
      for (let i = 0; i < datum.tokens.length; i++) {
        const a = plain[d]!.arrays["advantages"]![i]!;
        if (a === 0) continue;
        const factor = datum.arrays["advantages"]![i]! / a;
        sum += factor * outputs[d].elementwise_loss.data[i];
      }
      return reduction === "sum" ? sum : sum / weight / data.length;
    });
    return parts.reduce((a, b) => a + b, 0);
  };
  // -59.712 / 49, the mean over the trained tokens of both turns.
  for (const reduction of ["sum", "mean-of-means"] as const) {
    ok(Math.abs(objective(reduction) + 1.218612) < 1e-5, reduction);
  }
});

Deno.test("losses and slopes are those of the golden table", () => {
  const rows = [
    [-1, -1, 1, -1, -1, -1, -1],
    [-0.7, -1, 1, -1.349859, -1.349859, -1.2, 0],
    [-0.7, -1, -1, 1.349859, 1.349859, 1.349859, 1.349859],
    [-1.4, -1, 1, -0.67032, -0.67032, -0.67032, -0.67032],
    [-1.4, -1, -1, 0.67032, 0.67032, 0.8, 0],
    [-1.1, -1, 0.5, -0.452419, -0.452419, -0.452419, -0.452419],
    [-0.2, -2, 0.5, -3.024824, -3.024824, -0.6, 0],
  ] as const;
  const near = (a: number, b: number) =>
    ok(Math.abs(a - b) < 1e-6, `${a} ${b}`);
  for (const [logProb, behavior, advantage, is, isSlope, ppo, slope] of rows) {
    const token = { logProb, behavior, advantage, low: 0.8, high: 1.2 };
    near(tokenLoss("importance_sampling", token).value, is);
    near(tokenLoss("importance_sampling", token).slope, isSlope);
    near(tokenLoss("ppo", token).value, ppo);
    near(tokenLoss("ppo", token).slope, slope);
  }
});

Deno.test("wholeLength() reads both lengths of a prompt's log-probabilities alike", () => {
  const whole = Float32Array.of(NaN, -1, -2);
  deepStrictEqual(wholeLength(Float32Array.of(-1, -2), 3), whole);
  deepStrictEqual(wholeLength(whole, 3), whole);
  throws(() => wholeLength(whole, 5), /must be 5 or 4: current value is 3/);
});

Deno.test("parsePath() reads checkpoints of every dialect", () => {
  strictEqual(parsePath("tinker://model_1/step-1").kind, "sampler_weights");
  deepStrictEqual(parsePath("tinker://s:train:0/weights/iteration-000001"), {
    modelId: "s:train:0",
    kind: "weights",
    name: "iteration-000001",
  });
  throws(() => parsePath("weights/one"), SyntaxError);
});
