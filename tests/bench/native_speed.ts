/**
 * Speed of a language model on the kernels of this house, on OpenBLAS, and on native TensorFlow:
 * learning steps and writing, by size, in turns, so that a busy machine disturbs all alike.
 *
 * ```sh
 * HIPER_TENSORFLOW=... HIPER_OPENBLAS=... deno run -P=native tests/bench/native_speed.ts --rounds 5
 * ```
 *
 * `--threads` says how many multiply beside OpenBLAS, `--size "2 million"` measures one size alone.
 *
 * For each it prints the best time and the best time of the processor (all threads together),
 * which other programs disturb less. A library that is not named is not measured.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import {
  type BackendName,
  selectBackend,
} from "../../lib/policy/backends/select.ts";
import { startDecoder } from "../../lib/policy/decoder/decoder.ts";
import { installKernels } from "../../lib/policy/backends/wasm/install.ts";
import { openBlas } from "../../lib/policy/backends/native/openblas.ts";
import type { Qwen2 } from "../../lib/policy/decoder/qwen2.ts";
import { OPENBLAS, TENSORFLOW } from "../policy/backends/_native.ts";
import { createModel, drawTokens, learn, SIZES } from "./_language_model.ts";
import { describeMachine } from "./_machine.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    threads: { type: "string", multiple: true, default: ["1"] },
    size: { type: "string", multiple: true, default: Object.keys(SIZES) },
  },
});

/** One way to compute. */
interface Rival {
  readonly name: string;
  readonly backend: BackendName;
  /** Threads of OpenBLAS, if it multiplies. */
  readonly blasThreads?: number;
}

const RIVALS: readonly Rival[] = [
  { name: "wasm", backend: "wasm" },
  ...OPENBLAS === undefined
    ? []
    : flags.threads.map(Number).map((blasThreads) => ({
      name: `wasm, OpenBLAS, threads: ${blasThreads}`,
      backend: "wasm" as const,
      blasThreads,
    })),
  ...TENSORFLOW === undefined
    ? []
    : [{ name: "TensorFlow", backend: "tfjs-node" as const }],
];

/** Makes one way the one in use. */
async function enter({ backend, blasThreads }: Rival): Promise<void> {
  await selectBackend(backend);
  if (backend !== "wasm") return;
  const module = await installKernels();
  module.threads = blasThreads ?? 1;
  if (blasThreads === undefined) return module.multiplyBy(undefined);
  module.multiplyBy(openBlas(OPENBLAS!).productOn(module.heap));
}

/** Best of what was measured, in milliseconds. */
interface Best {
  time: number;
  processor: number;
}

/** Runs once and keeps what was better than before. */
async function measure(best: Best, run: () => void | Promise<void>) {
  const used = process.cpuUsage(), start = performance.now();
  await run();
  const time = performance.now() - start;
  const { user, system } = process.cpuUsage(used);
  best.time = Math.min(best.time, time);
  best.processor = Math.min(best.processor, (user + system) / 1000);
}

/** Writes 64 tokens after each of 16 prompts of one. */
async function write(model: Qwen2, ids: Int32Array): Promise<void> {
  const prompts = Array.from({ length: 16 }, () => ids.slice(0, 1));
  const tokens = new Int32Array(16).fill(7);
  const { decoder } = await startDecoder(model, prompts, { maxTokens: 64 });
  using _ = decoder;
  for (let k = 0; k < 64; k++) await decoder.next(tokens);
}

console.log(describeMachine());
for (const [name, sizes] of Object.entries(SIZES)) {
  if (!flags.size.includes(name)) continue;
  const ids = drawTokens(sizes.vocabSize);
  const rows = [];
  for (const rival of RIVALS) {
    await enter(rival);
    const model = createModel(sizes);
    const fresh = (): Best => ({ time: Infinity, processor: Infinity });
    rows.push({ rival, model, learning: fresh(), writing: fresh() });
  }
  for (let round = 0; round <= Number(flags.rounds); round++) {
    for (const { rival, model, learning, writing } of rows) {
      await enter(rival);
      const skip = { time: 0, processor: 0 }; // the first round prepares
      await measure(round ? learning : skip, () => learn(model, ids, false));
      await measure(round ? writing : skip, () => write(model, ids));
    }
  }
  for (const { rival, learning, writing } of rows) {
    const show = ({ time, processor }: Best) =>
      `${time.toFixed(0)} ms (processor ${processor.toFixed(0)} ms)`;
    console.log(
      `${name}, ${rival.name}: learning 3,072 tokens ${show(learning)}; ` +
        `writing 1,024 tokens ${show(writing)}`,
    );
  }
}
