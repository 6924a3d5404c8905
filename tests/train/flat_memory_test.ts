import { deepStrictEqual } from "node:assert/strict";
import { proposeCorridorSubgoals } from "../../lib/envs/corridor.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../lib/policy/compact/policy.ts";
import type { DifferentiablePolicy } from "../../lib/policy/policy.ts";
import { smallPolicy } from "../policy/_small_policy.ts";
import { playAndLearn } from "./_held_memory.ts";
import { watchHeap } from "./_heap_watch.ts";

// A thousand steps: deno task bench-large.
const POLICIES: Readonly<Record<string, () => DifferentiablePolicy>> = {
  compact: () =>
    createCompactPolicy({ seed: 1, proposeSubgoals: proposeCorridorSubgoals }),
  language: () => smallPolicy({ maxReplyTokens: 12 }),
  "language with adapters, in chunks": () =>
    smallPolicy({
      maxReplyTokens: 12,
      lora: { rank: 2 },
      critic: "separate",
      decoding: "admissible",
      microbatchTokens: 200,
      recompute: true,
    }),
};

for (const [name, make] of Object.entries(POLICIES)) {
  Deno.test(`playing and learning hold not a byte more after 40 steps than after 4: ${name}`, async () => {
    await selectBackend("wasm");
    using watch = watchHeap();
    const policy = make();
    const [early, late] = await playAndLearn(policy, [4, 40], watch);
    deepStrictEqual({ ...late, steps: 0 }, { ...early, steps: 0 });
    policy.dispose();
  });
}
