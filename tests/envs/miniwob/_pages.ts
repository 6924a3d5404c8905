/** Episodes on pages of a real browser, for tests: opened, and compared with the record. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Browser } from "../../../lib/envs/miniwob/browser.ts";
import {
  type MiniwobEnv,
  type MiniwobEpisodeOptions,
  openMiniwobEpisode,
} from "../../../lib/envs/miniwob/miniwob.ts";
import type { Page } from "../../../lib/envs/miniwob/page.ts";
import {
  type PageFiles,
  readMiniwobPages,
} from "../../../lib/envs/miniwob/pages.ts";

/** Reads a recorded file. */
export async function readVector<T>(name: string): Promise<T> {
  const url = new URL(`../../vectors/miniwob/${name}`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

const idle = new WeakMap<Browser, Page[]>();

/** Pages of a browser that can be used again. */
function idlePages(browser: Browser): Page[] {
  const pages = idle.get(browser) ?? [];
  idle.set(browser, pages);
  return pages;
}

/** Opens an episode in a browser. */
export function open(
  browser: Browser,
  files: PageFiles,
  options: MiniwobEpisodeOptions,
): MiniwobEnv {
  const inTurn = <T>(work: () => Promise<T>) => work();
  const lease = { browser, files, inTurn, idle: idlePages(browser) };
  const release = () => Promise.resolve();
  return openMiniwobEpisode({ ...lease, release }, options);
}

/** The first text of a page in the form of the record. */
export async function firstText(
  browser: Browser,
  files: PageFiles,
  options: MiniwobEpisodeOptions,
): Promise<{ utterance: string; text: string }> {
  const env = open(browser, files, { ...options, text: "tree" });
  const { task: utterance, observation: { text } } = await env.start();
  await env[Symbol.asyncDispose]();
  return { utterance, text };
}

/** Recorded first texts by page, of seeds 1 and 2. */
export interface FirstTexts {
  pages: Record<string, { utterances: string[]; firstText: string[] }>;
}

interface Solved {
  episodes: {
    task: string;
    seed: number;
    utterance: string;
    first: string;
    steps: {
      action: [string, number, string?];
      done: boolean;
      raw: number;
      reward: number;
      text: string;
    }[];
  }[];
}

/**
 * A page's text in the form of the recorded episodes, which differs from that of the first texts: a nameless element
 * that listens is named by the only text below it.
 */
function asRecorded(text: string): string {
  return text.replace(
    /^( *)(\[\d+\] \w+)( clickable.*)\n\1 {2}StaticText (".*")$(?!\n\1 {2})/gm,
    "$1$2 $4$3",
  );
}

/**
 * Replays the recorded episodes and compares every text, end and reward.
 *
 * @param browser The browser.
 * @param options How pages are opened.
 * @returns Number of episodes.
 */
export async function replayRecorded(
  browser: Browser,
  options: Pick<MiniwobEpisodeOptions, "pages"> = {},
): Promise<number> {
  const { episodes } = await readVector<Solved>("solved.json");
  const files = await readMiniwobPages();
  for (const { task, seed, utterance, first, steps } of episodes) {
    const env = open(browser, files, { ...options, task, seed, text: "tree" });
    const start = await env.start();
    strictEqual(start.task, utterance);
    strictEqual(asRecorded(start.observation.text), first);
    for (
      const { action: [kind, id, text], done, raw, reward, ...seen } of steps
    ) {
      const step = await env.step(
        `${kind} [${id}]${
          text === undefined ? "" : ` ${JSON.stringify(text)}`
        }`,
      );
      const outcome = env.outcome()!;
      deepStrictEqual(
        [outcome.done, outcome.raw, outcome.reward],
        [done, raw, reward],
        `${task} ${kind} ${id}`,
      );
      strictEqual(step.ending, done ? "terminated" : undefined);
      strictEqual(step.success, done && raw > 0);
      strictEqual(step.reward, done ? Math.max(0, raw) : 0);
      if (!done) {
        // The record numbers a list's marker, which is no element.
        const expected = seen.text.replace(/\[\d+\] (?=ListMarker)/g, "");
        strictEqual(asRecorded(step.observation.text), expected, task);
      }
    }
    await env[Symbol.asyncDispose]();
  }
  return episodes.length;
}
