import { deepStrictEqual, throws } from "node:assert/strict";
import { type HaeVector, optionsOf, rowsOf } from "./hae_vector.ts";
import type { HaeRows } from "./row_inputs.ts";
import { rowAdvantages } from "./rows.ts";
import { segmentTurns } from "../../lib/hae/segments.ts";
import {
  assertClose,
  listFiles,
  type Nested,
  replayFile,
} from "../_vectors.ts";

const LEVELS = [
  ["execution", "low", "hae_lo_mask"],
  ["planning", "high", "hae_hi_mask"],
  ["switching", "term", "hae_term_mask"],
] as const;

/** Cuts a flat matrix into rows. */
function matrix(values: ArrayLike<number>, width: number): Nested {
  const rows: number[][] = [];
  for (let at = 0; at < values.length; at += width) {
    rows.push(Array.from(values).slice(at, at + width));
  }
  return rows;
}

function replay(vector: HaeVector): void {
  const { inputs, outputs, turn, cfg } = vector;
  const tolerance = cfg.norm_adv ? 1e-4 : 2e-5;
  const rows = rowsOf(vector), options = optionsOf(vector);
  const credit = rowAdvantages(rows, options);
  const raw = rowAdvantages(rows, { ...options, normalize: "none" });
  const close = (actual: unknown, expected: unknown, what: string) =>
    assertClose(actual, expected, { tolerance, what });
  replaySegments(vector);
  close(matrix(credit.total, inputs.L), outputs.advantages, "advantages");
  close(credit.turns.rewards, turn.reward_shaped, "reward_shaped");
  close(credit.turns.boundaries, turn.boundary, "boundary");
  for (const [name, level, mask] of LEVELS) {
    deepStrictEqual(
      matrix(credit.masks[name], inputs.L),
      outputs[mask],
      mask,
    );
    const advantages = `advantages_${level}`, returns = `returns_${level}`;
    close(
      matrix(credit.advantages[name], inputs.L),
      outputs[advantages],
      advantages,
    );
    close(matrix(credit.returns[name], inputs.L), outputs[returns], returns);
    const headless = name === "switching" &&
      (!inputs.value_term || !inputs.value_mask_term);
    if (headless) continue;
    close(credit.turns.values[name], turn[`v_${level}`], `v_${level}`);
    close(credit.turns.targets[name], turn[`ret_${level}`], `ret_${level}`);
    close(
      raw.turns.advantages[name],
      (vector.turn_raw ?? turn)[`adv_${level}`],
      `adv_${level}`,
    );
  }
}

/** Segments of each episode follow from what starts one: start, last position, next start. */
function replaySegments({ inputs, turn, segments }: HaeVector): void {
  const found: HaeVector["segments"] = {};
  for (const uid of inputs.traj_uid) {
    const rows = [...inputs.traj_uid.keys()]
      .filter((row) => inputs.traj_uid[row] === uid)
      .sort((a, b) => inputs.turn_idx[a]! - inputs.turn_idx[b]!);
    const switched = Uint8Array.from(rows, (row) => Number(inputs.switch[row]));
    const own = segmentTurns(switched);
    found[uid] = own.map(({ start, end }, k) => [
      start,
      end - 1,
      own[k + 1]?.start ?? null,
    ]);
    for (const { start } of own) {
      deepStrictEqual(Boolean(turn.boundary![rows[start]!]), true);
    }
  }
  deepStrictEqual(found, segments);
}

for (const file of listFiles("hae")) {
  replayFile<HaeVector>(`hae/${file}`, replay);
}

const two: HaeRows = {
  rows: 2,
  width: 1,
  episode: ["a", "a"],
  turn: [0, 1],
  mask: new Uint8Array([1, 1]),
  done: new Uint8Array([0, 1]),
  switched: new Uint8Array([1, 0]),
  rewards: new Float64Array([1, 2]),
  values: { execution: new Float64Array([0.5, 0.25]) },
  valueMasks: { execution: new Uint8Array([1, 1]) },
};

Deno.test("rowAdvantages() credits copies of a row once unless told otherwise", () => {
  const copied: HaeRows = {
    ...two,
    rows: 3,
    episode: ["a", "a", "a"],
    turn: [0, 1, 0],
    mask: new Uint8Array([1, 1, 1]),
    done: new Uint8Array([0, 1, 0]),
    switched: new Uint8Array([0, 0, 0]),
    rewards: new Float64Array([1, 2, 1]),
    values: { execution: new Float64Array([0.5, 0.25, 0.5]) },
    valueMasks: { execution: new Uint8Array([1, 1, 1]) },
  };
  deepStrictEqual(rowAdvantages(copied).total, Float64Array.of(2.5, 1.75, 2.5));
  // As a further turn, the copy's reward is paid twice to the row before it.
  const { total } = rowAdvantages(copied, { duplicates: "reference" });
  deepStrictEqual(total, Float64Array.of(3.5, 1.75, 2.5));
});

Deno.test("rowAdvantages() asks for values after the last turn of a cut-off episode", () => {
  const cut = { ...two, done: new Uint8Array(2) };
  throws(
    () => rowAdvantages(cut),
    { name: "TypeError", message: /episode "a" is cut off and has none/ },
  );
  const after = new Float64Array([NaN, 4]);
  const { total } = rowAdvantages({
    ...cut,
    bootstrap: { switching: after, planning: after, execution: after },
  });
  deepStrictEqual(total, new Float64Array([1 + 2 + 4 - 0.5, 2 + 4 - 0.25]));
});

Deno.test("rowAdvantages() refuses columns of the wrong length", () => {
  throws(() => rowAdvantages({ ...two, rewards: new Float64Array(3) }), {
    name: "RangeError",
    message:
      'Cannot assign credit as "rewards" must have 2 elements: current value is 3',
  });
  const values = { execution: new Float64Array(1) };
  throws(() => rowAdvantages({ ...two, values }), {
    name: "RangeError",
    message:
      'Cannot assign credit as "values.execution" must have 2 elements: current value is 1',
  });
  throws(() => rowAdvantages({ ...two, episode: ["a"] }), {
    name: "RangeError",
    message:
      'Cannot order rows as "episode" must have 2 elements: current value is 1',
  });
});
