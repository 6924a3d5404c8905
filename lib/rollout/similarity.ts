/**
 * Embeddings of short texts, to compare strategies without a model.
 *
 * @module
 */

/** What of two texts is compared: words and pairs of neighbors, or runs of three characters. */
export const SIMILARITIES: readonly ["words", "characters"] = [
  "words",
  "characters",
];

/** Name of a similarity. */
export type Similarity = "words" | "characters";

/**
 * Embeds texts by counts of their parts; the cosine of two embeddings is their similarity, 1 for equal texts and 0 for
 * texts that share nothing.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { embedTexts } from "@hiper/lab/strategies";
 *
 * const [first, second] = embedTexts(["go left", "go right"], "words");
 * deepStrictEqual(first, new Float64Array([1, 1, 1, 0, 0])); // go, left, go left, right, go right
 * deepStrictEqual(second, new Float64Array([1, 0, 0, 1, 1]));
 * ```
 *
 * @param texts Texts.
 * @param similarity Which parts are counted.
 * @returns One vector for each text, over the parts of all texts. Shape `(texts, parts)`.
 */
export function embedTexts(
  texts: readonly string[],
  similarity: Similarity,
): Float64Array[] {
  const places = new Map<string, number>();
  const parts = texts.map((text) => partsOf(text, similarity));
  for (const part of parts.flat()) {
    if (!places.has(part)) places.set(part, places.size);
  }
  return parts.map((own) => {
    const vector = new Float64Array(places.size);
    for (const part of own) vector[places.get(part)!]! += 1;
    return vector;
  });
}

/** Words and pairs of neighboring words, so that order counts; or character trigrams. */
function partsOf(text: string, similarity: Similarity): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  if (similarity === "words") {
    return words.flatMap((word, i) =>
      i === 0 ? [word] : [word, `${words[i - 1]} ${word}`]
    );
  }
  const padded = ` ${words.join(" ")} `;
  return Array.from(
    { length: Math.max(0, padded.length - 2) },
    (_, i) => padded.slice(i, i + 3),
  );
}

/**
 * Mean distance between two vectors, 1 minus their cosine; 0 for fewer than two.
 *
 * @param vectors Shape `(vectors, size)`.
 * @returns In `[0, 2]`.
 */
export function meanDistance(vectors: readonly Float64Array[]): number {
  let sum = 0, pairs = 0;
  for (let i = 0; i < vectors.length; i++) {
    for (let j = 0; j < i; j++) {
      sum += 1 - cosine(vectors[i]!, vectors[j]!);
      pairs++;
    }
  }
  return pairs === 0 ? 0 : sum / pairs;
}

function cosine(a: Float64Array, b: Float64Array): number {
  let dot = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}
