"""Compares a merged model with its base and adapter: both loaded by transformers, the adapter by PEFT.

    python scripts/python/export_check.py BASE ADAPTER MERGED

BASE is the published model's folder, ADAPTER a checkpoint of a run with adapters, MERGED what `deno task export`
wrote. Needs torch, transformers and peft. Fails where logits differ by more than 0.001, a greedy token differs, or a
text is tokenized otherwise.
"""

import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXTS = [
    "Task: leave the corridor by the end that the sign names\nNow: You stand in a corridor.\nSubgoal: none",
    "You stand before a sign that says: leave by the right end.\nNow leave by the right end.",
    "The capital of France is",
]


def main(base, adapter, merged):
    load = lambda place: AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32).eval()
    tokenizers = [AutoTokenizer.from_pretrained(place) for place in (base, adapter, merged)]
    published, exported = load(base), load(merged)
    ids = [tokenizers[0](text, return_tensors="pt").input_ids for text in TEXTS]
    for tokenizer in tokenizers[1:]:
        for text, own in zip(TEXTS, ids):
            assert tokenizer(text).input_ids == own[0].tolist(), f"tokens differ: {text!r}"
    with torch.no_grad():
        untrained = [published(one).logits for one in ids]
        trained = PeftModel.from_pretrained(published, adapter).eval()
        for text, one, before in zip(TEXTS, ids, untrained):
            expected, actual = trained(one).logits, exported(one).logits
            gap = (expected - actual).abs().max().item()
            moved = (expected - before).abs().max().item()
            print(f"{text[:40]!r}: logits differ by {gap:.1e}; the adapter moves them by {moved:.1e}")
            assert gap < 1e-3, gap
            greedy = [
                model.generate(one, max_new_tokens=16, do_sample=False)[0].tolist() for model in (trained, exported)
            ]
            assert greedy[0] == greedy[1], "greedy tokens differ"
    print("tokens, logits and greedy tokens agree")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
