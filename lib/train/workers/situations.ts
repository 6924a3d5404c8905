/**
 * Situations on their way to another thread: what was sent once is sent as a number from then on.
 *
 * A situation holds all turns of its episode so far. Turns and observations are told apart by
 * identity, so that on each turn of an episode only what is new travels; and what arrives there
 * keeps its identity from one situation to the next, on which memories of episodes rest.
 * Whatever the sender's side forgets, the receiver forgets with the next parcel.
 *
 * @module
 */

import type {
  AnsweredTurn,
  Decision,
  Observation,
  Situation,
} from "../../trajectory.ts";

/** A situation as numbers of what it is made of. */
export interface PackedSituation
  extends Omit<Situation, "past" | "observation"> {
  /** Numbers of its turns. */
  readonly past: readonly number[];
  /** Number of its observation. */
  readonly observation: number;
}

/** A turn that refers to its observation by number. */
type PackedTurn = Omit<AnsweredTurn, "observation"> & {
  readonly observation: number;
};

/** What the receiver must know before it unpacks, and what it may forget. */
export interface Parcel {
  /** Observations with their numbers. */
  readonly observations: readonly (readonly [number, Observation])[];
  /** Turns with their numbers. */
  readonly turns: readonly (readonly [number, PackedTurn])[];
  /** Numbers that will not be heard of again. */
  readonly forgotten: readonly number[];
}

/** Packs situations for one receiver. */
export interface SituationPacker {
  /** Packs one; without its past it needs no turns to be sent. */
  pack(situation: Situation, options?: { past: boolean }): PackedSituation;
  /** What was met for the first time since the last parcel. */
  parcel(): Parcel;
}

/**
 * Opens a packer that has sent nothing.
 *
 * @returns The packer. Every parcel must reach the same receiver, in order.
 */
export function createPacker(): SituationPacker {
  const numbers = new WeakMap<object, number>();
  let next = 0;
  let observations: [number, Observation][] = [];
  let turns: [number, PackedTurn][] = [];
  let forgotten: number[] = [];
  const registry = new FinalizationRegistry<number>((number) =>
    forgotten.push(number)
  );
  const number = (thing: object): number => {
    const given = next++;
    numbers.set(thing, given);
    registry.register(thing, given);
    return given;
  };
  const numberOf = (observation: Observation): number => {
    const known = numbers.get(observation);
    if (known !== undefined) return known;
    const given = number(observation);
    observations.push([given, observation]);
    return given;
  };
  const numberOfTurn = (turn: AnsweredTurn): number => {
    const known = numbers.get(turn);
    if (known !== undefined) return known;
    const observation = numberOf(turn.observation);
    const given = number(turn);
    const decision = withoutTrace(turn.decision);
    turns.push([given, { decision, observation }]);
    return given;
  };
  return {
    pack: (situation, { past } = { past: true }) => ({
      ...situation,
      past: past ? situation.past.map(numberOfTurn) : [],
      observation: numberOf(situation.observation),
    }),
    parcel() {
      const parcel = { observations, turns, forgotten };
      observations = [];
      turns = [];
      forgotten = [];
      return parcel;
    },
  };
}

/**
 * Leaves out how a decision came about, which nobody asks of turns that are over.
 *
 * @param decision What was decided.
 * @returns What it says to others.
 */
export function withoutTrace(decision: Decision): Decision {
  const { switched, subgoal, action, valid } = decision;
  return { switched, subgoal, action, valid, trace: { kind: "untrainable" } };
}

/** Unpacks what one packer sent. */
export interface SituationUnpacker {
  /** Takes a parcel in; before what was packed with it. */
  take(parcel: Parcel): void;
  /** The situation that was packed. */
  unpack(packed: PackedSituation): Situation;
}

/**
 * Opens an unpacker that knows nothing.
 *
 * @returns The unpacker.
 */
export function createUnpacker(): SituationUnpacker {
  const observations = new Map<number, Observation>();
  const turns = new Map<number, AnsweredTurn>();
  return {
    take(parcel) {
      for (const [number, observation] of parcel.observations) {
        observations.set(number, observation);
      }
      for (const [number, turn] of parcel.turns) {
        const observation = observations.get(turn.observation)!;
        turns.set(number, { ...turn, observation });
      }
      for (const number of parcel.forgotten) {
        observations.delete(number);
        turns.delete(number);
      }
    },
    unpack: (packed) => ({
      ...packed,
      past: packed.past.map((number) => turns.get(number)!),
      observation: observations.get(packed.observation)!,
    }),
  };
}
