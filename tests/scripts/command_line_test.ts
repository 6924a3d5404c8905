/**
 * What a person meets first: the help of every task, and words about what was mistyped.
 *
 * @module
 */

import { match, ok, strictEqual } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** Runs a script on the permissions of its task. */
async function run(
  permissions: string,
  script: string,
  args: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--quiet", "--no-prompt", `-P=${permissions}`],
      ...[script, ...args],
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

Deno.test("every task with options explains them on its own permissions", async () => {
  const config = await Deno.readTextFile(new URL("deno.json", ROOT));
  const commands = config.matchAll(/-P=(\w+) (scripts\/\w+\.ts)/g);
  let explained = 0;
  for (const [, permissions, script] of commands) {
    const source = await Deno.readTextFile(new URL(script!, ROOT));
    if (!source.includes('from "commander"')) continue;
    const { code, out, err } = await run(permissions!, script!, ["--help"]);
    strictEqual(code, 0, `${script}: ${err}`);
    match(out, /^Usage: /, script);
    explained++;
  }
  ok(explained >= 10, `${explained} tasks`);
});

Deno.test("what cannot be read is named without a stack", async () => {
  const here = "tests/scripts";
  for (
    const [permissions, script, args, reason] of [
      ["play", "play", ["./nowhere"], "must exist"],
      ["play", "play", [here], "must hold the split"],
      ["play", "play", ["deno.json"], "deno.json"],
      ["traces", "replay_traces", ["./nowhere"], "./nowhere"],
      ["traces", "replay_traces", [here], "must hold .jsonl"],
      ["traces", "replay_traces", ["deno.json"], "deno.json, line 1"],
      ["import", "import_alfred", ["./nowhere"], "./nowhere"],
      ["study", "one_iteration", ["nothing"], 'must be one of "hae"'],
      ["study", "one_iteration", ["remax"], "needs a greedy score"],
      ["figure", "readme_figure", [here], here],
      ["webshop", "webshop_browser", ["--folder", here], "items_ins_v2"],
    ] as const
  ) {
    const { code, err } = await run(permissions, `scripts/${script}.ts`, args);
    strictEqual(code, 1, script);
    ok(err.includes(reason), `${script} ${args.join(" ")}: ${err}`);
    ok(!err.includes("    at "), err);
  }
});
