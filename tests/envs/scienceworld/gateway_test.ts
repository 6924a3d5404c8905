import fc from "fast-check";
import {
  deepStrictEqual,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  callRequest,
  constructRequest,
  escapeLine,
  JavaError,
  openGateway,
  parseAnswer,
  readLines,
  releaseRequest,
  unescapeLine,
} from "../../../lib/envs/scienceworld/gateway.ts";
import { serveGateway } from "./_fake_simulator.ts";

interface Exchange {
  exchange: { send: string; receive: string }[];
}
const { exchange }: Exchange = JSON.parse(
  await Deno.readTextFile(
    new URL("../../vectors/scienceworld/py4j_wire.json", import.meta.url),
  ),
);

Deno.test("escapeLine() is undone by unescapeLine(), and fits one line", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const line = escapeLine(text);
    strictEqual(/[\r\n]/.test(line), false);
    strictEqual(unescapeLine(line), text);
  }));
  strictEqual(unescapeLine("a\\\\nb\\n\tc\\r"), "a\\nb\n\tc\r");
});

Deno.test("requests are those of the recorded connection", () => {
  const o0 = { reference: "o0" }, o1 = { reference: "o1" };
  const requests = [
    constructRequest("scienceworld.runtime.pythonapi.PythonInterface"),
    callRequest(o0, "load", "find-animal", 0, "easy", false),
    callRequest(o0, "getTaskDescription"),
    callRequest(o0, "step", "look around"),
    callRequest(o0, "getScore"),
    callRequest(o0, "getCompleted"),
    callRequest(o0, "getNumMoves"),
    callRequest(o0, "getValidActionObjectCombinations"),
    callRequest("z:java.lang.String", "join", "\n", o1),
    releaseRequest(o1),
  ];
  deepStrictEqual(
    requests,
    exchange.slice(0, requests.length).map(({ send }) => send),
  );
  throws(() => callRequest(o0, "load", 2 ** 31), /whole and of 32 bits/);
});

Deno.test("answers of the recorded connection are read, all of them", async () => {
  const answers = [...exchange];
  const gateway = await openGateway(
    serveGateway(() => answers.shift()!.receive),
  );
  const values: unknown[] = [];
  for (const { send } of exchange) {
    values.push(
      await gateway.ask(send).then(([value]) => value, (error) => error.name),
    );
  }
  deepStrictEqual(values.slice(0, 2), [{ reference: "o0" }, ""]);
  strictEqual(String(values[3]).split("\n")[1], "\tthe agent");
  deepStrictEqual(values.slice(4, 8), [1 / 12, false, 0, { reference: "o1" }]);
  strictEqual(String(values[8]).split("\n")[0], "close art studio door");
  deepStrictEqual(values.slice(9), [
    ...[null, { reference: "o2" }, 75, null],
    ...["No known action matches that input.", 0, "JavaError"],
  ]);
});

Deno.test("an error is thrown in Java's words, and the connection goes on", async () => {
  const gateway = await openGateway(
    serveGateway(([, , method]) =>
      method === "bad" ? "!xsno\\n\tat x" : "!yi1"
    ),
  );
  const o0 = { reference: "o0" };
  await rejects(
    gateway.ask(callRequest(o0, "bad"), callRequest(o0, "good")),
    (error) => error instanceof JavaError && error.message === "no",
  );
  deepStrictEqual(await gateway.ask(callRequest(o0, "good")), [1]);
});

Deno.test("a long answer and characters that are cut arrive whole", async () => {
  const long = "ü€😀\t".repeat(30_000);
  const gateway = await openGateway(
    serveGateway(() => `!ys${escapeLine(long)}`),
  );
  deepStrictEqual(await gateway.ask(releaseRequest({ reference: "o" })), [
    long,
  ]);
});

Deno.test("lines are the same however bytes are cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ unit: "grapheme" }).filter((s) => !s.includes("\n"))),
    fc.integer({ min: 1, max: 9 }),
    async (lines, size) => {
      const bytes = new TextEncoder().encode(
        lines.map((line) => `${line}\n`).join("") + "unfinished",
      );
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) {
            controller.enqueue(bytes.subarray(at, at + size));
          }
          controller.close();
        },
      });
      deepStrictEqual(await Array.fromAsync(readLines(stream, 2 ** 20)), lines);
    },
  ));
});

Deno.test("a line beyond the limit is refused", async () => {
  const stream = new Blob(["x".repeat(100)]).stream();
  await rejects(Array.fromAsync(readLines(stream, 10)), /at most 10 bytes/);
});

Deno.test("an answer that is none, and a connection that ends, are refused", async () => {
  for (const line of ["", "y", "!", "!y", "!yq", "!yi", "!yixx", "!ydNot"]) {
    throws(() => parseAnswer(line), SyntaxError, line);
  }
  deepStrictEqual(parseAnswer("!ydNaN"), NaN);
  const closed = {
    readable: new Blob([]).stream(),
    writable: new WritableStream<Uint8Array>(),
  };
  const gateway = await openGateway(closed);
  await rejects(gateway.ask(releaseRequest({ reference: "o" })), /has ended/);
});

Deno.test("openGateway() sends the secret first", async () => {
  const asked: (readonly string[])[] = [];
  const duplex = serveGateway((request) => {
    asked.push(request);
    return request[1] === "good" ? "!yv" : "!xsAuthentication error";
  });
  await openGateway(duplex, "good");
  deepStrictEqual(asked, [["A", "good"]]);
  await rejects(
    openGateway(serveGateway(() => "!xsAuthentication error"), "bad"),
    JavaError,
  );
});
