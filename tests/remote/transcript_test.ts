/** A server made from the recorded exchanges: every refusal, every future, and replies that are cut or changed. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  decodePassResult,
  decodeSampleResult,
  PROTOBUF,
} from "../../lib/remote/tinker/codec.ts";
import { DIALECT_TABLE } from "../../lib/remote/tinker/dialects.ts";
import {
  TinkerError,
  type TinkerErrorKind,
} from "../../lib/remote/tinker/errors.ts";
import { decodeReply, isProtobuf } from "../../lib/remote/tinker/replies.ts";
import { TinkerSampler } from "../../lib/remote/tinker/sampler.ts";
import { TinkerModel } from "../../lib/remote/tinker/model.ts";
import { Transport } from "../../lib/remote/tinker/transport.ts";
import { serveUnlistened } from "../../lib/remote/local.ts";
import { smallDatum } from "./_engine.ts";

interface Exchange {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly request?: { readonly request_id?: string };
  readonly status: number;
  readonly reply?: object;
  readonly reply_base64?: string;
}

const { exchanges }: { exchanges: Exchange[] } = JSON.parse(
  Deno.readTextFileSync(
    new URL("../vectors/tinker/skyrl_040.json", import.meta.url),
  ),
);

const bytesOf = (text: string) => Uint8Array.fromBase64(text);

function replyOf({ status, reply, reply_base64 }: Exchange): Response {
  if (reply_base64 !== undefined) {
    return new Response(bytesOf(reply_base64), {
      status,
      headers: { "content-type": PROTOBUF },
    });
  }
  return status === 204
    ? new Response(undefined, { status })
    : Response.json(reply ?? null, { status });
}

/** A transport to a server that answers as it is told. */
function connect(
  answer: (path: string, request: Request) => Response | Promise<Response>,
  options: { patience?: number } = {},
): Disposable & { transport: Transport } {
  const server = serveUnlistened((request) =>
    Promise.resolve(
      answer(new URL(request.url).pathname.replace("/api/v1", ""), request),
    )
  );
  return {
    transport: new Transport({
      url: server.url,
      dialect: DIALECT_TABLE["skyrl-jax"],
      firstDelay: 1,
      ...options,
    }),
    [Symbol.dispose]: () => void server.close(),
  };
}

/** Kinds of what SkyRL 0.4.0 refused, by what it said. */
const KINDS: readonly [said: RegExp, kind: TinkerErrorKind][] = [
  [/Session not found|Future not found|not loaded|^Not Found/, "expired"],
  [/reused|already exists/, "conflict"],
  [/not permitted|requires a|Invalid|Input should|does not accept/, "rejected"],
];

Deno.test("every recorded refusal is an error of its kind that says what the server said, and is sent once", async () => {
  let count = 0;
  for (const exchange of exchanges) {
    const { status, path, method } = exchange;
    if (status < 400 || path.endsWith("/retrieve_future")) continue;
    let sent = 0;
    using all = connect(() => (sent++, replyOf(exchange)));
    const said = JSON.stringify(exchange.reply);
    const kind = KINDS.find(([one]) =>
      one.test(said.slice('{"detail":"'.length)) || one.test(said)
    )![1];
    await rejects(
      all.transport.submit({
        path: path.replace("/api/v1", ""),
        method,
        operation: "try",
        repeatable: true,
      }),
      (error) =>
        error instanceof TinkerError && error.kind === kind &&
        error.status === status && error.message.length < 700,
      said,
    );
    strictEqual(sent, 1);
    count++;
  }
  strictEqual(count, 12);
});

Deno.test("every recorded future is read: JSON, protobuf, and failures with their reason", async () => {
  let results = 0, failures = 0;
  for (const exchange of exchanges) {
    if (!exchange.path.endsWith("/retrieve_future")) continue;
    let polls = 0;
    using all = connect(async (path, request) => {
      strictEqual(path, "/retrieve_future");
      deepStrictEqual(await request.json(), exchange.request);
      // It is not done at first.
      return polls++ === 0
        ? Response.json({}, { status: 408 })
        : replyOf(exchange);
    });
    const options = { type: "Any", operation: "wait" };
    const id = exchange.request!.request_id!;
    if (exchange.status >= 400) {
      const { detail } = exchange.reply as { detail: string };
      await rejects(
        all.transport.result(id, options),
        (error) =>
          error instanceof TinkerError && error.message.includes(detail) &&
          error.kind !== "rejected",
      );
      failures++;
      continue;
    }
    const reply = await all.transport.result(id, options);
    strictEqual(polls, 2);
    strictEqual(isProtobuf(reply), exchange.reply_base64 !== undefined);
    if (exchange.reply_base64 !== undefined) {
      deepStrictEqual(reply.bytes, bytesOf(exchange.reply_base64));
    }
    results++;
  }
  deepStrictEqual({ results, failures }, { results: 24, failures: 6 });
});

/** Cut, or with one bit changed. */
function damaged(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: -1, max: 7 }))
    .map(([at, bit]) => {
      if (bit < 0) return bytes.slice(0, at);
      const changed = bytes.slice();
      changed[at]! ^= 1 << bit;
      return changed;
    });
}

