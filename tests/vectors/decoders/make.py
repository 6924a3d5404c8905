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

# Adapters of the kinds that are read, on the model llama.
ADAPTERS = {
    "rslora": dict(r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"]),
    "patterns": dict(
        r=3, lora_alpha=6, target_modules=r".*\.(q_proj|o_proj|up_proj)",
        rank_pattern={"o_proj": 2}, alpha_pattern={r"layers\.1\.self_attn\.q_proj": 12},
    ),
    "partial": dict(
        r=2, lora_alpha=4, target_modules=["self_attn.k_proj", "gate_proj", "model.layers.1.mlp.up_proj"],
        layers_to_transform=[1], exclude_modules=["model.layers.1.self_attn.q_proj"],
    ),
}
ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9]])
result["adapters"] = {}
for name, settings in ADAPTERS.items():
    torch.manual_seed(11)
    base = AutoModelForCausalLM.from_pretrained(HERE / "llama", dtype=torch.float32, attn_implementation="eager").eval()
    adapted = get_peft_model(base, LoraConfig(**settings, lora_dropout=0.0, task_type="CAUSAL_LM")).eval()
    with torch.no_grad():
        for key, value in adapted.named_parameters():
            if "lora_B" in key:
                value.copy_(torch.randn(value.shape) * 0.3)
    folder = HERE / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = "llama"
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    path.write_text(json.dumps(config, indent=2) + "\n")
    result["adapters"][name] = rounded(adapted(ids).logits[0, -1])

json.dump(result, open(HERE / "vectors.json", "w"), separators=(",", ":"))
