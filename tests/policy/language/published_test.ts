import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { tokenLogProbs } from "../../../lib/policy/decoder/layers.ts";
import {
  disposeQwen2,
  loadQwen2,
  outputTable,
  qwen2States,
} from "../../../lib/policy/decoder/qwen2.ts";
import { readTokenizer } from "../../../lib/policy/language/tokenizer.ts";
import { greedy } from "../decoder/_qwen2_vectors.ts";

/** What transformers says of published models: see `make.py` there. */
const VECTORS = new URL("../../vectors/published/", import.meta.url);

/** Models, and the variables that name their folders. */
const MODELS = {
  "smollm2-135m": "HIPER_SMOLLM2",
  "qwen2.5-coder-0.5b": "HIPER_QWEN2_CODER",
} as const;

for (const [name, variable] of Object.entries(MODELS)) {
  const folder = Deno.env.get(variable);
  Deno.test({
    name: `vectors: ${name} is what it is in transformers [needs ${variable}]`,
    ignore: folder === undefined,
    fn: async () => {
      const { prompts, parts, strings } = JSON.parse(
        await Deno.readTextFile(new URL(`${name}.json`, VECTORS)),
      );
      const tokenizer = await readTokenizer(folder!);
      const digests = Array.from(
        texts(parts),
        (text) =>
          createHash("sha256").update(tokenizer.encode(text).join(",")).digest(
            "hex",
          ).slice(0, 8),
      );
      strictEqual(digests.length, 300);
      deepStrictEqual(digests.join(""), strings);
      await selectBackend("wasm");
      const model = await loadQwen2(folder!, { maxLength: 256, halves: true });
      for (
        const { text, ids, top, logits, log_probs, greedy: written } of prompts
      ) {
        const prompt = tokenizer.encode(text);
        deepStrictEqual([...prompt], ids);
        tf.tidy(() => {
          const tokens = { ids: prompt, batch: 1, length: prompt.length };
          const states = qwen2States(model, tokens);
          const { logProbs } = tokenLogProbs(
            tf.slice(states, [0, 0], [prompt.length - 1, -1]),
            outputTable(model),
            { targets: tf.tensor1d(prompt.subarray(1), "int32") },
          );
          logProbs.dataSync().forEach((x, i) =>
            ok(Math.abs(x - log_probs[i]) < 1e-3, `${x} and ${log_probs[i]}`)
          );
        });
        const tokens = await greedy(model, [prompt], written.length);
        deepStrictEqual(tokens, [written]);
        strictEqual(tokens[0]![0], top[0]);
        ok(logits[0] >= logits[1]);
      }
      disposeQwen2(model);
    },
  });
}

/** The texts of `make.py`. */
function* texts(parts: readonly string[]): Generator<string> {
  let state = 7n;
  for (let i = 0; i < 300; i++) {
    let text = "";
    for (let k = 0; k < 5; k++) {
      state = (state * 1103515245n + 12345n) % 2n ** 31n;
      text += parts[Number((state >> 16n) % BigInt(parts.length))];
    }
    yield text;
  }
}
