/**
 * Whether memory stays flat over a thousand steps: `deno run -P=bench --v8-flags=--expose-gc
 * tests/bench/flat_memory.ts [steps]`.
 *
 * First compact and language policies play and learn; tensors and bytes on the heap must be the
 * same after a hundredth, a tenth and all of the steps. Then the corridor preset is trained for as many
 * iterations with few episodes each, and recorded, as `deno task train` would.
 *
 * @module
 */

import { openHeap } from "../../lib/policy/backends/wasm/heap.ts";
import { proposeCorridorSubgoals } from "../../lib/envs/corridor.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { createCompactPolicy } from "../../lib/policy/compact/policy.ts";
import type { DifferentiablePolicy } from "../../lib/policy/policy.ts";
import { assembleTraining } from "../../lib/train/assemble.ts";
import { defineConfig } from "../../lib/train/config/config.ts";
import { PRESETS } from "../../lib/train/config/presets.ts";
import { recordTraining } from "../../lib/train/runs/record_training.ts";
import { openRun } from "../../lib/train/runs/run_store.ts";
import { smallPolicy } from "../policy/_small_policy.ts";
import {
  type Held,
  lookAtMemory,
  playAndLearn,
} from "../train/_held_memory.ts";
import { watchHeap } from "../train/_heap_watch.ts";
import { describeMachine, residentMegabytes } from "./_machine.ts";

const steps = Number(Deno.args[0] ?? 1000);
// The first checkpoint, of iteration 10, moves the reference off the heap.
const looks = [Math.max(10, steps / 100), steps / 10, steps].map(Math.ceil);
const collect = (globalThis as { gc?: () => void }).gc;
console.log(describeMachine());
await selectBackend("wasm");
let flat = true;

/** Prints what was held, and remembers whether it was the same every time. */
function report(name: string, held: readonly Held[]): void {
  console.log(name);
  for (const { steps, tensors, tensorBytes, heapBytes } of held) {
    console.log(
      `  after ${steps}: ${tensors} tensors of ${tensorBytes} bytes, ${heapBytes} bytes allocated`,
    );
  }
  const kinds = held.map((one) => JSON.stringify({ ...one, steps: 0 }));
  flat &&= new Set(kinds).size === 1;
}

const POLICIES: Readonly<Record<string, () => DifferentiablePolicy>> = {
  "compact policy": () =>
    createCompactPolicy({ seed: 1, proposeSubgoals: proposeCorridorSubgoals }),
  "language policy": () => smallPolicy({ maxReplyTokens: 12 }),
  "language policy with adapters": () =>
    smallPolicy({ maxReplyTokens: 12, lora: { rank: 2 }, recompute: true }),
};
for (const [name, make] of Object.entries(POLICIES)) {
  using watch = watchHeap();
  const policy = make();
  report(name, await playAndLearn(policy, looks, watch));
  policy.dispose();
}

{
  using watch = watchHeap();
  const config = defineConfig(PRESETS.corridor, {
    seed: 1,
    backend: "wasm",
    iterations: steps,
    rollout: { tasks: 4 },
    evaluation: { every: 50, tasks: 4 },
  });
  const directory = "runs/flat_memory";
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  await using training = await assembleTraining(config);
  await using run = await openRun(directory, config);
  const held: Held[] = [];
  for await (const { iteration } of recordTraining(training, run)) {
    if (!looks.includes(iteration + 1)) continue;
    held.push(lookAtMemory(iteration + 1, watch));
    collect?.();
    const { heapUsed } = Deno.memoryUsage();
    console.log(
      `iteration ${iteration + 1}: ${
        (heapUsed / 2 ** 20).toFixed(1)
      } MB of JavaScript, ${
        openHeap().memory.buffer.byteLength / 2 ** 20
      } MB of WebAssembly, ${residentMegabytes()} MB resident`,
    );
  }
  report("corridor preset, recorded", held);
}
await Deno.remove("runs/flat_memory", { recursive: true });
console.log(flat ? "flat" : "NOT FLAT");
if (!flat) Deno.exit(1);
