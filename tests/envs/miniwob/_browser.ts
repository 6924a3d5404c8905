/** The real browser and pages for tests, and the reason why they are skipped without them. */

import { findBrowser } from "../../../lib/envs/miniwob/browser.ts";
import { readMiniwobPages } from "../../../lib/envs/miniwob/pages.ts";

const browser = await findBrowser().catch(() => undefined);
const pages = await readMiniwobPages().catch(() => undefined);

/** Why tests of the real browser are skipped; nothing if they are not. */
export const MISSING = browser === undefined
  ? "needs Chromium"
  : pages === undefined
  ? "needs MiniWoB++'s pages: deno task miniwob"
  : undefined;

/** Whether the tests that take minutes run too. */
export const ALL = Deno.env.get("HIPER_LONG") === "1";

/** A test of the real browser. */
export function realTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name: MISSING === undefined ? name : `${name} [${MISSING}]`,
    ignore: MISSING !== undefined,
    fn: run,
  });
}

/** A test of the real browser that takes minutes. */
export function longTest(name: string, run: () => Promise<void>): void {
  const reason = MISSING ??
    (ALL ? undefined : "needs HIPER_LONG=1: deno task test-miniwob");
  Deno.test({
    name: reason === undefined ? name : `${name} [${reason}]`,
    ignore: reason !== undefined,
    fn: run,
  });
}
