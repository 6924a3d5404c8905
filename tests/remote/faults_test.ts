/** What a session does when connections are lost, the server refuses, forgets, or asks to wait. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { TinkerError } from "../../lib/remote/tinker/errors.ts";
import type {
  EngineCall,
  EngineFault,
} from "../../lib/remote/tinker/table/table_engine.ts";
import { openEngine, smallDatum } from "./_engine.ts";

const MODEL = { baseModel: "table", rank: 4, seed: 1 };
const ADAM = { learningRate: 0.1 };

/** Fails the first requests of some paths. */
function failing(
  faults: Readonly<Record<string, readonly EngineFault[]>>,
): (call: EngineCall) => EngineFault | undefined {
  return ({ path, count }) => faults[path]?.[count];
}

const isKind = (kind: string) => (error: unknown) =>
  error instanceof TinkerError && error.kind === kind;

Deno.test("a connection lost in any phase of a step leaves the weights of an undisturbed one", async () => {
  const learn = async (
    faults: Readonly<Record<string, readonly EngineFault[]>>,
  ) => {
    await using all = await openEngine({ fault: failing(faults) });
    const model = await all.session.createModel(MODEL);
    const pass = await model.submitPass([smallDatum()], { loss: "ppo" });
    const step = await model.submitStep(ADAM);
    await pass.result;
    const { "skyrl.ai/grad_norm": norm } = await step.result;
    const { outputs } = await model.forward([smallDatum()]);
    return { norm, after: [...outputs[0]!["logprobs"]!] };
  };
  const undisturbed = await learn({});
  ok(undisturbed.norm! > 0);
  const lost = ["lost-before", "lost-after"] as const;
  for (
    const path of [
      "POST /create_session",
      "POST /forward_backward",
      "POST /optim_step",
      "POST /retrieve_future",
    ]
  ) {
    for (const fault of lost) {
      deepStrictEqual(await learn({ [path]: [fault, fault] }), undisturbed);
    }
  }
});

Deno.test("408, 429 and 500 with a reset are waited out; the same bytes and idempotency key are sent again", async () => {
  await using all = await openEngine({
    fault: failing({
      "POST /retrieve_future": [{ status: 408 }, { status: 408 }],
      "POST /optim_step": [{ status: 500 }, { status: 429 }],
    }),
  });
  const model = await all.session.createModel(MODEL);
  await model.forwardBackward([smallDatum()], { loss: "ppo" });
  await model.optimStep(ADAM);
  const sent = all.engine.calls.filter(({ path }) =>
    path === "POST /optim_step"
  );
  strictEqual(sent.length, 3);
  deepStrictEqual(sent[0]!.body, sent[2]!.body);
  const key = (call: EngineCall) => call.headers.get("x-idempotency-key");
  strictEqual(key(sent[0]!), key(sent[2]!));
  ok(key(sent[0]!));
});

Deno.test("creating a model is not repeated after an unknown outcome, as a second one would keep its slot", async () => {
  await using all = await openEngine({
    fault: failing({ "POST /create_model": ["lost-after"] }),
  });
  await rejects(
    all.session.createModel(MODEL),
    (error) =>
      isKind("transport")(error) &&
      String(error).includes("not safe to repeat"),
  );
  strictEqual(all.engine.models, 1);
});

Deno.test("a reused sequence number is a conflict, a full server a failure, a lost model an expiry", async () => {
  await using all = await openEngine({ maxModels: 1 });
  const model = await all.session.createModel(MODEL);
  await model.forwardBackward([smallDatum()], { loss: "ppo" });
  const { transport } = all.session;
  const [first] = all.engine.calls.filter(({ path }) =>
    path === "POST /forward_backward"
  );
  const changed = Uint8Array.from(first!.body);
  changed[changed.length - 3]! ^= 1;
  await rejects(
    transport.submit({
      path: "/forward_backward",
      body: changed,
      operation: "forward_backward",
      repeatable: true,
    }),
    isKind("conflict"),
  );
  await rejects(
    all.session.createModel(MODEL),
    (error) => isKind("failed")(error) && /adapters/.test(String(error)),
  );
  all.engine.restart();
  await rejects(model.optimStep(ADAM), isKind("expired"));
  await rejects(model.sampler(), isKind("expired"));
});

Deno.test("a save whose reply was lost counts as done; a name that another took does not", async () => {
  await using all = await openEngine({
    fault: ({ path, count }) =>
      path === "POST /save_weights" && count === 0 ? "lost-after" : undefined,
  });
  const model = await all.session.createModel(MODEL);
  const path = await model.save("iteration-000001");
  strictEqual(path, `tinker://${model.id}/weights/iteration-000001`);
  const loaded = await all.session.loadModel(path, MODEL);
  ok(loaded.id !== model.id);
  await rejects(model.save("a b"), /letters, digits/);
});

