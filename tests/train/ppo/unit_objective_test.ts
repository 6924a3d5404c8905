/** The objective over plain numbers, as kernels use it, reproduces the recorded losses of TensorFlow.js's. */

import {
  differentiateKl,
  type KlEstimator,
} from "../../../lib/train/ppo/kl.ts";
import { differentiateUnits } from "../../../lib/train/ppo/unit_objective.ts";
import { settingsAt } from "../../../lib/train/ppo/update_settings.ts";
import type { UpdateOptions } from "../../../lib/policy/policy.ts";
import { byDecision } from "../../../lib/trajectory.ts";
import { replayFile } from "../../_vectors.ts";
import { close, type Matrix, type PolicyCase } from "./_tensors.ts";

/** The policy's part of the objective and its gradient. */
function replay(
  { cfg, inputs, outputs }: PolicyCase,
  loss: UpdateOptions["loss"],
): void {
  const { response_mask: masks } = inputs;
  const { cliprange, cliprange_low = cliprange, cliprange_high = cliprange } =
    cfg;
  const mask = masks.flat();
  const none = { oldValues: [], targets: [], mask: [] };
  const { terms, gradient } = differentiateUnits({
    logProbs: Float64Array.from(inputs.log_prob.flat()),
    entropies: new Float64Array(mask.length),
    values: byDecision(() => new Float64Array(0)),
  }, {
    offsets: Array.from(
      { length: masks.length + 1 },
      (_, i) => i * masks[0]!.length,
    ),
    oldLogProbs: inputs.old_log_prob.flat(),
    advantages: inputs.advantages.flat(),
    mask,
    references: undefined,
    heads: byDecision(() => none),
    counts: {
      units: mask.reduce((sum, one) => sum + one, 0),
      rows: masks.length,
      trainedRows: masks.filter((row) => row.includes(1)).length,
      heads: byDecision(() => 0),
    },
  }, {
    ...settingsAt({
      loss: loss!,
      clipRange: [cliprange_low, cliprange_high],
      dualClip: cfg.clip_ratio_c ?? 3,
      entropyCoefficient: 0,
      ...(cfg.loss_agg_mode && { aggregation: cfg.loss_agg_mode }),
    }),
    aggregationLength: masks[0]!.length,
  });
  close(terms[0]!, outputs.pg_loss, "loss");
  close(terms[4]!, outputs.ppo_kl, "approximate KL");
  close(terms[5]!, outputs.pg_clipfrac, "clip fraction");
  close(terms[6]!, outputs.pg_clipfrac_lower, "dual-clip fraction");
  close(
    [...gradient.logProbs],
    outputs.grad_log_prob.flat(),
    "gradient",
  );
}

replayFile<PolicyCase>(
  "losses/policy_loss.json",
  (vector) => replay(vector, "ppo"),
);

replayFile<PolicyCase>(
  "losses/policy_loss_gspo.json",
  (vector) => replay(vector, "gspo"),
);

replayFile<{
  inputs: { logprob: Matrix; ref_logprob: Matrix };
  outputs: Record<KlEstimator, { value: Matrix; grad_logprob: Matrix }>;
}>("losses/kl_penalty.json", ({ inputs, outputs }) => {
  const reference = inputs.ref_logprob.flat();
  for (const [name, expected] of Object.entries(outputs)) {
    const given = inputs.logprob.flat().map((one, u) =>
      differentiateKl(one - reference[u]!, name as KlEstimator)
    );
    close(given.map(({ loss }) => loss), expected.value.flat(), name);
    close(
      given.map(({ slope }) => slope),
      expected.grad_logprob.flat(),
      `gradient of ${name}`,
    );
  }
});
