import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { connectWorker } from "../lib/rpc.ts";
import type { EchoHandlers } from "./_echo_worker.ts";

const connect = (background = false) =>
  connectWorker<EchoHandlers>(
    new URL("./_echo_worker.ts", import.meta.url),
    "hear an echo",
    { background },
  );

Deno.test("connectWorker() gives results in order, and news before them", async () => {
  const worker = connect();
  const news: unknown[] = [];
  const results = await Promise.all([
    worker.call("echo", "a"),
    worker.call("count", 3, (one) => news.push(one)),
    worker.call("echo", "b"),
  ]);
  deepStrictEqual(results, ["a", 3, "b"]);
  deepStrictEqual(news, [0, 1, 2]);
  worker.end("the test is over");
});

Deno.test("connectWorker() in the background answers as well, and lets the program end", async () => {
  const worker = connect(true);
  const news: unknown[] = [];
  strictEqual(await worker.call("count", 3, (one) => news.push(one)), 3);
  deepStrictEqual(news, [0, 1, 2]);
  await rejects(worker.call("fail", "RangeError"), { name: "RangeError" });
  worker.end("the test is over");
  await rejects(worker.call("echo", "late"), /as the test is over/);
});

Deno.test("connectWorker() throws what a handler threw, as an error of its class", async () => {
  const worker = connect();
  await rejects(worker.call("fail", "RangeError"), {
    name: "RangeError",
    message: "Cannot echo",
  });
  await rejects(worker.call("fail", "Error"), { message: "Cannot echo" });
  strictEqual(await worker.call("echo", "still there"), "still there");
  worker.end("the test is over");
});

Deno.test("connectWorker() names why a Worker cannot be reached", async () => {
  const worker = connect();
  const waiting = worker.call("wait", undefined);
  worker.end("it has ended");
  const ended = { message: "Cannot hear an echo as it has ended" };
  await rejects(waiting, ended);
  await rejects(worker.call("echo", "late"), ended);
  const broken = connect();
  await rejects(
    broken.call("crash", undefined),
    /^Error: Cannot hear an echo as its Worker failed: .*crashed/,
  );
  broken.end("the test is over");
});
