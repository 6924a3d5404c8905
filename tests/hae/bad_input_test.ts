/** What rows, columns and settings are refused, each with a message that says where and why. */

import { throws } from "node:assert/strict";
import {
  type GroupedRows,
  rowBestOfGroup,
  rowGroupAdvantages,
  rowReinforce,
  rowRemax,
  rowStepReturns,
} from "../reference/baseline_rows.ts";
import { assignCredit, type EstimatorConfig } from "../../lib/hae/credit.ts";
import { rowTokenGae, rowTurnGae } from "../reference/gae_rows.ts";
import { groupAdvantages } from "../../lib/hae/group_credit.ts";
import type { HaeRows } from "../reference/row_inputs.ts";
import { type HaeRowOptions, rowAdvantages } from "../reference/rows.ts";
import { shapeRewards, type ShapingOptions } from "../../lib/hae/shaping.ts";
import { byDecision } from "../../lib/trajectory.ts";
import { episode } from "./_episodes.ts";

type Refusal = readonly [
  call: () => unknown,
  message: string | RegExp,
  name?: string,
];

/** Settings as a file would give them, whose words no compiler has seen. */
const unseen = <T>(text: string): T => JSON.parse(text);

/** Asserts that each call is refused with its message. */
function refuse(refusals: readonly Refusal[]): void {
  for (const [call, message, name = "RangeError"] of refusals) {
    throws(call, { name, message });
  }
}

const hae: HaeRows = {
  rows: 2,
  width: 1,
  episode: ["a", "a"],
  turn: [0, 1],
  mask: new Uint8Array([1, 1]),
  done: new Uint8Array([0, 1]),
  switched: new Uint8Array([1, 0]),
  rewards: new Float64Array([1, 2]),
  values: { execution: new Float64Array(2) },
  valueMasks: { execution: new Uint8Array([1, 1]) },
};

const grouped: GroupedRows = {
  rows: 2,
  width: 1,
  mask: new Uint8Array([1, 1]),
  rewards: new Float64Array([1, 2]),
  group: ["g", "g"],
  episode: ["a", "b"],
};

Deno.test("rowAdvantages() refuses words it does not know and places that are no numbers", () => {
  const options = (text: string) => unseen<HaeRowOptions>(text);
  refuse([
    [
      () => rowAdvantages(hae, options('{"duplicates":"dedup"}')),
      'Cannot assign credit as "duplicates" must be one of "dedupe", "reference": current value is "dedup"',
    ],
    [
      () => rowAdvantages(hae, options('{"normalize":"mean"}')),
      'Cannot assign credit as "normalize" must be one of "none", "standard", "reference", "whiten": current value is "mean"',
    ],
    [
      () => rowAdvantages({ ...hae, turn: [0, NaN] }),
      'Cannot order rows as "turn" must be finite: row 1 of episode "a" has NaN',
    ],
    [
      () =>
        rowAdvantages({
          ...hae,
          bootstrap: byDecision(() => new Float64Array(1)),
        }),
      'Cannot assign credit as "bootstrap.switching" must have 2 elements: current value is 1',
    ],
  ]);
});

Deno.test("estimators on rows refuse wrong lengths, numbers that are not finite and gammas out of range", () => {
  const values = new Float64Array(2), one = new Float64Array(1);
  const broken = { ...grouped, rewards: new Float64Array([1, Infinity]) };
  const turns = { ...hae, values };
  const gamma =
    'Cannot assign credit as "gamma" must be in [0, 1]: current value is -1';
  const infinite =
    'Cannot assign credit as "rewards" must be finite on slot 0 of row 1: current value is Infinity';
  const short = (name: string) =>
    `Cannot assign credit as "${name}" must have 2 elements: current value is 1`;
  refuse([
    [() => rowGroupAdvantages(broken), infinite],
    [() => rowBestOfGroup(broken), infinite],
    [() => rowReinforce(broken), infinite],
    [() => rowTokenGae({ ...broken, values }), infinite],
    [() => rowTurnGae({ ...turns, rewards: broken.rewards }), infinite],
    [() => rowReinforce(grouped, { gamma: -1 }), gamma],
    [() => rowTokenGae({ ...grouped, values }, { gamma: -1 }), gamma],
    [() => rowTurnGae(turns, { gamma: -1 }), gamma],
    [() => rowStepReturns(["a", "a"], values, -1), gamma],
    [() => rowRemax(grouped, one), short("baselines")],
    [() => rowTokenGae({ ...grouped, values: one }), short("values")],
    [
      () => rowGroupAdvantages({ ...grouped, episode: ["a"] }),
      short("episode"),
    ],
    [() => rowReinforce({ ...grouped, rewards: one }), short("rewards")],
    [
      () => rowGroupAdvantages(grouped, unseen('{"weightBy":"rows"}')),
      'Cannot assign credit as "weightBy" must be one of "episodes", "turns": current value is "rows"',
    ],
    [
      () => rowStepReturns(["a"], values, 1),
      "Cannot sum rewards as each row must have an episode: there are 2 rewards and 1 episodes",
    ],
    [
      () => groupAdvantages([1, NaN], ["g", "g"]),
      "Cannot compare scores as each must be finite: score 1 is NaN",
    ],
  ]);
});

Deno.test("assignCredit() refuses a config without a name, weights and bootstraps that are no numbers", () => {
  const one = episode({ rewards: [1] });
  const cut = episode({
    id: "cut",
    rewards: [1],
    values: { switching: 0, planning: 0, execution: 0 },
    ending: "truncated",
    bootstrap: { switching: NaN, planning: NaN, execution: NaN },
  });
  refuse([
    [
      () => assignCredit([one], unseen<EstimatorConfig>("{}")),
      /^Cannot assign credit as "undefined" is not an estimator: known are "hae"/,
    ],
    [
      () => assignCredit([one], { name: "gigpo", stepWeight: NaN }),
      'Cannot assign credit as "stepWeight" must be finite: current value is NaN',
      "TypeError",
    ],
    [
      () => assignCredit([one], { name: "strata", judgePenalty: Infinity }),
      'Cannot assign credit as "judgePenalty" must be finite: current value is Infinity',
      "TypeError",
    ],
    [
      () => assignCredit([cut], { name: "token-gae" }),
      'Cannot assign credit "token-gae" as the value after the last turn of episode "cut" must be finite: current value is NaN',
    ],
  ]);
});

Deno.test("shapeRewards() names the setting that was meant", () => {
  const options = unseen<ShapingOptions>('{"keepPenalti":-0.3}');
  refuse([[
    () => shapeRewards([episode({ rewards: [1] })], options),
    'Cannot shape rewards as "keepPenalti" is not a setting: did you mean "keepPenalty"?',
    "TypeError",
  ]]);
});
