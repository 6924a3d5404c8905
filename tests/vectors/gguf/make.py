"""Writes the vectors of tests/policy/decoder/gguf_test.ts with the package gguf.

    python3 -m venv venv && venv/bin/pip install gguf==0.17.1 safetensors torch
    venv/bin/python tests/vectors/gguf/make.py

`formats.json`: three blocks of each stored format, and the numbers that `gguf.quants.dequantize` reads from
them, as base64. `tiny.gguf`: the model of `../decoders/llama`, its queries and keys in the order of GGUF, with a
tokenizer of 53 tokens.
"""

import base64
import json
import pathlib

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).parent
LLAMA = HERE.parent / "decoders" / "llama"
text = lambda array: base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
random = np.random.default_rng(5)

formats = {}
for name in ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]:
    numbers = random.normal(0, 0.3, (3, 32)).astype(np.float32)
    raw = quantize(numbers, Type[name])
    formats[name] = raw
for name, size, scales in [("Q4_K", 144, [0, 2]), ("Q5_K", 176, [0, 2]), ("Q6_K", 210, [208])]:
    raw = random.integers(0, 256, (3, size), dtype=np.uint8)  # any bytes are a block; scales are made small
    for at in scales:
        raw[:, at : at + 2] = random.normal(0, 0.01, (3, 1)).astype(np.float16).view(np.uint8)
    formats[name] = raw
json.dump(
    {
        name: dict(bytes=text(raw), numbers=text(dequantize(raw, Type[name]).astype(np.float32)))
        for name, raw in formats.items()
    },
    open(HERE / "formats.json", "w"),
    indent=1,
)

config = json.load(open(LLAMA / "config.json"))
weights = {k: v.to(torch.float32).numpy() for k, v in load_file(LLAMA / "model.safetensors").items()}
heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
writer = gguf.GGUFWriter(HERE / "tiny.gguf", "llama")
writer.add_block_count(config["num_hidden_layers"])
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(groups)
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
writer.add_vocab_size(config["vocab_size"])
tokens = [chr(c) for c in range(ord("a"), ord("z") + 1)] + ["Ġ", "Ċ", "<", ">", "|", "_", "0", "1", "2", ":", "."]
merges = ["Ġ t", "h e", "Ġt he", "a n", "an d", "i n", "o n", "r e"]
tokens += [merge.replace(" ", "") for merge in merges]
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
own = ["<tool_call>"]
types = [1] * len(tokens) + [3] * len(special) + [4] * len(own)
tokens += special + own
types += [5] * (config["vocab_size"] - len(tokens))
tokens += [f"[PAD{i}]" for i in range(config["vocab_size"] - len(tokens))]
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("smollm")
writer.add_token_list(tokens)
writer.add_token_types(types)
writer.add_token_merges(merges)
writer.add_bos_token_id(tokens.index("<|im_start|>"))
writer.add_eos_token_id(tokens.index("<|im_end|>"))
writer.add_pad_token_id(tokens.index("<|endoftext|>"))
writer.add_add_bos_token(False)
writer.add_chat_template(
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
parts = dict(
    input_layernorm="attn_norm", post_attention_layernorm="ffn_norm", q_proj="attn_q", k_proj="attn_k",
    v_proj="attn_v", o_proj="attn_output", gate_proj="ffn_gate", up_proj="ffn_up", down_proj="ffn_down",
)
for name, value in weights.items():
    if name == "model.embed_tokens.weight":
        own_name = "token_embd.weight"
    elif name == "model.norm.weight":
        own_name = "output_norm.weight"
    else:
        layer, part = name.split(".")[2], name.split(".")[-2]
        own_name = f"blk.{layer}.{parts[part]}.weight"
        if part in ("q_proj", "k_proj"):  # as llama.cpp stores them
            n = heads if part == "q_proj" else groups
            rows, width = value.shape
            value = value.reshape(n, 2, rows // n // 2, width).swapaxes(1, 2).reshape(rows, width)
    if value.ndim == 1:
        writer.add_tensor(own_name, value)
    else:
        writer.add_tensor(own_name, quantize(value, Type.BF16), raw_dtype=Type.BF16)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
