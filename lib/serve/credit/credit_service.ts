/**
 * Credit as a function of plain JSON: episodes of any trainer in, advantages and value targets out.
 *
 * Stateless and deterministic: the numbers are those of `creditBatch`, digit by digit.
 *
 * @module
 */

import type {
  CreditColumns,
  EpisodeBatch,
  EpisodeRecord,
} from "../../episode_batch.ts";
import { creditBatch } from "../../hae/credit.ts";
import { normalizeInPlace } from "../../hae/normalize.ts";
import { discountedReturns } from "../../numeric.ts";
import {
  byDecision,
  type DecisionName,
  DECISIONS,
  type Turn,
} from "../../trajectory.ts";
import {
  type CreditEpisode,
  type CreditRequest,
  CreditRequestError,
  type CreditRole,
  type CreditTurn,
  type ReadCreditRequest,
  readCreditRequest,
  startsSegment,
} from "./request.ts";

/** Credit of one decision. */
export interface CreditSpan {
  /** Turn, from 0. */
  readonly turn: number;
  /** Which decision. */
  readonly role: CreditRole;
  /** Its advantage. */
  readonly advantage: number;
  /** Target of its value head; `null` where it has none. */
  readonly target: number | null;
}

/** Credit of one episode. */
export interface EpisodeCredit {
  /** Name of the episode. */
  readonly id: string;
  /** One for each turn: execution's, or planning's on turns that only plan. */
  readonly advantages: readonly number[];
  /** Value target of the same decision; its discounted return for estimators without a critic. */
  readonly returns: readonly number[];
  /** Every decision that is trained, in the order of turns. */
  readonly spans: readonly CreditSpan[];
  /** One number for each of a turn's `segments`, for episodes that have some. */
  readonly segments?: readonly (readonly number[])[];
}

/** Answer to a request. */
export interface CreditReply {
  /** Version of the contract. */
  readonly version: 1;
  /** `value-free` if the estimator reads values and none were given; see `docs/ecosystem.md`. */
  readonly variant: "as-asked" | "value-free";
  /** One for each episode, in order. */
  readonly episodes: readonly EpisodeCredit[];
  /** Of the advantages of all turns. */
  readonly stats: {
    /** Mean of `advantages`. */
    readonly mean: number;
    /** Population deviation of `advantages`. */
    readonly std: number;
    /** Number of episodes. */
    readonly episodes: number;
    /** Number of turns. */
    readonly turns: number;
  };
  /** Always empty: a request with errors has no answer. */
  readonly errors: readonly [];
}

const ROLES: Readonly<Record<CreditRole, DecisionName>> = {
  switch: "switching",
  plan: "planning",
  execute: "execution",
};

const ROLE_NAMES = Object.keys(ROLES) as readonly CreditRole[];

/**
 * Assigns credit to the turns of episodes.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { creditEpisodes } from "@hiper/lab/ecosystem";
 *
 * const { episodes: [won, lost] } = creditEpisodes({
 *   algorithm: "rloo",
 *   episodes: [
 *     { id: "a", group: "g", turns: [{ reward: 0 }, { reward: 1 }] },
 *     { id: "b", group: "g", turns: [{ reward: 0 }] },
 *   ],
 * });
 * deepStrictEqual(won!.advantages, [1, 1]);
 * deepStrictEqual(lost!.advantages, [-1]);
 * ```
 *
 * @param request Episodes and the estimator; JSON as it was sent.
 * @returns Advantages, targets and statistics.
 * @throws {CreditRequestError} If anything is unknown, missing or of the wrong kind; its place is named.
 */
export function creditEpisodes(request: CreditRequest): CreditReply {
  const read = readCreditRequest(request);
  const batch = writeBatch(read);
  const credit = assign(batch, read);
  normalizeAfter(batch, credit, read);
  const gamma = "gamma" in read.estimator ? read.estimator.gamma ?? 1 : 1;
  const returns = credit.targets === undefined || read.valueFree
    ? discountedReturns(batch.rewards, { gamma, offsets: batch.offsets })
    : undefined;
  const episodes = read.episodes.map((episode, i) =>
    writeCredit(episode, batch.offsets[i]!, { credit, returns })
  );
  return {
    version: 1,
    variant: read.valueFree ? "value-free" : "as-asked",
    episodes,
    stats: statistics(episodes),
    errors: [],
  };
}

