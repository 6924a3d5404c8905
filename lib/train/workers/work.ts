/**
 * Work that any thread with a copy of the policy can do, and how it travels to another thread.
 *
 * @module
 */

import type { DifferentiablePolicy } from "../../policy/differentiable.ts";
import type {
  CompletePolicy,
  CompleteSession,
  Critic,
  EpisodeStart,
  Follower,
  ReadingPolicy,
  Rescored,
  ScoredTurn,
} from "../../policy/policy.ts";
import { type Random, type RandomState, resumeRandom } from "../../random.ts";
import type { ByDecision, Decision, Situation } from "../../trajectory.ts";
import type { Microbatch } from "../ppo/columns.ts";
import { computeGradient, type PpoGradient } from "../ppo/step.ts";
import {
  type PackedSituation,
  type SituationPacker,
  type SituationUnpacker,
  withoutTrace,
} from "./situations.ts";
import type { PpoSettings } from "../ppo/update_settings.ts";

/** A policy with all the powers that work may ask for. */
export interface WorkingPolicy
  extends
    DifferentiablePolicy,
    CompletePolicy,
    Follower,
    Critic,
    Partial<ReadingPolicy> {
  open(starts: readonly EpisodeStart[]): CompleteSession;
  /** Decides; a policy that keeps something from turn to turn keeps it apart for each lane. */
  decide(
    situations: readonly Situation[],
    randoms: readonly Random[],
    options?: { lane?: number },
  ): Decision[] | Promise<Decision[]>;
  /** The same weights, deciding at another temperature. */
  atTemperature(
    temperature: number,
  ): CompletePolicy & Pick<WorkingPolicy, "decide">;
}

/** What is needed for each kind of work. */
export interface WorkParts {
  /** Part of a gradient. */
  computeGradient: { microbatch: Microbatch; settings: PpoSettings };
  /** Decisions, at the policy's own temperature if none is named. */
  decide: {
    situations: readonly Situation[];
    randoms: readonly Random[];
    temperature: number | undefined;
    lane: number;
  };
  /** Values. */
  evaluate: { situations: readonly Situation[] };
  /** Somebody else's decisions as the policy's own. */
  follow: {
    situations: readonly Situation[];
    decisions: readonly Decision[];
  };
  /** Scores of decisions already made, with a hint for each where a teacher scores. */
  rescore: {
    samples: readonly ScoredTurn[];
    hints: readonly string[] | undefined;
  };
}

/** What each kind of work comes to. */
export interface WorkResults {
  /** The microbatch's part of the gradient. */
  computeGradient: PpoGradient;
  /** One for each situation. */
  decide: Decision[];
  /** One for each situation. */
  evaluate: ByDecision<number>[];
  /** One for each situation. */
  follow: Decision[];
  /** One for each sample. */
  rescore: Rescored[];
}

/** Names of the kinds of work. */
export type WorkKind = keyof WorkParts;

/** A piece of work. */
export type Work<K extends WorkKind = WorkKind> = {
  [P in K]: { readonly kind: P } & Readonly<WorkParts[P]>;
}[K];

const DEEDS: {
  [K in WorkKind]: (
    policy: WorkingPolicy,
    work: Work<K>,
  ) => WorkResults[K] | Promise<WorkResults[K]>;
} = {
  computeGradient: (policy, { microbatch, settings }) =>
    computeGradient(policy, microbatch, settings),
  decide: (policy, { situations, randoms, temperature, lane }) =>
    (temperature === undefined ? policy : policy.atTemperature(temperature))
      .decide(situations, randoms, { lane }),
  evaluate: (policy, { situations }) => policy.evaluate(situations),
  follow: (policy, { situations, decisions }) =>
    policy.follow(situations, decisions),
  rescore: (policy, { samples, hints }) => {
    if (!hints) return policy.rescore(samples);
    const told = new Map(samples.map((one, i) => [one.situation, hints[i]!]));
    return policy.rescore(samples, {
      hint: (situation) => told.get(situation) ?? "",
    });
  },
};

