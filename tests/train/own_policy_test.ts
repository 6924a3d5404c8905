import { deepStrictEqual } from "node:assert/strict";

Deno.test("a policy and a backend of the caller's own learn though no backend was selected; without one the error says so", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-read", "--allow-env"].concat(
      new URL("_own_policy.ts", import.meta.url).pathname,
    ),
    stdout: "piped",
    stderr: "piped",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  deepStrictEqual(
    lines.filter((line) => /Cannot|learn/.test(line)),
    [
      'TypeError: Cannot create a compact policy as a backend must be active: call "await selectBackend()" before',
      "learned",
    ],
    new TextDecoder().decode(stderr),
  );
});
