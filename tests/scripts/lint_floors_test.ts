import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { findCycles, relativeImports } from "../../scripts/import_cycles.ts";
import plugin, {
  judgeImport,
  versionedSpecifier,
} from "../../scripts/lint_floors.ts";

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
  match(
    judgeImport("scripts/train.ts", "../lib/hae/gae.ts")!,
    /mod\.ts and mod\/ only/,
  );
  strictEqual(judgeImport("scripts/train.ts", "../mod/credit.ts"), undefined);
});

Deno.test("imports point down the floors inside a folder", () => {
  const household = "lib/envs/household/a.ts";
  strictEqual(judgeImport(household, "../pddl/game.ts"), undefined);
  strictEqual(judgeImport(household, "../text_env.ts"), undefined);
  match(judgeImport(household, "../alfworld/a.ts")!, /imports point down/);
  match(judgeImport(household, "../open_env.ts")!, /imports point down/);
  match(
    judgeImport("lib/envs/pddl/a.ts", "../webshop/b.ts")!,
    /never import each other/,
  );
  match(
    judgeImport("lib/policy/compact/a.ts", "../language/b.ts")!,
    /never import each other/,
  );
  match(
    judgeImport("lib/policy/decoder/a.ts", "../language/b.ts")!,
    /imports point down/,
  );
  match(judgeImport("lib/numeric.ts", "arquero")!, /use no tables/);
});

Deno.test("the library imports packages with the versions of deno.json", () => {
  const zod = versionedSpecifier("zod")!;
  match(zod, /^npm:zod@\d/);
  strictEqual(versionedSpecifier(zod), zod);
  strictEqual(versionedSpecifier("npm:zod@1.0.0"), zod);
  match(
    versionedSpecifier("@tensorflow/tfjs-node/dist/tfjs_binding.js")!,
    /^npm:@tensorflow\/tfjs-node@[\d.]+\/dist\/tfjs_binding\.js$/,
  );
  strictEqual(versionedSpecifier("node:fs"), undefined);
  strictEqual(versionedSpecifier("./numeric.ts"), undefined);
  match(messages("lib/a.ts", `import { z } from "zod";`)[0]!, /"npm:zod@/);
  deepStrictEqual(messages("lib/a.ts", `import { z } from "${zod}";`), []);
  deepStrictEqual(messages("scripts/a.ts", `import { z } from "zod";`), []);
});

Deno.test("import cycles are found, type-only ones included", () => {
  deepStrictEqual(
    relativeImports(
      "lib/a/b.ts",
      `/** import "./no.ts" */ import type { X } from "../c.ts";\nexport * from "./d.ts";`,
    ),
    ["lib/c.ts", "lib/a/d.ts"],
  );
  const graph = { a: ["b", "x"], b: ["c"], c: ["b", "d"], d: ["a"], e: ["a"] };
  deepStrictEqual(findCycles(new Map(Object.entries(graph))), [
    ["a", "b", "c", "d"],
  ]);
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
  match(messages("lib/hae/utils.ts", "export {};")[0]!, /is an empty name/);
  match(messages("lib/hae/a.ts", "\n".repeat(501))[0]!, /at most 500 lines/);
  strictEqual(messages("scripts/train.ts", "console.log(1);").length, 0);
});
