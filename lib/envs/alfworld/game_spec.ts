/**
 * Game files as specifications: `{ kind: "game", path }` and what else may stand there.
 *
 * @module
 */

import { z } from "zod";
import type { EnvSpec, Hint } from "../text_env.ts";
import { type GameEnv, openGame, readGame } from "../pddl/game_env.ts";
import { taskTypeOfPath } from "../household/task_sentence.ts";
import { createHouseholdExpert } from "../household/expert.ts";
import type { CompiledGame } from "../pddl/game.ts";
import type { GamePlay } from "../pddl/play.ts";
import { humanSentence, parseAnnotations } from "./alfred_task.ts";
import { readSettings } from "../../settings.ts";

/**
 * What the authors' ALFWorld wrapper does: 10 for the win, and after 50 commands the episode is
 * over as if the world had ended it.
 */
export const ALFWORLD_REFERENCE = {
  reward: 10,
  stepLimit: 50,
  limitEnding: "terminated",
} as const;

/** Settings that every game accepts beside where it comes from. */
export const GAME_SETTINGS = {
  reward: z.number().optional(),
  stepLimit: z.number().int().positive().optional(),
  limitEnding: z.enum(["terminated", "truncated"]).optional(),
  taskType: z.string().optional(),
  preset: z.literal("alfworld-reference").optional(),
  hints: z.boolean().optional(),
} as const;

/** Whose words ask for the task: ALFWorld's, or those of the first person who described it. */
export const WORDING = z.enum(["template", "human"]).optional();

const GAME_SPEC = z.strictObject({
  kind: z.literal("game"),
  path: z.string().min(1),
  wording: WORDING,
  ...GAME_SETTINGS,
});

/** A game with an expert that was prepared for it. */
export interface PreparedGame {
  /** The game. */
  readonly game: CompiledGame;
  /** Knows the way; absent for games that are no households. */
  readonly expert?: (play: GamePlay) => Hint | undefined;
}

/** Adds the expert to a game, where the game is a household. */
export function prepareGame(game: CompiledGame): PreparedGame {
  const expert = createHouseholdExpert(game);
  return expert === undefined ? { game } : { game, expert };
}

/** Settings of a game after a check. */
type GameSettings = z.infer<z.ZodObject<typeof GAME_SETTINGS>>;

/**
 * Opens a prepared game with settings.
 *
 * @param prepared The game, and its expert.
 * @param settings Reward, limits, hints, other words for the task; a preset fills what is not given.
 * @returns The world.
 */
export function openPreparedGame(
  prepared: PreparedGame,
  settings: GameSettings & { readonly task?: string },
): GameEnv {
  const { preset, hints = true, ...given } = settings;
  const { game, expert } = prepared;
  const chosen = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return openGame(game, {
    ...(preset === undefined ? {} : ALFWORLD_REFERENCE),
    ...chosen,
    ...(hints && expert !== undefined
      ? { expert: (_: CompiledGame, play: GamePlay) => expert(play) }
      : {}),
  });
}

/**
 * Opens the game of a specification; a game has no randomness, so there is no seed.
 *
 * @param spec Kind `"game"`, `path`, and settings as in `GameEnvOptions`.
 * @param cache Games by path that were prepared before; filled as games are read.
 * @returns The world.
 * @throws {TypeError} If a setting is unknown or of the wrong kind, or nobody described the task.
 * @throws {GameError} If the file is no playable game.
 */
export async function openGameSpec(
  spec: EnvSpec,
  cache: GameCache,
): Promise<GameEnv> {
  const { kind: _, path, wording, ...settings } = readSettings(
    GAME_SPEC,
    spec,
    "open a game",
  );
  const taskType = settings.taskType ?? taskTypeOfPath(path);
  const prepared = await cache.get(
    path,
    async () => prepareGame(await readGame(path)),
  );
  return openPreparedGame(prepared, {
    ...settings,
    taskType,
    ...(wording === "human" ? { task: await readHumanTask(path) } : {}),
  });
}

/** What the first person said of the task, from the recording beside the game. */
async function readHumanTask(game: string): Promise<string> {
  const path = game.replace(/[^/]*$/, "traj_data.json");
  const cannot = `Cannot open a game in human words as "${path}" must`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new TypeError(`${cannot} stand beside it: there is none`, { cause });
  }
  const sentence = humanSentence(parseAnnotations(text));
  if (sentence !== undefined) return `${sentence}.`;
  throw new TypeError(`${cannot} describe the task: nobody did`);
}

/** Compiled games, the ones used last; a path is read once while it is kept. */
export class GameCache {
  readonly #games = new Map<string, Promise<PreparedGame>>();
  readonly #limit: number;

  /** Keeps at most `limit` games. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Finds a game or makes it; failures are not kept. */
  get(
    key: string,
    make: () => Promise<PreparedGame>,
  ): Promise<PreparedGame> {
    const known = this.#games.get(key);
    const game = known ?? make();
    this.#games.delete(key);
    this.#games.set(key, game); // now the one used last
    if (known === undefined) game.catch(() => this.#games.delete(key));
    for (const oldest of this.#games.keys()) {
      if (this.#games.size <= this.#limit) break;
      this.#games.delete(oldest);
    }
    return game;
  }
}
