/**
 * One shopping episode as a {@linkcode TextEnv}: search, look, choose, buy.
 *
 * Any `search[…]` is accepted on any page, as in WebShop; the listed actions offer searches made of
 * the wish's own words, for policies that choose among what is listed.
 *
 * @module
 */

import { createRandom, type Random } from "../../random.ts";
import type { Observation } from "../../trajectory.ts";
import type { EnvStart, EnvStep, Hint, TextEnv } from "../text_env.ts";
import {
  adviseWebshop,
  planWebshopPurchase,
  type WebshopPlan,
} from "./expert.ts";
import type { WebshopGoal } from "./goals.ts";
import {
  plainWebshopText,
  richWebshopText,
  type WebshopNode,
  webshopPage,
} from "./pages.ts";
import { proposeWebshopQueries } from "./subgoals.ts";
import { scoreWebshopState } from "./shop.ts";
import {
  nextWebshopState,
  parseWebshopAction,
  type Webshop,
  WEBSHOP_START,
  type WebshopState,
  webshopTargets,
} from "./state.ts";

/** Observations, rewards and limits of an episode. */
export interface WebshopEpisodeOptions {
  /**
   * What observations look like: WebShop's two modes, or `text` as the reference trainer shortens it.
   *
   * @default {"text"}
   */
  observation?: "text" | "text_rich" | "trainer";
  /**
   * What a purchase pays: its score, the trainer's 10 for a perfect one, or 1 for a perfect one.
   *
   * @default {"score"}
   */
  reward?: "score" | "trainer" | "binary";
  /** Searches that the search page lists, at least 1. @default {4} */
  queries?: number;
  /** Actions after which the episode is cut. @default {none} */
  stepLimit?: number;
  /** The ending at the limit. @default {"truncated"} */
  limitEnding?: "terminated" | "truncated";
  /**
   * Whether brackets and line feeds of product texts are escaped, so that they cannot imitate buttons
   * and separators: a zero-width space after
   * each bracket, a space for each line feed.
   *
   * @default {true}
   */
  sanitize?: boolean;
}

/** A shopping episode, whose state can be read. */
export interface WebshopEnv extends TextEnv {
  /** Begins the episode at the search page. */
  start(): EnvStart;
  /** Takes one action. */
  step(action: string): EnvStep;
  /** The expert's next subgoal and action. */
  hint(): Hint | undefined;
  /** The current state. */
  state(): WebshopState;
}

/**
 * Opens an episode.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import {
 *   generateWebshop,
 *   openWebshopEpisode,
 * } from "@hiper/lab/envs/webshop";
 *
 * const shop = generateWebshop({ size: 100, seed: 7 });
 * const env = openWebshopEpisode(shop, { goal: shop.goals[0]!, seed: 1 });
 * env.start();
 * for (let hint = env.hint(); hint; hint = env.hint()) env.step(hint.action);
 * strictEqual(env.state().page, "done");
 * ```
 *
 * @param shop The shop.
 * @param episode The goal, the seed of random products, and options.
 * @returns The episode.
 */
export function openWebshopEpisode(
  shop: Webshop,
  episode: WebshopEpisodeOptions & { goal: WebshopGoal; seed: number },
): WebshopEnv {
  return new WebshopEpisode(shop, episode);
}

/** One episode. */
class WebshopEpisode implements WebshopEnv {
  readonly #shop: Webshop;
  readonly #goal: WebshopGoal;
  readonly #options: WebshopEpisodeOptions;
  readonly #random: Random;
  readonly #searches: readonly string[];
  #state = WEBSHOP_START;
  #score = 0;
  #steps = 0;
  #ended = false;
  #plan: WebshopPlan | undefined;
  #planned = false;

  constructor(
    shop: Webshop,
    episode: WebshopEpisodeOptions & { goal: WebshopGoal; seed: number },
  ) {
    const { goal, seed, ...options } = episode;
    this.#shop = shop;
    this.#goal = goal;
    this.#options = options;
    this.#random = createRandom(seed).fork("webshop episode");
    this.#searches = proposeWebshopQueries(goal.instruction, options.queries)
      .map((query) => `search[${query}]`);
  }

