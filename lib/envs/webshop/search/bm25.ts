/**
 * Ranked text search in memory: Okapi BM25 with Lucene 8's arithmetic, to the last bit.
 *
 * A document scores `sum over terms of w - w / (1 + f * inv)`, where `w = q * idf`, `f` counts the
 * term in the document and `q` in the query,
 * `idf = ln(1 + (N - n + 0.5) / (n + 0.5))` and `1 / inv = k1 * (1 - b + b * length / meanLength)`.
 * Lengths are stored in one byte, so long documents of similar length count as equally long.
 *
 * @see {@link https://doi.org/10.1561/1500000019 | Robertson and Zaragoza 2009}
 * @see {@link https://lucene.apache.org/core/8_11_0/ | Lucene 8}
 *
 * @module
 */

/** One document as terms. */
export interface Bm25Document {
  /** Its id; equal scores are ordered by it. */
  readonly id: string;
  /** Its terms, with repetitions. */
  readonly terms: readonly string[];
}

/** Documents found, best first. */
export interface Bm25Hits {
  /** Positions of the documents as they were added. Shape `(hits,)`. */
  readonly documents: Int32Array;
  /** Their scores. Shape `(hits,)`. */
  readonly scores: Float32Array;
}

/** Counts over a whole index. */
export interface Bm25Statistics {
  /** Documents with at least one term. */
  readonly documents: number;
  /** Terms of all documents, with repetitions. */
  readonly tokens: number;
  /** Pairs of a document and a term in it. */
  readonly postings: number;
  /** Distinct terms. */
  readonly terms: number;
}

/** A searchable set of documents. */
export interface Bm25Index {
  /** Counts over the documents. */
  readonly statistics: Bm25Statistics;
  /** Stored length of each document, one byte. Shape `(documents added,)`. */
  readonly lengthBytes: Uint8Array;
  /** Finds at most `limit` documents that hold at least one of the terms. */
  search(terms: readonly string[], limit: number): Bm25Hits;
}

const K1 = Math.fround(0.9), B = Math.fround(0.4);
/** Lucene refuses longer queries. */
const MOST_TERMS = 1024;

/** Indexes documents. */
export function createBm25Index(documents: Iterable<Bm25Document>): Bm25Index {
  const forward = readForward(documents);
  const { lengths, ids, termIds } = forward;
  const count = lengths.filter((length) => length > 0).length;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const lengthBytes = Uint8Array.from(lengths, encodeLength);
  const order = ranks(ids);
  const postings = invert(forward);
  const scorer = createScorer({
    count,
    postings,
    lengthBytes,
    inverse: inverseLengths(Math.fround(tokens / Math.max(count, 1))),
  });
  return {
    statistics: {
      documents: count,
      tokens,
      postings: postings.documents.length,
      terms: termIds.size,
    },
    lengthBytes,
    search(terms: readonly string[], limit: number): Bm25Hits {
      for (const [term, repeats] of countTerms(terms, termIds)) {
        scorer.add(term, repeats);
      }
      const best = selectBest(scorer.sums, scorer.touched(), { limit, order });
      scorer.clear();
      return best;
    },
  };
}

/** Sums the contributions of terms, document by document, in columns that are used again. */
function createScorer(
  index: {
    count: number;
    postings: ReturnType<typeof invert>;
    lengthBytes: Uint8Array;
    inverse: Float32Array;
  },
) {
  const { count, postings, lengthBytes, inverse } = index;
  const sums = new Float64Array(lengthBytes.length);
  const touched = new Int32Array(lengthBytes.length);
  const seen = new Uint8Array(lengthBytes.length);
  let reached = 0;
  return {
    sums,
    touched: () => touched.subarray(0, reached),
    add(term: number, repeats: number): void {
      const start = postings.starts[term]!, end = postings.starts[term + 1]!;
      const holding = end - start;
      const idf = Math.fround(
        Math.log(1 + (count - holding + 0.5) / (holding + 0.5)),
      );
      const weight = Math.fround(repeats * idf);
      for (let k = start; k < end; k++) {
        const document = postings.documents[k]!;
        const frequency = postings.frequencies[k]!;
        const inv = inverse[lengthBytes[document]!]!;
        const saturation = Math.fround(1 + Math.fround(frequency * inv));
        const gain = Math.fround(weight - Math.fround(weight / saturation));
        if (seen[document] === 0) {
          seen[document] = 1;
          touched[reached++] = document;
        }
        sums[document] = sums[document]! + gain;
      }
    },
    clear(): void {
      for (let k = 0; k < reached; k++) {
        sums[touched[k]!] = seen[touched[k]!] = 0;
      }
      reached = 0;
    },
  };
}

/** Documents as term numbers, one after the other. */
interface Forward {
  readonly ids: string[];
  readonly lengths: number[];
  readonly termIds: ReadonlyMap<string, number>;
  /** Where each document's distinct terms start. Shape `(documents + 1,)`. */
  readonly starts: number[];
  readonly terms: Int32Array;
  readonly frequencies: Uint16Array;
}