Deno.test("loading is refused after any other operation, and reproduces weights before one", async () => {
  await using all = await openEngine();
  const model = await all.session.createModel(MODEL);
  await model.forwardBackward([smallDatum()], { loss: "ppo" });
  await model.optimStep(ADAM);
  const path = await model.save("one");
  const before = await model.forward([smallDatum()]);
  await rejects(model.load(path), isKind("rejected"));
  const twin = await all.session.loadModel(path, MODEL);
  deepStrictEqual((await twin.forward([smallDatum()])).outputs, before.outputs);
  await rejects(
    all.session.loadModel(path, { ...MODEL, rank: 8 }),
    /must be of "table" with rank 8/,
  );
  await rejects(
    all.session.createModel({ ...MODEL, baseModel: "tabel" }),
    /one that the server offers, "table"/,
  );
});

Deno.test("20 callers at once get sequence numbers that rise in the order of their calls", async () => {
  await using all = await openEngine();
  const model = await all.session.createModel(MODEL);
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => model.save(`save-${i}`)),
  );
  const sent = all.engine.calls
    .filter(({ path }) => path === "POST /save_weights")
    .map(({ body }) => JSON.parse(new TextDecoder().decode(body)));
  deepStrictEqual(
    sent.map(({ seq_id, path }) => [seq_id, path]),
    Array.from({ length: 20 }, (_, i) => [i + 1, `save-${i}`]),
  );
});

Deno.test("data that an engine would choke on are refused before anything is sent", async () => {
  await using all = await openEngine();
  const model = await all.session.createModel(MODEL);
  const before = all.engine.calls.length;
  const datum = smallDatum();
  const vocabSize = 16;
  await rejects(model.forwardBackward([]), /never answers/);
  await rejects(
    model.forwardBackward([{ ...datum, targets: Int32Array.of(2, 3, 4, 16) }], {
      vocabSize,
    }),
    /must be in \[0, 16\), or gradients become NaN: current value is 16/,
  );
  const arrays = (changed: Record<string, Float32Array>) => [{
    ...datum,
    arrays: { ...datum.arrays, ...changed },
  }];
  await rejects(
    model.forwardBackward(arrays({ advantages: new Float32Array(3) }), {
      loss: "ppo",
    }),
    /one element for each of 4 positions: current length is 3/,
  );
  await rejects(
    model.forwardBackward(
      arrays({ advantages: Float32Array.of(0, 0, NaN, 0) }),
      { loss: "ppo" },
    ),
    /must be finite: current value is NaN/,
  );
  await rejects(
    model.forwardBackward(arrays({ weights: new Float32Array(4) })),
    /positive sum/,
  );
  await rejects(
    model.forwardBackward([datum], { loss: "dro" }),
    /must have the loss/,
  );
  strictEqual(all.engine.calls.length, before);
});

Deno.test("a token outside the vocabulary makes an engine's numbers NaN, as the table engine shows", async () => {
  await using all = await openEngine();
  const model = await all.session.createModel(MODEL);
  const bad = { ...smallDatum(), targets: Int32Array.of(2, 3, 4, 99) };
  const { outputs } = await model.forward([bad]);
  ok(Number.isNaN(outputs[0]!["logprobs"]![3]));
});

Deno.test("no error names the key, and the key is sent as a header alone", async () => {
  const key = "tml-secret-of-the-test";
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `${key}\n`);
  const records: string[] = [];
  await using all = await openEngine({
    fault: failing({
      "POST /create_model": [{ status: 422, detail: `no ${key} here` }],
    }),
  }, { keyFile: file, onRequest: (one) => records.push(JSON.stringify(one)) });
  await rejects(
    all.session.createModel(MODEL),
    (error) => isKind("rejected")(error) && !String(error).includes(key),
  );
  strictEqual(all.engine.calls.at(-1)!.headers.get("x-api-key"), key);
  for (const { body } of all.engine.calls) {
    ok(!new TextDecoder().decode(body).includes(key));
  }
  ok(records.length > 0 && !records.join().includes(key));
  await Deno.remove(file);
});

Deno.test("heartbeats go on from a Worker while this thread computes", async () => {
  await using all = await openEngine({}, { heartbeat: 30 });
  const beats = () =>
    all.engine.calls.filter(({ path }) => path === "POST /session_heartbeat");
  // The first beats come from this thread and from the Worker's start.
  while (beats().length < 4) await new Promise((done) => setTimeout(done, 10));
  strictEqual(all.session.gone, false);
  all.engine.restart();
  while (!all.session.gone) await new Promise((done) => setTimeout(done, 10));
});
