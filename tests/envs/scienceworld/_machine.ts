/** The real simulator for tests, and the reason why they are skipped without it. */

import { findScienceworld } from "../../../lib/envs/scienceworld/files.ts";
import {
  createJavaPool,
  type JavaPool,
} from "../../../lib/envs/scienceworld/java.ts";

/** The simulator's files, or nothing. */
const files = await findScienceworld().catch(() => undefined);
const java = await new Deno.Command("java", {
  args: ["-version"],
  stdout: "null",
  stderr: "null",
}).output().then(({ success }) => success, () => false);

/** Why tests of the real simulator are skipped; nothing if they are not. */
export const MISSING = java
  ? files === undefined
    ? "needs ScienceWorld's simulator: deno task scienceworld"
    : undefined
  : "needs Java 17";

/** Whether the tests that take minutes run too. */
export const ALL = Deno.env.get("HIPER_LONG") === "1";

/** A test of the real simulator. */
export function realTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name: MISSING === undefined ? name : `${name} [${MISSING}]`,
    ignore: MISSING !== undefined,
    fn: run,
  });
}

/** A pool of real machines. */
export async function realPool(): Promise<JavaPool> {
  return createJavaPool(await findScienceworld(), { memory: 6144 });
}
