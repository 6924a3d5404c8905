import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { GGML_FORMATS } from "../../../lib/policy/decoder/ggml_blocks.ts";
import { openGguf } from "../../../lib/policy/decoder/gguf.ts";
import { ggufConfig } from "../../../lib/policy/decoder/gguf_model.ts";
import { readDecoderConfig } from "../../../lib/policy/decoder/config_file.ts";
import { disposeQwen2, loadQwen2 } from "../../../lib/policy/decoder/qwen2.ts";
import { openLanguagePolicy } from "../../../lib/policy/language/loading.ts";
import { readTokenizer } from "../../../lib/policy/language/tokenizer.ts";
import { greedy } from "./_qwen2_vectors.ts";

/** Made by the package gguf: see `make.py` there. */
const FOLDER = new URL("../../vectors/gguf/", import.meta.url).pathname;
const LLAMA = new URL("../../vectors/decoders/", import.meta.url).pathname;
const FORMATS: Record<string, { bytes: string; numbers: string }> = JSON.parse(
  await Deno.readTextFile(`${FOLDER}formats.json`),
);
const TINY = `${FOLDER}tiny.gguf`;

for (const [name, { bytes, numbers }] of Object.entries(FORMATS)) {
  Deno.test(`vectors: numbers in ${name} are those of gguf, bit by bit`, () => {
    const format = [...GGML_FORMATS.values()].find((x) => x.name === name)!;
    const expected = Uint8Array.fromBase64(numbers);
    const values = format.decode(Uint8Array.fromBase64(bytes));
    deepStrictEqual(values, new Float32Array(expected.buffer));
  });
}

Deno.test("every stored format has vectors", () => {
  deepStrictEqual(
    [...GGML_FORMATS.values()].map(({ name }) => name).sort(),
    Object.keys(FORMATS).sort(),
  );
});

Deno.test("vectors: a GGUF file holds the model it was made of", async () => {
  await selectBackend("wasm");
  const vectors = JSON.parse(await Deno.readTextFile(`${LLAMA}vectors.json`));
  const { greedy_prompts: lengths, ids, greedy: expected } = vectors.llama;
  const [file, folder] = [
    await loadQwen2(TINY),
    await loadQwen2(`${LLAMA}llama`),
  ];
  deepStrictEqual(file.config, folder.config);
  for (const [name, weight] of folder.weights) {
    deepStrictEqual(
      file.weights.get(name)!.dataSync(),
      weight.dataSync(),
      name,
    );
  }
  const prompts = lengths.map((length: number, b: number) =>
    Int32Array.from(ids[b].slice(0, length))
  );
  deepStrictEqual(await greedy(file, prompts, 12), expected);
  disposeQwen2(file);
  disposeQwen2(folder);
});

Deno.test("the tokenizer and the chat template of a GGUF file are in its metadata", async () => {
  const tokenizer = await readTokenizer(TINY);
  const pieces = (ids: Iterable<number>) => [...ids].map(tokenizer.piece);
  deepStrictEqual(
    pieces(tokenizer.encode("in the hand<|im_end|>")),
    ["in", " the", " ", "h", "and", "<|im_end|>"],
  );
  strictEqual(
    tokenizer.chat([{ role: "user", content: "on" }]),
    "<|im_start|>user\non<|im_end|>\n<|im_start|>assistant\n",
  );
  deepStrictEqual(pieces(tokenizer.endTokens), ["<|im_end|>", "<|endoftext|>"]);
});

Deno.test("a policy of a GGUF file is saved as a folder that is opened again", async () => {
  await selectBackend("wasm");
  const directory = await Deno.makeTempDir();
  const options = { seed: 1, maxReplyTokens: 4, temperature: 0 } as const;
  const policy = await openLanguagePolicy(TINY, options);
  await policy.save(directory);
  const again = await openLanguagePolicy(directory, options);
  deepStrictEqual(again.tokenizer.endTokens, policy.tokenizer.endTokens);
  deepStrictEqual(
    await readDecoderConfig(directory),
    await ggufConfig(await openGguf(TINY)),
  );
  policy.dispose();
  again.dispose();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a GGUF file that is cut, of another kind, or of several parts is refused by what it must be", async () => {
  const directory = await Deno.makeTempDir();
  const whole = await Deno.readFile(TINY);
  const file = `${directory}/model.gguf`;
  const edited = (from: string, to: string) => {
    const text = Array.from(whole, (byte) => String.fromCharCode(byte)).join("")
      .replaceAll(from, to);
    return Uint8Array.from(text, (x) => x.charCodeAt(0));
  };
  const cases: readonly [Uint8Array, RegExp][] = [
    [whole.slice(0, whole.length - 2000), /tensor ".*" \(.*\) must lie within/],
    [whole.slice(0, 900), /must be a whole GGUF file/],
    [new TextEncoder().encode("no model at all, no"), /must be a whole GGUF/],
    [
      edited("llama.block_count", "llama.block_counu"),
      /"llama\.block_count" must be a positive number/,
    ],
    [
      edited("llama.vocab_size", "llama.expert_cnt"),
      /"llama\.expert_cnt" must be a setting that this decoder knows: current value is 53/,
    ],
  ];
  for (const [bytes, message] of cases) {
    await Deno.writeFile(file, bytes);
    await rejects(
      async () => await ggufConfig(await openGguf(file)),
      (error: Error) =>
        message.test(error.message) && error.message.includes(file),
      String(message),
    );
  }
  await Deno.remove(directory, { recursive: true });
});
