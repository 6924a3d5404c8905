/**
 * One MiniWoB++ episode as a {@linkcode TextEnv}, on a page of its own.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Observation } from "../../trajectory.ts";
import type { EnvStart, EnvStep, Hint, TextEnv } from "../text_env.ts";
import {
  callsTexts,
  carryOut,
  isPossible,
  offeredActions,
  parseMiniwobAction,
} from "./actions.ts";
import type { Browser } from "./browser.ts";
import { adviseMiniwob, quotedTexts } from "./experts.ts";
import {
  Page,
  type PageOptions,
  type PageOutcome,
  type PageTask,
} from "./page.ts";
import type { PageFiles } from "./pages.ts";
import {
  ElementIds,
  formatPage,
  type PageNode,
  readPage,
  shortenPage,
} from "./snapshot.ts";
import { NOTHING } from "./subgoals.ts";

/** What an episode plays, and how it is shown. */
export interface MiniwobEpisodeOptions extends Partial<PageOptions> {
  /** Name of the page. */
  readonly task: string;
  /** Seed of the page. */
  readonly seed: number;
  /** How much of the tree is shown. @default {"short"} */
  readonly text?: "short" | "tree";
  /** Whether actions describe their elements. @default {false} */
  readonly names?: boolean;
  /** Whether any text can be typed. @default {false} */
  readonly freeText?: boolean;
  /** What the end pays. @default {"score"} */
  readonly reward?: "score" | "raw" | "binary";
  /** Whether only a raw reward of 1 is a success. @default {false} */
  readonly strict?: boolean;
  /** Whether experts give hints. @default {false} */
  readonly hints?: boolean;
  /** Actions after which the episode is cut. @default {10} */
  readonly stepLimit?: number;
  /** Whether each episode has a page of its own, or one that served others. @default {"fresh"} */
  readonly pages?: "fresh" | "reused";
}

/** A browser for an episode, given back at its end. */
export interface BrowserLease {
  /** The browser. */
  readonly browser: Browser;
  /** The benchmark's files. */
  readonly files: PageFiles;
  /** Does work in the browser when few others do: pages that wait for each other would run out of time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Pages whose episodes are over, for those that use one again. */
  readonly idle: Page[];
  /** Gives the browser back. */
  release(): Promise<void>;
}

/** An episode whose page can be looked at. */
export interface MiniwobEnv extends TextEnv {
  /** A picture of the page as it is now, in base64 of PNG; nothing when the episode has ended. */
  picture(): Promise<string | undefined>;
  /** The page's clock, in milliseconds since 1970; nothing when the episode has ended. */
  now(): Promise<number | undefined>;
  /** The page's own words on the last action. */
  outcome(): PageOutcome | undefined;
  /** Frees the page. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens an episode.
 *
 * @param lease A browser.
 * @param options What is played.
 * @returns The episode, whose page opens at its start.
 */
export function openMiniwobEpisode(
  lease: BrowserLease,
  options: MiniwobEpisodeOptions,
): MiniwobEnv {
  const episode = new MiniwobEpisode(lease, options);
  if (options.hints !== true) return episode;
  return {
    start: () => episode.start(),
    step: (action) => episode.step(action),
    hint: () => episode.advise(),
    picture: () => episode.picture(),
    now: () => episode.now(),
    outcome: () => episode.outcome(),
    [Symbol.asyncDispose]: () => episode[Symbol.asyncDispose](),
  };
}

/** Text for a page that does not answer in time. */
const SILENT = "The page does not answer.";

/** One episode. */
class MiniwobEpisode implements MiniwobEnv {
  readonly #lease: BrowserLease;
  readonly #options: MiniwobEpisodeOptions;
  readonly #ids = new ElementIds();
  #page: Page | undefined;
  #nodes: readonly PageNode[] = [];
  #utterance = "";
  #texts: readonly string[] = [];
  #observation: Observation | undefined;
  #outcome: PageOutcome | undefined;
  #key: string;
  #steps = 0;
  #ended = false;
  #released = false;
  /** Whether the page has answered all that it was asked. */
  #settled = false;

  constructor(lease: BrowserLease, options: MiniwobEpisodeOptions) {
    this.#lease = lease;
    this.#options = options;
    const { task, seed, mode = "train" } = options;
    this.#key = digest(`${task}/${mode}/${seed}`);
  }

  start(): Promise<EnvStart> {
    return this.#lease.inTurn(() => this.#start());
  }

  step(action: string): Promise<EnvStep> {
    return this.#lease.inTurn(() => this.#step(action));
  }

