/**
 * The recorded HAE vectors, and their inputs as padded rows.
 *
 * @module
 */

import type { HaeRows } from "./row_inputs.ts";

export type Matrix = number[][];

export interface HaeVector {
  name: string;
  cfg: {
    gamma: number;
    lam_turn: number;
    lam_seg: number;
    assign_high_to_switch: boolean;
    assign_high_to_subgoal: boolean;
    assign_term_to_switch: boolean;
    norm_adv: boolean;
    bootstrap_truncated: boolean;
    keep_penalty: number;
    keep_penalty_mode: "fixed" | "normalized";
    invalid_action_penalty_coef: number;
    keep_consistency_penalty: number;
    keep_consistency_requires_both: boolean;
  };
  inputs: {
    N: number;
    L: number;
    traj_uid: string[];
    turn_idx: number[];
    dones: boolean[];
    switch: boolean[];
    rewards: number[];
    is_action_valid: (boolean | number)[] | null;
    responses: Matrix;
    response_mask: Matrix;
    value_low: Matrix;
    value_high: Matrix | null;
    value_term: Matrix | null;
    value_mask_low: Matrix;
    value_mask_high: Matrix | null;
    value_mask_term: Matrix | null;
    action_mask: Matrix | null;
    subgoal_mask: Matrix | null;
    switch_mask: Matrix | null;
  };
  outputs: Record<string, Matrix>;
  turn: Record<string, number[]>;
  turn_raw?: Record<string, number[]>;
  segments: Record<string, [number, number, number | null][]>;
}

const flat = (m: Matrix) => Float64Array.from(m.flat());
const bits = (m: Matrix) => Uint8Array.from(m.flat());
const flags = (column: readonly (boolean | number)[]) =>
  Uint8Array.from(column, Number);

/** Leaves out what a vector does not give. */
function given<T>(name: string, m: Matrix | null, read: (m: Matrix) => T) {
  return m ? { [name]: read(m) } : {};
}

/** A vector's inputs as rows. */
export function rowsOf({ inputs }: HaeVector): HaeRows {
  return {
    rows: inputs.N,
    width: inputs.L,
    episode: inputs.traj_uid,
    turn: inputs.turn_idx,
    mask: bits(inputs.response_mask),
    done: flags(inputs.dones),
    switched: flags(inputs.switch),
    rewards: Float64Array.from(inputs.rewards),
    ...(inputs.is_action_valid ? { valid: flags(inputs.is_action_valid) } : {}),
    responses: Int32Array.from(inputs.responses.flat()),
    values: {
      execution: flat(inputs.value_low),
      ...given("planning", inputs.value_high, flat),
      ...given("switching", inputs.value_term, flat),
    },
    valueMasks: {
      ...given("execution", inputs.value_mask_low, bits),
      ...given("planning", inputs.value_mask_high, bits),
      ...given("switching", inputs.value_mask_term, bits),
    },
    spans: {
      ...given("execution", inputs.action_mask, bits),
      ...given("planning", inputs.subgoal_mask, bits),
      ...given("switching", inputs.switch_mask, bits),
    },
  };
}

/** A vector's settings as options. */
export function optionsOf({ cfg }: HaeVector) {
  return {
    gamma: cfg.gamma,
    lambdaTurn: cfg.lam_turn,
    lambdaSegment: cfg.lam_seg,
    planningToSwitching: cfg.assign_high_to_switch,
    planningToPlanning: cfg.assign_high_to_subgoal,
    switchingToSwitching: cfg.assign_term_to_switch,
    normalize: cfg.norm_adv ? "reference" : "none",
    truncation: cfg.bootstrap_truncated ? "reference" : "zero",
    keepPenalty: cfg.keep_penalty,
    keepPenaltyMode: cfg.keep_penalty_mode,
    invalidActionPenalty: cfg.invalid_action_penalty_coef,
    consistencyPenalty: cfg.keep_consistency_penalty,
    consistencyRequiresBoth: cfg.keep_consistency_requires_both,
    duplicates: "reference",
  } as const;
}
