/**
 * A corridor as text: a sign in the middle names the end that leads out; closed doors block the way.
 *
 * The sign is observed only in the middle, so an agent without memory has to keep the exit in its
 * held subgoal. Learnable in seconds. Several corridors one after another (`rooms`) make longer episodes of
 * dependent parts.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { createRandom } from "../random.ts";
import type { Observation, Situation } from "../trajectory.ts";
import type {
  EnvSpec,
  EnvStart,
  EnvStep,
  Hint,
  SubgoalRule,
  TextEnv,
} from "./text_env.ts";
import type { World } from "./world.ts";
import { chainRooms, type Room } from "./corridor_chain.ts";
import { present, readSettings } from "../settings.ts";

/** Settings of a corridor. */
export interface CorridorOptions {
  /** Cells from one end to the other; odd, so that the sign hangs in the middle. @default {7} */
  readonly length?: number;
  /** Closed doors on each side of the sign. @default {1} */
  readonly doors?: number;
  /** Which end leads out, of every corridor. @default decided by the seed, for each corridor apart */
  readonly exit?: "left" | "right";
  /** Corridors one after another, 1 to 8; only leaving the last one pays. @default {1} */
  readonly rooms?: number;
}

/** Most corridors in a chain. */
const MOST_ROOMS = 8;

/** Candidate subgoals of a corridor, the right one among them. */
export const CORRIDOR_SUBGOALS = [
  "leave by the left end",
  "leave by the right end",
  "look around",
] as const;

/**
 * Proposes the subgoals of a corridor: the same in every situation.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { openCorridor, proposeCorridorSubgoals } from "@hiper/lab";
 *
 * const env = openCorridor({ exit: "left" }, 1);
 * const { task, observation } = await env.start();
 * const proposed = proposeCorridorSubgoals({ task, past: [], observation });
 * ok(proposed.includes("leave by the left end"));
 * ```
 *
 * @param _situation Ignored.
 * @returns Three subgoals.
 */
export function proposeCorridorSubgoals(
  _situation: Situation,
): readonly string[] {
  return CORRIDOR_SUBGOALS;
}

/**
 * Says which actions serve a corridor's subgoal: walking to its end and opening doors on the way. It is achieved by
 * leaving there; looking around, by waiting.
 */
export const CORRIDOR_SUBGOAL_RULE: SubgoalRule = {
  serves(subgoal, action) {
    const side = sideOf(subgoal);
    return side === undefined
      ? subgoal === "look around" && action === "wait"
      : action === `go ${side}` || action === `open the ${side} door`;
  },
  achieved(subgoal, { past, observation }) {
    const action = past.at(-1)?.decision.action;
    const side = sideOf(subgoal);
    return side === undefined
      ? subgoal === "look around" && action === "wait"
      : action === `go ${side}` &&
        (observation.text.endsWith(OUTSIDE) ||
          room(observation) !== room(past.at(-1)!.observation));
  },
};

function sideOf(subgoal: string): string | undefined {
  return /^leave by the (left|right) end$/.exec(subgoal)?.[1];
}

/** Which corridor of a chain is seen. */
function room({ text }: Observation): string | undefined {
  return /^Corridor \d+ of/.exec(text)?.[0];
}

/** What is read behind the last cell. */
const OUTSIDE = "You stand outside.";

/**
 * Opens a corridor. Leaving it pays 1 and ends the episode; the end that the sign does not name is a wall.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { openCorridor } from "@hiper/lab";
 *
 * const env = openCorridor({ length: 5, doors: 0, exit: "right" }, 1);
 * await env.start();
 * await env.step("go right");
 * await env.step("go right");
 * const { reward, ending } = await env.step("go right");
 * strictEqual(reward, 1);
 * strictEqual(ending, "terminated");
 * ```
 *
 * @param options Size, doors, exit and number of rooms.
 * @param seed Decides the exits where the options leave them open.
 * @returns One episode of that corridor, or of the chain.
 * @throws {RangeError} If the length is not odd and at least 3, the doors do not fit, or there are not 1 to 8 rooms.
 */
export function openCorridor(options: CorridorOptions, seed: number): TextEnv {
  const { length = 7, doors = 1, exit, rooms = 1 } = options;
  if (!(Number.isSafeInteger(length) && length >= 3 && length % 2 === 1)) {
    throw new RangeError(
      `Cannot open a corridor as "length" must be odd and at least 3: current value is ${length}`,
    );
  }
  const middle = (length - 1) / 2;
  if (!(Number.isSafeInteger(doors) && doors >= 0 && doors <= middle)) {
    throw new RangeError(
      `Cannot open a corridor as "doors" must be in [0, ${middle}]: current value is ${doors}`,
    );
  }
  if (!(Number.isSafeInteger(rooms) && rooms >= 1 && rooms <= MOST_ROOMS)) {
    throw new RangeError(
      `Cannot open a corridor as "rooms" must be in [1, ${MOST_ROOMS}]: current value is ${rooms}`,
    );
  }
  const chain = Array.from(
    { length: rooms },
    (_, room) => new Corridor(middle, doors, exit ?? drawExit(seed, room)),
  );
  return rooms === 1 ? chain[0]! : chainRooms(chain);
}

