/** The shipped panel of screens, opened again. Skipped without Chromium or pages. */

import { strictEqual } from "node:assert/strict";
import {
  makePanel,
  readPanel,
  schedulePanel,
} from "../../../lib/train/studies/panel.ts";
import { longTest } from "./_browser.ts";

longTest(
  "the shipped panel has the same hash when its pages are opened here",
  async () => {
    const path =
      new URL("../../../panels/miniwob.json", import.meta.url).pathname;
    const shipped = await readPanel(path);
    strictEqual(shipped.episodes.length, 50);
    const again = await makePanel(await schedulePanel(shipped), shipped);
    strictEqual(again.hash, shipped.hash);
  },
);
