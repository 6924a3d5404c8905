/** The protocol against a browser in TypeScript. No Chromium. */

import fc from "fast-check";
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  DevtoolsConnection,
  DevtoolsError,
  splitMessages,
} from "../../../lib/envs/miniwob/devtools.ts";

/** A browser that answers what it is told to, its bytes cut into pieces of that size. */
function fakeBrowser(
  answer: (
    call: { id: number; method: string; sessionId?: string },
  ) => unknown[],
  size = 7,
) {
  let rest = "";
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split(
        "\0",
      );
      rest = parts.pop()!;
      for (const part of parts) {
        const text = answer(JSON.parse(part)).map((message) =>
          `${JSON.stringify(message)}\0`
        ).join("");
        const bytes = encoder.encode(text);
        for (let at = 0; at < bytes.length; at += size) {
          controller.enqueue(bytes.subarray(at, at + size));
        }
      }
    },
  });
}

Deno.test("messages are the same however bytes are cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme" }).filter((s) => !s.includes("\0"))),
    fc.integer({ min: 1, max: 9 }),
    async (messages, size) => {
      const bytes = new TextEncoder().encode(
        messages.map((message) => `${message}\0`).join("") + "unfinished",
      );
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) {
            controller.enqueue(bytes.subarray(at, at + size));
          }
          controller.close();
        },
      });
      deepStrictEqual(
        await Array.fromAsync(splitMessages(stream, 2 ** 20)),
        messages,
      );
    },
  ));
  await rejects(
    Array.fromAsync(splitMessages(new Blob(["x".repeat(99)]).stream(), 10)),
    /at most 10 bytes/,
  );
});

Deno.test("calls are answered out of order, errors named, unknown answers ignored", async () => {
  const held: number[] = [];
  const connection = new DevtoolsConnection(fakeBrowser(({ id, method }) => {
    if (method === "first") {
      held.push(id);
      return [{ id: 999, result: {} }, { method: "Some.event", params: {} }];
    }
    if (method === "bad") return [{ id, error: { message: "no such node" } }];
    return [{ id, result: { word: "ü€😀" } }, {
      id: held.pop(),
      result: { n: 1 },
    }];
  }));
  const first = connection.call("first");
  deepStrictEqual(await connection.call("second"), { word: "ü€😀" });
  deepStrictEqual(await first, { n: 1 });
  await rejects(
    connection.call("bad"),
    (error) =>
      error instanceof DevtoolsError && /bad: no such/.test(error.message),
  );
  await connection.close();
  await rejects(connection.call("late"), /closed/);
});

Deno.test("a call without an answer, and an event that does not come, end in time", async () => {
  const connection = new DevtoolsConnection(fakeBrowser(() => []), {
    deadline: 30,
  });
  await rejects(connection.call("silent"), /did not answer silent in 30 ms/);
  await rejects(connection.event("s", "Page.load"), /did not report Page.load/);
  await connection.close();
});

Deno.test("events reach the listeners of their session, until they stop", async () => {
  const connection = new DevtoolsConnection(
    fakeBrowser(({ id, sessionId }) => [
      { method: "A.event", params: { id }, sessionId },
      { id, result: {} },
    ]),
  );
  const heard: unknown[] = [];
  const stop = connection.listen("one", ({ params }) => heard.push(params.id));
  const waited = connection.event("one", "A.event");
  await connection.call("x", {}, "one");
  await connection.call("x", {}, "two");
  await waited;
  stop();
  await connection.call("x", {}, "one");
  deepStrictEqual(heard, [1]);
  await connection.close();
});

Deno.test("a browser that ends fails its calls", async () => {
  const connection = new DevtoolsConnection({
    readable: new Blob([]).stream(),
    writable: new WritableStream<Uint8Array>(),
  });
  await connection.ended;
  await rejects(connection.call("x"), /has ended/);
  strictEqual(await connection.close(), undefined);
});
