"""Writes the vectors of tests/policy/language/tokenizer_test.ts with tokenizers and transformers.

    venv/bin/python tests/vectors/qwen2/make_tokenizer.py   # environment as in make.py

A byte-level BPE of Qwen2's form is trained on a few lines; `words/tokenizer.json` is what
`buildWordTokenizer` makes of the lines in TEXTS (the test checks that it still does).
"""

import json
import pathlib

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
TEXTS = [
    "You are in the middle of a room. Looking quickly around you, you see a cabinet 12, a fridge 1.",
    "go to cabinet 12", "take mug 1 from fridge 1", "heat the mug with the microwave",
    "SWITCH KEEP switch keep the the the",
]
NASTY = [
    "", " ", "  \n\t \r\n", "go to cabinet 12", "I'M HERE, you're THERE'll", "don't  double   spaces ",
    "naïve café — “quoted” … 100% 3.14159 1,000,000", "Cafe\u0301 vs Caf\u00e9", "İstanbul ıI ß ẞ ﬁ",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽", "日本語テキスト 漢字かな交じり文 中文", "عربى نص עברית", "a\u200bb\u00a0c\u2028d\ufeffe",
    "<switch>SWITCH</switch>\n<subgoal>find a mug</subgoal>\n<action>go to cabinet 12</action>",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_end|><|im_end|>x<|im_en",
    "\n\n\n  leading", "trailing \n", "x" * 70, "0123456789" * 3, "~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./",
    "\u0000\u0001\u001f\u007f\u0085", "e\u0301\u0323 q\u0307\u0323", "𝕏𝖄 𐍈 \U0001F9FF", "\ud7a3\u1112\u1161\u11ab",
]
# Nasty too, but the tokenizer is not trained on these.
STRANGE = [
    " " * 300 + "x", "\n" * 50 + "\t" * 9, "\u3000\u2003\u00a0 \u2028\u2029", "a<|im_end|>b <|endoftext|>c<|im_start|> ",
    "go<action>to</action>12", "\u202eright to left\u202c \u2066x\u2069", "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u0645\u064e\u0631\u062d",
    "🇩🇪🇫🇷 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3", "a\u200d\u200db\u200c", "\u0301\u0323starts with marks", "A\u030a \u212b \u00c5",
    "½ ² Ⅷ ٣٤ 一二 \U0001d7d8", "\ufffd\ufffe\uffff\U0010ffff\ue000", "\u0000in\u0000side\u0000", "ก็ กำ नि क्ष ᄒ\u1161\u11ab", "'S 'T I'LL ’s",
]
# One word with an optional mark before it, one digit, other marks, or white space.
PATTERN = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
TEMPLATE = (
    "{%- if messages[0].role == 'system' -%}{{- '<|im_start|>system\n' + messages[0].content | trim + '<|im_end|>\n' -}}"
    "{%- set rest = messages[1:] -%}{%- else -%}{{- '<|im_start|>system\nBe brief.<|im_end|>\n' -}}{%- set rest = messages -%}{%- endif -%}"
    "{%- for m in rest -%}{%- if loop.index0 % 2 == 0 and m['role'] != 'user' -%}{{- raise_exception('roles') -}}{%- endif -%}"
    "{{- '<|im_start|>' ~ m.role ~ '\n' ~ (m.content if not loop.last else m.content | upper) ~ '<|im_end|>\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
CHATS = [
    [{"role": "user", "content": "hi {{ there }}"}],
    [{"role": "system", "content": "  trim me \n"}, {"role": "user", "content": "straße"}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
]

bpe = Tokenizer(models.BPE())
bpe.normalizer = normalizers.NFC()
bpe.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
])
bpe.decoder = decoders.ByteLevel()
bpe.train_from_iterator(TEXTS * 3 + NASTY, trainers.BpeTrainer(
    vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
))
bpe.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]])

environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
template = environment.from_string(TEMPLATE)
folder = HERE / "bpe"
folder.mkdir(exist_ok=True)
bpe.save(str(folder / "tokenizer.json"), pretty=False)
(folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>", "chat_template": TEMPLATE}) + "\n")


def record(tokenizer):
    rows = []
    for text in NASTY + STRANGE:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        rows.append({
            "text": text, "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=True),
            "pieces": [tokenizer.decode([i], skip_special_tokens=False) for i in ids],
        })
    return rows


result = {
    "texts": TEXTS,
    "bpe": record(bpe),
    "words": record(Tokenizer.from_file(str(HERE / "words" / "tokenizer.json"))),
    "chats": [{"messages": c, "text": template.render(messages=c, add_generation_prompt=True)} for c in CHATS],
}
(HERE / "tokenizer_vectors.json").write_text(json.dumps(result) + "\n")
