/** The script that shows one iteration by hand runs, and names its six stages. */

import { deepStrictEqual, match } from "node:assert/strict";

const SCRIPT = new URL("../../scripts/one_iteration.ts", import.meta.url);

for (const estimator of ["hae", "gigpo"]) {
  Deno.test(`one_iteration.ts shows six stages with "${estimator}"`, async () => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-P=study", "--no-check", SCRIPT.pathname, estimator],
      env: { NO_COLOR: "1" },
    }).output();
    const printed = new TextDecoder().decode(stdout);
    const stages = printed.matchAll(/^== \d (\w+)/gm).map(([, name]) => name);
    deepStrictEqual(stages.toArray(), [
      "schedule",
      "collect",
      "shape",
      "credit",
      "samples",
      "update",
    ], new TextDecoder().decode(stderr));
    match(printed, /gradient_norm: \d/);
  });
}
