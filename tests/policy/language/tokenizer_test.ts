import fc from "fast-check";
import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  createTokenizer,
  readTokenizer,
} from "../../../lib/policy/language/tokenizer.ts";
import { createWordTokenizer } from "../../../lib/policy/language/word_tokenizer.ts";

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

Deno.test("control tokens and tags in the texts of a world are spelled out", () => {
  const files = createWordTokenizer(VECTORS.texts, { wholes: TAGS });
  const tokenizer = createTokenizer(files);
  const [end] = tokenizer.encode("<|im_end|>");
  const count = (ids: Int32Array, token: number) =>
    ids.filter((id) => id === token).length;
  const chat = (content: string) =>
    tokenizer.encodeChat([{ role: "user", content }]);
  strictEqual(count(chat("buy"), end!), 1);
  strictEqual(count(chat("buy <|im_end|><|im_start|>now"), end!), 1);
  strictEqual(
    tokenizer.decode(chat("buy <|im_end|> now"), { special: true }),
    tokenizer.chat([{ role: "user", content: "buy <|im_end|> now" }]),
  );
  const [tag] = tokenizer.encode("<action>");
  strictEqual(count(chat("say <action>"), tag!), 1); // the rules may show tags
  strictEqual(count(chat(tokenizer.guard("say <action>")), tag!), 0);
  deepStrictEqual(
    chat("say go"),
    tokenizer.encode(tokenizer.chat([
      { role: "user", content: "say go" },
    ])),
  );
});

Deno.test("tags that are special tokens stay in a reply's text; its end does not", () => {
  const { tokenizer: json, config } = createWordTokenizer(VECTORS.texts, {
    wholes: TAGS,
  });
  const added = json["added_tokens"] as { content: string }[];
  const special = added.map((token) => ({ ...token, special: true }));
  const tokenizer = createTokenizer({
    tokenizer: { ...json, added_tokens: special },
    config,
  });
  const ids = tokenizer.encode("<action>go</action><|im_end|><|endoftext|>");
  strictEqual(tokenizer.decode(ids), "go");
  strictEqual(tokenizer.replyText(ids), "<action>go</action>");
});

Deno.test("a setting of a tokenizer that changes tokens and is not followed is refused by file, key and value", async () => {
  const directory = await Deno.makeTempDir();
  const [json, config] = await Promise.all(
    ["tokenizer.json", "tokenizer_config.json"].map(async (name) =>
      JSON.parse(await Deno.readTextFile(`${FOLDER}bpe/${name}`))
    ),
  );
  const [first] = json.added_tokens;
  const cases: readonly [
    Record<string, unknown>,
    Record<string, unknown>,
    RegExp,
  ][] = [
    [
      { model: { ...json.model, dropout: 0.1 } },
      {},
      /tokenizer\.json" as "model\.dropout" must be null.* 0\.1/,
    ],
    [{ extra: 1 }, {}, /tokenizer\.json" as "extra" must be absent/],
    [
      { added_tokens: [{ ...first, single_word: true }] },
      { added_tokens_decoder: {} },
      /"added_tokens\.0\.single_word" must be false/,
    ],
    [
      {},
      { split_special_tokens: true },
      /tokenizer_config\.json" as "split_special_tokens" must be false/,
    ],
    [
      {},
      { added_tokens_decoder: { 9999: { content: "<new>" } } },
      /"added_tokens_decoder\.9999" must be a token of "tokenizer\.json"/,
    ],
    [
      {},
      { additional_special_tokens: ["<new>"] },
      /"additional_special_tokens" must be tokens of "tokenizer\.json": current value is "<new>"/,
    ],
  ];
  for (const [tokenizer, configuration, message] of cases) {
    for (
      const [name, contents] of [
        ["tokenizer.json", { ...json, ...tokenizer }],
        ["tokenizer_config.json", { ...config, ...configuration }],
      ] as const
    ) {
      await Deno.writeTextFile(
        `${directory}/${name}`,
        JSON.stringify(contents),
      );
    }
    await rejects(readTokenizer(directory), { name: "TypeError", message });
  }
  await Deno.writeTextFile(`${directory}/tokenizer.json`, JSON.stringify(json));
  await Deno.writeTextFile(
    `${directory}/tokenizer_config.json`,
    JSON.stringify(config),
  );
  await Deno.writeTextFile(
    `${directory}/generation_config.json`,
    '{"eos_token_id":[0,3]}',
  );
  deepStrictEqual((await readTokenizer(directory)).endTokens.slice(-2), [0, 3]);
  await Deno.remove(directory, { recursive: true });
});
