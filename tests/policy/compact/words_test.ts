import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createLexicon } from "../../../lib/policy/compact/words.ts";

Deno.test("phrase() of a text does not depend on what was read before", () => {
  const words = fc.array(
    fc.constantFrom("mug", "go", "to", "desk", "3", "12", "the", "open"),
    { maxLength: 12 },
  ).map((list) => list.join(" "));
  fc.assert(fc.property(words, fc.array(words), (text, others) => {
    const fresh = createLexicon({ buckets: 512 }).phrase(text);
    const lexicon = createLexicon({ buckets: 512 });
    for (const other of others) lexicon.phrase(other);
    const read = lexicon.phrase(text);
    deepStrictEqual(read.buckets, fresh.buckets);
    strictEqual(read.entities.length, fresh.entities.length);
    strictEqual(read.key, fresh.key);
  }));
});

Deno.test("phrase() tells instances of one word apart and embeds them alike", () => {
  const lexicon = createLexicon({ buckets: 512 });
  const one = lexicon.phrase("open cabinet 1");
  const two = lexicon.phrase("open cabinet 2");
  deepStrictEqual(one.buckets, two.buckets);
  ok(one.entities[0] !== two.entities[0]);
  strictEqual(one.classes[0], two.classes[0]);
});

Deno.test("phrase() passes over words that only build sentences", () => {
  const lexicon = createLexicon({ buckets: 512 });
  strictEqual(
    lexicon.phrase("put the mug in a fridge").key,
    lexicon.phrase("Put mug, fridge!").key,
  );
  deepStrictEqual(lexicon.phrase("the of and").words, []);
});

Deno.test("phrase() keeps at most the words it was asked to", () => {
  const lexicon = createLexicon({ buckets: 512, maxWords: 2 });
  strictEqual(lexicon.phrase("red green blue").words.length, 2);
});

Deno.test("ofWords() gives the embedding rows of those words", () => {
  const lexicon = createLexicon({ buckets: 512 });
  const phrase = lexicon.phrase("heat mug");
  deepStrictEqual(lexicon.ofWords(phrase.words).buckets, phrase.buckets);
});

Deno.test("createLexicon() needs room for words", () => {
  throws(() => createLexicon({ buckets: 1 }), {
    name: "RangeError",
    message:
      'Cannot open a lexicon as "buckets" must be an integer above 1: current value is 1',
  });
});

Deno.test("phrase() takes codes for things and prices for figures", () => {
  const lexicon = createLexicon({ buckets: 512 });
  const page = lexicon.phrase(
    "[SEP] B0P7Z82S28 [SEP] Red Shoe [SEP] $42.38 [SEP] cabinet 3",
  );
  const item = lexicon.phrase("click[b0p7z82s28]");
  strictEqual(page.entities[0], item.entities[0]);
  deepStrictEqual(page.figures.map((figure) => figure.value), [42.38]);
  strictEqual(page.entities.length, 2); // the code and the cabinet
  strictEqual(
    lexicon.phrase("b0p7z82s28").key,
    lexicon.phrase("b0p6tq4p6n").key, // codes have no word to embed
  );
});

Deno.test("phrase() keeps what was read in order, with repetitions", () => {
  const lexicon = createLexicon({ buckets: 512 });
  const { sequence } = lexicon.phrase("red blue red");
  deepStrictEqual([sequence.length, sequence[0]], [3, sequence[2]]);
});
