/** The shipped panel of the laboratory, opened again. Skipped without Java or its files. */

import { strictEqual } from "node:assert/strict";
import {
  makePanel,
  readPanel,
  schedulePanel,
} from "../../../lib/train/studies/panel.ts";
import { ALL, MISSING } from "./_machine.ts";

Deno.test({
  name:
    `the shipped panel has the same hash when its variations are opened here${
      ALL ? "" : " [needs HIPER_LONG=1: deno task test-scienceworld]"
    }`,
  ignore: !ALL || MISSING !== undefined,
  fn: async () => {
    const url = new URL("../../../panels/scienceworld.json", import.meta.url);
    const shipped = await readPanel(url.pathname);
    strictEqual(shipped.episodes.length, 20);
    const again = await makePanel(await schedulePanel(shipped), shipped);
    strictEqual(again.hash, shipped.hash);
  },
});