Deno.test("a damaged reply is read as numbers or refused as such, whatever was damaged", () => {
  for (const { reply_base64, reply } of exchanges) {
    if (reply_base64 === undefined) continue;
    strictEqual(reply, undefined);
    const decode = (bytes: Uint8Array) => {
      const whole = {
        status: 200,
        headers: new Headers(),
        bytes: bytes as Uint8Array<ArrayBuffer>,
      };
      for (const read of [decodePassResult, decodeSampleResult]) {
        try {
          decodeReply<unknown>(whole, "read", read);
        } catch (error) {
          ok(error instanceof TinkerError && error.kind === "failed");
          ok(error.message.includes("whole message"), error.message);
        }
      }
    };
    fc.assert(fc.property(damaged(bytesOf(reply_base64)), decode), {
      numRuns: 200,
    });
  }
});

Deno.test("damaged and alien replies end a sample and a pass as failures of the server", async () => {
  const alien: readonly (() => Response)[] = [
    () => new Response("<html>502</html>"),
    () => Response.json({ no: "id" }),
    () => Response.json({ request_id: 7 }),
    () => Response.json([]),
    () => new Response(undefined, { status: 204 }),
  ];
  const failed = (error: unknown) =>
    error instanceof TinkerError && error.kind === "failed";
  const request = { prompt: Int32Array.of(1), maxTokens: 1, seed: 0, stop: [] };
  const model = (transport: Transport) =>
    new TinkerModel(transport, {
      sessionId: "s",
      id: "m",
      baseModel: "b",
      rank: 1,
    });
  for (const answer of alien) {
    using all = connect(answer);
    const sampler = new TinkerSampler(all.transport, "s");
    await rejects(sampler.sample(request), failed);
    const { transport } = all;
    await rejects(model(transport).forwardBackward([smallDatum()]), failed);
    await rejects(model(transport).save("one"), failed);
    await rejects(model(transport).sampler(), failed);
  }
  // A future whose bytes are cut, and one with too few outputs.
  for (const exchange of exchanges) {
    if (exchange.reply_base64 === undefined) continue;
    const bytes = bytesOf(exchange.reply_base64);
    for (const body of [bytes.slice(0, -3), new Uint8Array(0)]) {
      using all = connect((path) =>
        path === "/retrieve_future"
          ? new Response(body, { headers: { "content-type": PROTOBUF } })
          : Response.json({ request_id: "1" })
      );
      const { transport } = all;
      await rejects(new TinkerSampler(transport, "s").sample(request), failed);
      await rejects(model(transport).forwardBackward([smallDatum()]), failed);
    }
  }
});

Deno.test("a proxy that says its server is away is waited for; 500 is not for long, and neither an expired future", async () => {
  for (const status of [502, 503, 504]) {
    let sent = 0;
    using all = connect(() =>
      ++sent <= 6 ? new Response("away", { status }) : Response.json({})
    );
    const job = { path: "/x", operation: "try", repeatable: true };
    strictEqual((await all.transport.submit(job)).status, 200);
    strictEqual(sent, 7);
  }
  using away = connect(() => new Response("away", { status: 503 }), {
    patience: 30,
  });
  await rejects(
    away.transport.submit({ path: "/x", operation: "try", repeatable: true }),
    (error) => error instanceof TinkerError && error.status === 503,
  );
  let sent = 0;
  using broken = connect(() => {
    sent++;
    return new Response("Internal Server Error", { status: 500 });
  });
  await rejects(
    broken.transport.submit({ path: "/x", operation: "try", repeatable: true }),
    (error) => error instanceof TinkerError && error.status === 500,
  );
  strictEqual(sent, 4);
  let again = 0;
  using gone = connect(() => Response.json({}, { status: 410 }));
  await rejects(
    gone.transport.result("1", {
      type: "Any",
      operation: "wait",
      resubmit: () => Promise.resolve(String(++again)),
    }),
    (error) => error instanceof TinkerError && error.kind === "expired",
  );
  strictEqual(again, 3);
});

Deno.test("what cannot be sampled or stepped is refused before anything is sent", async () => {
  let sent = 0;
  using all = connect(() => (sent++, Response.json({})));
  const sampler = new TinkerSampler(all.transport, "s");
  const good = { prompt: Int32Array.of(1), maxTokens: 1, seed: 0, stop: [2] };
  const refuse = (change: object, message: RegExp) =>
    rejects(sampler.sample({ ...good, ...change }), message);
  await refuse({ prompt: new Int32Array(0) }, /"prompt.length" must be/);
  await refuse({ prompt: Int32Array.of(-1) }, /token ids/);
  await refuse({ maxTokens: 0 }, /"maxTokens".*current value is 0/);
  await refuse({ temperature: NaN }, /"temperature".*current value is NaN/);
  await refuse({ topP: 0 }, /"topP" must be in \(0, 1\]/);
  await refuse({ seed: 0.5 }, /"seed"/);
  await refuse({ stop: [1.5] }, /token ids/);
  const model = new TinkerModel(all.transport, {
    sessionId: "s",
    id: "m",
    baseModel: "b",
    rank: 1,
  });
  await rejects(
    model.optimStep({ learningRate: NaN }),
    /"learningRate" must be finite and not negative: current value is NaN/,
  );
  await rejects(
    model.optimStep({ learningRate: 1, maxGradientNorm: -1 }),
    /"maxGradientNorm"/,
  );
  strictEqual(sent, 0);
});
