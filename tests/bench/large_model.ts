/**
 * Memory of a published size on WebAssembly, whose heap holds 4 GiB: a model of zeros is loaded as if it had been
 * published in bfloat16, reads, writes, and takes a LoRA step.
 *
 * ```sh
 * deno run -P=bench --allow-ffi --no-check tests/bench/large_model.ts            # Qwen2.5-1.5B, minutes
 * deno run -P=bench --allow-ffi --no-check tests/bench/large_model.ts --size 0.5B --learn 2048
 * ```
 *
 * `foretold` is `languageMemory`'s peak; `counted` the most bytes allocated at once on the heap; `heap` its size
 * afterwards, which never shrinks; `resident` the memory of the whole process. The file of zeros is sparse and takes
 * no place on disk.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { openHeap } from "../../lib/policy/backends/wasm/heap.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import {
  QWEN2_SIZES,
  type Qwen2Config,
  qwen2Shapes,
} from "../../lib/policy/decoder/config.ts";
import { formatDecoderConfig } from "../../lib/policy/decoder/config_file.ts";
import { openLanguagePolicy } from "../../lib/policy/language/loading.ts";
import { writeTokenizerFiles } from "../../lib/policy/language/tokenizer_files.ts";
import { createWordTokenizer } from "../../lib/policy/language/word_tokenizer.ts";
import { createRandom } from "../../lib/random.ts";
import { languageMemory } from "../../lib/train/language_memory.ts";
import { planMemory } from "../../lib/train/memory_plan.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import { fromRows, type SampleRow } from "../_samples.ts";
import { watchHeap } from "../train/_heap_watch.ts";
import { describeMachine, residentMegabytes } from "./_machine.ts";

const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "1.5B" },
    read: { type: "string", default: "128" },
    write: { type: "string", default: "16" },
    learn: { type: "string", default: "512" },
  },
});
const read = Number(flags.read), write = Number(flags.write);
const learned = Number(flags.learn);
const published = QWEN2_SIZES[flags.size as keyof typeof QWEN2_SIZES];
const config: Qwen2Config = { ...published, architecture: "qwen2" };
const LORA = { rank: 8 };

const backend = await selectBackend("wasm");
console.log(`${describeMachine()}; ${backend.reason}`);
const folder = `runs/zeros-${flags.size}`;
await writeZeros(folder);
try {
  await measureAll();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measureAll(): Promise<void> {
  const plan = planMemory(config, {
    name: `Qwen2.5-${flags.size}`,
    limit: { place: "WebAssembly", bytes: 2 ** 32 },
    wishes: {
      ...{ lora: LORA, recompute: true, frozenBytes: 2 },
      ...{ usualContext: 4096, maxReplyTokens: write },
    },
  });
  console.log(plan.notice ?? "everything fits as it is");
  const length = Math.max(read + write, learned);
  const { learning, writing } = languageMemory({
    ...config,
    maxLength: length,
  }, {
    ...{ lora: LORA, recompute: true, frozenBytes: 2 },
    ...{ batch: 1, length: learned, microbatchTokens: learned, batchSize: 1 },
  });
  const { frozen = 0, trained = 0 } = learning.terms;
  console.log(
    "".padEnd(28) +
      ["seconds", "foretold", "counted", "heap", "resident"].map(cell).join(""),
  );
  using watch = watchHeap();
  const stage = async <T>(
    name: string,
    foretold: number,
    run: () => Promise<T>,
  ): Promise<T> => {
    watch.peak();
    const start = performance.now();
    const result = await run();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const heap = openHeap().memory.buffer.byteLength;
    console.log(
      name.padEnd(28) + [
        seconds,
        ...[foretold, watch.peak(), heap].map(megabytes),
        String(residentMegabytes()),
      ].map(cell).join(""),
    );
    return result;
  };
  const policy = await stage(
    "loading",
    frozen + trained,
    () =>
      openLanguagePolicy(folder, {
        ...{ seed: 1, lora: LORA, recompute: true, maxLength: length },
        ...{ maxReplyTokens: write, microbatchTokens: learned },
        prompt: () => "go ".repeat(read),
      }),
  );
  const learner = createPpoLearner(policy);
  const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
  await stage(`reading ${read}, writing ${write}`, writing.bytes, async () => {
    using session = policy.open([{ task: "go" }]);
    await session.decide([0], [observation], [createRandom(1)]);
  });
  await stage(
    `a LoRA step of ${learned}`,
    learning.bytes,
    () =>
      learner.update(fromRows([sampleOf(observation)]), {
        ...{ epochs: 1, minibatchSize: 1, random: createRandom(1) },
      }),
  );
  policy.dispose();
}

/** A reply of as many tokens as are learned from. */
function sampleOf(observation: SampleRow["observation"]): SampleRow {
  const reply = new Int32Array(learned).map((_, i) => 1 + i % 100);
  return {
    observation,
    decision: {
      ...{ switched: true, subgoal: "", action: "go", valid: true },
      values: { switching: 0, planning: 0, execution: 0 },
      trace: {
        ...{ kind: "tokens", prompt: Int32Array.of(1), reply },
        logProbs: new Float32Array(learned).fill(-Math.log(config.vocabSize)),
        spans: {
          switching: { start: 0, end: 1 },
          planning: { start: 1, end: 2 },
          execution: { start: 2, end: learned },
        },
      },
    },
    advantages: { switching: 1, planning: -1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
  };
}

/** Writes a folder as a model is published, its weights zeros in bfloat16. */
async function writeZeros(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const [name, shape] of Object.entries(qwen2Shapes(config))) {
    const end = at + 2 * shape.reduce((all, n) => all * n, 1);
    header[name] = { dtype: "BF16", shape, data_offsets: [at, end] };
    at = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(8 + text.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(text.length), true);
  start.set(text, 8);
  const file = `${folder}/model.safetensors`;
  await Deno.writeFile(file, start);
  await Deno.truncate(file, start.length + at);
  await Deno.writeTextFile(
    `${folder}/config.json`,
    JSON.stringify(formatDecoderConfig(config)),
  );
  await writeTokenizerFiles(createWordTokenizer(["go"]), folder);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function cell(text: string): string {
  return text.padStart(10);
}
