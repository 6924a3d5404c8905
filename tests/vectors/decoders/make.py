"""Writes the vectors of tests/policy/decoder/architectures_test.ts with PyTorch, transformers and PEFT.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.24.0 peft==0.21.2
    venv/bin/python tests/vectors/decoders/make.py

Weights are drawn, so the numbers mean nothing; only their agreement does.
"""

import json
import pathlib
import shutil

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen3Config

HERE = pathlib.Path(__file__).parent
SIZES = dict(
    vocab_size=53, hidden_size=24, intermediate_size=36, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5,
)
CONFIGS = {
    "llama": LlamaConfig(**SIZES, tie_word_embeddings=True, rope_theta=10000.0),
    "llama3": LlamaConfig(
        **SIZES, tie_word_embeddings=False, head_dim=12,
        rope_parameters=dict(
            rope_type="llama3", rope_theta=1000.0, factor=8.0, low_freq_factor=1.0,
            high_freq_factor=4.0, original_max_position_embeddings=16,
        ),
    ),
    "qwen3": Qwen3Config(**SIZES, tie_word_embeddings=True, head_dim=10, rope_theta=1000.0),
}


def rounded(tensor, digits=7):
    """Numbers with seven significant digits, nested like the tensor."""
    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach().float().tolist()
    if isinstance(tensor, list):
        return [rounded(x, digits) for x in tensor]
    return float(f"{tensor:.{digits}g}")


def draw(model):
    with torch.no_grad():
        for key, value in model.named_parameters():  # larger than usual, so that mistakes show
            value.copy_(torch.randn(value.shape) * 0.2 + ("norm" in key))


def score(model, ids, lengths):
    """Mean over real tokens of the negative log-probability of the next one, less a tenth of the entropy."""
    logits = model(ids).logits
    log_probs = functional.log_softmax(logits, -1)
    entropies = -(log_probs.exp() * log_probs).sum(-1)
    total, count = 0.0, 0
    for row, length in enumerate(lengths):
        own = log_probs[row, : length - 1].gather(-1, ids[row, 1:length, None])[:, 0]
        total = total - own.sum() - 0.1 * entropies[row, : length - 1].sum()
        count += length - 1
    return logits, log_probs, total / count


result = {}
for name, config in CONFIGS.items():
    torch.manual_seed(7)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config)
    draw(model)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9], [7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 0, 0, 0]])
    lengths = [13, 10]
    logits, log_probs, loss = score(model, ids, lengths)
    loss.backward()
    own = [log_probs[r, : n - 1].gather(-1, ids[r, 1:n, None])[:, 0] for r, n in enumerate(lengths)]
    greedy = []
    for row, length in enumerate([5, 3]):
        prompt = ids[row : row + 1, :length]
        out = model.generate(prompt, max_new_tokens=12, do_sample=False, pad_token_id=0, eos_token_id=None)
        greedy.append(out[0, length:].tolist())
    norms = {key: rounded(value.grad.norm()) for key, value in model.named_parameters()}
    result[name] = dict(
        ids=ids.tolist(), lengths=lengths, greedy_prompts=[5, 3],
        logits=[rounded(logits[r, n - 1]) for r, n in enumerate(lengths)],
        log_probs=[rounded(x) for x in own], loss=rounded(loss), gradient_norms=norms, greedy=greedy,
    )

json.dump(result, open(HERE / "vectors.json", "w"), separators=(",", ":"))
