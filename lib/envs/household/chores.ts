/**
 * Several household tasks in one episode, in one house: one instruction for all, reward only when all are done.
 *
 * A chore is done at the moment its goal holds, and stays done. In the given order, a chore counts only when those
 * before it are done. What is observed says which chore an action did.
 *
 * @module
 */

import { present } from "../../settings.ts";
import { ALFWORLD_REFERENCE, type GameEnv } from "../pddl/game_env.ts";
import type { GamePlay } from "../pddl/play.ts";
import type { EnvStart, EnvStep, Hint } from "../text_env.ts";
import { taskSentence } from "../pddl/game_env.ts";
import {
  CHORE_DONE,
  type ChoreOrder,
  choresLeft,
  choresSentence,
} from "./chore_words.ts";
import { createHouseholdExpert, type HouseholdExpert } from "./expert.ts";
import { createHouseholdGame, type HouseholdGame } from "./game.ts";
import { drawChores, drawRoom, taskTypesOf } from "./generator.ts";
import {
  chooseHouse,
  drawTaskType,
  fillOptions,
  MAX_ATTEMPTS,
  type OpenHouseholdOptions,
} from "./household.ts";
import { householdRandom } from "./house.ts";
import type { HouseholdWorld } from "./world.ts";

/** Most chores in one episode. */
export const MOST_CHORES = 6;

/** Options of {@linkcode openChores}. */
export interface OpenChoresOptions extends Omit<OpenHouseholdOptions, "task"> {
  /** Tasks in the episode, 2 to 6. */
  readonly chores: number;
  /** Whether they count in the order in which they are named, or in any. @default {"given"} */
  readonly order?: ChoreOrder;
}

/**
 * Opens a household with several chores, drawn from a seed.
 *
 * `taskType` makes all chores of one kind; otherwise each kind is drawn among those of the room.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { openChores } from "@hiper/lab/envs/household";
 *
 * const env = openChores({ chores: 3, difficulty: "easy" }, 1);
 * env.start();
 * const rewards: number[] = [];
 * for (let hint = env.hint!(); hint; hint = env.hint!()) {
 *   rewards.push(env.step(hint.action).reward);
 * }
 * strictEqual(rewards.at(-1), 10); // when all three are done
 * strictEqual(rewards.filter((reward) => reward !== 0).length, 1);
 * ```
 *
 * @param options Options of generation, reward and ending.
 * @param seed Decides everything the options leave open.
 * @returns One episode, whose score is the share of chores done.
 * @throws {RangeError} If no draw leads to such a household, or there are not 2 to 6 chores.
 */
export function openChores(options: OpenChoresOptions, seed: number): GameEnv {
  const { chores, order = "given", preset, hints = true } = options;
  if (!(Number.isSafeInteger(chores) && chores >= 2 && chores <= MOST_CHORES)) {
    throw new RangeError(
      `Cannot open a household with chores as "chores" must be in [2, ${MOST_CHORES}]: current value is ${chores}`,
    );
  }
  const worlds = drawChoreWorlds(options, seed);
  const sentences = worlds.map(({ sentence }) => sentence);
  const instruction = choresSentence(sentences, order);
  const { reward, stepLimit, limitEnding } = present({
    ...(preset === undefined ? {} : ALFWORLD_REFERENCE),
    ...present({
      reward: options.reward,
      stepLimit: options.stepLimit,
      limitEnding: options.limitEnding,
    }),
  });
  return new Chores(worlds, {
    ...{ instruction, hints },
    reward: reward ?? 10,
    stepLimit: stepLimit ?? Infinity,
    limitEnding: limitEnding ?? "truncated",
  });
}

/**
 * Draws the household of {@linkcode openChores}: the same house once for each chore, in the order named.
 *
 * @throws {RangeError} If no draw leads to such a household.
 */
