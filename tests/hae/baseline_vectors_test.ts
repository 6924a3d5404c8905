/** The reference vectors of baselines, adapted to trajectories and replayed by the estimators that train. */

import { ok, throws } from "node:assert/strict";
import { assignCredit, type EstimatorConfig } from "../../lib/hae/credit.ts";
import { normalizeInPlace } from "../../lib/hae/normalize.ts";
import { shapeRewards } from "../../lib/hae/shaping.ts";
import {
  byDecision,
  type Credit,
  type Trajectory,
} from "../../lib/trajectory.ts";
import { assertClose, replayByEstimators } from "../_vectors.ts";
import type { Matrix } from "../reference/hae_vector.ts";
import { episode } from "./_episodes.ts";

/** Rows of each name, in order of appearance. */
function rowsBy(names: readonly string[]): Map<string, number[]> {
  return Map.groupBy(names.keys(), (row) => names[row]!);
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

type Inputs = { token_level_rewards: Matrix; response_mask: Matrix };

/** Slots of real tokens. */
function realSlots({ response_mask }: Inputs): number[][] {
  return response_mask.map((row) =>
    row.flatMap((real, slot) => real === 1 ? [slot] : [])
  );
}

/** Each row as an episode whose turns are the row's real tokens. */
function tokenEpisodes(
  inputs: Inputs,
  groups: (row: number) => string,
  rewards: (row: number, slot: number) => number = (row, slot) =>
    inputs.token_level_rewards[row]![slot]!,
): Trajectory[] {
  return realSlots(inputs).map((slots, row) =>
    episode({
      id: `${row}`,
      group: groups(row),
      rewards: slots.map((slot) => rewards(row, slot)),
    })
  );
}

/** Compares the advantages of tokens with recorded ones at real tokens. */
function closeTokens(
  inputs: Inputs,
  credits: readonly Credit[],
  expected: { matrix: Matrix; what: string; tolerance?: number },
): void {
  const { matrix, what, tolerance = 5e-5 } = expected;
  for (const [row, slots] of realSlots(inputs).entries()) {
    assertClose(
      credits[row]!.advantages.execution,
      slots.map((slot) => matrix[row]![slot]!),
      { tolerance, what: `${what} of row ${row}` },
    );
  }
}

replayByEstimators<{
  cfg: { gamma: number; lam: number };
  inputs: Inputs & { values: Matrix };
  outputs: Record<"advantages" | "returns", Matrix>;
}>("baselines/token_gae.json", ({ cfg, inputs, outputs }) => {
  // Padding takes part in the chain: every slot is a turn.
  const trajectories = inputs.token_level_rewards.map((rewards, row) => {
    const plain = episode({ id: `${row}`, rewards });
    return {
      ...plain,
      turns: plain.turns.map((turn, slot) => ({
        ...turn,
        decision: {
          ...turn.decision,
          values: byDecision(() => inputs.values[row]![slot]!),
        },
      })),
    };
  });
  const credits = assignCredit(trajectories, {
    name: "gae",
    gamma: cfg.gamma,
    lambda: cfg.lam,
  });
  const advantages = Float64Array.from(
    credits.flatMap((credit) => [...credit.advantages.execution]),
  );
  const mask = Uint8Array.from(inputs.response_mask.flat());
  normalizeInPlace(advantages, mask, "whiten");
  const expected = outputs.advantages.flat();
  for (const [at, real] of mask.entries()) {
    if (real === 0) continue;
    const what = `advantage ${at}`;
    assertClose(advantages[at], expected[at], { tolerance: 2e-5, what });
  }
  for (const [row, { targets }] of credits.entries()) {
    const what = `returns of row ${row}`;
    assertClose(targets!.switching, outputs.returns[row], {
      tolerance: 2e-5,
      what,
    });
  }
  return true;
}, 1);

replayByEstimators<{
  cfg: { gamma: number; lam: number };
  inputs: Inputs & {
    values: Matrix;
    traj_uid: string[];
    turn_idx: number[];
    dones: boolean[];
  };
  outputs: Record<"advantages" | "returns", Matrix>;
}>("baselines/turn_gae.json", ({ cfg, inputs, outputs }) => {
  const episodes = [...rowsBy(inputs.traj_uid)].map(([id, members]) => ({
    id,
    rows: members.toSorted((a, b) => inputs.turn_idx[a]! - inputs.turn_idx[b]!),
  }));
  const slots = realSlots(inputs);
  const expressible = slots.every(({ length }) => length > 0) &&
    episodes.every(({ rows }) =>
      new Set(rows.map((row) => inputs.turn_idx[row])).size === rows.length &&
      !rows.slice(0, -1).some((row) => inputs.dones[row])
    );
  if (!expressible) return false;
  const trajectories = episodes.map(({ id, rows }): Trajectory => {
    const plain = episode({
      id,
      rewards: rows.map((row) =>
        sum(slots[row]!.map((slot) => inputs.token_level_rewards[row]![slot]!))
      ),
    });
    return {
      ...plain,
      turns: plain.turns.map((turn, t) => ({
        ...turn,
        decision: {
          ...turn.decision,
          values: byDecision(() => inputs.values[rows[t]!]![0]!),
        },
      })),
      ending: inputs.dones[rows.at(-1)!] ? "terminated" : "truncated",
    };
  });
  const credits = assignCredit(trajectories, {
    name: "gae",
    gamma: cfg.gamma,
    lambda: cfg.lam,
    truncation: "zero",
    normalize: "whiten",
  });
  for (const [i, { rows }] of episodes.entries()) {
    for (const [t, row] of rows.entries()) {
      const slot = slots[row]![0]!;
      const close = (actual: number, expected: Matrix, what: string) =>
        assertClose(actual, expected[row]![slot], { tolerance: 2e-5, what });
      const { advantages, targets } = credits[i]!;
      close(advantages.execution[t]!, outputs.advantages, `advantage ${row}`);
      close(targets!.switching[t]!, outputs.returns, `return ${row}`);
    }
  }
  return true;
}, 0.4);

interface GroupVector {
  inputs: Inputs & { uid: string[]; traj_uid: string[] };
  outputs: Record<string, Matrix> & {
    remax?: {
      reward_baselines: number[];
      advantages: Matrix;
      returns: Matrix;
    };
  };
}

replayByEstimators<GroupVector>(
  "baselines/group_outcome.json",
  ({ inputs, outputs }) => {
    const scores = inputs.token_level_rewards.map(sum);
    const equal = scores.every((score) => score === scores[0]);
    const whitened = equal ? 1e-3 : 5e-5; // constant data amplify float32 residues
    const slots = realSlots(inputs);
    if (slots.some(({ length }) => length === 0)) return false;
    // The whole score of a row stands on its last token: padding may be rewarded too.
    const rows = tokenEpisodes(
      inputs,
      (row) => inputs.uid[row]!,
      (row, slot) => slot === slots[row]!.at(-1) ? scores[row]! : 0,
    );
    const check = (
      key: string,
      estimator: EstimatorConfig,
      tolerance?: number,
      trajectories = rows,
    ) => {
      const matrix = outputs[key];
      if (!matrix) return;
      const credits = assignCredit(trajectories, estimator);
      const expected = { matrix, what: key, ...(tolerance && { tolerance }) };
      closeTokens(inputs, credits, expected);
    };
    // Each row counts once: the reference's default.
    const alone = { singleton: "score" } as const;
    check("grpo_std1_cross1", { name: "grpo", ...alone });
    check("grpo_std0_cross1", {
      name: "grpo",
      scaleByDeviation: false,
      ...alone,
    });
    check("grpo_std0_cross1", { name: "dr-grpo", ...alone });
    check("rloo_cross1", { name: "rloo", ...alone });
    const baseline = { name: "reinforce++-baseline", ...alone } as const;
    check("rfpp_baseline_cross1", baseline, whitened);
    const tokens = tokenEpisodes(inputs, (row) => `${row}`);
    for (const key of Object.keys(outputs)) {
      const gamma = /^rfpp_gamma(.*)$/.exec(key)?.[1];
      if (gamma === undefined) continue;
      const { advantages, returns }: Record<string, Matrix> = JSON.parse(
        JSON.stringify(outputs[key]),
      );
      const whiten = { name: "reinforce++", gamma: Number(gamma) } as const;
      const plain = { name: "reinforce", gamma: Number(gamma) } as const;
      closeTokens(inputs, assignCredit(tokens, whiten), {
        matrix: advantages!,
        what: key,
        tolerance: whitened,
      });
      closeTokens(inputs, assignCredit(tokens, plain), {
        matrix: returns!,
        what: `${key} returns`,
      });
    }
    if (outputs.remax) {
      const { reward_baselines, advantages, returns } = outputs.remax;
      const baselines = Object.fromEntries(
        reward_baselines.map((baseline, row) => [`${row}`, baseline]),
      );
      const credits = assignCredit(tokens, { name: "remax", baselines });
      closeTokens(inputs, credits, { matrix: advantages, what: "remax" });
      closeTokens(inputs, assignCredit(tokens, { name: "reinforce" }), {
        matrix: returns,
        what: "remax returns",
      });
    }
    check("passk_std1", { name: "pass-at-k" });
    check("passk_std0", { name: "pass-at-k", scaleByDeviation: false });
    if (outputs.passk_error) {
      throws(() => assignCredit(rows, { name: "pass-at-k" }), RangeError);
    }
    return true;
  },
  1,
);

replayByEstimators<{
  cfg: {
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
  outputs: Record<string, Matrix>;
}>("baselines/gigpo.json", (vector) => {
  const { cfg, inputs, outputs, step_return_inputs: steps } = vector;
  for (const [id, rows] of rowsBy(steps.traj_uid)) {
    const rewards = rows.map((row) => steps.rewards[row]!);
    const [credit] = assignCredit([episode({ id, rewards })], {
      name: "reinforce",
      gamma: cfg.gamma,
    });
    assertClose(
      credit!.advantages.execution,
      rows.map((row) => vector.step_returns[row]!),
      { tolerance: 2e-5, what: "step returns" },
    );
  }
  /** Each row as an episode of one turn; the estimator is linear in its two parts. */
  const credit = (
    rewards: readonly number[],
    options: { stepWeight: number; scaleByDeviation: boolean },
  ) =>
    assignCredit(
      rewards.map((reward, row): Trajectory => {
        const seen = inputs.anchor_obs[row];
        const text = typeof seen === "string" ? seen : JSON.stringify(seen);
        const plain = episode({
          id: `${row}`,
          group: inputs.uid[row]!,
          rewards: [reward],
        });
        const observation = {
          ...plain.turns[0]!.observation,
          text,
          stateKey: text,
        };
        return { ...plain, turns: [{ ...plain.turns[0]!, observation }] };
      }),
      {
        name: "gigpo",
        singleton: "score",
        ...options,
        ...(cfg.enable_similarity ? { similarity: cfg.similarity_thresh } : {}),
      },
    ).map(({ advantages }) => advantages.execution[0]!);
  const scores = inputs.token_level_rewards.map(sum);
  for (const key of Object.keys(outputs)) {
    const [, mode, part] =
      /^(mean(?:_std)?_norm)_(w.*|step|episode)$/.exec(key) ?? [];
    if (mode === undefined) continue;
    const scaleByDeviation = mode === "mean_std_norm";
    const only = { stepWeight: 0, scaleByDeviation };
    const both = { stepWeight: 1, scaleByDeviation };
    const episodes = credit(scores, only);
    const without = credit(inputs.step_rewards, only);
    const step = credit(inputs.step_rewards, both)
      .map((a, row) => a - without[row]!);
    const weight = part === "step"
      ? 1
      : part === "episode"
      ? 0
      : Number(part!.slice(1));
    for (const [row, slots] of realSlots(inputs).entries()) {
      const own = (part === "step" ? 0 : episodes[row]!) + weight * step[row]!;
      assertClose(
        slots.map(() => own),
        slots.map((slot) => outputs[key]![row]![slot]!),
        { tolerance: 5e-5, what: `${key} of row ${row}` },
      );
    }
  }
  return true;
}, 1);

replayByEstimators<{
  cfg: { invalid_coef: number; keep_penalty: number };
  inputs: {
    response_len: number[];
    rewards: number[];
    episode_rewards: number[];
    is_action_valid: boolean[];
    switch: string[];
  };
  outputs: Record<string, Matrix>;
}>("baselines/reward_placement.json", ({ cfg, inputs, outputs }) => {
  const shape = (rewards: readonly number[], keepPenalty: number) =>
    shapeRewards(
      rewards.map((reward, row): Trajectory => {
        const plain = episode({
          rewards: [reward],
          switched: [inputs.switch[row]!.trim().toUpperCase() !== "KEEP"],
        });
        const { decision } = plain.turns[0]!;
        const valid = inputs.is_action_valid[row]!;
        return {
          ...plain,
          turns: [{ ...plain.turns[0]!, decision: { ...decision, valid } }],
        };
      }),
      {
        keepPenalty,
        keepPenaltyMode: "fixed",
        invalidActionPenalty: cfg.invalid_coef,
      },
    ).map(({ turns }) => turns[0]!.reward);
  const managers = [
    ["multi_turn", inputs.rewards],
    ["episode", inputs.episode_rewards],
  ] as const;
  let compared = 0;
  for (const [manager, rewards] of managers) {
    for (
      const [key, penalty] of [["invalid", 0], [
        "invalid_then_keep",
        cfg.keep_penalty,
      ]] as const
    ) {
      const matrix = outputs[`${manager}_${key}`];
      if (!matrix) continue;
      for (const [row, reward] of shape(rewards, penalty).entries()) {
        if (inputs.response_len[row] === 0) continue; // no token to stand on
        const what = `${manager}_${key} of row ${row}`;
        assertClose(reward, sum(matrix[row]!), { tolerance: 2e-5, what });
        compared++;
      }
    }
  }
  ok(compared > 0);
  return true;
}, 1);