/** Errors of the estimator that depend on the episodes are errors of the request. */
function assign(
  batch: EpisodeBatch,
  { estimator }: ReadCreditRequest,
): CreditColumns {
  try {
    return creditBatch(batch, estimator);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) {
      throw error;
    }
    throw Object.assign(new CreditRequestError("episodes", "fit", undefined), {
      message: error.message,
    });
  }
}

/** Lays episodes out as the columns that estimators read. */
function writeBatch(
  { episodes, valueFree, estimator }: ReadCreditRequest,
): EpisodeBatch {
  const observed = estimator.name === "gigpo";
  const total = episodes.reduce((sum, { turns }) => sum + turns.length, 0);
  const column = () => new Float64Array(total);
  const batch = {
    offsets: new Int32Array(episodes.length + 1),
    rewards: column(),
    switched: new Uint8Array(total),
    valid: new Uint8Array(total).fill(1),
    values: byDecision(column),
    switchProbabilities: column(),
    heldSubgoalValues: column(),
    bootstrap: byDecision(() => new Float64Array(episodes.length)),
    truncated: new Uint8Array(episodes.length),
    episodes: new Array<EpisodeRecord>(episodes.length),
    turns: new Array<Turn>(total),
  };
  let at = 0;
  for (const [i, episode] of episodes.entries()) {
    const { id, group, strategy, turns, truncated, bootstrap_value } = episode;
    let score = 0;
    for (let t = 0; t < turns.length; t++, at++) {
      const turn = turns[t]!, { observation } = turn;
      batch.rewards[at] = turn.reward;
      batch.switched[at] = startsSegment(turns, t) ? 1 : 0;
      batch.switchProbabilities[at] = turn.switch_probability ?? NaN;
      batch.heldSubgoalValues[at] = turn.held_value ?? NaN;
      batch.turns[at] = typeof observation === "string"
        ? bareTurn(observation)
        : observed
        ? bareTurn(`turn ${t}`) // GiGPO: compared with the same turn of others
        : BARE_TURN;
      score += turn.reward;
      if (!valueFree) writeValues(batch.values, at, turn);
    }
    batch.offsets[i + 1] = at;
    batch.truncated[i] = truncated === true ? 1 : 0;
    for (const name of DECISIONS) {
      batch.bootstrap[name][i] = truncated === true ? bootstrap_value ?? 0 : 0;
    }
    batch.episodes[i] = {
      id,
      task: "",
      group: group ?? id,
      ...(typeof strategy === "string" && { strategy }),
      success: score > 0,
      score: score > 0 ? 1 : 0,
      seed: 0,
    };
  }
  return batch;
}

/** Values that no decision of a turn has are not read either, and must be finite on turns that only plan. */
function writeValues(
  columns: EpisodeBatch["values"],
  at: number,
  { kind, value, value_plan, value_switch }: CreditTurn,
): void {
  const absent = kind === "plan" ? 0 : NaN;
  columns.switching[at] = value_switch ?? value ?? absent;
  columns.planning[at] = value_plan ?? absent;
  columns.execution[at] = value ?? absent;
}

function bareTurn(text: string): Turn {
  return {
    observation: { text, admissibleActions: [], stateKey: text },
    decision: BARE_TURN.decision,
    reward: 0,
  };
}

/** What estimators read of a turn besides its columns, where nothing was observed. */
const BARE_TURN: Turn = {
  observation: { text: "", admissibleActions: [], stateKey: "" },
  decision: {
    switched: false,
    subgoal: "",
    action: "",
    valid: true,
    trace: { kind: "untrainable" },
  },
  reward: 0,
};

