import { rejects, strictEqual, throws } from "node:assert/strict";
import { createPause } from "../lib/pause.ts";

const until = performance.now.bind(performance);

Deno.test("createPause() lets timers run in a loop that never waits, and ends it by the signal's reason", async () => {
  const stop = new AbortController();
  const pause = createPause(stop.signal);
  const reason = new Error("enough");
  setTimeout(() => stop.abort(reason), 100);
  const start = until();
  await rejects(async () => {
    while (until() - start < 5000) await pause();
  }, reason);
  throws(() => pause(), reason);
});

Deno.test("createPause() without a signal takes no time", () => {
  strictEqual(createPause(undefined)(), undefined);
});
