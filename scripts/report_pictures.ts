/**
 * Episodes of a report in pictures, for worlds that have some: the recorded actions are played again.
 *
 * @module
 */

import {
  type EnvDataset,
  type EnvSpec,
  listEnvs,
  readRunConfig,
  type Trajectory,
} from "../mod.ts";
import { filmMiniwob, formatFilm } from "../mod/miniwob.ts";
import type { ReportSection } from "../mod/plots.ts";
import { explain } from "./explain.ts";

/**
 * Films the episodes of a report that were played on screens.
 *
 * @param directory Folder of the run that played them.
 * @param episodes Episodes shown turn by turn.
 * @returns One section, or none where the run plays in other worlds; where browser or pages are missing, the section
 *   says so.
 */
export async function pictureSections(
  directory: string,
  episodes: readonly Trajectory[],
): Promise<ReportSection[]> {
  const { worlds } = await readRunConfig(directory);
  const specs = new Map<string, EnvSpec>();
  for (const world of worlds) {
    const listed = !isDataset(world)
      ? [world]
      : world.dataset === "miniwob"
      ? await listEnvs(world)
      : [];
    for (const spec of listed) {
      if (spec.kind === "miniwob") specs.set(String(spec.task), spec);
    }
  }
  if (specs.size === 0) return [];
  const heading = "Episodes in pictures";
  const films: string[] = [];
  try {
    for (const { taskType = "", seed, turns } of episodes) {
      const spec = specs.get(taskType);
      if (spec === undefined) continue;
      const film = await filmMiniwob(spec, {
        seed,
        turns: turns.map(({ decision: { action, subgoal } }) => ({
          action,
          subgoal,
        })),
      });
      films.push(formatFilm(film));
    }
  } catch (error) {
    return [{ heading, prose: `There are none: ${explain(error)}` }];
  }
  return [{
    heading,
    prose:
      "The page before each action, played again from the record; a frame holds the turns under one subgoal.",
    html: films.join("\n"),
  }];
}

/** Whether worlds are listed rather than one named. */
function isDataset(world: EnvSpec | EnvDataset): world is EnvDataset {
  return "dataset" in world;
}
