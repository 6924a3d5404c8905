/**
 * A random Qwen3 of two layers as a Hugging Face folder: 140,000 weights, for checks of a server's protocol and learning.
 *
 * @module
 */

import { createRandom } from "../../mod.ts";
import { createWordTokenizer, writeSafetensors } from "../../mod/language.ts";

const SIZES = {
  vocab_size: 512,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
} as const;

/** Standard deviation of weights. The head's is larger: adapters do not train it, and it has to reach all tokens. */
const DEVIATION = 0.02, HEAD_DEVIATION = 0.3;

/** Writes the model's folder. */
export async function writeTinyModel(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const random = createRandom(0).fork("tiny");
  const tensors: Record<
    string,
    { shape: number[]; values: Float32Array<ArrayBuffer> }
  > = {};
  const normal = (name: string, shape: number[], deviation = DEVIATION) => {
    const stream = random.fork(name);
    const values = Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      () => deviation * stream.normal(),
    );
    tensors[name] = { shape, values };
  };
  const ones = (name: string, length: number) =>
    tensors[name] = {
      shape: [length],
      values: new Float32Array(length).fill(1),
    };
  const { vocab_size, hidden_size, intermediate_size, head_dim } = SIZES;
  const queries = SIZES.num_attention_heads * head_dim;
  const keys = SIZES.num_key_value_heads * head_dim;
  normal("model.embed_tokens.weight", [vocab_size, hidden_size]);
  ones("model.norm.weight", hidden_size);
  normal("lm_head.weight", [vocab_size, hidden_size], HEAD_DEVIATION);
  for (let layer = 0; layer < SIZES.num_hidden_layers; layer++) {
    const at = (name: string) => `model.layers.${layer}.${name}.weight`;
    ones(at("input_layernorm"), hidden_size);
    ones(at("post_attention_layernorm"), hidden_size);
    normal(at("self_attn.q_proj"), [queries, hidden_size]);
    normal(at("self_attn.k_proj"), [keys, hidden_size]);
    normal(at("self_attn.v_proj"), [keys, hidden_size]);
    normal(at("self_attn.o_proj"), [hidden_size, queries]);
    ones(at("self_attn.q_norm"), head_dim);
    ones(at("self_attn.k_norm"), head_dim);
    normal(at("mlp.gate_proj"), [intermediate_size, hidden_size]);
    normal(at("mlp.up_proj"), [intermediate_size, hidden_size]);
    normal(at("mlp.down_proj"), [hidden_size, intermediate_size]);
  }
  await writeSafetensors(`${directory}/model.safetensors`, tensors);
  const write = (name: string, content: unknown) =>
    Deno.writeTextFile(
      `${directory}/${name}`,
      JSON.stringify(content, undefined, 1) + "\n",
    );
  await write("config.json", {
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    dtype: "float32",
    ...SIZES,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
    rope_parameters: { rope_theta: 10000, rope_type: "default" },
    tie_word_embeddings: false,
    hidden_act: "silu",
  });
  const { tokenizer, config } = createWordTokenizer([]);
  await write("tokenizer.json", tokenizer);
  await write("tokenizer_config.json", config);
}
