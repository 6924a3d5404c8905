import { ok, strictEqual } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** Runs a task with its own permissions. */
async function task(...args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("deno task panel, evaluate and compare work together, without a run", async () => {
  const folder = await Deno.makeTempDir();
  const panel = `${folder}/corridor.json`;
  const made = await task(
    ...["panel", "--preset=corridor", "--tasks=6", "--name=corridor"],
    `--out=${panel}`,
  );
  strictEqual(made.code, 0, made.err);
  const hash = /SHA-256 (\w{64})/.exec(made.out)![1]!;

  const out = `${folder}/results.json`;
  const played = await task(
    ...["evaluate", "--panel", panel, "backend=cpu", `--out=${out}`],
    ...["--baseline", "expert"],
  );
  strictEqual(played.code, 0, played.err);
  ok(played.out.includes("untrained, longer"), played.out);
  strictEqual(JSON.parse(await Deno.readTextFile(out)).panel.hash, hash);

  const compared = await task(
    ...["compare", out, out, "--players", "expert", "untrained"],
  );
  strictEqual(compared.code, 0, compared.err);
  ok(compared.out.includes(hash), compared.out);
  ok(compared.out.includes("p (sign test)"), compared.out);

  const text = await Deno.readTextFile(panel);
  await Deno.writeTextFile(panel, text.replace('"doors":2', '"doors":1'));
  const refused = await task("evaluate", "--panel", panel);
  strictEqual(refused.code, 1);
  ok(refused.err.includes(`"${panel}" as "hash" must be`), refused.err);

  const both = await task("evaluate", "--panel", panel, "--tasks", "3");
  ok(both.err.includes('"--tasks" must be absent'), both.err);
});
