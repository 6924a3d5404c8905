/**
 * Fetches MiniWoB++'s pages into a data folder, and says what else is needed.
 *
 * ```sh
 * deno task miniwob                    # into data/miniwob, with pip
 * deno task miniwob --wheels <folder>  # from a wheel that is there; no Python, no network
 * ```
 *
 * @module
 */

import { Command } from "commander";
import {
  findBrowser,
  MINIWOB_WHEEL,
  miniwobFolder,
  readMiniwobPages,
} from "../mod/miniwob.ts";
import { explain } from "./explain.ts";
import { fetchWheel, writeWhole } from "./wheel.ts";

const { wheels } = new Command("miniwob")
  .description("Fetch the pages of MiniWoB++ 1.1.0 (MIT)")
  .option("--wheels <folder>", "folder with the wheel, instead of pip")
  .parse(Deno.args, { from: "user" })
  .opts<{ wheels?: string }>();

const folder = await miniwobFolder();
try {
  const purpose = "fetch MiniWoB++";
  const bytes = await fetchWheel(MINIWOB_WHEEL, { purpose, folder, wheels });
  await writeWhole(`${folder}/${MINIWOB_WHEEL.file}`, bytes);
  await readMiniwobPages(folder);
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}

const browser = await findBrowser().catch(() => undefined);
console.log(
  `MiniWoB++ 1.1.0 is in ${folder}, checked.${
    browser === undefined
      ? "\nA browser is missing; on Debian: apt-get install chromium-headless-shell"
      : ` It plays in ${browser}.`
  }
Play it:

  deno task play miniwob --set task=login-user --set hints=true`,
);
