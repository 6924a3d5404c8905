/** Pages that served other episodes, in a real browser. Skipped without Chromium or pages. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { startBrowser } from "../../../lib/envs/miniwob/browser.ts";
import { readMiniwobPages } from "../../../lib/envs/miniwob/pages.ts";
import { longTest, realTest } from "./_browser.ts";
import {
  firstText,
  type FirstTexts,
  open,
  readVector,
  replayRecorded,
} from "./_pages.ts";

/** Plays two actions of each page and opens the next one in the same process; first texts are the record's. */
async function compareReused(
  tasks: readonly string[],
  seeds: readonly number[],
): Promise<void> {
  const { pages } = await readVector<FirstTexts>("first_texts.json");
  const files = await readMiniwobPages();
  await using browser = await startBrowser();
  for (const seed of seeds) {
    for (const task of tasks) {
      const options = { task, seed, pages: "reused" } as const;
      deepStrictEqual(await firstText(browser, files, options), {
        utterance: pages[task]!.utterances[seed - 1],
        text: pages[task]!.firstText[seed - 1],
      }, `${task}, seed ${seed}`);
      const env = open(browser, files, options);
      const { observation } = await env.start();
      for (const action of observation.admissibleActions.slice(0, 2)) {
        if ((await env.step(action)).ending !== undefined) break;
      }
      await env[Symbol.asyncDispose]();
    }
  }
}

realTest(
  "a page that served other episodes shows the record's first texts",
  () =>
    compareReused([
      ...["phone-book", "social-media", "choose-date", "order-food"],
      ...["click-collapsible", "terminal"],
    ], [1, 2]),
);

longTest(
  "125 pages, each after two actions on the one before in the same process, show the record's first texts",
  async () => {
    const { pages } = await readVector<FirstTexts>("first_texts.json");
    await compareReused(Object.keys(pages), [1, 2]);
  },
);

realTest(
  "recorded episodes are the same on one page after another",
  async () => {
    await using browser = await startBrowser();
    strictEqual(await replayRecorded(browser, { pages: "reused" }), 10);
  },
);

realTest(
  "a reused page has its clock at the start again",
  async () => {
    const files = await readMiniwobPages();
    await using browser = await startBrowser();
    const clocks: number[] = [];
    for (const seed of [1, 2, 3]) {
      const env = open(browser, files, {
        ...{ task: "click-test", seed, pages: "reused" },
      });
      await env.start();
      clocks.push((await env.now())!);
      await env.step("wait");
      clocks.push((await env.now())!);
      await env[Symbol.asyncDispose]();
    }
    const [start, next] = [1_483_228_800_500, 1_483_228_801_000];
    deepStrictEqual(clocks, [start, next, start, next, start, next]);
  },
);
