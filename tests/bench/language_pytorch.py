"""The steps of language_bench.ts in PyTorch, on the same processor.

    venv/bin/python tests/bench/language_pytorch.py [threads]   # torch, transformers
"""

import sys
import time

import torch
from torch.nn import functional
from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
SIZES = {
    "0.5 million": dict(vocab_size=256, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2),
    "2 million": dict(vocab_size=256, hidden_size=192, intermediate_size=512, num_hidden_layers=5, num_attention_heads=6, num_key_value_heads=2),
}


def best(run, times=5):
    run()
    shortest = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest


for name, sizes in SIZES.items():
    model = Qwen2ForCausalLM(Qwen2Config(**sizes, max_position_embeddings=512, tie_word_embeddings=True))
    ids = torch.randint(0, 256, (16, 192))

    def learn():
        model.zero_grad()
        logits = model(ids, use_cache=False).logits
        functional.cross_entropy(logits.flatten(0, 1), ids.flatten()).backward()

    @torch.no_grad()
    def write(batch):
        cache, token = DynamicCache(), torch.full((batch, 1), 7)
        for _ in range(64):
            out = model(token, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            out.logits[:, -1].float().sum()

    time_to_learn = best(learn)
    print(f"learning, {name}: {time_to_learn * 1e3:.0f} ms, {3072 / time_to_learn:.0f} tokens/s")
    for batch in [1, 16, 64]:
        took = best(lambda: write(batch), 3)
        print(f"writing, {name}, {batch} at once: {took * 1e3:.0f} ms, {64 * batch / took:.0f} tokens/s")
