/** Recorded losses and gradients are reproduced on the cpu and the wasm backend. */

import * as tf from "@tensorflow/tfjs-core";
import {
  aggregate,
  type AggregationMode,
  maskedMean,
} from "../../../lib/train/ppo/aggregation.ts";
import {
  adaptKlCoefficient,
  klEstimates,
  type KlEstimator,
  penalizeRewards,
} from "../../../lib/train/ppo/kl.ts";
import {
  policyLoss,
  sequencePolicyLoss,
  valueLoss,
} from "../../../lib/train/ppo/losses.ts";
import { tokenLogProbs } from "../../../lib/policy/decoder/layers.ts";
import {
  maskedVariance,
  maskedWhiten,
} from "../../reference/masked_statistics.ts";
import { replayFile } from "../../_vectors.ts";
import {
  close,
  type Matrix,
  MODES,
  onEachBackend,
  type PolicyCase,
  scalar,
  slope,
} from "./_tensors.ts";

/** Replays a policy loss with either kind of ratio. */
function replayPolicy(
  { cfg, inputs, outputs }: PolicyCase,
  loss: typeof policyLoss,
): void {
  onEachBackend(() => {
    const options = {
      oldLogProbs: tf.tensor2d(inputs.old_log_prob),
      advantages: tf.tensor2d(inputs.advantages),
      mask: tf.tensor2d(inputs.response_mask),
      clipRange: [
        cfg.cliprange_low ?? cfg.cliprange,
        cfg.cliprange_high ?? cfg.cliprange,
      ] as const,
      dualClip: cfg.clip_ratio_c ?? 3,
      aggregation: cfg.loss_agg_mode ?? "token-mean",
    };
    const now = tf.tensor2d(inputs.log_prob);
    const { value, grad } = slope((x) => loss(x, options).loss, now);
    const metrics = loss(now, options);
    close(value, outputs.pg_loss, "loss");
    close(grad, outputs.grad_log_prob, "gradient");
    close(scalar(metrics.clipFraction), outputs.pg_clipfrac, "clip fraction");
    close(scalar(metrics.approximateKl), outputs.ppo_kl, "approximate KL");
    close(
      scalar(metrics.dualClipFraction),
      outputs.pg_clipfrac_lower,
      "dual clip fraction",
    );
  });
}

replayFile<PolicyCase>(
  "losses/policy_loss.json",
  (vector) => replayPolicy(vector, policyLoss),
  { unread: ["cfg.cliprange"] }, // two-sided where both sides are given
);

replayFile<PolicyCase>(
  "losses/policy_loss_gspo.json",
  (vector) => replayPolicy(vector, sequencePolicyLoss),
  { unread: ["cfg.cliprange"] },
);

replayFile<{
  cfg: { cliprange_value: number; loss_agg_mode: AggregationMode };
  inputs: Record<"vpreds" | "returns" | "values" | "response_mask", Matrix>;
  outputs: { vf_loss: number; vf_clipfrac: number; grad_vpreds: Matrix };
}>("losses/value_loss.json", ({ cfg, inputs, outputs }) =>
  onEachBackend(() => {
    const options = {
      oldValues: tf.tensor2d(inputs.values),
      targets: tf.tensor2d(inputs.returns),
      mask: tf.tensor2d(inputs.response_mask),
      clipRange: cfg.cliprange_value,
      aggregation: cfg.loss_agg_mode,
    };
    const now = tf.tensor2d(inputs.vpreds);
    const { value, grad } = slope((x) => valueLoss(x, options).loss, now);
    close(value, outputs.vf_loss, "loss");
    close(grad, outputs.grad_vpreds, "gradient");
    const { clipFraction } = valueLoss(now, options);
    close(scalar(clipFraction), outputs.vf_clipfrac, "clip fraction");
  }));

replayFile<{
  inputs: { logprob: Matrix; ref_logprob: Matrix };
  outputs: Record<KlEstimator, { value: Matrix; grad_logprob: Matrix }>;
}>("losses/kl_penalty.json", ({ inputs, outputs }) =>
  onEachBackend(() => {
    const now = tf.tensor2d(inputs.logprob);
    const reference = tf.tensor2d(inputs.ref_logprob);
    for (const [name, expected] of Object.entries(outputs)) {
      const options = { reference, estimator: name as KlEstimator };
      close(klEstimates(now, options).arraySync(), expected.value, name);
      const { grad } = slope((x) => tf.sum(klEstimates(x, options)), now);
      close(grad, expected.grad_logprob, `gradient of ${name}`);
    }
  }));

