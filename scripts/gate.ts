/**
 * `deno task gate`: all checks in one run, which ends with a line of counts.
 *
 * Format, lint, types, documentation, publishing rules, every test and documented example,
 * a short training run, and every notebook on the Jupyter kernel. A part that is one check counts as
 * one test. The output of a part goes to `runs/gate/<part>.log` and is printed if the part fails.
 *
 * @module
 */

import { readTestLog, testErrors, type TestLog } from "./test_log.ts";

/** Parts in the order in which they run; each is a task of that name. */
const PARTS = [
  "fmt",
  "lint",
  "check",
  "doc",
  "publish-check",
  "test",
  "smoke",
  "notebooks",
] as const;

/** Slowest tests listed. */
const SLOWEST = 12;

const LOGS = "runs/gate";

/** Whether a path exists. */
async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Runs a task with its output in a file. */
async function runPart(
  name: string,
): Promise<{ success: boolean; seconds: number; output: string }> {
  const started = performance.now();
  using file = await Deno.open(`${LOGS}/${name}.log`, {
    write: true,
    create: true,
    truncate: true,
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", name],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let output = "";
  await Promise.all([child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      await file.write(new TextEncoder().encode(text));
    }
  }));
  const { success } = await child.status;
  return { success, seconds: (performance.now() - started) / 1000, output };
}

/** One line of a table whose first column are seconds. */
function row(seconds: number, text: string): string {
  return `${seconds.toFixed(1).padStart(7)} s  ${text}`;
}

/** Prints which tests were slow, and why tests were skipped. */
function printTests({ times, skips }: TestLog): void {
  console.log("\nSlowest tests:");
  for (const { seconds, name, file } of times.slice(0, SLOWEST)) {
    console.log(row(seconds, `${name} (${file})`));
  }
  console.log("\nSkipped tests by reason:");
  for (const [reason, count] of skips) {
    console.log(`${String(count).padStart(7)}    ${reason}`);
  }
}

const started = performance.now();
await Deno.mkdir(LOGS, { recursive: true });
if (!await exists("node_modules")) {
  console.log("Fetching the npm packages of deno.lock into node_modules, once");
  await new Deno.Command(Deno.execPath(), { args: ["install", "--quiet"] })
    .spawn().status;
}
if (!await exists(".venv")) {
  console.log("The notebooks will fetch Jupyter into .venv, once");
}
const total = { passed: 0, failed: 0, skipped: 0 };
let tests: TestLog | undefined;
for (const name of PARTS) {
  const { success, seconds, output } = await runPart(name);
  let counts = "";
  if (name === "test") {
    tests = readTestLog(output);
    // A run that broke before counting has at least one failure.
    const failed = Math.max(tests.failed, success && tests.passed > 0 ? 0 : 1);
    total.passed += tests.passed;
    total.failed += failed;
    total.skipped += tests.skipped;
    counts =
      ` (${tests.passed} passed, ${failed} failed, ${tests.skipped} skipped)`;
  } else if (success) total.passed++;
  else total.failed++;
  console.log(row(seconds, `${name} ${success ? "ok" : "FAILED"}${counts}`));
  if (!success) console.log(name === "test" ? testErrors(output) : output);
}
if (tests) printTests(tests);
console.log(`\n${row((performance.now() - started) / 1000, "in all")}`);
console.log(
  `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
);
Deno.exit(total.failed > 0 ? 1 : 0);