export function drawChoreWorlds(
  options: OpenChoresOptions,
  seed: number,
): HouseholdWorld[] {
  const full = fillOptions(options);
  const { chores, taskType, room: wantedRoom } = options;
  const root = householdRandom("chores", full.split, chores, seed);
  const first = taskType ?? drawTaskType(wantedRoom, root.fork("type"));
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const random = root.fork("attempt", attempt);
    const room = wantedRoom ?? drawRoom(random.fork("room"), first);
    const kinds = taskTypesOf(room), draw = random.fork("types");
    const types = Array.from(
      { length: chores },
      (_, i) =>
        i === 0 ? first : taskType ?? kinds[draw.integer(kinds.length)]!,
    );
    const house = chooseHouse(room, full, random.fork("house"));
    const { difficulty } = full;
    const worlds = drawChores(house, types, { difficulty, random });
    if (worlds !== undefined) return worlds;
  }
  throw new RangeError(
    `Cannot draw a household as its room must allow ${chores} chores about different objects: current values are "${first}" in ${
      wantedRoom ?? "any room"
    }, without success in ${MAX_ATTEMPTS} draws`,
  );
}

/** One chore: the game of the house with this task, played along. */
interface Chore {
  readonly game: HouseholdGame;
  readonly play: GamePlay;
  /** Created when a hint is asked for. */
  expert?: HouseholdExpert | undefined;
}

interface ChoresSettings {
  readonly instruction: string;
  readonly hints: boolean;
  readonly reward: number;
  readonly stepLimit: number;
  readonly limitEnding: "terminated" | "truncated";
}

class Chores implements GameEnv {
  readonly #chores: readonly Chore[];
  readonly #settings: ChoresSettings;
  /** Chores done, in words. */
  readonly #done: string[] = [];
  readonly hint?: () => Hint | undefined;
  #steps = 0;
  #phase: "new" | "running" | "ended" = "new";

  constructor(worlds: readonly HouseholdWorld[], settings: ChoresSettings) {
    this.#settings = settings;
    this.#chores = worlds.map((world) => {
      const game = createHouseholdGame(world, []);
      return { game, play: game.start() };
    });
    if (settings.hints) this.hint = () => this.#hint();
  }

  start(): EnvStart {
    if (this.#phase !== "new") {
      throw new Error(
        "Cannot start an episode that has begun: open a new environment",
      );
    }
    this.#phase = "running";
    const { intro } = this.#chores[0]!.play;
    const text = intro.slice(0, intro.length - taskSentence(intro).length) +
      `${this.#settings.instruction}.`;
    return {
      task: taskSentence(text),
      taskType: `${this.#chores.length} chores`,
      observation: this.#observe(text),
    };
  }

  step(action: string): EnvStep {
    if (this.#phase !== "running") {
      throw new Error(
        this.#phase === "new"
          ? "Cannot step an episode that has not begun: call start() first"
          : "Cannot step an episode that has ended: open a new environment",
      );
    }
    let text = "";
    for (const { play } of this.#chores) text = play.step(action).text;
    text += this.#tick().map((sentence) => CHORE_DONE + sentence).join("");
    const { reward, stepLimit, limitEnding } = this.#settings;
    const success = this.#done.length === this.#chores.length;
    const isLast = ++this.#steps >= stepLimit;
    const ending = success ? "terminated" : isLast ? limitEnding : undefined;
    if (ending !== undefined) this.#phase = "ended";
    return {
      observation: this.#observe(text),
      reward: success ? reward : 0,
      success,
      score: this.#done.length / this.#chores.length,
      ...(ending === undefined ? {} : { ending }),
    };
  }

  /** Notes the chores whose goal holds now; in the given order one may follow another at once. */
  #tick(): string[] {
    const before = this.#done.length;
    for (let more = true; more;) {
      const reached = this.#left().filter(({ play }) => play.won);
      this.#done.push(...reached.map(({ game }) => game.world.sentence));
      more = reached.length > 0;
    }
    return this.#done.slice(before);
  }

  /** Chores that can be done now. */
  #left(): Chore[] {
    const left = choresLeft(this.#settings.instruction, this.#done);
    return this.#chores.filter(({ game }) =>
      left.includes(game.world.sentence)
    );
  }

  #hint(): Hint | undefined {
    const [next] = this.#phase === "running" ? this.#left() : [];
    if (next === undefined) return undefined;
    next.expert ??= createHouseholdExpert(next.game);
    return next.expert?.(next.play);
  }

  #observe(text: string): EnvStart["observation"] {
    const { play } = this.#chores[0]!;
    return {
      text,
      admissibleActions: play.admissible(),
      stateKey: `${play.stateKey()} ${this.#settings.instruction}; ${
        this.#done.toSorted().join("; ")
      }`,
    };
  }
}
