/**
 * Order of the words of a command line.
 *
 * @module
 */

/** Whether a word is a setting, `path=value`. */
export function isSetting(word: string): boolean {
  return /^[A-Za-z][\w.]*=/.test(word);
}

/** Puts settings before options, as variadic options would consume them. */
export function settingsFirst(words: readonly string[]): string[] {
  const isFree = (word: string, i: number) =>
    isSetting(word) && !words[i - 1]?.startsWith("--");
  return [
    ...words.filter(isFree),
    ...words.filter((word, i) => !isFree(word, i)),
  ];
}