/**
 * Opens the corridor of a specification; the seed decides the exit where the specification leaves
 * it open.
 *
 * @throws {TypeError} If a setting is unknown or of the wrong kind.
 */
export function openCorridorSpec(spec: EnvSpec, seed: number): TextEnv {
  const { kind: _, ...options } = readSettings(
    CORRIDOR_SPEC,
    spec,
    "open a corridor",
  );
  return openCorridor(present(options), seed);
}

const CORRIDOR_SPEC = z.strictObject({
  kind: z.literal("corridor"),
  length: z.number().optional().describe(
    "Cells from one end to the other; odd, at least 3. Default: 7",
  ),
  doors: z.number().optional().describe(
    "Closed doors on each side of the sign. Default: 1",
  ),
  exit: z.enum(["left", "right"]).optional().describe(
    "Which end leads out. Default: the seed decides, for each room apart",
  ),
  rooms: z.number().optional().describe(
    "Corridors one after another, 1 to 8; only leaving the last one pays. Default: 1",
  ),
});

/** Corridors as text. */
export const CORRIDOR: World = {
  settings: CORRIDOR_SPEC,
  createOpener: () => openCorridorSpec,
  proposeSubgoals: proposeCorridorSubgoals,
  subgoalRule: CORRIDOR_SUBGOAL_RULE,
};

/** The exit of a room; that of the first one is drawn as in a corridor without more rooms. */
function drawExit(seed: number, room: number): "left" | "right" {
  const random = createRandom(seed);
  const stream = room === 0 ? random.fork("exit") : random.fork("exit", room);
  return stream.integer(2) === 0 ? "left" : "right";
}

/** Positions count from the sign: negative to the left, positive to the right. */
class Corridor implements Room {
  readonly #middle: number;
  readonly #doors: number;
  readonly #exit: "left" | "right";
  readonly #opened = new Set<number>();
  #position = 0;
  #ended = false;

  constructor(middle: number, doors: number, exit: "left" | "right") {
    this.#middle = middle;
    this.#doors = doors;
    this.#exit = exit;
  }

  start(): EnvStart {
    return {
      task: "leave the corridor by the end that the sign names",
      taskType: `exit ${this.#exit}`,
      observation: this.#observe(),
    };
  }

  step(action: string): EnvStep {
    if (this.#ended) {
      throw new Error(
        "Cannot step an episode that has ended: open a new environment",
      );
    }
    for (const side of [-1, 1]) {
      if (this.#way(side).action !== action) continue;
      if (this.#blocked(side)) this.#opened.add(this.#doorBefore(side)!);
      else this.#position += side;
      break;
    }
    this.#ended = Math.abs(this.#position) > this.#middle;
    const observation = this.#observe();
    return this.#ended
      ? { observation, reward: 1, ending: "terminated", success: true }
      : { observation, reward: 0, success: false };
  }

  hint(): Hint | undefined {
    if (this.#ended) return undefined;
    const side = this.#exit === "left" ? -1 : 1;
    const subgoal = CORRIDOR_SUBGOALS[this.#exit === "left" ? 0 : 1];
    return { subgoal, action: this.#way(side).action! };
  }

  /** Doors are placed from the ends inwards, each between a cell and the next one outwards. */
  #doorBefore(side: number): number | undefined {
    const outward = this.#position * side; // cells walked towards that side
    if (outward < 0) {
      const inner = -outward; // the door crossed on the way out, if any
      return inner > this.#middle - this.#doors ? -side * inner : undefined;
    }
    const next = outward + 1;
    return next > this.#middle - this.#doors && next <= this.#middle
      ? side * next
      : undefined;
  }

  #blocked(side: number): boolean {
    const door = this.#doorBefore(side);
    return door !== undefined && !this.#opened.has(door);
  }

  /** Obstacle and action on one side. */
  #way(side: number): { seen?: string; action?: string } {
    const name = side < 0 ? "left" : "right";
    if (this.#position * side === this.#middle && name !== this.#exit) {
      return { seen: `A wall stands to the ${name}.` };
    }
    if (!this.#blocked(side)) return { action: `go ${name}` };
    return {
      seen: `A closed door stands to the ${name}.`,
      action: `open the ${name} door`,
    };
  }

  #observe(): Observation {
    const ways = this.#ended ? [] : [this.#way(-1), this.#way(1)];
    const place = this.#ended
      ? OUTSIDE
      : this.#position === 0
      ? `You stand before a sign that says: leave by the ${this.#exit} end.`
      : "You stand in a corridor.";
    const opened = [...this.#opened].sort((a, b) => a - b);
    return {
      text: [place, ...ways.flatMap(({ seen }) => seen ?? [])].join(" "),
      admissibleActions: this.#ended
        ? []
        : ["wait", ...ways.flatMap(({ action }) => action ?? [])],
      stateKey: `${this.#exit} ${this.#position} ${opened}`,
    };
  }
}
