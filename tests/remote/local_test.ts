/** Servers without a port: what reaches them, and that no network is needed. */

import { ok, rejects, strictEqual } from "node:assert/strict";
import { ConnectionLost, sendOnce } from "../../lib/remote/http.ts";
import { openEngine, smallDatum } from "./_engine.ts";

async function learn(listen: boolean): Promise<number> {
  await using all = await openEngine({ listen });
  const model = await all.session.createModel({
    baseModel: "table",
    rank: 4,
    seed: 1,
  });
  const pass = await model.submitPass([smallDatum()], { loss: "ppo" });
  const step = await model.submitStep({ learningRate: 0.1 });
  await pass.result;
  await step.result;
  const { outputs } = await model.forward([smallDatum()]);
  return outputs[0]!["logprobs"]![2]!;
}

Deno.test("an engine on a port teaches a reply", async () => {
  ok(await learn(true) > -Math.log(16));
});

Deno.test({
  name: "an engine without a port teaches it too, without the network",
  permissions: { net: false, read: true, env: true },
  async fn() {
    ok(await learn(false) > -Math.log(16));
  },
});

Deno.test({
  name: "an engine without a port is gone once it is disposed",
  permissions: { net: false, read: true, env: true },
  async fn() {
    let url: string;
    {
      await using all = await openEngine({ listen: false });
      ({ url } = all.engine);
      const { status } = await sendOnce({
        method: "GET",
        url: `${url}/api/v1/healthz`,
      });
      strictEqual(status, 200);
    }
    await rejects(
      sendOnce({ method: "GET", url: `${url}/api/v1/healthz` }),
      ConnectionLost,
    );
  },
});

Deno.test({
  name: "a connection to an engine without a port is lost as it is told to be",
  permissions: { net: false, read: true, env: true },
  async fn() {
    await using all = await openEngine({
      listen: false,
      fault: ({ path, count }) =>
        path === "POST /create_session" && count === 0
          ? "lost-after"
          : undefined,
    });
    ok(all.engine.calls.length >= 2);
  },
});
