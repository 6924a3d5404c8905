/**
 * `@hiper/lab/envs/miniwob`: the benchmark's tasks, its pages, and pictures of episodes.
 *
 * Episodes are opened as every world is: `openEnv({ kind: "miniwob", task: "click-test" }, seed)`.
 *
 * @module
 */

export { findBrowser } from "../lib/envs/miniwob/browser.ts";
export {
  filmMiniwob,
  type FilmOptions,
  formatFilm,
  type MiniwobFilm,
  type MiniwobFrame,
} from "../lib/envs/miniwob/film.ts";
export {
  MINIWOB_WHEEL,
  miniwobFolder,
  type PageFiles,
  readMiniwobPages,
} from "../lib/envs/miniwob/pages.ts";
export {
  findMiniwobTask,
  MINIWOB_SETS,
  MINIWOB_TASKS,
  type MiniwobSet,
} from "../lib/envs/miniwob/tasks.ts";
