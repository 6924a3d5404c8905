"""Writes the vectors of tests/policy/language/published_test.ts with PyTorch and transformers.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.24.0
    venv/bin/python tests/vectors/published/make.py <name> <folder of the model>

For each model: largest logits after fixed prompts, log-probabilities of the prompts' tokens, greedy tokens, and
of 300 texts the digests of their tokens.
"""

import hashlib
import json
import pathlib
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
PROMPTS = [
    "You are in a hall. A sign says: the way out is to the left. What do you do?",
    "def fibonacci(n):\n    ",
    "go to cabinet 12\nopen cabinet 12\ntake mug 3 from cabinet 12",
]
PARTS = [
    "go to", " cabinet", " 12", "\n", "\n\n", "  ", "\t", "é", "λ-return", " don't", "'LL", "12345", " 3.14", "日本語", "🙂",
    "🇫🇷", "<action>", "</action>", "<|im_end|>", "<|im_start|>user\n", "Ωmega", "naïve", "x==y", " -> ", "{\"a\": [1, 2]}",
    "https://example.org/a?b=c", "\r\n", "ﬁ", "e\u0301", " ",
]


def texts():
    state = 7
    for _ in range(300):
        text = ""
        for _ in range(5):
            state = (state * 1103515245 + 12345) % 2**31
            text += PARTS[(state >> 16) % len(PARTS)]
        yield text


name, folder = sys.argv[1:]
# By its own file: classes of transformers 5 may replace what precedes merging.
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
digest = lambda ids: hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:8]
strings = [digest(encode(text)) for text in texts()]
torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
prompts = []
with torch.no_grad():
    for text in PROMPTS:
        ids = torch.tensor([encode(text)])
        logits = model(ids).logits[0]
        top = torch.topk(logits[-1], 5)
        own = torch.log_softmax(logits[:-1], -1).gather(-1, ids[0, 1:, None])[:, 0]
        written = model.generate(ids, max_new_tokens=16, do_sample=False, eos_token_id=None, pad_token_id=0, repetition_penalty=1.0)
        prompts.append(dict(
            text=text, ids=ids[0].tolist(), top=top.indices.tolist(), logits=[round(x, 4) for x in top.values.tolist()],
            log_probs=[round(x, 4) for x in own.tolist()], greedy=written[0, ids.shape[1] :].tolist(),
        ))
json.dump(dict(prompts=prompts, parts=PARTS, strings="".join(strings)), open(HERE / f"{name}.json", "w"), ensure_ascii=False)
