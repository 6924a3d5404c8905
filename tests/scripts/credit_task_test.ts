/** `deno task credit` on standard input. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

async function credit(args: readonly string[], input: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "-P=serve",
      "scripts/credit.ts",
      ...args,
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout } = await child.output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return { code, answers: lines.map((line) => JSON.parse(line)) };
}

const episode = (id: string, reward: number) =>
  JSON.stringify({ id, group: "g", turns: [{ reward }] });

Deno.test("credit answers lines that are requests, and lines that are episodes", async () => {
  const request = `{"algorithm":"reinforce","episodes":[${episode("r", 2)}]}`;
  const { code, answers } = await credit(
    ["--algorithm", "rloo"],
    [request, episode("a", 1), episode("b", 0), "", episode("c", 1)].join("\n"),
  );
  strictEqual(code, 0);
  deepStrictEqual(answers[0].episodes[0].advantages, [2]);
  deepStrictEqual(
    answers.slice(1).map(({ id, advantages }) => [id, advantages]),
    [["a", [1]], ["b", [-1]], ["c", [0]]],
  );
});

Deno.test("credit names what is wrong, goes on, and says so at the end", async () => {
  const { code, answers } = await credit(
    [],
    [
      '{"episodes":[{"id":"a","turns":[{"reward":NaN}]}]}',
      '{"episodes":[{"id":"a","turns":[{"rewards":1}]}]}',
      '{"algorithm":"reinforce","episodes":[{"id":"a","turns":[{"reward":1}]}]}',
    ].join("\n"),
  );
  strictEqual(code, 1);
  ok(answers[0].errors[0].message.includes("JSON"));
  strictEqual(answers[1].errors[0].place, "episodes[0].turns[0].rewards");
  deepStrictEqual(answers[2].episodes[0].advantages, [1]);
});
