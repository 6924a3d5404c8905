/**
 * How hard a made-up shop is: the knobs, their defaults and ranges.
 *
 * @module
 */

/** How hard a generated catalog is to shop in. */
export interface WebshopDifficulty {
  /** Most attributes that a wish names, 1 to 5. @default {2} */
  attributes?: number;
  /** Most options that a wish names, 0 to 3. @default {2} */
  options?: number;
  /** Most values of an option, at least 2. @default {6} */
  optionFanout?: number;
  /** Near-duplicates of each product: another attribute, fewer values, a higher price. @default {3} */
  distractors?: number;
  /** Share of attributes that are paraphrased in wishes and missing from titles, in `[0, 1]`. @default {0.2} */
  lexicalGap?: number;
  /** Share of dearer near-duplicates whose price is a range that begins low, in `[0, 1]`. @default {0} */
  priceTrap?: number;
  /** Share of titles with words and signs that mean nothing, in `[0, 1]`. @default {0.1} */
  noise?: number;
}

/** Difficulty with every default filled in. */
export type FamilySettings = Required<WebshopDifficulty>;

/**
 * Fills in defaults and checks ranges.
 *
 * @param difficulty What was given.
 * @returns Every setting.
 * @throws {RangeError} If a setting is out of range.
 */
export function checkWebshopDifficulty(
  difficulty: WebshopDifficulty = {},
): FamilySettings {
  const {
    attributes = 2,
    options = 2,
    optionFanout = 6,
    distractors = 3,
    lexicalGap = 0.2,
    priceTrap = 0,
    noise = 0.1,
  } = difficulty;
  const all = {
    attributes,
    options,
    optionFanout,
    distractors,
    lexicalGap,
    priceTrap,
    noise,
  };
  const ranges:
    readonly (readonly [keyof WebshopDifficulty, number, number])[] = [
      ["attributes", 1, 5],
      ["options", 0, 3],
      ["optionFanout", 2, 20],
      ["distractors", 0, 12],
      ["lexicalGap", 0, 1],
      ["priceTrap", 0, 1],
      ["noise", 0, 1],
    ];
  for (const [name, low, high] of ranges) {
    const value = all[name];
    const fits = value >= low && value <= high &&
      (high === 1 || Number.isInteger(value));
    if (!fits) {
      throw new RangeError(
        `Cannot generate a catalog as "difficulty.${name}" must be in [${low}, ${high}]: current value is ${value}`,
      );
    }
  }
  return all;
}
