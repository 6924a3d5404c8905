import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  rowBestOfGroup,
  rowGigpo,
  rowGroupAdvantages,
  rowReinforce,
  rowRemax,
  rowStepReturns,
} from "./baseline_rows.ts";
import { rowTokenGae, rowTurnGae } from "./gae_rows.ts";
import { informativeEpisodes } from "../../lib/hae/group_filter.ts";
import { DEVIATION_EPSILON } from "../../lib/hae/group_credit.ts";
import { addAtLastToken, placeRewards } from "./reward_rows.ts";
import { assertClose, replayFile } from "../_vectors.ts";

type Matrix = number[][];

const flat = (m: Matrix) => Float64Array.from(m.flat());
const bits = (m: Matrix) => Uint8Array.from(m.flat());

/** Rewards and mask of a vector. */
function rewardRows(
  inputs: { token_level_rewards: Matrix; response_mask: Matrix },
) {
  return {
    rows: inputs.response_mask.length,
    width: inputs.response_mask[0]?.length ?? 0,
    mask: bits(inputs.response_mask),
    rewards: flat(inputs.token_level_rewards),
  };
}

const close = (
  actual: unknown,
  expected: Matrix | number[],
  what: string,
  tolerance = 2e-5,
) => assertClose(actual, expected.flat(), { tolerance, what });

replayFile<{
  cfg: { gamma: number; lam: number };
  inputs: Record<"token_level_rewards" | "values" | "response_mask", Matrix>;
  outputs: Record<"advantages" | "returns", Matrix>;
}>("baselines/token_gae.json", ({ cfg, inputs, outputs }) => {
  const { advantages, returns } = rowTokenGae(
    { ...rewardRows(inputs), values: flat(inputs.values) },
    { gamma: cfg.gamma, lambda: cfg.lam },
  );
  close(advantages, outputs.advantages, "advantages");
  close(returns, outputs.returns, "returns");
});

replayFile<{
  cfg: { gamma: number; lam: number };
  inputs: Record<"token_level_rewards" | "values" | "response_mask", Matrix> & {
    traj_uid: string[];
    turn_idx: number[];
    dones: boolean[];
  };
  outputs: Record<"advantages" | "returns" | "value_mask", Matrix>;
}>("baselines/turn_gae.json", ({ cfg, inputs, outputs }) => {
  const { advantages, returns, valueMask } = rowTurnGae({
    ...rewardRows(inputs),
    values: flat(inputs.values),
    episode: inputs.traj_uid,
    turn: inputs.turn_idx,
    done: Uint8Array.from(inputs.dones, Number),
  }, { gamma: cfg.gamma, lambda: cfg.lam });
  close(advantages, outputs.advantages, "advantages");
  close(returns, outputs.returns, "returns");
  close(valueMask, outputs.value_mask, "value_mask");
});

interface GroupVector {
  cfg: { epsilon: number };
  inputs: Record<"token_level_rewards" | "response_mask", Matrix> & {
    uid: string[];
    traj_uid: string[];
  };
  outputs: Record<string, Matrix> & {
    remax?: {
      reward_baselines: number[];
      advantages: Matrix;
      returns: Matrix;
    };
  };
}

replayFile<GroupVector>("baselines/group_outcome.json", (vector) => {
  const { cfg, inputs, outputs } = vector;
  strictEqual(cfg.epsilon, DEVIATION_EPSILON);
  const rows = {
    ...rewardRows(inputs),
    group: inputs.uid,
    episode: inputs.traj_uid,
  };
  const scores = inputs.token_level_rewards.map((row) =>
    row.reduce((a, b) => a + b, 0)
  );
  const equal = scores.every((score) => score === scores[0]);
  const whitened = equal ? 1e-3 : 5e-5; // constant data amplify float32 residues
  const pools = [["1", "turns"], ["0", "episodes"]] as const;
  const reference = { singleton: "score" } as const;
  for (const [cross, weightBy] of pools) {
    const compare = (options: Parameters<typeof rowGroupAdvantages>[1]) =>
      rowGroupAdvantages(rows, { ...reference, weightBy, ...options });
    const check = (key: string, actual: Float64Array, tolerance = 5e-5) => {
      if (outputs[key]) close(actual, outputs[key], key, tolerance);
    };
    check(`grpo_std1_cross${cross}`, compare({ comparison: "deviation" }));
    check(`grpo_std0_cross${cross}`, compare({ comparison: "center" }));
    check(`rloo_cross${cross}`, compare({ comparison: "leave-one-out" }));
    check(
      `rfpp_baseline_cross${cross}`,
      compare({ comparison: "center", whiten: true }),
      whitened,
    );
  }
  for (const key of Object.keys(outputs)) {
    const gamma = /^rfpp_gamma(.*)$/.exec(key)?.[1];
    if (gamma === undefined) continue;
    const { advantages, returns }: Record<string, Matrix> = JSON.parse(
      JSON.stringify(outputs[key]),
    );
    const actual = rowReinforce(rows, { gamma: Number(gamma) });
    close(actual.advantages, advantages!, key, whitened);
    close(actual.returns, returns!, `${key} returns`, 5e-5);
  }
  if (outputs.remax) {
    const { reward_baselines, advantages, returns } = outputs.remax;
    const actual = rowRemax(rows, Float64Array.from(reward_baselines));
    close(actual.advantages, advantages, "remax", 5e-5);
    close(actual.returns, returns, "remax returns", 5e-5);
  }
  for (
    const [key, scaleByDeviation] of [["passk_std1", true], [
      "passk_std0",
      false,
    ]] as const
  ) {
    if (outputs[key]) {
      close(
        rowBestOfGroup(rows, { scaleByDeviation }),
        outputs[key],
        key,
        5e-5,
      );
    }
  }
  if (outputs.passk_error) {
    throws(() => rowBestOfGroup(rows), { name: "RangeError" });
  }
});

