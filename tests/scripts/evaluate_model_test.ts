import { match, ok, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { writeTinyModel } from "../policy/_tiny_model.ts";

const ROOT = new URL("../../", import.meta.url);

/** Runs `deno task evaluate`. */
async function evaluate(...args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "evaluate", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", HIPER_OPENBLAS: "none" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Parts of a report between headings of a level. */
const partsOf = (report: string, heading: string) =>
  report.split(`\n${heading} `).slice(1);

Deno.test("deno task evaluate judges a model that writes freely, and the report says what it was asked, wrote, and how that was read", async () => {
  await selectBackend("wasm");
  const model = await writeTinyModel();
  const report = `${await Deno.makeTempDir()}/replies.md`;
  const { code, out, err } = await evaluate(
    ...["--model", model, "--preset", "corridor", "--report", report],
    ...["--tasks", "2", "evaluation.maxTurns=3", "policy.maxReplyTokens=8"],
  );
  strictEqual(code, 0, err);
  match(out, /untrained, longer: \d of 2 = [\d.]+ % \[[\d.]+, [\d.]+\]/);
  const text = await Deno.readTextFile(report);
  match(text, new RegExp(`^# Replies of ${model}\n`));
  match(text, /- replies in form: \d of \d \([\d.]+ %\)/);
  const episodes = partsOf(text, "##");
  strictEqual(episodes.length, 2);
  for (const turn of episodes.flatMap((one) => partsOf(one, "###"))) {
    const [prompt, reply, reading] = turn.split("```text\n").slice(1)
      .flatMap((part, i) => i === 0 ? [part] : part.split("\n```\n"));
    ok(prompt!.includes("Task: leave the corridor"), turn);
    ok(prompt!.includes("give the horse some water"), "the worked example");
    ok(prompt!.includes("Actions: wait, go left"), turn);
    ok(reply !== undefined, turn);
    match(
      reading!,
      /Read as (in)?valid; (KEEP|SWITCH); subgoal ".*"; action ".*"/,
    );
  }
});

Deno.test("deno task evaluate asks a model as the preset for published models does", async () => {
  await selectBackend("wasm");
  const model = await writeTinyModel();
  const report = `${await Deno.makeTempDir()}/replies.md`;
  const { code, out, err } = await evaluate(
    ...["--model", model, "--preset", "corridor-model", "--report", report],
    ...["--tasks", "2"],
  );
  strictEqual(code, 0, err);
  match(out, /untrained, held_out: \d of 2/);
  const text = await Deno.readTextFile(report);
  match(text, /- replies in form: (\d+) of \1 \(100\.0 %\)/);
  ok(text.includes("--- the action's own prompt ---"));
  match(text, /<action>(go left|go right|wait)<\/action>/);
  match(text, /Read as valid; SWITCH; subgoal "leave by the (left|right) end"/);
});

Deno.test("deno task evaluate refuses a model that is not there, before it plays", async () => {
  const { code, err } = await evaluate(
    ...["--model", "nowhere/no-model", "--preset", "corridor"],
  );
  strictEqual(code, 1);
  ok(err.includes("deno task model nowhere/no-model"), err);
});
