import { match, strictEqual } from "node:assert/strict";
import plugin, { judgeImport } from "../../scripts/lint_floors.ts";

/** Runs the plugin on one file of source and returns the messages. */
function messages(path: string, source: string): string[] {
  const root = new URL("../../", import.meta.url).pathname;
  return Deno.lint.runPlugin(plugin, `${root}${path}`, source).map((
    { message },
  ) => message);
}

Deno.test("imports may point down or stay in their folder", () => {
  strictEqual(judgeImport("lib/hae/gae.ts", "../numeric.ts"), undefined);
  strictEqual(judgeImport("lib/hae/gae.ts", "./segments.ts"), undefined);
  strictEqual(
    judgeImport("lib/train/training.ts", "../hae/credit.ts"),
    undefined,
  );
  strictEqual(judgeImport("mod.ts", "./lib/hae/gae.ts"), undefined);
  strictEqual(judgeImport("scripts/train.ts", "../mod.ts"), undefined);
  strictEqual(
    judgeImport("tests/hae/gae_test.ts", "../../lib/hae/gae.ts"),
    undefined,
  );
});

Deno.test("imports may not climb, cross, or reach past mod.ts", () => {
  match(judgeImport("lib/numeric.ts", "./hae/gae.ts")!, /imports point down/);
  match(
    judgeImport("lib/hae/gae.ts", "../envs/corridor.ts")!,
    /never import each other/,
  );
  match(
    judgeImport("lib/policy/policy.ts", "../train/batch.ts")!,
    /imports point down/,
  );
  match(judgeImport("scripts/train.ts", "../lib/hae/gae.ts")!, /mod\.ts only/);
});

Deno.test("the plugin reports a climbing import, static, re-exported or dynamic", () => {
  match(
    messages("lib/hae/a.ts", `import { x } from "../train/b.ts"; x;`)[0]!,
    /imports point down/,
  );
  match(
    messages("lib/hae/a.ts", `export * from "../envs/b.ts";`)[0]!,
    /never import each other/,
  );
  match(
    messages("lib/hae/a.ts", `export { x } from "../envs/b.ts";`)[0]!,
    /never import each other/,
  );
  match(
    messages("lib/hae/a.ts", `await import("../envs/b.ts");`)[0]!,
    /never import each other/,
  );
});

Deno.test("the plugin bans unseeded randomness, printing, clocks and empty names", () => {
  match(messages("lib/hae/a.ts", "Math.random();")[0]!, /cannot be repeated/);
  match(messages("lib/hae/a.ts", "console.log(1);")[0]!, /prints nothing/);
  match(messages("lib/hae/a.ts", "Date.now();")[0]!, /no clock/);
  match(messages("lib/hae/utils.ts", "export {};")[0]!, /says nothing/);
  strictEqual(messages("scripts/train.ts", "console.log(1);").length, 0);
});
