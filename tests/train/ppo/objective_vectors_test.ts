/** Recorded objectives of actor and critic are reproduced on the cpu and the wasm backend. */

import * as tf from "@tensorflow/tfjs-core";
import type { AggregationMode } from "../../../lib/train/ppo/aggregation.ts";
import type { KlEstimator } from "../../../lib/train/ppo/kl.ts";
import {
  actorObjective,
  criticObjective,
} from "../../../lib/train/ppo/objective.ts";
import { replayFile } from "../../_vectors.ts";
import { close, type Matrix, onEachBackend, scalar } from "./_tensors.ts";

interface HeadVectors {
  inputs: Record<"vpreds" | "values_old" | "returns" | "value_mask", Matrix>;
  outputs: { vf_loss: number; clipfrac: number; grad_vpreds: Matrix };
}

interface ObjectiveCase {
  cfg: {
    cliprange: number;
    clip_ratio_c: number;
    entropy_coeff: number;
    kl_loss_coef: number;
    kl_loss_type: KlEstimator;
    loss_agg_mode: AggregationMode;
    gradient_accumulation: number;
    cliprange_value: number;
    high_value_coef: number;
    term_value_coef: number;
  };
  inputs:
    & Record<
      | "loss_mask"
      | "prev_token_valid"
      | "old_log_prob"
      | "log_prob"
      | "ref_log_prob"
      | "entropy"
      | "advantages",
      Matrix
    >
    & { critic: Record<"low" | "high" | "term", HeadVectors["inputs"]> };
  outputs: {
    actor: {
      pg_loss: number;
      entropy_loss: number;
      kl_loss: number;
      loss: number;
      grad_log_prob: Matrix;
      grad_entropy: Matrix;
    };
    critic: {
      loss: number;
      heads: Record<"low" | "high" | "term", HeadVectors["outputs"]>;
    };
  };
}

/** Our names of the recorded heads. */
const HEADS = [["execution", "low"], ["planning", "high"], [
  "switching",
  "term",
]] as const;

function replayActor({ cfg, inputs, outputs: { actor } }: ObjectiveCase): void {
  const options = {
    oldLogProbs: tf.tensor2d(inputs.old_log_prob),
    advantages: tf.tensor2d(inputs.advantages),
    mask: tf.tensor2d(inputs.loss_mask),
    referenceLogProbs: tf.tensor2d(inputs.ref_log_prob),
    clipRange: cfg.cliprange,
    dualClip: cfg.clip_ratio_c,
    entropyCoefficient: cfg.entropy_coeff,
    klCoefficient: cfg.kl_loss_coef,
    klEstimator: cfg.kl_loss_type,
    aggregation: cfg.loss_agg_mode,
    accumulation: cfg.gradient_accumulation,
  };
  const now = tf.tensor2d(inputs.log_prob);
  const entropies = tf.tensor2d(inputs.entropy);
  const terms = actorObjective(now, { ...options, entropies });
  close(scalar(terms.policy), actor.pg_loss, "policy loss");
  close(scalar(terms.entropy), actor.entropy_loss, "entropy");
  close(scalar(terms.kl), actor.kl_loss, "KL");
  close(scalar(terms.loss), actor.loss, "objective");
  const { grads } = tf.valueAndGrads((...[x, h]: tf.Tensor[]) =>
    actorObjective(x!, { ...options, entropies: h! }).loss
  )([now, entropies]);
  close(grads[0]!.arraySync(), actor.grad_log_prob, "gradient");
  close(grads[1]!.arraySync(), actor.grad_entropy, "gradient of entropy");
}

function replayCritic(
  { cfg, inputs, outputs: { critic } }: ObjectiveCase,
): void {
  const valid = tf.tensor2d(inputs.prev_token_valid);
  const coefficients = {
    low: 1,
    high: cfg.high_value_coef,
    term: cfg.term_value_coef,
  };
  const heads = (predictions: readonly tf.Tensor[]) =>
    Object.fromEntries(HEADS.map(([decision, head], i) => {
      const recorded = inputs.critic[head];
      return [decision, {
        values: predictions[i]!,
        oldValues: tf.tensor2d(recorded.values_old),
        targets: tf.tensor2d(recorded.returns),
        mask: tf.mul(tf.tensor2d(recorded.value_mask), valid),
        clipRange: cfg.cliprange_value,
        coefficient: coefficients[head],
      }];
    }));
  const accumulation = cfg.gradient_accumulation;
  const predictions = HEADS.map(([, head]) =>
    tf.tensor2d(inputs.critic[head].vpreds)
  );
  const objective = criticObjective(heads(predictions), { accumulation });
  close(scalar(objective.loss), critic.loss, "critic objective");
  const { grads } = tf.valueAndGrads((...now: tf.Tensor[]) =>
    criticObjective(heads(now), { accumulation }).loss
  )(predictions);
  for (const [i, [decision, head]] of HEADS.entries()) {
    const expected = critic.heads[head];
    close(scalar(objective.errors[decision]!), expected.vf_loss, head);
    close(
      scalar(objective.clipFractions[decision]!),
      expected.clipfrac,
      `clip fraction of ${head}`,
    );
    close(grads[i]!.arraySync(), expected.grad_vpreds, `gradient of ${head}`);
  }
}

replayFile<ObjectiveCase>(
  "losses/objective.json",
  (vector) =>
    onEachBackend(() => {
      replayActor(vector);
      replayCritic(vector);
    }),
  { unread: ["inputs.response_mask"] }, // the loss mask is part of it
);
