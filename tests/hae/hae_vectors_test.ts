/** The reference vectors of HAE, adapted to trajectories and replayed by the estimators that train. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { assignCredit, type EstimatorConfig } from "../../lib/hae/credit.ts";
import { creditEpisodes } from "../../lib/serve/credit/credit_service.ts";
import { shapeRewards } from "../../lib/hae/shaping.ts";
import {
  byDecision,
  type Credit,
  type Decision,
  type DecisionName,
  DECISIONS,
  type Trajectory,
} from "../../lib/trajectory.ts";
import { assertClose, listFiles, replayByEstimators } from "../_vectors.ts";
import { type HaeVector, optionsOf, rowsOf } from "../reference/hae_vector.ts";
import { hasSwitchingHead, readValues } from "../reference/row_inputs.ts";
import { episode } from "./_episodes.ts";

/** Rows of each name, in order of appearance. */
function rowsBy(names: readonly string[]): Map<string, number[]> {
  return Map.groupBy(names.keys(), (row) => names[row]!);
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** The episodes of a vector; `undefined` if only padded rows can express it. */
function haeEpisodes(
  vector: HaeVector,
): { rows: number[]; trajectory: Trajectory }[] | undefined {
  const { inputs } = vector;
  const rows = rowsOf(vector);
  const lengths = Int32Array.from(inputs.response_mask, sum);
  const values = readValues(rows, lengths);
  const decide = (row: number): Decision => {
    const stated = inputs.responses[row]!.filter((_, slot) =>
      inputs.subgoal_mask?.[row]?.[slot] === 1 &&
      inputs.response_mask[row]![slot] === 1
    );
    return {
      switched: inputs.switch[row]!,
      subgoal: "",
      action: "",
      valid: inputs.is_action_valid === null ||
        Number(inputs.is_action_valid[row]) === 1,
      trace: {
        kind: "tokens",
        prompt: new Int32Array(0),
        reply: Int32Array.from(stated),
        logProbs: new Float32Array(stated.length),
        spans: {
          switching: undefined,
          planning: { start: 0, end: stated.length },
          execution: undefined,
        },
      },
      values: byDecision((name) => values[name][row]!),
    };
  };
  const episodes = [];
  for (const [id, members] of rowsBy(inputs.traj_uid)) {
    const order = members.toSorted((a, b) =>
      inputs.turn_idx[a]! - inputs.turn_idx[b]!
    );
    const copies = new Set(order.map((row) => inputs.turn_idx[row])).size <
      order.length;
    const cut = order.slice(0, -1).some((row) => inputs.dones[row]);
    if (copies || cut) return undefined;
    const plain = episode({
      id,
      rewards: order.map((r) => inputs.rewards[r]!),
    });
    episodes.push({
      rows: order,
      trajectory: {
        ...plain,
        turns: plain.turns.map((turn, t) => ({
          ...turn,
          decision: decide(order[t]!),
        })),
        ending: inputs.dones[order.at(-1)!]
          ? "terminated" as const
          : "truncated" as const,
      },
    });
  }
  return episodes;
}

/** The service gives the digits of credit in process. */
function assertServed(
  trajectories: readonly Trajectory[],
  { name, ...settings }: EstimatorConfig,
  credits: readonly Credit[],
): void {
  const { episodes } = creditEpisodes({
    algorithm: name,
    settings,
    episodes: trajectories.map((one) => ({
      id: one.id,
      group: one.group,
      truncated: one.ending === "truncated",
      bootstrap_value: one.bootstrap.switching,
      turns: one.turns.map(({ reward, decision: { switched, values } }) => ({
        reward,
        new_subgoal: switched,
        value: finite(values!.execution),
        value_plan: finite(values!.planning),
        value_switch: finite(values!.switching),
      })),
    })),
  });
  const names = { switch: "switching", plan: "planning", execute: "execution" };
  for (const [i, { spans, advantages }] of episodes.entries()) {
    const wanted = credits[i]!.advantages;
    deepStrictEqual(advantages, [...wanted.execution]);
    for (const { turn, role, advantage } of spans) {
      strictEqual(advantage, wanted[names[role] as DecisionName][turn]);
    }
  }
}

const finite = (value: number) => Number.isFinite(value) ? value : null;

function replayHae(vector: HaeVector): boolean {
  const { cfg, inputs, outputs, turn } = vector;
  const episodes = haeEpisodes(vector);
  if (!episodes) return false;
  const options = optionsOf(vector);
  const shaped = shapeRewards(episodes.map((one) => one.trajectory), {
    keepPenalty: options.keepPenalty,
    keepPenaltyMode: options.keepPenaltyMode,
    invalidActionPenalty: options.invalidActionPenalty,
    consistencyPenalty: inputs.subgoal_mask ? options.consistencyPenalty : 0,
    consistencyRequiresBoth: options.consistencyRequiresBoth,
    consistencyCompares: "tokens",
  });
  const headless = !hasSwitchingHead(rowsOf(vector));
  const estimator = {
    name: "hae",
    gamma: options.gamma,
    lambdaTurn: options.lambdaTurn,
    lambdaSegment: options.lambdaSegment,
    truncation: options.truncation,
    heads: headless ? 2 : 3,
  } as const;
  const raw = assignCredit(shaped, estimator);
  assertServed(shaped, estimator, raw);
  const credits = assignCredit(shaped, {
    ...estimator,
    normalize: options.normalize,
    planningToSwitching: options.planningToSwitching,
    planningToPlanning: options.planningToPlanning,
    switchingToSwitching: options.switchingToSwitching,
  });
  const tolerance = cfg.norm_adv ? 1e-4 : 2e-5;
  const close = (actual: unknown, expected: unknown, what: string) =>
    assertClose(actual, expected, { tolerance, what });
  const spans = {
    switching: inputs.switch_mask,
    planning: inputs.subgoal_mask,
    execution: inputs.action_mask ?? inputs.response_mask,
  };
  // Statistics of rows without tokens of a decision count in episodes alone.
  const comparable = !cfg.norm_adv ||
    DECISIONS.every((name) =>
      credits.every(({ trained }, i) =>
        episodes[i]!.rows.every((row, t) =>
          trained![name][t] === 0 ||
          spans[name]?.[row]?.some((on, slot) =>
            on === 1 && inputs.response_mask[row]![slot] === 1
          )
        )
      )
    );
  const levels = [["execution", "low"], ["planning", "high"], [
    "switching",
    "term",
  ]] as const;
  for (const [i, { rows }] of episodes.entries()) {
    for (const [t, row] of rows.entries()) {
      close(shaped[i]!.turns[t]!.reward, turn.reward_shaped![row], "reward");
      for (const [name, level] of levels) {
        if (name === "switching" && headless) continue;
        const expected = (vector.turn_raw ?? turn)[`adv_${level}`]![row];
        close(raw[i]!.advantages[name][t], expected, `adv_${level}`);
        const target = raw[i]!.targets![name][t]!;
        close(
          Number.isNaN(target) ? 0 : target,
          turn[`ret_${level}`]![row],
          `ret_${level}`,
        );
      }
      if (!comparable) continue;
      const total = inputs.response_mask[row]!.map((real, slot) =>
        sum(
          DECISIONS.map((name) =>
            real === 1 && spans[name]?.[row]?.[slot] === 1
              ? credits[i]!.advantages[name][t]!
              : 0
          ),
        )
      );
      close(total, outputs.advantages![row], `advantages of row ${row}`);
    }
  }
  return true;
}

for (const file of listFiles("hae")) {
  // Copies of turns, and episodes that end before their last turn, are rows alone.
  const least = file === "ordering_duplicates.json"
    ? 0.2
    : file === "done_truncation.json"
    ? 0.5
    : 1;
  replayByEstimators<HaeVector>(`hae/${file}`, replayHae, least);
}
