/**
 * The benchmark's tasks: 130 pages, and the sets that papers play.
 *
 * @module
 */

import { suggest } from "../../checks.ts";

/** Pages that the Python package does not register; some depend on frames, which no clock drives. */
const UNREGISTERED: ReadonlySet<string> = new Set(
  ["button-delay", "chase-circle", "hover-shape", "moving-items", "simon-says"],
);

/** Every page. */
export const MINIWOB_TASKS: readonly string[] = words(`
  ascending-numbers bisect-angle book-flight book-flight-nodelay button-delay buy-ticket chase-circle
  choose-date choose-date-easy choose-date-medium choose-date-nodelay choose-list circle-center
  click-button click-button-sequence click-checkboxes click-checkboxes-large click-checkboxes-soft
  click-checkboxes-transfer click-collapsible click-collapsible-2 click-collapsible-2-nodelay
  click-collapsible-nodelay click-color click-dialog click-dialog-2 click-link click-menu click-menu-2
  click-option click-pie click-pie-nodelay click-scroll-list click-shades click-shape click-tab
  click-tab-2 click-tab-2-easy click-tab-2-hard click-tab-2-medium click-test click-test-2
  click-test-transfer click-widget copy-paste copy-paste-2 count-shape count-sides daily-calendar drag-box
  drag-circle drag-cube drag-items drag-items-grid drag-shapes drag-shapes-2 drag-single-shape
  drag-sort-numbers draw-circle draw-line email-inbox email-inbox-delete email-inbox-forward
  email-inbox-forward-nl email-inbox-forward-nl-turk email-inbox-important email-inbox-nl-turk
  email-inbox-noscroll email-inbox-reply email-inbox-star-reply enter-date enter-password enter-text
  enter-text-2 enter-text-dynamic enter-time find-greatest find-midpoint find-word focus-text focus-text-2
  form-sequence form-sequence-2 form-sequence-3 generate-number grid-coordinate guess-number
  highlight-text highlight-text-2 hot-cold hover-shape identify-shape login-user login-user-popup
  moving-items multi-layouts multi-orderings navigate-tree number-checkboxes odd-or-even order-food
  phone-book read-table read-table-2 resize-textarea right-angle scroll-text scroll-text-2 search-engine
  sign-agreement simon-says simple-algebra simple-arithmetic social-media social-media-all
  social-media-some stock-market terminal text-editor text-transform tic-tac-toe unicode-test
  use-autocomplete use-autocomplete-nodelay use-colorwheel use-colorwheel-2 use-slider use-slider-2
  use-spinner visual-addition`);

/** The usual list for agents that read text (WebGUM). */
const WEBGUM: readonly string[] = words(`
  book-flight choose-date choose-date-easy choose-date-medium choose-list click-button click-button-sequence
  click-checkboxes click-checkboxes-large click-checkboxes-soft click-checkboxes-transfer click-collapsible
  click-collapsible-2 click-color click-dialog click-dialog-2 click-link click-menu click-option click-pie
  click-scroll-list click-shades click-shape click-tab click-tab-2 click-tab-2-hard click-test click-test-2
  click-widget count-shape email-inbox email-inbox-forward-nl email-inbox-forward-nl-turk
  email-inbox-nl-turk enter-date enter-password enter-text enter-text-dynamic enter-time focus-text
  focus-text-2 grid-coordinate guess-number identify-shape login-user login-user-popup multi-layouts
  multi-orderings navigate-tree search-engine social-media social-media-all social-media-some tic-tac-toe
  use-autocomplete use-spinner`);

/** Tasks with an expert, short ones: what the compact policy learns first. */
export const EXPERT_TASKS = [
  ...["click-test", "click-test-2", "click-button", "click-link"],
  ...["click-checkboxes", "click-option", "choose-list", "enter-text"],
  ...["login-user", "click-collapsible"],
] as const;

/** Sets of tasks by name. */
export const MINIWOB_SETS: Readonly<Record<MiniwobSet, readonly string[]>> = {
  webgum56: WEBGUM,
  browsergym125: MINIWOB_TASKS.filter((task) => !UNREGISTERED.has(task)),
  all130: MINIWOB_TASKS,
  expert10: EXPERT_TASKS,
};

/** Name of a set. */
export type MiniwobSet = "webgum56" | "browsergym125" | "all130" | "expert10";

/**
 * Checks the name of a task.
 *
 * @param task A page's name, with or without `miniwob/`.
 * @returns The name.
 * @throws {TypeError} If there is no such page, with the nearest one.
 */
export function findMiniwobTask(task: string): string {
  const name = task.replace(/^miniwob[./]/, "");
  if (MINIWOB_TASKS.includes(name)) return name;
  throw new TypeError(
    `Cannot open MiniWoB++ as "task" must be one of its pages: current value is "${task}"${
      suggest(name, MINIWOB_TASKS)
    }`,
  );
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