/**
 * Does a piece of work.
 *
 * @param policy Who does it.
 * @param work What is to be done.
 * @returns What it came to.
 */
export async function doWork<K extends WorkKind>(
  policy: WorkingPolicy,
  work: Work<K>,
): Promise<WorkResults[K]> {
  return await DEEDS[work.kind](policy, work);
}

/** A sample whose situation is packed. */
type PackedSample = Omit<ScoredTurn, "situation"> & {
  readonly situation: PackedSituation;
};

/** Work as plain data. */
export type PackedWork =
  | {
    kind: "computeGradient";
    microbatch: Omit<Microbatch, "turns">;
    samples: PackedSample[];
    settings: PpoSettings;
  }
  | {
    kind: "decide";
    situations: PackedSituation[];
    randoms: RandomState[];
    temperature: number | undefined;
    lane: number;
  }
  | { kind: "evaluate"; situations: PackedSituation[] }
  | { kind: "follow"; situations: PackedSituation[]; decisions: Decision[] }
  | {
    kind: "rescore";
    samples: PackedSample[];
    hints: readonly string[] | undefined;
  };

const PACKERS: {
  [K in WorkKind]: (work: Work<K>, packer: SituationPacker) => PackedWork;
} = {
  computeGradient({ kind, microbatch: { turns, ...rest }, settings }, packer) {
    // A trace says what was read: the past of its situation stays here.
    const samples = packSamples(turns, packer, { past: false });
    return { kind, microbatch: rest, samples, settings };
  },
  decide: ({ kind, situations, randoms, temperature, lane }, packer) => ({
    kind,
    lane,
    situations: packAll(situations, packer),
    randoms: randoms.map(({ state }) => state),
    temperature,
  }),
  evaluate: ({ kind, situations }, packer) => ({
    kind,
    situations: packAll(situations, packer),
  }),
  follow: ({ kind, situations, decisions }, packer) => ({
    kind,
    situations: packAll(situations, packer),
    decisions: decisions.map((one) => ({ ...one, ...withoutTrace(one) })),
  }),
  rescore({ kind, samples, hints }, packer) {
    const past = hints !== undefined;
    return { kind, samples: packSamples(samples, packer, { past }), hints };
  },
};

function packAll(
  situations: readonly Situation[],
  packer: SituationPacker,
): PackedSituation[] {
  return situations.map((one) => packer.pack(one));
}

function packSamples(
  samples: readonly ScoredTurn[],
  packer: SituationPacker,
  options: { past: boolean },
): PackedSample[] {
  return samples.map((one) => ({
    ...one,
    situation: packer.pack(one.situation, options),
  }));
}

/**
 * Packs work for another thread.
 *
 * @param work What is to be done there.
 * @param packer Packs for that thread; its parcel must travel along.
 * @returns Plain data.
 */
export function packWork<K extends WorkKind>(
  work: Work<K>,
  packer: SituationPacker,
): PackedWork {
  return PACKERS[work.kind](work, packer);
}

/**
 * Unpacks work that came from another thread.
 *
 * @param packed Plain data.
 * @param unpacker Has taken in the parcel that travelled along.
 * @returns What is to be done here.
 */
export function unpackWork(
  packed: PackedWork,
  unpacker: SituationUnpacker,
): Work {
  const samples = (all: readonly PackedSample[]) =>
    all.map((one) => ({
      ...one,
      situation: unpacker.unpack(one.situation),
    }));
  switch (packed.kind) {
    case "computeGradient": {
      const { kind, settings, microbatch } = packed;
      const turns = samples(packed.samples);
      return { kind, settings, microbatch: { ...microbatch, turns } };
    }
    case "decide": {
      const situations = packed.situations.map(unpacker.unpack);
      const randoms = packed.randoms.map(resumeRandom);
      return { ...packed, situations, randoms };
    }
    case "evaluate":
    case "follow":
      return {
        ...packed,
        situations: packed.situations.map(unpacker.unpack),
      };
    case "rescore":
      return { ...packed, samples: samples(packed.samples) };
  }
}
