/**
 * Game files as specifications: `{ kind: "game", path }` and settings.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { type Cache, createCache } from "../cache.ts";
import {
  createHouseholdExpert,
  type HouseholdExpert,
} from "../household/expert.ts";
import { openHouseholdGame } from "../household/household.ts";
import { HOUSEHOLD_GUIDE } from "../household/guide.ts";
import { taskTypeOfPath } from "../household/task.ts";
import {
  GAME_SETTINGS,
  type GameEnv,
  readGame,
  WORDING,
} from "../pddl/game_env.ts";
import type { CompiledGame } from "../pddl/game.ts";
import { readText } from "../../text_file.ts";
import type { EnvSpec } from "../text_env.ts";
import type { World } from "../world.ts";
import { present, readSettings } from "../../settings.ts";
import { humanSentence, parseAnnotations } from "./alfred_task.ts";
import { ALFWORLD_DATASET, readAlfworld } from "./dataset.ts";

const GAME_SPEC = z.strictObject({
  kind: z.literal("game"),
  path: z.string().min(1).describe("Path of a game.tw-pddl file"),
  wording: WORDING,
  ...GAME_SETTINGS,
});

/** A compiled game with its expert, which games that are no households lack. */
interface PreparedGame {
  readonly game: CompiledGame;
  readonly expert: HouseholdExpert | undefined;
}

/**
 * Opens the game of a specification, which has no randomness and hence no seed. `games` caches
 * prepared games by path.
 *
 * @throws {TypeError} If a setting is unknown or of the wrong kind, or the task has no annotation.
 * @throws {GameError} If the file is no playable game.
 */
async function openGameSpec(
  spec: EnvSpec,
  games: Cache<PreparedGame>,
): Promise<GameEnv> {
  const { kind: _, path, wording, hints = true, ...settings } = readSettings(
    GAME_SPEC,
    spec,
    "open a game",
  );
  const { game, expert } = await games.get(path, async () => {
    const game = await readGame(path);
    return { game, expert: createHouseholdExpert(game) };
  });
  return openHouseholdGame(
    game,
    present({
      ...settings,
      taskType: settings.taskType ?? taskTypeOfPath(path),
      task: wording === "human" ? await readHumanTask(path) : undefined,
      hints: hints && expert !== undefined,
      expert,
    }),
  );
}

/** The first annotator's sentence, from the recording beside the game. */
async function readHumanTask(game: string): Promise<string> {
  const path = game.replace(/[^/]*$/, "traj_data.json");
  const cannot = `Cannot open a game in human words as "${path}" must`;
  let text: string;
  try {
    text = await readText(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new TypeError(`${cannot} stand beside it: there is none`, { cause });
  }
  const sentence = humanSentence(parseAnnotations(text, path));
  if (sentence !== undefined) return `${sentence}.`;
  throw new TypeError(`${cannot} hold an annotation: there is none`);
}

/** Game files, ALFWorld's among them. */
export const GAME: World = {
  settings: GAME_SPEC,
  createOpener: ({ games = 128 }) => {
    const cache = createCache<PreparedGame>(games);
    return (spec) => openGameSpec(spec, cache);
  },
  datasets: { alfworld: { settings: ALFWORLD_DATASET, list: readAlfworld } },
  ...HOUSEHOLD_GUIDE,
};