/** Normalization that the estimator does not do itself: over the batch, or over each group. */
function normalizeAfter(
  batch: EpisodeBatch,
  { advantages, trained }: CreditColumns,
  { normalize }: ReadCreditRequest,
): void {
  if (normalize === "none") return;
  const { offsets, episodes } = batch;
  const members = normalize === "batch"
    ? [episodes.map((_, i) => i)]
    : [...Map.groupBy(episodes.keys(), (i) => episodes[i]!.group).values()];
  for (const name of DECISIONS) {
    for (const group of members) {
      const turns = group.flatMap((i) =>
        Array.from(
          { length: offsets[i + 1]! - offsets[i]! },
          (_, t) => offsets[i]! + t,
        )
      );
      const column = Float64Array.from(turns, (t) => advantages[name][t]!);
      const mask = Uint8Array.from(turns, (t) => trained[name][t]!);
      normalizeInPlace(column, mask, "standard");
      turns.forEach((t, k) => advantages[name][t] = column[k]!);
    }
  }
}

function writeCredit(
  { id, turns }: CreditEpisode,
  start: number,
  { credit, returns }: {
    credit: CreditColumns;
    returns: Float64Array | undefined;
  },
): EpisodeCredit {
  const { advantages, targets, trained } = credit;
  const perTurn: number[] = [], perTurnReturns: number[] = [];
  const spans: CreditSpan[] = [];
  let divided = false;
  for (let t = 0; t < turns.length; t++) {
    const at = start + t, { kind, segments } = turns[t]!;
    const main = kind === "plan" ? "planning" : "execution";
    perTurn.push(advantages[main][at]!);
    perTurnReturns.push(
      returns?.[at] ?? finiteOr(targets![main][at]!, targets!.switching[at]!),
    );
    if (segments && segments.length > 0) divided = true;
    for (const role of ROLE_NAMES) {
      const name = ROLES[role];
      if (trained[name][at] !== 1) continue;
      if (kind === "plan" && role !== "plan") continue;
      // The plan of an acting turn that follows a planning turn is that turn's.
      const target = returns === undefined ? targets![name][at]! : NaN;
      spans.push({
        turn: t,
        role,
        advantage: advantages[name][at]!,
        target: Number.isFinite(target) ? target : null,
      });
    }
  }
  return {
    id,
    advantages: perTurn,
    returns: perTurnReturns,
    spans,
    ...(divided && {
      segments: turns.map(({ segments }, t) =>
        (segments ?? []).map(({ role }) => advantages[ROLES[role]][start + t]!)
      ),
    }),
  };
}

/** GAE's critic has one head, whose targets stand with switching. */
function finiteOr(value: number, other: number): number {
  return Number.isFinite(value) ? value : other;
}

function statistics(episodes: readonly EpisodeCredit[]): CreditReply["stats"] {
  let turns = 0, sum = 0;
  for (const { advantages } of episodes) {
    turns += advantages.length;
    for (const advantage of advantages) sum += advantage;
  }
  const mean = turns === 0 ? 0 : sum / turns;
  let squares = 0;
  for (const { advantages } of episodes) {
    for (const advantage of advantages) squares += (advantage - mean) ** 2;
  }
  const std = turns === 0 ? 0 : Math.sqrt(squares / turns);
  return { mean, std, episodes: episodes.length, turns };
}

/**
 * Answers a request in JSON.
 *
 * @param text The request.
 * @returns The reply in JSON, and whether it is an answer or says what is wrong.
 */
export function answerCredit(text: string): { ok: boolean; json: string } {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message;
    return refusal(
      "",
      `Cannot assign credit as the request must be JSON, without NaN and Infinity: ${reason}`,
    );
  }
  try {
    // The shape is checked there.
    const reply = creditEpisodes(request as CreditRequest);
    return { ok: true, json: JSON.stringify(reply) };
  } catch (error) {
    if (!(error instanceof CreditRequestError)) throw error;
    return refusal(error.place, error.message);
  }
}

function refusal(place: string, message: string): { ok: false; json: string } {
  const errors = [{ place, message }];
  return { ok: false, json: JSON.stringify({ version: 1, errors }) };
}
