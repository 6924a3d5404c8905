import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  createTokenizer,
  createWordTokenizer,
  readTokenizer,
} from "../../../lib/policy/language/tokenizer.ts";

// Made by tokenizers and jinja2: see tests/vectors/qwen2/make_tokenizer.py.
const FOLDER = new URL("../../vectors/qwen2/", import.meta.url).pathname;
const VECTORS = JSON.parse(
  await Deno.readTextFile(`${FOLDER}tokenizer_vectors.json`),
);
const TAGS = ["switch", "subgoal", "action"].flatMap((
  x,
) => [`<${x}>`, `</${x}>`]);

Deno.test("a word tokenizer gives back every text it tokenized", () => {
  const tokenizer = createTokenizer(
    createWordTokenizer(VECTORS.texts, { wholes: TAGS }),
  );
  const word = fc.constantFrom("go", " to", " cabinet", " 12", "<switch>", " ");
  const text = fc.array(fc.oneof(word, fc.string({ unit: "binary" })))
    .map((parts) => parts.join("").toWellFormed());
  fc.assert(
    fc.property(text, (x) => {
      const ids = tokenizer.encode(x);
      strictEqual(tokenizer.decode(ids, { special: true }), x);
      ok(ids.every((id) => id >= 0 && id < tokenizer.vocabSize));
    }),
    { numRuns: 40 },
  );
});

Deno.test("a word tokenizer has one token for each word and tag it was built of", () => {
  const tokenizer = createTokenizer(
    createWordTokenizer(VECTORS.texts, { wholes: TAGS }),
  );
  const ids = tokenizer.encode("<switch>SWITCH</switch>go to cabinet 12");
  deepStrictEqual([...ids].map(tokenizer.piece), [
    "<switch>",
    "SWITCH",
    "</switch>",
    "go",
    " to",
    " cabinet",
    " 12",
  ]);
});

Deno.test("createWordTokenizer() keeps the most frequent words", () => {
  const { tokenizer } = createWordTokenizer(["a bb cc cc bb bb"], {
    maxWords: 1,
  });
  const { vocab } = tokenizer["model"] as { vocab: Record<string, number> };
  deepStrictEqual(Object.keys(vocab).filter((x) => x.length > 1), ["Ġbb"]);
});

Deno.test("createWordTokenizer() makes the files the reference was recorded with", async () => {
  const { tokenizer } = createWordTokenizer(VECTORS.texts, { wholes: TAGS });
  deepStrictEqual(
    tokenizer,
    JSON.parse(await Deno.readTextFile(`${FOLDER}words/tokenizer.json`)),
  );
});

for (const name of ["bpe", "words"]) {
  Deno.test(`the ${name} tokenizer agrees with the reference on nasty texts`, async () => {
    const tokenizer = await readTokenizer(`${FOLDER}${name}`);
    for (const { text, ids, decoded, pieces } of VECTORS[name]) {
      const about = JSON.stringify(text);
      deepStrictEqual([...tokenizer.encode(text)], ids, about);
      strictEqual(tokenizer.decode(ids), decoded, about);
      deepStrictEqual(ids.map(tokenizer.piece), pieces, about);
    }
  });
}

Deno.test("half of a surrogate pair is read as the character for what cannot be read", async () => {
  for (const name of ["bpe", "words"]) {
    const tokenizer = await readTokenizer(`${FOLDER}${name}`);
    for (const text of ["\ud800", "a\udc00b", "x\ud83d y"]) {
      deepStrictEqual(
        tokenizer.encode(text),
        tokenizer.encode(text.toWellFormed()),
      );
    }
  }
});

Deno.test("the chat template is rendered as the reference renders it", async () => {
  const tokenizer = await readTokenizer(`${FOLDER}bpe`);
  for (const { messages, text } of VECTORS.chats) {
    strictEqual(tokenizer.chat(messages), text);
  }
});

Deno.test("end tokens are those of the configuration and of ChatML", async () => {
  const tokenizer = await readTokenizer(`${FOLDER}bpe`);
  deepStrictEqual(
    tokenizer.endTokens.map(tokenizer.piece),
    ["<|im_end|>", "<|endoftext|>"],
  );
});

Deno.test("createTokenizer() refuses files that do not say how to tokenize", () => {
  throws(() => createTokenizer({ tokenizer: {}, config: {} }), {
    name: "TypeError",
    message: /"model" must say how to tokenize/,
  });
});