  async #start(): Promise<EnvStart> {
    const { task: name, seed, mode = "train", maxTime = 1e6 } = this.#options;
    const task = await this.#open({ task: name, seed, mode, maxTime });
    this.#utterance = task.utterance;
    this.#texts = [
      ...new Set([
        ...Object.values(task.fields),
        ...quotedTexts(task.utterance),
      ]),
    ];
    const observation = await this.#see();
    this.#settled = true;
    return { task: task.utterance, taskType: name, observation };
  }

  async #open(options: PageOptions): Promise<PageTask> {
    const { browser, files, idle } = this.#lease;
    const reusable = this.#options.pages === "reused";
    const rested = reusable ? idle.pop() : undefined;
    if (rested === undefined) {
      const { page, task } = await Page.open(browser, files, {
        ...options,
        reusable,
      });
      this.#page = page;
      return task;
    }
    this.#page = rested;
    return await rested.begin(options);
  }

  async #step(action: string): Promise<EnvStep> {
    const page = this.#page;
    if (this.#ended || page === undefined) {
      throw new Error(
        "Cannot step an episode that has ended: open a new environment",
      );
    }
    const { stepLimit = 10, freeText = false } = this.#options;
    this.#steps++;
    const cut = this.#steps >= stepLimit ? "truncated" as const : undefined;
    const read = parseMiniwobAction(action);
    const texts = freeText ? undefined : this.#texts;
    if (!read || !isPossible(read, this.#nodes, texts)) {
      return await this.#finish(
        { ...this.#observation!, text: `${NOTHING}\n${this.#shown()}` },
        cut,
      );
    }
    this.#key = digest(`${this.#key}\n${JSON.stringify(read)}`);
    this.#settled = false;
    try {
      const backends = new Map(
        this.#nodes.flatMap(({ id, backend }) =>
          id === undefined || backend === undefined ? [] : [[id, backend]]
        ),
      );
      await carryOut(page, read, backends);
      this.#outcome = await page.outcome();
      const next = this.#outcome.done ? undefined : await this.#see();
      this.#settled = true;
      if (next) return await this.#finish(next, cut);
    } catch (error) {
      if (!this.#lease.browser.running) throw error;
      // A page that never answers ends its episode, not the training.
      return await this.#finish(
        { text: SILENT, admissibleActions: [], stateKey: this.#key },
        "truncated",
      );
    }
    const { reason } = this.#outcome;
    return await this.#finish({
      text: reason ? `The episode is over: ${reason}.` : "The episode is over.",
      admissibleActions: [],
      stateKey: this.#key,
    }, "terminated");
  }

  /** The next step of the task's expert. */
  advise(): Hint | undefined {
    if (this.#ended || !this.#observation) return undefined;
    return adviseMiniwob({
      task: this.#options.task,
      utterance: this.#utterance,
      nodes: this.#nodes,
      text: this.#observation.text,
      actions: this.#observation.admissibleActions,
    });
  }

  async picture(): Promise<string | undefined> {
    return await this.#page?.picture();
  }

  async now(): Promise<number | undefined> {
    return await this.#page?.now();
  }

  outcome(): PageOutcome | undefined {
    return this.#outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    const page = this.#page;
    this.#page = undefined;
    if (page && this.#settled && this.#options.pages === "reused") {
      this.#lease.idle.push(page);
    } else await page?.[Symbol.asyncDispose]();
    if (this.#released) return;
    this.#released = true;
    await this.#lease.release();
  }

  async #see(): Promise<Observation> {
    const { snapshot, tree } = await this.#page!.read();
    this.#nodes = readPage(snapshot, tree, this.#ids);
    const { names = false } = this.#options;
    this.#observation = {
      text: this.#shown(),
      admissibleActions: offeredActions(this.#nodes, {
        texts: this.#texts,
        called: callsTexts(this.#utterance),
        named: names,
      }),
      stateKey: this.#key,
    };
    return this.#observation;
  }

  #shown(): string {
    const { text = "short" } = this.#options;
    return formatPage(
      text === "tree" ? this.#nodes : shortenPage(this.#nodes),
    );
  }

  async #finish(
    observation: Observation,
    ending: EnvStep["ending"],
  ): Promise<EnvStep> {
    const { reward = "score", strict = false } = this.#options;
    const raw = ending === "terminated" ? this.#outcome!.raw : 0;
    const success = strict ? raw >= 1 : raw > 0;
    const score = Math.max(0, raw);
    if (ending === undefined) {
      return { observation, reward: 0, success: false, score };
    }
    await this[Symbol.asyncDispose]();
    return {
      observation: { ...observation, admissibleActions: [] },
      reward: reward === "score" ? score : reward === "raw" ? raw : +success,
      ending,
      success,
      score,
    };
  }
}

/** A short name of a text, the same everywhere. */
function digest(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
