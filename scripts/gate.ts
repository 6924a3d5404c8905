/**
 * `deno task gate`: everything that must hold, in one run that ends with one line of counts.
 *
 * Format, lint, types, documentation, every test and documented example, a short real training
 * run, and every notebook on the real kernel. A part that is one check counts as one test.
 *
 * @module
 */

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs a part with everything it prints shown, and returns its output. */
async function part(
  title: string,
  command: string,
  args: string[],
): Promise<{ success: boolean; output: string }> {
  const started = performance.now();
  console.log(`\n== ${title}`);
  const child = new Deno.Command(command, {
    args,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const texts = await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => {
      let text = "";
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
        Deno.stdout.writeSync(new TextEncoder().encode(chunk));
        text += chunk;
      }
      return text;
    }),
  );
  const { success } = await child.status;
  console.log(
    `== ${title}: ${success ? "ok" : "FAILED"} (${
      ((performance.now() - started) / 1000).toFixed(0)
    } s)`,
  );
  return { success, output: texts.join("\n") };
}

/** Reads `ok | 12 passed (3 steps) | 0 failed | 2 ignored` from a test run. */
function testCounts(output: string, success: boolean): Counts {
  const line = output.match(
    /\| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/,
  );
  const passed = Number(line?.[1] ?? 0), skipped = Number(line?.[3] ?? 0);
  // A run that broke before it could count has failed at least once.
  const failed = Math.max(
    Number(line?.[2] ?? 0),
    success && passed > 0 ? 0 : 1,
  );
  return { passed, failed, skipped };
}

const deno = Deno.execPath();
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const count = (counts: Counts) => {
  for (const key of ["passed", "failed", "skipped"] as const) {
    total[key] += counts[key];
  }
};

for (const name of ["fmt", "lint", "check", "doc"]) {
  const { success } = await part(name, deno, ["task", name]);
  count({ passed: Number(success), failed: Number(!success), skipped: 0 });
}
{
  const { success, output } = await part(
    "tests, laws, vectors, documented examples",
    deno,
    ["task", "test"],
  );
  count(testCounts(output, success));
}
for (const name of ["smoke", "notebooks"]) {
  const { success } = await part(name, deno, ["task", name]);
  count({ passed: Number(success), failed: Number(!success), skipped: 0 });
}
console.log(
  `\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
);
Deno.exit(total.failed > 0 ? 1 : 0);