  start(): EnvStart {
    const { instruction: task, category: taskType } = this.#goal;
    return { task, taskType, observation: this.#observe() };
  }

  step(action: string): EnvStep {
    if (this.#ended) {
      throw new Error(
        "Cannot step an episode that has ended: open a new environment",
      );
    }
    const { stepLimit = Infinity, limitEnding = "truncated" } = this.#options;
    this.#steps++;
    this.#state = nextWebshopState(this.#shop, this.#state, {
      action,
      random: this.#random,
    });
    const bought = this.#state.page === "done";
    if (bought) {
      this.#score = scoreWebshopState(this.#shop, this.#state, this.#goal)
        .total;
    }
    const cut = !bought && this.#steps >= stepLimit;
    this.#ended = bought || cut;
    const ending = bought ? "terminated" : limitEnding;
    return {
      observation: this.#observe(),
      reward: this.#pay(bought),
      ...(this.#ended ? { ending, score: this.#score } : {}),
      success: bought && this.#score === 1,
    };
  }

  hint(): Hint | undefined {
    if (this.#ended) return undefined;
    if (!this.#planned) {
      const { queries } = this.#options;
      this.#plan = planWebshopPurchase(this.#shop, this.#goal, queries);
      this.#planned = true;
    }
    return this.#plan && adviseWebshop(this.#shop, this.#state, this.#plan);
  }

  state(): WebshopState {
    return this.#state;
  }

  /** The reward of a step. */
  #pay(bought: boolean): number {
    const { reward = "score" } = this.#options;
    if (!bought) return 0;
    if (reward === "score") return this.#score;
    if (reward === "binary") return this.#score === 1 ? 1 : 0;
    return webshopTrainerReward(this.#score, true).reward;
  }

  /** The current observation. */
  #observe(): Observation {
    return {
      text: this.#text(),
      admissibleActions: this.#actions(),
      stateKey: this.#key(),
    };
  }

  /** The page as text. */
  #text(): string {
    const { observation = "text", sanitize = true } = this.#options;
    const { instruction } = this.#goal;
    const view = { instruction, score: this.#score };
    const whole = webshopPage(this.#shop, this.#state, view);
    const page = sanitize ? whole.map(harmless) : whole;
    if (observation === "text_rich") return richWebshopText(page);
    const text = plainWebshopText(page);
    if (observation === "text") return text;
    const task = sanitize ? harmlessText(instruction) : instruction;
    return formatWebshopObservation(text, task);
  }

  /** The admissible actions. */
  #actions(): readonly string[] {
    const { page } = this.#state;
    if (this.#ended) return [];
    if (page === "index") return this.#searches;
    const actions: string[] = [];
    for (const label of webshopTargets(this.#shop, this.#state).keys()) {
      const action = `click[${label}]`;
      if (isPlain(label) || isClickable(action, label)) actions.push(action);
    }
    return actions;
  }

  /** The state key: everything that decides later observations and rewards. */
  #key(): string {
    const { page, subPage, keywords, pageNumber, product, draws } = this.#state;
    const parts = [
      this.#goal.instruction,
      page,
      page === "sub" ? subPage : "",
      keywords,
      pageNumber,
      product ?? -1,
      [...this.#state.options],
      [...this.#state.visited].sort((a, b) => a - b),
      draws,
      this.#ended,
    ];
    return JSON.stringify(parts);
  }
}

/** Whether a label can be written between brackets without a closer look. */
function isPlain(label: string): boolean {
  return !/[[\]\n]|[^\0-\x7f]/.test(label);
}

/** Whether an action, read again, clicks that label; brackets and line feeds can prevent it. */
function isClickable(action: string, label: string): boolean {
  const read = parseWebshopAction(action);
  return read?.name === "click" && read.argument === label;
}

/** A node that imitates neither buttons nor separators. */
function harmless(node: WebshopNode): WebshopNode {
  const text = node.kind === "button" ? node.text : harmlessText(node.text);
  return text === node.text ? node : { ...node, text };
}

/** A text without line feeds, its brackets broken. */
function harmlessText(text: string): string {
  return text.includes("[") || text.includes("\n")
    ? text.replaceAll("[", "[\u200b").replace(/\s*\n\s*/g, " ")
    : text;
}

const SEPARATOR = " [SEP] ";

/**
 * Shortens an observation of mode `text` to the segments after the wish, each in quotes; unchanged
 * if it does not contain the wish.
 */
export function formatWebshopObservation(
  observation: string,
  task: string,
): string {
  const segments = observation.split(SEPARATOR);
  const place = segments.indexOf(task);
  if (place < 0) return observation;
  return segments.slice(place + 1).map((segment) => `'${segment}'`)
    .join(SEPARATOR);
}

/**
 * The trainer's reward of a step: 10 for a perfect purchase, `penalty` for an imperfect one, else
 * 0.
 */
export function webshopTrainerReward(
  score: number,
  done: boolean,
  penalty = 0,
): { reward: number; won: boolean } {
  if (done && score === 1) return { reward: 10, won: true };
  return { reward: done ? penalty : 0, won: false };
}
