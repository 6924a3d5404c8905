/**
 * What others report on ALFWorld, to be read beside one's own numbers.
 *
 * @module
 */

/** A result as its authors report it. */
export interface PublishedResult {
  /** Who played. */
  readonly player: string;
  /** Success over all kinds of task, as printed: mean, and deviation over seeds where there is one. */
  readonly success: string;
  /** Where it is printed. */
  readonly source: string;
}

/**
 * Success on ALFWorld over all kinds of task, as the HiPER paper reports it.
 *
 * Its players are language models that write their subgoals and actions as text. Which validation
 * split the numbers are of is not known here, and neither are its numbers for each kind of task.
 */
export const PUBLISHED_ALFWORLD: readonly PublishedResult[] = [
  {
    player: "HiPER 7B",
    success: "97.4 %",
    source: "arXiv 2602.16165",
  },
  {
    player: "HiPER 1.5B",
    success: "95.3 ± 1.4 %",
    source: "arXiv 2602.16165, three seeds",
  },
  {
    player: "GiGPO 1.5B, plan-execute prompt",
    success: "91.1 ± 3.6 %",
    source: "arXiv 2602.16165, three seeds",
  },
  {
    player: "1.5B, plan-execute prompt, untrained",
    success: "2.9 %",
    source: "arXiv 2602.16165",
  },
];

/** What has to be said beside {@linkcode PUBLISHED_ALFWORLD}. */
export const PUBLISHED_ALFWORLD_NOTE =
  "Published results (arXiv 2602.16165) are of language models that write subgoals and actions as text, over all kinds of task; which split they are of is not known here. The compact policy chooses among listed subgoals and admissible actions, which is an easier problem. Compare with that in mind.";
