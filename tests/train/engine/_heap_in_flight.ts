/**
 * Prints the heap in bytes after some iterations of 200 episodes at once on the engine at an address; run with
 * `--v8-flags=--expose-gc`.
 */

import { assembleTraining, defineConfig } from "../../../mod.ts";

const collect = (globalThis as { gc?: () => void }).gc!;
const [url, ...measured] = Deno.args;
const last = Math.max(...measured.map(Number));
await using training = await assembleTraining(defineConfig({
  iterations: last + 1,
  worlds: [{ kind: "corridor", length: 3, doors: 0 }],
  policy: {
    name: "tinker",
    url: url!,
    baseModel: "table",
    rank: 4,
    prompt: "brief",
    maxReplyTokens: 4,
    episodesInFlight: 200,
    critic: "group", // the others keep rows of five iterations
  },
  rollout: { tasks: 50, groupSize: 4, maxTurns: 2 },
  update: { dualClip: 0, maxGradientNorm: 0, entropyCoefficient: 0 },
  evaluation: { every: 0 },
}));
for await (const { iteration } of training) {
  if (!measured.includes(String(iteration))) continue;
  collect();
  console.log(Deno.memoryUsage().heapUsed);
}
