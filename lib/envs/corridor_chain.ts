/**
 * Corridors one after another: whoever leaves one stands before the sign of the next.
 *
 * The parts depend on each other as each has to be left before the next begins, and only the last pays.
 *
 * @module
 */

import type { Observation } from "../trajectory.ts";
import type { EnvStart, EnvStep, Hint, TextEnv } from "./text_env.ts";

/** A corridor, which answers at once and has an expert. */
export interface Room extends TextEnv {
  start(): EnvStart;
  step(action: string): EnvStep;
  hint(): Hint | undefined;
}

/**
 * Chains corridors. Leaving the last pays 1 and ends the episode; leaving another pays nothing.
 *
 * @param rooms Corridors in order, at least two, none of them started.
 * @returns One episode, whose score is the share of rooms left.
 */
export function chainRooms(rooms: readonly Room[]): TextEnv {
  return new Chain(rooms);
}

class Chain implements TextEnv {
  readonly #rooms: readonly Room[];
  /** What is seen first in each room. */
  readonly #starts: readonly EnvStart[];
  #at = 0;

  constructor(rooms: readonly Room[]) {
    this.#rooms = rooms;
    this.#starts = rooms.map((room) => room.start());
  }

  start(): EnvStart {
    const { length } = this.#rooms;
    return {
      task:
        `leave ${length} corridors, each by the end that its own sign names`,
      taskType: `${length} rooms`,
      observation: this.#place(this.#starts[0]!.observation),
    };
  }

  step(action: string): EnvStep {
    const { length } = this.#rooms;
    const step = this.#rooms[this.#at]!.step(action);
    const left = step.ending !== undefined;
    const score = (this.#at + (left ? 1 : 0)) / length;
    if (!left || this.#at === length - 1) {
      return { ...step, score, observation: this.#place(step.observation) };
    }
    this.#at++;
    const { observation } = this.#starts[this.#at]!;
    return {
      observation: this.#place(observation),
      reward: 0,
      success: false,
      score,
    };
  }

  hint(): Hint | undefined {
    return this.#rooms[this.#at]!.hint();
  }

  /** Says which corridor it is; the signs ahead belong to the state. */
  #place({ text, admissibleActions, stateKey }: Observation): Observation {
    const { length } = this.#rooms;
    const ahead = this.#starts.slice(this.#at + 1)
      .map(({ observation }) => observation.stateKey);
    return {
      text: `Corridor ${this.#at + 1} of ${length}. ${text}`,
      admissibleActions,
      stateKey: [this.#at, stateKey, ...ahead].join("; "),
    };
  }
}
