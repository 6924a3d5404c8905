/**
 * MiniWoB++ as specifications: `{ kind: "miniwob", task, seed, … }`.
 *
 * @module
 */

import { createRandom } from "../../random.ts";
import { present, readSettings } from "../../settings.ts";
import type { EnvSpec } from "../text_env.ts";
import type { EnvDataset, EnvOpener, World } from "../world.ts";
import { type Browser, type BrowserOptions, startBrowser } from "./browser.ts";
import {
  type BrowserLease,
  type MiniwobEnv,
  openMiniwobEpisode,
} from "./miniwob.ts";
import type { Page } from "./page.ts";
import { readMiniwobPages } from "./pages.ts";
import { MINIWOB_DATASET, MINIWOB_SPEC } from "./settings.ts";
import { MINIWOB_SUBGOAL_RULE, proposeMiniwobSubgoals } from "./subgoals.ts";
import { findMiniwobTask, MINIWOB_SETS } from "./tasks.ts";

/** Episodes that work in a browser at the same time. */
const AT_ONCE = 4;
/** MiB that a browser takes, and each open episode in it, by measurement. */
const BROWSER_MEMORY = 192, EPISODE_MEMORY = 64;
/** Seeds that are drawn lie below this bound, as BrowserGym's do. */
const SEEDS = 1_000_000;

/** Opens MiniWoB++ episodes in one browser for each way of starting it. */
export interface MiniwobOpener extends AsyncDisposable {
  /** Opens the episode of a specification. */
  open(spec: EnvSpec, seed: number): Promise<MiniwobEnv>;
}

/**
 * Makes an opener.
 *
 * @param options Whether a browser without episodes is kept for the next one. @default {kept}
 * @returns The opener. Caller disposes, at which its browsers end.
 */
export function createMiniwobOpener(
  options: { readonly keep?: boolean } = {},
): MiniwobOpener {
  const { keep = true } = options;
  const hosts = new Map<string, BrowserHost>();
  return {
    async open(spec, seed) {
      const { data, browser, sandbox, memory = 4096, ...settings } =
        readSettings(MINIWOB_SPEC, spec, "open a miniwob");
      const { task, seed: given, kind: _, ...rest } = settings;
      const name = findMiniwobTask(task);
      const how = present({ data, browser, sandbox });
      const key = JSON.stringify([how, memory]);
      const host = hosts.get(key) ?? new BrowserHost({ ...how, memory, keep });
      hosts.set(key, host);
      return openMiniwobEpisode(await host.lease(), {
        ...present(rest),
        task: name,
        seed: given ?? createRandom(seed).fork("page").integer(SEEDS),
      });
    },
    async [Symbol.asyncDispose]() {
      const all = [...hosts.values()];
      hosts.clear();
      for (const host of all) await host[Symbol.asyncDispose]();
    },
  };
}

/** How a browser is started, and how much it may hold. */
interface HostOptions extends BrowserOptions {
  readonly data?: string;
  readonly memory: number;
  readonly keep: boolean;
}

/** A browser that starts when it is needed and may end when it is not. */
class BrowserHost implements AsyncDisposable {
  readonly #options: HostOptions;
  #files: ReturnType<typeof readMiniwobPages> | undefined;
  #browser: Promise<Browser> | undefined;
  #leases = 0;
  #working = 0;
  readonly #waiting: (() => void)[] = [];
  #idle: Page[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
  }

  async lease(): Promise<BrowserLease> {
    const { memory, data, keep: _keep, ...how } = this.#options;
    const most = Math.floor((memory - BROWSER_MEMORY) / EPISODE_MEMORY);
    if (this.#leases >= most) {
      throw new RangeError(
        `Cannot open another miniwob as "memory" (${memory} MiB) must hold ${BROWSER_MEMORY} MiB for the browser and ${EPISODE_MEMORY} for each open episode: current number is ${this.#leases}; open fewer at once, with rollout.tasks or evaluation.tasks, or raise "memory"`,
      );
    }
    this.#leases++;
    try {
      this.#files ??= readMiniwobPages(data);
      const files = await this.#files;
      this.#browser ??= startBrowser(how);
      let browser = await this.#browser;
      if (!browser.running) {
        this.#idle = [];
        this.#browser = startBrowser(how);
        browser = await this.#browser;
      }
      browser.hold(true);
      return {
        browser,
        files,
        idle: this.#idle,
        inTurn: (work) => this.#inTurn(work),
        release: () => this.#release(),
      };
    } catch (error) {
      this.#leases--;
      this.#files = undefined;
      this.#browser = undefined;
      throw error;
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#working < AT_ONCE) this.#working++;
    // The one that finishes hands its place on.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#working--;
    }
  }

  async #release(): Promise<void> {
    this.#leases--;
    if (this.#leases > 0) return;
    if (!this.#options.keep) return await this[Symbol.asyncDispose]();
    (await this.#browser)?.hold(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const browser = await this.#browser?.catch(() => undefined);
    this.#browser = undefined;
    this.#idle = [];
    browser?.hold(true);
    await browser?.[Symbol.asyncDispose]();
  }
}

/** MiniWoB++'s pages in Chromium. */
export const MINIWOB: World = {
  settings: MINIWOB_SPEC,
  createOpener: ({ processes = Infinity }): EnvOpener => {
    const opener = createMiniwobOpener({ keep: processes > 0 });
    return Object.assign(
      (spec: EnvSpec, seed: number) => opener.open(spec, seed),
      { [Symbol.asyncDispose]: () => opener[Symbol.asyncDispose]() },
    );
  },
  datasets: {
    miniwob: {
      settings: MINIWOB_DATASET,
      list: (dataset) => ({ specs: listMiniwob(dataset), skipped: [] }),
    },
  },
  proposeSubgoals: proposeMiniwobSubgoals,
  subgoalRule: MINIWOB_SUBGOAL_RULE,
};

/** Lists episodes task by task. */
function listMiniwob(dataset: EnvDataset): EnvSpec[] {
  const { set = "browsergym125", tasks, count, settings = {} } = readSettings(
    MINIWOB_DATASET,
    dataset,
    "list miniwobs",
  );
  const names = tasks?.map(findMiniwobTask) ?? MINIWOB_SETS[set];
  return names.flatMap((task) => {
    const spec = { ...present(settings), kind: "miniwob", task };
    return count === undefined
      ? [spec]
      : Array.from({ length: count }, (_, seed) => ({ ...spec, seed }));
  });
}
