/**
 * WebShop's own environment: sessions that never end, observations with history, addresses.
 *
 * It is what WebShop's published agents were written against and what its recordings show; episodes are
 * played through `lib/envs/webshop/webshop.ts`.
 *
 * @see {@link https://github.com/princeton-nlp/WebShop | WebShop}
 *
 * @module
 */

import { createRandom, type Random } from "../../../lib/random.ts";
import { pythonJsonObject, pythonRepr } from "../../../lib/python_text.ts";
import type { WebshopGoal } from "../../../lib/envs/webshop/goals.ts";
import {
  plainWebshopText,
  richWebshopText,
  webshopPage,
} from "../../../lib/envs/webshop/pages.ts";
import {
  nextWebshopState,
  WEBSHOP_START,
  type WebshopRules,
  type WebshopState,
  webshopTargets,
} from "../../../lib/envs/webshop/state.ts";
import { scoreWebshopState } from "../../../lib/envs/webshop/shop.ts";
import type { Webshop } from "../../../lib/envs/webshop/state.ts";

/** What a session answers. */
export interface WebshopReply {
  /** What is seen. */
  readonly observation: string;
  /** Score of a purchase; 0 of everything else. */
  readonly reward: number;
  /** Whether something was bought. */
  readonly done: boolean;
}

/** WebShop's environment for one session. */
export interface WebshopSession {
  /** Goes back to the search page with the same goal. */
  reset(): string;
  /** Takes an action; anything that is not one changes nothing. */
  step(action: string): WebshopReply;
  /** What the page accepts: whether it has a search bar, and labels that can be clicked. */
  available(): { hasSearchBar: boolean; clickables: string[] };
  /** Address of the page at WebShop's own server. */
  url(): string;
  /** Where the shopper stands. */
  state(): WebshopState;
}

/** Settings of {@linkcode createWebshopSession}. */
export interface WebshopSessionOptions {
  /** The goal. */
  goal: WebshopGoal;
  /** Session id, for addresses. */
  id: string;
  /** What observations look like. @default {"text"} */
  mode?: "text" | "text_rich";
  /** Earlier observations repeated in each one. @default {0} */
  previousObservations?: number;
  /** Earlier actions repeated in each observation. @default {0} */
  previousActions?: number;
  /** Decides what `<r>` shows. @default {createRandom(0)} */
  random?: Random;
}

/**
 * Opens a session.
 *
 * @param shop The shop.
 * @param options Goal, observations, history.
 * @returns A session at its search page.
 */
export function createWebshopSession(
  shop: Webshop,
  options: WebshopSessionOptions,
): WebshopSession {
  const { goal, id, mode = "text", random = createRandom(0) } = options;
  const { instruction } = goal;
  const write = mode === "text" ? plainWebshopText : richWebshopText;
  const history = createHistory(options);
  let state = WEBSHOP_START, score = 0;
  const observe = () =>
    history.observe(write(webshopPage(shop, state, { instruction, score })));
  return {
    reset(): string {
      state = WEBSHOP_START;
      history.clear();
      return observe();
    },
    step(action: string): WebshopReply {
      const before = state;
      state = nextWebshopState(shop, state, { action, random });
      const done = state.page === "done" && state !== before;
      score = done ? scoreWebshopState(shop, state, goal).total : score;
      history.act(action);
      return { observation: observe(), reward: done ? score : 0, done };
    },
    available: () => ({
      hasSearchBar: state.page === "index",
      clickables: [...webshopTargets(shop, state).keys()],
    }),
    url: () => webshopAddress(shop, state, id),
    state: () => state,
  };
}

/** Remembers observations and actions, and puts as many before an observation as are asked for. */
function createHistory(
  options: { previousObservations?: number; previousActions?: number },
) {
  const { previousObservations = 0, previousActions = 0 } = options;
  const depth = Math.max(previousObservations, previousActions);
  let observations: string[] = [], actions: string[] = [];
  return {
    clear(): void {
      observations = [];
      actions = [];
    },
    act(action: string): void {
      if (depth > 0) actions.push(action);
    },
    /** The observation with its history, oldest first. */
    observe(current: string): string {
      if (depth === 0) return current;
      const newestFirst = [current];
      for (let i = 1; i <= depth; i++) {
        const action = actions.at(-i), observation = observations.at(-i);
        if (i <= previousActions && action !== undefined) {
          newestFirst.push(action);
        }
        if (i <= previousObservations && observation !== undefined) {
          newestFirst.push(observation);
        }
      }
      observations.push(current);
      return newestFirst.reverse().join(" [SEP] ");
    },
  };
}

/**
 * Address of a page at WebShop's own server; nothing in it is escaped.
 *
 * @param rules The shop.
 * @param state Where the shopper stands.
 * @param session Session id.
 * @returns An address below `http://127.0.0.1:3000`.
 */
export function webshopAddress(
  rules: WebshopRules,
  state: WebshopState,
  session: string,
): string {
  const base = "http://127.0.0.1:3000";
  const asin = state.product === undefined
    ? ""
    : rules.products[state.product]!.asin;
  const query = `${state.keywords.join("+")}/${state.pageNumber}`;
  const tuple = Array.from(
    state.options,
    ([name, value]) => `${pythonRepr(name)}: ${pythonRepr(value)}`,
  ).join(", ");
  switch (state.page) {
    case "index":
      return `${base}/${session}`;
    case "results":
      return `${base}/search_results/${session}/${query}`;
    case "item":
      return `${base}/item_page/${session}/${asin}/${query}/${
        pythonJsonObject(state.options)
      }`;
    case "sub":
      return `${base}/item_sub_page/${session}/${asin}/${query}/${state.subPage}/{${tuple}}`;
    case "done":
      return `${base}/done/${session}/${asin}/{${tuple}}`;
  }
}