replayFile<{
  cfg: {
    epsilon: number;
    gamma: number;
    enable_similarity: boolean;
    similarity_thresh: number;
  };
  step_return_inputs: { traj_uid: string[]; rewards: number[] };
  step_returns: number[];
  inputs: GroupVector["inputs"] & {
    anchor_obs: unknown[];
    step_rewards: number[];
  };
  outputs: Record<string, Matrix> & { step_group: number[] };
}>("baselines/gigpo.json", (vector) => {
  const { cfg, inputs, outputs, step_return_inputs: steps } = vector;
  strictEqual(cfg.epsilon, DEVIATION_EPSILON);
  const stepReturns = rowStepReturns(
    steps.traj_uid,
    Float64Array.from(steps.rewards),
    cfg.gamma,
  );
  close(stepReturns, vector.step_returns, "step_returns");
  const rows = {
    ...rewardRows(inputs),
    group: inputs.uid,
    episode: inputs.traj_uid,
    // Observations of other types are compared by their text.
    observations: inputs.anchor_obs.map((seen) =>
      typeof seen === "string" ? seen : JSON.stringify(seen)
    ),
    stepReturns: Float64Array.from(inputs.step_rewards),
  };
  const credit = (options: Parameters<typeof rowGigpo>[1]) =>
    rowGigpo(rows, {
      singleton: "score",
      weightBy: "turns",
      ...(cfg.enable_similarity ? { similarity: cfg.similarity_thresh } : {}),
      ...options,
    });
  deepStrictEqual([...credit({}).anchors], outputs.step_group);
  const form =
    /^(mean(?:_std)?_norm)_(w.*|step|episode|episode_per_trajectory)$/;
  for (const key of Object.keys(outputs)) {
    const [, mode, part] = form.exec(key) ?? [];
    if (mode === undefined) continue;
    const scaleByDeviation = mode === "mean_std_norm";
    const weight = /^w(.*)$/.exec(part!)?.[1];
    const own = credit({
      scaleByDeviation,
      ...(weight === undefined ? {} : { stepWeight: Number(weight) }),
      ...(part === "episode_per_trajectory" ? { weightBy: "episodes" } : {}),
    });
    const actual = weight !== undefined
      ? own.advantages
      : part === "step"
      ? own.steps
      : own.episodes;
    close(actual, outputs[key]!, key, 5e-5);
  }
}, { unread: ["cfg.similarity_thresh"] }); // read where similarity is on

replayFile<{
  cfg: { n: number; last_try: boolean };
  inputs: { episode_rewards: number[] };
  outputs: { kept_traj: string[] };
}>("baselines/dynamic_sampling.json", ({ cfg, inputs, outputs }) => {
  const rewards = inputs.episode_rewards;
  const groups = rewards.map((_, i) => `${Math.floor(i / cfg.n)}`);
  const kept = cfg.last_try
    ? rewards.map((_, i) => i)
    : informativeEpisodes(rewards, groups);
  deepStrictEqual(kept.map((i) => `t${i}`), outputs.kept_traj);
}, { unread: ["cfg.train_batch_size", "outputs.success_keys"] });

replayFile<{
  cfg: { invalid_coef: number; keep_penalty: number };
  inputs: {
    L: number;
    response_len: number[];
    rewards: number[];
    episode_rewards: number[];
    episode_lengths: number[];
    is_action_valid: boolean[];
    switch: string[];
  };
  outputs: Record<string, Matrix | number[]>;
}>("baselines/reward_placement.json", ({ cfg, inputs, outputs }) => {
  const layout = {
    rows: inputs.rewards.length,
    width: inputs.L,
    lengths: inputs.response_len,
  };
  const invalid = {
    amount: -cfg.invalid_coef,
    flagged: inputs.is_action_valid.map((valid) => !valid),
  };
  const keeps = {
    amount: cfg.keep_penalty,
    flagged: inputs.switch.map((word) => word.trim().toUpperCase() === "KEEP"),
  };
  const managers = [
    ["multi_turn", inputs.rewards, inputs.response_len],
    ["episode", inputs.episode_rewards, inputs.episode_lengths],
  ] as const;
  for (const [manager, rewards, divisors] of managers) {
    const placed = placeRewards({ ...layout, rewards });
    const check = (key: string, actual: unknown) => {
      const expected = outputs[`${manager}_${key}`];
      if (expected) close(actual, expected as number[], `${manager}_${key}`);
    };
    check("norm0", placed);
    check("norm1", placeRewards({ ...layout, rewards, divisors }));
    const penalized = addAtLastToken(placed, layout, invalid);
    check("invalid", penalized);
    check("invalid_then_keep", addAtLastToken(penalized, layout, keeps));
    check(
      "invalid_step_rewards",
      inputs.rewards.map((r, i) =>
        r + (invalid.flagged[i] ? invalid.amount : 0)
      ),
    );
  }
}, {
  unread: ["outputs.multi_turn_keep_metrics", "outputs.episode_keep_metrics"],
});
