import { match, ok, strictEqual } from "node:assert/strict";

const SCRIPT = new URL("../../scripts/play.ts", import.meta.url).pathname;

/** Runs the script with lines typed into it. */
async function typeInto(
  args: readonly string[],
  lines: readonly string[],
  permissions: readonly string[] = [],
): Promise<{ code: number; out: string; err: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "-P=play",
      ...permissions,
      SCRIPT,
      ...args,
    ],
    cwd: new URL("../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n") + "\n"));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), err: decode(stderr) };
}

const EASY = ["--seed", "3", "--set", "difficulty=easy"];

Deno.test("play shows the task, numbered actions, subgoals and a hint, then leaves", async () => {
  const { code, out } = await typeInto(EASY, [
    "?",
    "actions",
    "subgoals",
    "hint",
    "dance",
    "quit",
  ]);
  strictEqual(code, 0);
  match(out, /Your task is to: /);
  match(out, /1 {2}go to /);
  match(out, /find a \w+/);
  match(out, /go to \w+ \d+ {2}\(to find a \w+\)/);
  match(out, /Nothing happens\./);
});

Deno.test("play ends when the task is accomplished, following hints", async () => {
  const followed: string[] = [];
  for (let t = 0; t < 12; t++) {
    const { out } = await typeInto(EASY, [...followed, "hint", "quit"]);
    const done = /Accomplished after (\d+) turns, reward 10\./.exec(out);
    if (done !== null) {
      strictEqual(Number(done[1]), followed.length);
      return;
    }
    followed.push(/> ([^>]*?) {2}\(to /.exec(out)![1]!);
  }
  ok(false, `not accomplished by ${followed.join("; ")}`);
});

Deno.test("play opens other worlds, and stops at the end of its input", async () => {
  const { code, out } = await typeInto(["corridor"], ["actions", "1"]);
  strictEqual(code, 0);
  match(out, /go left|go right/);
});

Deno.test("play refuses what it does not know", async () => {
  const { code, err } = await typeInto(["houshold"], []);
  strictEqual(code, 1);
  match(err, /did you mean "household"/);
});

Deno.test("an episode that is kept replays, and a changed one differs", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/trace.jsonl`;
  const traces = async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "--quiet", "-P=traces"],
        ...["scripts/replay_traces.ts", path],
      ],
      cwd: new URL("../../", import.meta.url),
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: decode(stdout), err: decode(stderr) };
  };
  try {
    await typeInto(["corridor", "--out", path], ["dance", "1", "wait"], [
      `--allow-write=${path},${path}.partial`,
    ]);
    const same = await traces();
    strictEqual(same.out, "1 traces, 4 steps replayed; 0 differ\n");
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(
      path,
      text.replace(/"task":"[^"]*"/, '"task":"Leave."'),
    );
    const other = await traces();
    strictEqual(other.code, 1);
    match(other.err, /corridor, seed 1: 1 differences; first at step 0.*task/);
    const { code, err } = await typeInto(
      ["corridor", "--out", "page.html"],
      [],
    );
    strictEqual(code, 1);
    match(err, /world must have some: current value is corridor/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