/** Numbers the terms and counts them in each document. */
function readForward(documents: Iterable<Bm25Document>): Forward {
  const ids: string[] = [], lengths: number[] = [], starts = [0];
  const termIds = new Map<string, number>();
  let terms = new Int32Array(1024), frequencies = new Uint16Array(1024);
  let used = 0;
  const inDocument = new Map<number, number>();
  for (const { id, terms: words } of documents) {
    inDocument.clear();
    for (const word of words) {
      let term = termIds.get(word);
      if (term === undefined) termIds.set(word, term = termIds.size);
      inDocument.set(term, (inDocument.get(term) ?? 0) + 1);
    }
    if (used + inDocument.size > terms.length) {
      const size = 2 * (used + inDocument.size);
      terms = grown(terms, new Int32Array(size));
      frequencies = grown(frequencies, new Uint16Array(size));
    }
    for (const [term, frequency] of inDocument) {
      terms[used] = term;
      frequencies[used++] = Math.min(frequency, 0xffff);
    }
    ids.push(id);
    lengths.push(words.length);
    starts.push(used);
  }
  return {
    ids,
    lengths,
    termIds,
    starts,
    terms: terms.subarray(0, used),
    frequencies: frequencies.subarray(0, used),
  };
}

/** Copies a column into a longer one. */
function grown<T extends Int32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Documents of each term, in document order. */
function invert({ termIds, starts: rows, terms, frequencies }: Forward) {
  const starts = new Int32Array(termIds.size + 1);
  for (const term of terms) starts[term + 1]!++;
  for (let term = 0; term < termIds.size; term++) {
    starts[term + 1]! += starts[term]!;
  }
  const next = starts.slice();
  const documents = new Int32Array(terms.length);
  const counts = new Uint16Array(terms.length);
  for (let document = 0; document + 1 < rows.length; document++) {
    for (let k = rows[document]!; k < rows[document + 1]!; k++) {
      const place = next[terms[k]!]!++;
      documents[place] = document;
      counts[place] = frequencies[k]!;
    }
  }
  return { starts, documents, frequencies: counts };
}

/** Position of each id among all ids, sorted by code unit. */
function ranks(ids: readonly string[]): Int32Array {
  const sorted = Int32Array.from(ids, (_, i) => i)
    .sort((i, j) => ids[i]! < ids[j]! ? -1 : ids[i]! > ids[j]! ? 1 : i - j);
  const order = new Int32Array(ids.length);
  for (const [rank, i] of sorted.entries()) order[i] = rank;
  return order;
}

/** Number and repetitions of each distinct known term of a query. */
function countTerms(
  terms: readonly string[],
  termIds: ReadonlyMap<string, number>,
): Map<number, number> {
  const distinct = new Map<string, number>();
  for (const term of terms) {
    const repeats = distinct.get(term);
    if (repeats === undefined && distinct.size === MOST_TERMS) continue;
    distinct.set(term, (repeats ?? 0) + 1);
  }
  const counts = new Map<number, number>();
  for (const [term, repeats] of distinct) {
    const id = termIds.get(term);
    if (id !== undefined) counts.set(id, repeats);
  }
  return counts;
}

/** The best documents by score, then by id. */
function selectBest(
  sums: Float64Array,
  candidates: Int32Array,
  options: { limit: number; order: Int32Array },
): Bm25Hits {
  const { limit, order } = options;
  const documents = new Int32Array(limit), scores = new Float32Array(limit);
  const comesBefore = (document: number, score: number, other: number) =>
    score > scores[other]! ||
    score === scores[other]! && order[document]! < order[documents[other]!]!;
  let size = 0;
  for (const document of candidates) {
    const score = Math.fround(sums[document]!);
    if (size < limit) size++;
    else if (!comesBefore(document, score, size - 1)) continue;
    let at = size - 1;
    while (at > 0 && comesBefore(document, score, at - 1)) {
      documents[at] = documents[at - 1]!;
      scores[at] = scores[at - 1]!;
      at--;
    }
    documents[at] = document;
    scores[at] = score;
  }
  return { documents: documents.slice(0, size), scores: scores.slice(0, size) };
}

/** Inverse length normalization for each stored length. Shape `(256,)`. */
function inverseLengths(meanLength: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, byte) => {
    const share = Math.fround(
      Math.fround(B * decodeLength(byte)) / meanLength,
    );
    const norm = Math.fround(Math.fround(1 - B) + share);
    return Math.fround(1 / Math.fround(K1 * norm));
  });
}

/** Stores a length in one byte, exactly up to 40, then with four significant bits. */
function encodeLength(length: number): number {
  if (length < 24) return length;
  const rest = length - 24;
  if (rest < 8) return 24 + rest;
  const shift = 32 - Math.clz32(rest) - 4;
  return 24 + (((rest >> shift) & 7) | ((shift + 1) << 3));
}

/** The length that a byte stands for. */
function decodeLength(byte: number): number {
  if (byte < 24) return byte;
  const low = (byte - 24) & 7, shift = ((byte - 24) >> 3) - 1;
  return 24 + (shift < 0 ? low : (low | 8) << shift);
}
