/**
 * Porter's stemmer with the two departures that Lucene has: `bli → ble` and `logi → log`.
 *
 * The stemmer on npm differs on words such as `ies` and `eeds`, which search must not.
 *
 * @see {@link https://tartarus.org/martin/PorterStemmer/def.txt | Porter 1980}
 *
 * @module
 */

type Rule = readonly [suffix: string, replacement: string];

const STEP_2: readonly Rule[] = [
  ["ational", "ate"],
  ["ization", "ize"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["tional", "tion"],
  ["biliti", "ble"],
  ["entli", "ent"],
  ["ousli", "ous"],
  ["ation", "ate"],
  ["alism", "al"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["alli", "al"],
  ["ator", "ate"],
  ["logi", "log"],
  ["bli", "ble"],
  ["eli", "e"],
];
const STEP_3: readonly Rule[] = [
  ["icate", "ic"],
  ["ative", ""],
  ["alize", "al"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ness", ""],
  ["ful", ""],
];
const STEP_4: readonly string[] = [
  "ement",
  "ance",
  "ence",
  "able",
  "ible",
  "ment",
  "ant",
  "ent",
  "ion",
  "ism",
  "ate",
  "iti",
  "ous",
  "ive",
  "ize",
  "al",
  "er",
  "ic",
  "ou",
];

/** Reduces a word in lower case to its stem; anything but `a` to `z` counts as a consonant. */
export function porterStem(word: string): string {
  if (word.length <= 2) return word;
  let stem = withoutPastOrGerund(withoutPlural(word));
  if (stem.endsWith("y") && hasVowel(stem.slice(0, -1))) {
    stem = stem.slice(0, -1) + "i";
  }
  stem = withoutSingle(replaced(replaced(stem, STEP_2), STEP_3));
  if (stem.endsWith("e")) {
    const rest = stem.slice(0, -1);
    const measured = measure(rest);
    if (measured > 1 || measured === 1 && !endsShort(rest)) stem = rest;
  }
  return stem.endsWith("ll") && measure(stem) > 1 ? stem.slice(0, -1) : stem;
}

/** Step 1a. */
function withoutPlural(word: string): string {
  if (word.endsWith("sses") || word.endsWith("ies")) return word.slice(0, -2);
  return word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
}

/** Step 1b. */
function withoutPastOrGerund(word: string): string {
  if (word.endsWith("eed")) {
    return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  }
  const cut = word.endsWith("ed") ? 2 : word.endsWith("ing") ? 3 : 0;
  if (cut === 0) return word;
  const stem = word.slice(0, -cut);
  if (!hasVowel(stem)) return word;
  if (/(at|bl|iz)$/.test(stem)) return stem + "e";
  const end = stem.length - 1;
  if (end > 0 && stem[end] === stem[end - 1] && isConsonant(stem, end)) {
    return "lsz".includes(stem[end]!) ? stem : stem.slice(0, -1);
  }
  return measure(stem) === 1 && endsShort(stem) ? stem + "e" : stem;
}

/** Steps 2 and 3: the longest suffix, if the stem before it has a syllable. */
function replaced(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (!rule) return word;
  const stem = word.slice(0, -rule[0].length);
  return measure(stem) > 0 ? stem + rule[1] : word;
}

/** Step 4: removes the longest suffix if the stem before it has two syllables. */
function withoutSingle(word: string): string {
  const suffix = STEP_4.find((ending) => word.endsWith(ending));
  if (!suffix) return word;
  const stem = word.slice(0, -suffix.length);
  const fits = suffix !== "ion" || /[st]$/.test(stem);
  return fits && measure(stem) > 1 ? stem : word;
}

/** Whether a letter is a consonant; `y` is one at the start and after a vowel. */
function isConsonant(word: string, at: number): boolean {
  const letter = word[at]!;
  if ("aeiou".includes(letter)) return false;
  return letter !== "y" || at === 0 || !isConsonant(word, at - 1);
}

/** Number of changes from vowel to consonant. */
function measure(word: string): number {
  let changes = 0, afterVowel = false;
  for (let i = 0; i < word.length; i++) {
    const consonant = isConsonant(word, i);
    if (consonant && afterVowel) changes++;
    afterVowel = !consonant;
  }
  return changes;
}

/** Whether there is a vowel. */
function hasVowel(word: string): boolean {
  for (let i = 0; i < word.length; i++) if (!isConsonant(word, i)) return true;
  return false;
}

/** Whether a word ends consonant, vowel, consonant, the last one not `w`, `x` or `y`. */
function endsShort(word: string): boolean {
  const end = word.length - 1;
  return end >= 2 && isConsonant(word, end - 2) &&
    !isConsonant(word, end - 1) && isConsonant(word, end) &&
    !"wxy".includes(word[end]!);
}
