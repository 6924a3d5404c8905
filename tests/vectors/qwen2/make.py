"""Writes the vectors of tests/policy/decoder/qwen2_test.ts with PyTorch, transformers and PEFT.

    python3 -m venv venv && venv/bin/pip install torch==2.5.1 transformers==4.46.3 peft==0.13.2
    venv/bin/python tests/vectors/qwen2/make.py

Weights are drawn, so the numbers mean nothing; only their agreement does. Two checkpoints: a
tied one in one file of 32-bit floats, and an untied one in bfloat16 shards.
"""

import json
import pathlib
import shutil

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import Qwen2Config, Qwen2ForCausalLM

HERE = pathlib.Path(__file__).parent
torch.manual_seed(7)


def rounded(tensor, digits=7):
    """Numbers with seven significant digits, nested like the tensor."""
    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach().float().tolist()
    if isinstance(tensor, list):
        return [rounded(x, digits) for x in tensor]
    return float(f"{tensor:.{digits}g}")


def make(name, tied, dtype, shard):
    config = Qwen2Config(
        vocab_size=53, hidden_size=24, intermediate_size=36, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        rope_theta=1000.0, rms_norm_eps=1e-6, tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        for key, value in model.named_parameters():  # larger than usual, so that mistakes show
            value.copy_(torch.randn(value.shape) * 0.2 + ("norm" in key))
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink()
    # Read again, as rounding a model in memory rounds its rotary angles too.
    return Qwen2ForCausalLM.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager").eval()


def vectors(model):
    ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9], [7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 0, 0, 0]])
    lengths = [13, 10]
    logits = model(ids).logits
    log_probs = functional.log_softmax(logits, -1)
    entropies = -(log_probs.exp() * log_probs).sum(-1)
    # Loss: mean log-probability of the next token over real tokens, less a tenth of the entropy.
    total, count = 0.0, 0
    chosen = []
    for row, length in enumerate(lengths):
        own = log_probs[row, : length - 1].gather(-1, ids[row, 1:length, None])[:, 0]
        chosen.append(own)
        total = total - own.sum() - 0.1 * entropies[row, : length - 1].sum()
        count += length - 1
    loss = total / count
    model.zero_grad()
    loss.backward()
    gradients = {key: value.grad.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    optimizer.step()
    after = {key: value.detach().clone() for key, value in model.named_parameters()}
    with torch.no_grad():
        for key, value in model.named_parameters():
            value.copy_(before[key])
    greedy = []
    for row, length in enumerate([5, 3]):
        prompt = ids[row : row + 1, :length]
        out = model.generate(prompt, max_new_tokens=12, do_sample=False, pad_token_id=0, eos_token_id=None)
        greedy.append(out[0, length:].tolist())
    picked = [k for k in gradients if "layers.1" in k or "embed" in k or "lm_head" in k or k == "model.norm.weight"]
    return {
        "ids": ids.tolist(), "lengths": lengths,
        "logits": rounded([logits[0, -1], logits[1, 9]]),
        "log_probs": rounded(chosen),
        "entropies": rounded([entropies[0, :12], entropies[1, :9]]),
        "loss": rounded(loss.item()),
        "gradients": {k: rounded(gradients[k].flatten()[:48]) for k in picked},
        "gradient_norms": {k: rounded(v.norm().item()) for k, v in gradients.items()},
        "adamw": {k: rounded(after[k].flatten()[:48]) for k in picked},
        "greedy_prompts": [5, 3], "greedy": greedy,
    }


tied = make("tied", True, torch.float32, "10GB")
result = {"tied": vectors(tied)}
untied = make("untied", False, torch.bfloat16, "10KB")
result["untied"] = vectors(untied)

# An adapter written by PEFT, and the logits with it.
adapted = get_peft_model(tied, LoraConfig(r=3, lora_alpha=6, target_modules=["q_proj", "v_proj", "o_proj", "down_proj"], lora_dropout=0.0, task_type="CAUSAL_LM"))
with torch.no_grad():
    for key, value in adapted.named_parameters():
        if "lora_B" in key:
            value.copy_(torch.randn(value.shape) * 0.3)
shutil.rmtree(HERE / "adapter", ignore_errors=True)
adapted.save_pretrained(HERE / "adapter")
(HERE / "adapter" / "README.md").unlink(missing_ok=True)
path = HERE / "adapter" / "adapter_config.json"
config = json.loads(path.read_text())
config["base_model_name_or_path"] = "tied"
path.write_text(json.dumps(config, indent=2) + "\n")
adapted.eval()
ids = torch.tensor(result["tied"]["ids"])
logits = adapted(ids).logits
loss = functional.cross_entropy(logits[0, :-1], ids[0, 1:])
loss.backward()
result["adapter"] = {
    "logits": rounded(logits[0, -1]), "loss": rounded(loss.item()),
    "gradient_norms": {k: rounded(v.grad.norm().item()) for k, v in adapted.named_parameters() if v.grad is not None},
}
(HERE / "vectors.json").write_text(json.dumps(result) + "\n")
