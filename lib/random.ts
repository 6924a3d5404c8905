/**
 * Seeded streams of random numbers, derived by name so that the order of use never matters.
 *
 * The generator is `sfc32` (Chris Doty-Humphrey's Small Fast Counting
 * generator, public domain, passes PractRand); seeds and paths are mixed by
 * MurmurHash3's 32-bit finalizer.
 *
 * @module
 */

/** A seeded stream. {@linkcode Random.fork} depends on the seed and the path, not on use. */
export interface Random {
  /** Draws from `[0, 1)` with 53 random bits. */
  uniform(): number;
  /** Draws from the standard normal distribution. */
  normal(): number;
  /** Draws an integer from `[0, bound)`. Throws a `RangeError` unless `bound` is in `[1, 2 ** 32]`. */
  integer(bound: number): number;
  /** Derives the stream of that name: the same for the same seed and path, however much was drawn. */
  fork(...path: readonly (string | number)[]): Random;
  /** A 32-bit seed that stands for this stream: `createRandom(random.seed)` is one stream for one name. */
  readonly seed: number;
  /** Where the stream stands now; {@linkcode resumeRandom} goes on from there, in another thread too. */
  readonly state: RandomState;
}

/** Name and position of a stream, as plain data. */
export type RandomState = readonly number[];

/**
 * Opens the stream of a seed.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 *
 * const random = createRandom(7);
 * const early = random.fork("episode", 3).uniform();
 * random.uniform(); // drawing here changes no fork
 * strictEqual(random.fork("episode", 3).uniform(), early);
 * ```
 *
 * @param seed Any safe integer.
 * @returns A stream that always gives the same numbers for this seed.
 * @throws {RangeError} If `seed` is not a safe integer.
 */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(
      `Cannot open a random stream as "seed" must be a safe integer: current value is ${seed}`,
    );
  }
  const low = seed >>> 0;
  const high = Math.floor(seed / 2 ** 32) >>> 0;
  return stream(mix(low, 0x9e3779b9), mix(high, 0x85ebca6b));
}

/**
 * Goes on with a stream where it stood.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 *
 * const random = createRandom(7);
 * random.normal();
 * const twin = resumeRandom(random.state);
 * strictEqual(twin.normal(), random.normal());
 * strictEqual(twin.fork("x").uniform(), random.fork("x").uniform());
 * ```
 *
 * @param state What {@linkcode Random.state} said.
 * @returns A stream of its own with the same numbers to come; the one it was taken from stays as it is.
 */
export function resumeRandom(state: RandomState): Random {
  const [nameA, nameB, ...position] = state;
  return stream(nameA!, nameB!, position);
}

/**
 * One `sfc32` stream whose name is the 64 bits `(nameA, nameB)`, at its beginning or at a position: the registers of
 * the generator, and the second of two normal numbers if it was not drawn yet.
 */
function stream(
  nameA: number,
  nameB: number,
  position?: readonly number[],
): Random {
  let a = nameA | 0, b = nameB | 0, c = (nameA ^ nameB) | 0, counter = 1;
  let spare: number | undefined;
  if (position === undefined) {
    for (let warmUp = 0; warmUp < 12; warmUp++) next();
  } else {
    [a = 0, b = 0, c = 0, counter = 0, spare] = position;
  }

  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  }
  function uniform(): number {
    const high = next() >>> 5; // 27 bits
    const low = next() >>> 6; // 26 bits
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
  return {
    seed: mix(nameA, nameB),
    get state() {
      const state = [nameA, nameB, a, b, c, counter];
      return spare === undefined ? state : [...state, spare];
    },
    uniform,
    normal(): number {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      // Box and Muller 1958; 1 - u keeps the logarithm finite.
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    integer(bound: number): number {
      if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32)) {
        throw new RangeError(
          `Cannot draw an integer as "bound" must be an integer in [1, 2 ** 32]: current value is ${bound}`,
        );
      }
      // Rejection keeps every residue equally likely.
      const limit = 2 ** 32 - (2 ** 32 % bound);
      let draw = next();
      while (draw >= limit) draw = next();
      return draw % bound;
    },
    fork(...path: readonly (string | number)[]): Random {
      let forkA = nameA, forkB = nameB;
      for (const part of path) {
        const text = typeof part === "number" ? `#${part}` : `"${part}`;
        for (let i = 0; i < text.length; i++) {
          forkA = mix(forkA, text.charCodeAt(i));
          forkB = mix(forkB, forkA);
        }
        forkA = mix(forkA, 0x2f); // separates ("ab") from ("a", "b")
        forkB = mix(forkB, forkA);
      }
      return stream(forkA, forkB);
    },
  };
}

/** Absorbs one word into a 32-bit hash. */
function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593) +
    0xe6546b64;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Draws an index with probability proportional to its weight.
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { createRandom, drawIndex } from "@hiper/lab";
 *
 * strictEqual(drawIndex(createRandom(1), [0, 0, 5]), 2);
 * ```
 *
 * @param random Stream to draw from; one draw is taken.
 * @param weights Non-negative weights. Shape `(choices,)`.
 * @returns An index whose weight is positive.
 * @throws {RangeError} If no weight is positive, or one is negative or not finite.
 */
export function drawIndex(random: Random, weights: ArrayLike<number>): number {
  let total = 0, last = -1;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0 && weight < Infinity)) {
      throw new RangeError(
        `Cannot draw an index as weights must be finite and not negative: weight ${i} is ${weight}`,
      );
    }
    if (weight > 0) last = i;
    total += weight;
  }
  if (last < 0) {
    throw new RangeError("Cannot draw an index as no weight is positive");
  }
  let rest = random.uniform() * total;
  for (let i = 0; i < last; i++) {
    rest -= weights[i]!;
    if (rest < 0) return i;
  }
  return last;
}

/**
 * Shuffles a copy (Fisher and Yates).
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { createRandom } from "@hiper/lab";
 *
 * deepStrictEqual(shuffled(createRandom(1), [3, 1, 2]).toSorted(), [1, 2, 3]);
 * ```
 *
 * @param random Stream to draw from.
 * @param items What to shuffle; left as it is.
 * @returns The same items in a random order.
 */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}
