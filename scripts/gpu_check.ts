/**
 * What a graphics card is worth for a published model: reading, writing and learning tokens a second and peak memory,
 * on the processor, on WebGPU and on TensorFlow with CUDA, in 32 and 16 bits, compared with the processor.
 *
 * ```sh
 * deno task gpu-check                                # a model of the shape of Qwen2.5-0.5B, random weights
 * deno task gpu-check --model /models/qwen2.5-0.5b   # real weights
 * deno task gpu-check --tiny                         # a small shape: does everything work here?
 * ```
 *
 * It runs unattended and ends within eight minutes: each way is a process of its own with a time limit, and what did
 * not end in time, or is not there, is so in the table, which is printed as Markdown. `--software` also measures a
 * driver that emulates a card.
 *
 * @module
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import {
  createWordTokenizer,
  describeAdapter,
  QWEN2_SIZES,
} from "../mod/language.ts";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string" },
    tiny: { type: "boolean", default: false },
    software: { type: "boolean", default: false },
    seconds: { type: "string", default: "460" },
  },
});

/** A way to compute. */
interface Way {
  readonly name: string;
  readonly backend: "wasm" | "webgpu" | "tfjs-node-gpu";
  readonly bits: 32 | 16;
}

/** What a way measured. */
interface Measured {
  readonly reason: string;
  readonly compared: readonly number[];
  readonly reading: number;
  readonly writing: number;
  readonly learning: number;
  readonly bytes: number;
}

const WAYS: readonly Way[] = [
  { name: "processor (wasm), 32 bits", backend: "wasm", bits: 32 },
  { name: "processor (wasm), 16 bits", backend: "wasm", bits: 16 },
  { name: "WebGPU, 32 bits", backend: "webgpu", bits: 32 },
  { name: "WebGPU, 16 bits", backend: "webgpu", bits: 16 },
  { name: "TensorFlow with CUDA, 32 bits", backend: "tfjs-node-gpu", bits: 32 },
];

const TINY = {
  ...{ ...QWEN2_SIZES["0.5B"], vocabSize: 512, hiddenSize: 64, layers: 2 },
  ...{ intermediateSize: 128, heads: 4, kvHeads: 2, maxLength: 1024 },
};
const shape = flags.tiny ? TINY : QWEN2_SIZES["0.5B"];
const [read, learn] = flags.tiny ? [32, 32] : [128, 256];
const FOLDER = "runs/gpu-check";
const until = performance.now() + 1000 * Number(flags.seconds);

const adapter = await describeAdapter();
console.log(
  `processor: ${cpus()[0]?.model ?? "unknown"}, ${cpus().length} threads`,
);
console.log(
  adapter
    ? `WebGPU adapter: ${adapter.name}${
      adapter.software ? " (software)" : ""
    }, 16-bit floats: ${adapter.halfPrecision ? "yes" : "no"}`
    : "WebGPU adapter: none",
);
const model = flags.model ?? await writeRandom();
const what = flags.model ??
  (flags.tiny ? "a tiny shape" : "the shape of Qwen2.5-0.5B");
console.log(`model: ${what}${flags.model ? "" : ", random weights"}\n`);
const results: (Measured | string)[] = [];
for (const [i, way] of WAYS.entries()) {
  const left = (until - performance.now()) / (WAYS.length - i);
  results.push(await measure(way, left));
}
if (!flags.model) await Deno.remove(FOLDER, { recursive: true });
console.log(tableOf(results));

/** Measures one way in a process of its own; why not, where that cannot be. */
async function measure(way: Way, milliseconds: number) {
  if (way.backend === "webgpu") {
    if (!adapter) return "not measured: no adapter";
    if (adapter.software && !flags.software && !flags.tiny) {
      return "not measured: the adapter is emulated";
    }
  }
  const sizes = ["--read", String(read), "--learn", String(learn)];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-read", "--allow-env"],
      ...["--allow-sys", "--allow-ffi", "scripts/gpu_measure.ts"],
      ...["--backend", way.backend, "--bits", String(way.bits)],
      ...["--model", model, ...sizes],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const line = text(stdout).split("\n").find((one) => one.startsWith("{"));
  if (code === 0 && line) return JSON.parse(line) as Measured;
  const seconds = Math.round(milliseconds / 1000);
  if (code === 137) return `not measured: took more than ${seconds} s`;
  const said = text(stderr).split("\n").find((one) => /Error|Cannot/.test(one));
  return `not measured: ${said?.trim().replace(/^.*?Error: /, "") ?? code}`;
}