replayFile<{
  inputs: { x: Matrix; mask: Matrix };
  outputs: Record<AggregationMode, number> & {
    masked_sum: number;
    masked_mean: number;
    masked_mean_rows: number[];
    masked_var: number;
    masked_var_biased: number;
    masked_whiten: Matrix;
    masked_whiten_keep_mean: Matrix;
  };
}>("losses/aggregation.json", ({ inputs, outputs }) =>
  onEachBackend(() => {
    const x = tf.tensor2d(inputs.x), mask = tf.tensor2d(inputs.mask);
    for (const mode of MODES) {
      close(scalar(aggregate(x, mask, { mode })), outputs[mode], mode);
    }
    close(
      scalar(
        aggregate(x, mask, { mode: "seq-mean-token-sum-norm", length: 1 }),
      ),
      outputs.masked_sum,
      "sum",
    );
    close(scalar(maskedMean(x, mask)), outputs.masked_mean, "mean");
    close(
      maskedMean(x, mask, 1).arraySync(),
      outputs.masked_mean_rows,
      "means of rows",
    );
    close(scalar(maskedVariance(x, mask)), outputs.masked_var, "variance");
    close(
      scalar(maskedVariance(x, mask, { sample: false })),
      outputs.masked_var_biased,
      "population variance",
    );
    close(maskedWhiten(x, mask).arraySync(), outputs.masked_whiten, "whiten");
    close(
      maskedWhiten(x, mask, { keepMean: true }).arraySync(),
      outputs.masked_whiten_keep_mean,
      "whiten around the mean",
    );
  }));

replayFile<{
  cfg: { loss_agg_mode: AggregationMode };
  inputs: { logits: number[][][]; labels: Matrix; response_mask: Matrix };
  outputs: {
    entropy: Matrix;
    entropy_loss: number;
    grad_logits_of_entropy_loss: number[][][];
    log_probs: Matrix;
    grad_logits_of_sum_log_probs: number[][][];
  };
}>(
  "losses/entropy_logprob.json",
  ({ cfg, inputs, outputs }) =>
    onEachBackend(() => {
      const logits = tf.tensor3d(inputs.logits);
      const [sequences, tokens, choices] = logits.shape;
      const targets = tf.tensor1d(inputs.labels.flat(), "int32");
      // Hidden states that are the logits, under an embedding that is the identity.
      const scored = (z: tf.Tensor) =>
        tokenLogProbs(
          tf.reshape(z, [sequences * tokens, choices]),
          tf.eye(choices),
          { targets },
        );
      const rows = (x: tf.Tensor): tf.Tensor2D =>
        tf.reshape(x, [sequences, tokens]);
      const mask = tf.tensor2d(inputs.response_mask);
      const mode = cfg.loss_agg_mode;
      close(
        rows(scored(logits).entropies).arraySync(),
        outputs.entropy,
        "entropy",
      );
      close(
        rows(scored(logits).logProbs).arraySync(),
        outputs.log_probs,
        "log-probabilities",
      );
      const entropy = slope(
        (z) => aggregate(rows(scored(z).entropies), mask, { mode }),
        logits,
      );
      close(entropy.value, outputs.entropy_loss, "mean entropy");
      close(
        entropy.grad,
        outputs.grad_logits_of_entropy_loss,
        "gradient of entropy",
      );
      const { grad } = slope((z) => tf.sum(scored(z).logProbs), logits);
      close(
        grad,
        outputs.grad_logits_of_sum_log_probs,
        "gradient of log-probabilities",
      );
    }),
);

type KlControlCase = {
  cfg: { init_kl_coef: number; target_kl: number; horizon: number };
  inputs: { current_kl: number[]; n_steps: number[] };
  outputs: { coef_after: number[] };
} | {
  cfg: { kl_coef: number; kl_penalty: KlEstimator };
  inputs: Record<
    | "token_level_scores"
    | "old_log_probs"
    | "ref_log_prob"
    | "response_mask",
    Matrix
  >;
  outputs: {
    token_level_rewards: Matrix;
    metrics: { "actor/reward_kl_penalty": number };
  };
};

replayFile<KlControlCase>("losses/kl_control.json", (vector) => {
  if ("init_kl_coef" in vector.cfg) {
    const { cfg, inputs, outputs } = vector as Extract<
      KlControlCase,
      { outputs: { coef_after: number[] } }
    >;
    const { target_kl: target, horizon } = cfg;
    let coefficient = cfg.init_kl_coef;
    for (const [i, kl] of inputs.current_kl.entries()) {
      const steps = inputs.n_steps[i]!;
      coefficient = adaptKlCoefficient(coefficient, {
        kl,
        steps,
        target,
        horizon,
      });
      close(coefficient, outputs.coef_after[i], `coefficient ${i}`);
    }
    return;
  }
  const { cfg, inputs, outputs } = vector as Exclude<
    KlControlCase,
    { outputs: { coef_after: number[] } }
  >;
  onEachBackend(() => {
    const { rewards, kl } = penalizeRewards(
      tf.tensor2d(inputs.token_level_scores),
      {
        logProbs: tf.tensor2d(inputs.old_log_probs),
        reference: tf.tensor2d(inputs.ref_log_prob),
        mask: tf.tensor2d(inputs.response_mask),
        coefficient: cfg.kl_coef,
        estimator: cfg.kl_penalty,
      },
    );
    close(rewards.arraySync(), outputs.token_level_rewards, "rewards");
    close(kl, outputs.metrics["actor/reward_kl_penalty"], "KL");
  });
});
