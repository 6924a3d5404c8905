/**
 * From token pieces to advantages and loss mask, in the order of a trainer.
 *
 * @module
 */

import { deepStrictEqual } from "node:assert/strict";
import { rowAdvantages } from "../reference/rows.ts";
import { locateBlocks } from "../../lib/policy/language/blocks.ts";
import { byDecision, type DecisionName } from "../../lib/trajectory.ts";
import { assertClose, replayFile } from "../_vectors.ts";

interface PipelineVector {
  L: number;
  cfg: {
    gamma: number;
    lam_turn: number;
    lam_seg: number;
    keep_penalty: number;
    keep_penalty_mode: "fixed" | "normalized";
    invalid_action_penalty_coef: number;
    keep_consistency_penalty: number;
    keep_consistency_requires_both: boolean;
    bootstrap_truncated: boolean;
    norm_adv: boolean;
    include_tags_mask: boolean;
    assign_high_to_switch: boolean;
    assign_high_to_subgoal: boolean;
    assign_term_to_switch: boolean;
  };
  inputs: {
    pieces: string[][];
    traj_uid: string[];
    turn_idx: number[];
    dones: boolean[];
    rewards: number[];
    is_action_valid: boolean[];
    value_low: number[][];
    value_high: number[][];
    value_term: number[][];
  };
  outputs: {
    action: [number, number][][];
    subgoal: [number, number][][];
    switch: [number, number][][];
    is_new_subgoal: number[];
    value_pos_high: (number | null)[];
    value_pos_low: (number | null)[];
    value_pos_term: (number | null)[];
    advantages: number[][];
    returns_low: number[][];
    returns_high: number[][];
    returns_term: number[][];
    loss_mask: [number, number][][];
  };
}

replayFile<PipelineVector>("masks/end_to_end.json", (vector) => {
  const { L, cfg, inputs, outputs } = vector;
  const { pieces } = inputs;
  const rows = pieces.length;
  const located = pieces.map((row) =>
    locateBlocks(row, { includeTags: cfg.include_tags_mask })
  );
  const first = (row: number) =>
    inputs.traj_uid.every((uid, other) =>
      uid !== inputs.traj_uid[row] ||
      inputs.turn_idx[other]! >= inputs.turn_idx[row]!
    );
  const slots = located.map(({ valueSlots, switched }, row) => ({
    ...valueSlots,
    planning: switched || first(row) ? valueSlots.planning : undefined,
  }));
  const matrix = (fill: (row: number, slot: number) => boolean) =>
    Uint8Array.from(
      { length: rows * L },
      (_, at) => Number(fill(Math.floor(at / L), at % L)),
    );
  const ids = new Map<string, number>();
  for (const piece of pieces.flat()) {
    if (!ids.has(piece)) ids.set(piece, ids.size);
  }
  const valueNames = {
    execution: "value_low",
    planning: "value_high",
    switching: "value_term",
  } as const;
  const credit = rowAdvantages({
    rows,
    width: L,
    episode: inputs.traj_uid,
    turn: inputs.turn_idx,
    mask: matrix((row, slot) => slot < pieces[row]!.length),
    done: Uint8Array.from(inputs.dones, Number),
    switched: Uint8Array.from(located, ({ switched }) => Number(switched)),
    rewards: Float64Array.from(inputs.rewards),
    valid: Uint8Array.from(inputs.is_action_valid, Number),
    responses: Int32Array.from(
      { length: rows * L },
      (_, at) => ids.get(pieces[Math.floor(at / L)]![at % L] ?? "") ?? -1,
    ),
    values: byDecision((name) =>
      Float64Array.from(inputs[valueNames[name]].flat())
    ),
    valueMasks: byDecision((name) =>
      matrix((row, slot) => slots[row]![name] === slot)
    ),
    spans: byDecision((name) =>
      matrix((row, slot) => {
        const span = located[row]!.spans[name];
        return span !== undefined && span.start <= slot && slot < span.end;
      })
    ),
  }, {
    gamma: cfg.gamma,
    lambdaTurn: cfg.lam_turn,
    lambdaSegment: cfg.lam_seg,
    keepPenalty: cfg.keep_penalty,
    keepPenaltyMode: cfg.keep_penalty_mode,
    invalidActionPenalty: cfg.invalid_action_penalty_coef,
    consistencyPenalty: cfg.keep_consistency_penalty,
    consistencyRequiresBoth: cfg.keep_consistency_requires_both,
    truncation: cfg.bootstrap_truncated ? "reference" : "zero",
    normalize: cfg.norm_adv ? "reference" : "none",
    planningToSwitching: cfg.assign_high_to_switch,
    planningToPlanning: cfg.assign_high_to_subgoal,
    switchingToSwitching: cfg.assign_term_to_switch,
    duplicates: "reference",
  });
  const spans = (name: DecisionName) =>
    located.map(({ spans }) => {
      const span = spans[name];
      return span ? [[span.start, span.end]] : [];
    });
  deepStrictEqual(spans("execution"), outputs.action);
  deepStrictEqual(spans("planning"), outputs.subgoal);
  deepStrictEqual(spans("switching"), outputs.switch);
  deepStrictEqual(
    located.map(({ switched }) => Number(switched)),
    outputs.is_new_subgoal.map(Number),
  );
  deepStrictEqual(slots.map((s) => s.planning ?? null), outputs.value_pos_high);
  deepStrictEqual(slots.map((s) => s.execution ?? null), outputs.value_pos_low);
  deepStrictEqual(
    slots.map((s) => s.switching ?? null),
    outputs.value_pos_term,
  );
  const close = (actual: Float64Array, expected: number[][], what: string) =>
    assertClose(actual, expected.flat(), { tolerance: 1e-4, what });
  close(credit.total, outputs.advantages, "advantages");
  close(credit.returns.execution, outputs.returns_low, "returns_low");
  close(credit.returns.planning, outputs.returns_high, "returns_high");
  close(credit.returns.switching, outputs.returns_term, "returns_term");
  const { masks } = credit;
  const expected = matrix((row, slot) =>
    outputs.loss_mask[row]!.some(([from, to]) => from <= slot && slot < to)
  );
  const union = masks.execution.map((one, at) =>
    one | masks.planning[at]! | masks.switching[at]!
  );
  deepStrictEqual(union, expected);
});
