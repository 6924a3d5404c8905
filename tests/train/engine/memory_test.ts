/** One client with 200 episodes in flight holds no more memory after many iterations than after a few. */

import { ok } from "node:assert/strict";
import { startTableEngine } from "../../../lib/remote/tinker/table/table_engine.ts";

Deno.test("200 episodes in flight: the client's heap is flat over iterations", async () => {
  // The engine keeps every future; it is here, and the client in a process of its own.
  await using engine = startTableEngine({ vocabSize: 320 });
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "-P=test", "--v8-flags=--expose-gc"],
      new URL("_heap_in_flight.ts", import.meta.url).pathname,
      ...[engine.url, "3", "9"],
    ],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  ok(code === 0, text(stderr));
  const [early, late] = text(stdout).trim().split("\n").map(Number);
  const grown = (late! - early!) / 2 ** 20;
  ok(grown < 1, `${grown.toFixed(2)} MiB more after six more iterations`);
  ok(engine.mostSamples > 32 && engine.mostSamples <= 64);
});
