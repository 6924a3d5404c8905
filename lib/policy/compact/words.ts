/**
 * Hashed bag of words for a network without a tokenizer.
 *
 * Words are interned as small integers for comparison, and hashed, so that a table of fixed size embeds
 * any vocabulary. A number after a word names an instance of it (`cabinet 3`): the word is embedded, the
 * instance is a thing for the memory. A token of letters and digits (`b0p7z82s28`) is a thing without a
 * word.
 *
 * @module
 */

/** A parsed text; its integers are specific to the lexicon. */
export interface Phrase {
  /** Content words without numbers, each once, in order of appearance. */
  readonly words: readonly number[];
  /** Rows of the embedding table for those words. */
  readonly buckets: readonly number[];
  /** Things named by a word and a number, each once, in order of appearance. */
  readonly entities: readonly number[];
  /** The word of each entity, as in `words`. */
  readonly classes: readonly number[];
  /** Equal for equal `buckets`: what an embedding can tell apart. */
  readonly key: string;
  /** Words and things in reading order, with repetitions. */
  readonly sequence: readonly number[];
  /** Numbers that name no instance, with their positions in `sequence`. */
  readonly figures: readonly Figure[];
}

/** A number in a text, such as a price. */
export interface Figure {
  /** Its value. */
  readonly value: number;
  /** Tokens of the sequence before it. */
  readonly at: number;
}

/** Parses texts, with a cache. */
export interface Lexicon {
  phrase(text: string): Phrase;
  /** A phrase of the given words, as {@linkcode Phrase.words} has them. */
  ofWords(words: readonly number[]): Phrase;
}

/** Options for {@linkcode createLexicon}. */
export interface LexiconOptions {
  /** Rows of the embedding table; row 0 stands for no word. */
  readonly buckets: number;
  /** Most words of one text; the rest is ignored. @default {64} */
  readonly maxWords?: number;
}

/** Stop words. */
const FUNCTION_WORDS = new Set(
  ("a an and are as at be by for from i in into is it its me my of on or some " +
    "than that the them then these this to under with you your sep").split(" "),
);
const TOKEN = /[0-9]+\.[0-9]+|[a-z0-9]+/g;
const NUMBER = /^[0-9.]+$/;
/** A code, such as a product number: letters and digits mixed, longer than a size. */
const CODE = /^(?=.*[a-z])(?=.*[0-9].*[0-9])[a-z0-9]{6,}$/;
/** The word of such codes. */
const NAMELESS = "#";
/** Cached texts at which the cache is cleared; worlds have far fewer distinct ones. */
const MEMORY = 30_000;

/**
 * Opens an empty lexicon.
 *
 * @throws {RangeError} If `buckets` is not an integer above 1.
 */
export function createLexicon(options: LexiconOptions): Lexicon {
  const { buckets, maxWords = 64 } = options;
  if (!(Number.isInteger(buckets) && buckets > 1)) {
    throw new RangeError(
      `Cannot open a lexicon as "buckets" must be an integer above 1: current value is ${buckets}`,
    );
  }
  const ids = new Map<string, number>();
  const rows: number[] = [];
  const phrases = new Map<string, Phrase>();

  const intern = (name: string): number => {
    let id = ids.get(name);
    if (id === undefined) {
      id = ids.size;
      ids.set(name, id);
      rows.push(1 + hashWord(name) % (buckets - 1));
    }
    return id;
  };
  const ofWords = (words: readonly number[]): Phrase => {
    const own = words.map((word) => rows[word]!);
    return {
      words,
      buckets: own,
      entities: [],
      classes: [],
      key: own.join(","),
      sequence: words,
      figures: [],
    };
  };
  const read = (text: string): Phrase => {
    const words: number[] = [], entities: number[] = [], classes: number[] = [];
    const sequence: number[] = [], figures: Figure[] = [];
    let before: string | undefined; // the word that a number would number
    const meet = (name: string, word: string) => {
      const entity = intern(name);
      sequence.push(entity);
      if (entities.includes(entity)) return;
      entities.push(entity);
      classes.push(intern(word));
    };
    const keep = (token: string) => {
      const word = intern(token);
      if (words.length < maxWords && !words.includes(word)) words.push(word);
      return word;
    };
    for (const [token] of text.toLowerCase().matchAll(TOKEN)) {
      if (NUMBER.test(token)) {
        if (before === undefined) {
          figures.push({ value: Number(token), at: sequence.length });
        } else meet(`${before} ${token}`, before);
        before = undefined;
      } else if (CODE.test(token)) {
        meet(token, NAMELESS);
        keep(NAMELESS);
        before = undefined;
      } else if (FUNCTION_WORDS.has(token)) {
        before = undefined;
      } else {
        sequence.push(keep(token));
        before = token;
      }
    }
    return { ...ofWords(words), entities, classes, sequence, figures };
  };
  return {
    phrase(text: string): Phrase {
      let phrase = phrases.get(text);
      if (phrase === undefined) {
        if (phrases.size >= MEMORY) phrases.clear();
        phrase = read(text);
        phrases.set(text, phrase);
      }
      return phrase;
    },
    ofWords,
  };
}

/** FNV-1a of a word, its bits mixed once more so that short words spread. */
function hashWord(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) {
    hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
