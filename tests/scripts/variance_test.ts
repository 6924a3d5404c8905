/** The study from the command line. */

import { deepStrictEqual, match, ok } from "node:assert/strict";
import { readParquet } from "../../lib/train/runs/parquet.ts";

const ROOT = new URL("../../", import.meta.url);

async function run(...flags: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=study", "--no-check", "scripts/variance.ts", ...flags],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

Deno.test("help names every flag, and unknown flags are refused", async () => {
  const { code, out } = await run("--help");
  deepStrictEqual(code, 0);
  for (
    const flag of ["--episodes", "--seed", "--gamma", "--objective", "--out"]
  ) {
    ok(out.includes(flag), flag);
  }
  const unknown = await run("--episode", "10");
  ok(unknown.code !== 0);
  match(unknown.err, /unknown option '--episode'/);
  match((await run("--episodes", "1")).err, /integer of at least 80/);
});

Deno.test("a small study writes a table twice and a page", async () => {
  const folder = `runs/variance-test-${crypto.randomUUID()}`;
  const place = new URL(`${folder}/`, ROOT);
  try {
    const { code, out, err } = await run("--episodes", "320", "--out", folder);
    deepStrictEqual(code, 0, err);
    match(out, /turn GAE has .* times the variance of HAE/);
    const table = await readParquet(
      new URL("variance.parquet", place).pathname,
    );
    const text = await Deno.readTextFile(new URL("variance.csv", place));
    deepStrictEqual(text.trim().split("\n").length, table.numRows() + 1);
    const page = await Deno.readTextFile(new URL("report.html", place));
    match(page, /Error against batch size with a wrong critic/);
  } finally {
    await Deno.remove(place, { recursive: true });
  }
});
