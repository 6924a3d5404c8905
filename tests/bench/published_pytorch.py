"""One kind of work of a published model in PyTorch, once for each line of standard input; see published_speed.ts.

    venv/bin/python tests/bench/published_pytorch.py <model> <work> <threads>   # torch, transformers, peft
"""

import json
import resource
import sys
import time

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, DynamicCache

ROWS, PROMPT, STEPS, LEARNED = 8, 128, 16, 256
path, work, threads = sys.argv[1:4]
torch.set_num_threads(int(threads))
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)


def tokens_of(row, length):
    state, ids = 12345 + 7919 * row, []
    for _ in range(length):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        ids.append(1000 + state % 40000)
    return ids


def batch(rows, length):
    return torch.tensor([tokens_of(row, length) for row in range(rows)])


@torch.no_grad()
def read():
    model(batch(ROWS, PROMPT), use_cache=True, logits_to_keep=1)
    return ROWS * PROMPT


def writer(rows):
    cache = DynamicCache()
    token = torch.tensor([[7 + row] for row in range(rows)])
    with torch.no_grad():
        model(batch(rows, 16), past_key_values=cache, use_cache=True, logits_to_keep=1)

    @torch.no_grad()
    def write():
        for _ in range(STEPS):
            model(token, past_key_values=cache, use_cache=True).logits[:, -1].float().sum()
        return rows * STEPS

    return write


def learner():
    from peft import LoraConfig, get_peft_model

    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=every))
    adapted.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    adapted.enable_input_require_grads()
    adapted.train()
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=1e-6)
    ids = batch(ROWS, LEARNED + 1)

    def learn():
        optimizer.zero_grad()
        logits = adapted(ids[:, :-1], use_cache=False).logits
        functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(adapted.parameters(), 1.0)
        optimizer.step()
        return ROWS * LEARNED

    return learn


run = {"read": lambda: read, "write-1": lambda: writer(1), "write-8": lambda: writer(ROWS), "learn": learner}[work]()
print(json.dumps({"ready": f"PyTorch {torch.__version__}, threads: {threads}"}), flush=True)
for _ in sys.stdin:
    start, used = time.perf_counter(), time.process_time()
    made = run()
    print(
        json.dumps(
            {
                "made": made,
                "seconds": time.perf_counter() - start,
                "cpu": time.process_time() - used,
                "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        ),
        flush=True,
    )