/** The table, in Markdown. */
function tableOf(results: readonly (Measured | string)[]): string {
  const [processor] = results;
  const head = [
    ...["", "reading", "writing", "learning", "peak memory"],
    "largest difference",
  ];
  const rows = WAYS.map(({ name }, i) => {
    const one = results[i]!;
    if (typeof one === "string") return [name, one, "", "", "", ""];
    const { reading, writing, learning, bytes, compared } = one;
    const difference = typeof processor === "string" || i === 0 ? "" : Math.max(
      ...compared.map((value, t) => Math.abs(value - processor!.compared[t]!)),
    ).toExponential(1);
    return [
      name,
      ...[reading, writing, learning].map((rate) => rate.toFixed(1)),
      ...[`${(bytes / 2 ** 20).toFixed(0)} MiB`, difference],
    ];
  });
  const lines = [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`);
  return [
    ...lines,
    "",
    `Tokens a second; 8 sequences at once: ${read} tokens read and scored, 16 written, a LoRA gradient of ${learn} with ` +
    "layers computed again. Memory is that of tensors. Differences are of 32 log-probabilities from the processor's in 32 bits.",
  ].join("\n");
}

/** A model of random weights, as it would be published; blocks of random numbers repeat. */
async function writeRandom(): Promise<string> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const { hiddenSize, heads, kvHeads, intermediateSize, layers } = shape;
  const queries = hiddenSize, keys = kvHeads * hiddenSize / heads;
  const shapes: [string, number[]][] = [
    ["model.embed_tokens.weight", [shape.vocabSize, hiddenSize]],
  ];
  for (let i = 0; i < layers; i++) {
    const at = (name: string) => `model.layers.${i}.${name}`;
    shapes.push([at("input_layernorm.weight"), [hiddenSize]]);
    for (
      const [name, n] of [["q", queries], ["k", keys], ["v", keys]] as const
    ) {
      shapes.push([at(`self_attn.${name}_proj.weight`), [n, hiddenSize]]);
      shapes.push([at(`self_attn.${name}_proj.bias`), [n]]);
    }
    shapes.push([at("self_attn.o_proj.weight"), [hiddenSize, queries]]);
    shapes.push([at("post_attention_layernorm.weight"), [hiddenSize]]);
    shapes.push([at("mlp.gate_proj.weight"), [intermediateSize, hiddenSize]]);
    shapes.push([at("mlp.up_proj.weight"), [intermediateSize, hiddenSize]]);
    shapes.push([at("mlp.down_proj.weight"), [hiddenSize, intermediateSize]]);
  }
  shapes.push(["model.norm.weight", [hiddenSize]]);
  const sizes = shapes.map(([, shape]) => shape.reduce((all, n) => all * n, 1));
  const header: Record<string, unknown> = {};
  let end = 0;
  shapes.forEach(([name, shape], i) => {
    const start = end;
    end += 2 * sizes[i]!;
    header[name] = { dtype: "BF16", shape, data_offsets: [start, end] };
  });
  const text = new TextEncoder().encode(JSON.stringify(header));
  using file = await Deno.open(`${FOLDER}/model.safetensors`, {
    ...{ write: true, create: true, truncate: true },
  });
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  const writer = file.writable.getWriter();
  await writer.write(length);
  await writer.write(text);
  const block = randomHalves(2 ** 20);
  for (const [i, [name]] of shapes.entries()) {
    const isGain = name.endsWith("norm.weight");
    const own = isGain ? new Uint16Array(sizes[i]!).fill(0x3f80) : block; // 1 in bfloat16
    for (let at = 0; at < sizes[i]!; at += own.length) {
      const some = own.subarray(0, Math.min(own.length, sizes[i]! - at));
      await writer.write(
        new Uint8Array(some.buffer, some.byteOffset, some.byteLength),
      );
    }
  }
  await writer.close();
  const { tokenizer, config } = createWordTokenizer(["go"]);
  const write = (name: string, value: unknown) =>
    Deno.writeTextFile(`${FOLDER}/${name}`, JSON.stringify(value));
  await write("tokenizer.json", tokenizer);
  await write("tokenizer_config.json", config);
  await write("config.json", {
    ...{ model_type: "qwen2", hidden_act: "silu", tie_word_embeddings: true },
    ...{ vocab_size: shape.vocabSize, hidden_size: hiddenSize },
    ...{ intermediate_size: intermediateSize, num_hidden_layers: layers },
    ...{ num_attention_heads: heads, num_key_value_heads: kvHeads },
    ...{ max_position_embeddings: 4096, rms_norm_eps: 1e-6, rope_theta: 1e6 },
  });
  return FOLDER;
}

/** Random numbers of a deviation of 0.02, in bfloat16, by a simple generator: their quality does not matter. */
function randomHalves(count: number): Uint16Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = 0.07 * (state / 2 ** 32 - 0.5);
  }
  const words = new Uint32Array(values.buffer);
  return Uint16Array.from(words, (word) => word >>> 16);
}
