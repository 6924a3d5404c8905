/**
 * The random numbers of CPython and NumPy, bit for bit: the Mersenne Twister MT19937.
 *
 * WebShop's goal order, price bounds and price draws come from these streams, so
 * that goal 17 of one seed is goal 17 everywhere. Nothing else in the project draws
 * from them.
 *
 * @see {@link https://doi.org/10.1145/272991.272995 | Matsumoto and Nishimura 1998}
 *
 * @module
 */

const WORDS = 624;

/** A stream that gives what CPython's `random` module gives for the same seed. */
export interface PythonRandom {
  /** Draws from `[0, 1)` with 53 random bits. */
  random(): number;
  /** Draws an integer of that many random bits, at most 32. */
  bits(count: number): number;
  /** Draws an integer from `[0, bound)` by rejection. */
  below(bound: number): number;
  /** Draws from the line between two numbers, in either order. */
  between(low: number, high: number): number;
  /** Shuffles in place, from the last element down. */
  shuffle<T>(items: T[]): void;
  /** Draws that many elements without replacement, as CPython does for short lists. */
  sample<T>(items: readonly T[], count: number): T[];
  /** Draws that many elements with replacement. */
  choices<T>(items: ArrayLike<T>, count: number): T[];
}

/**
 * Creates a stream equal to CPython's `random.Random(seed)`; the sign of the seed is ignored, as
 * CPython does.
 *
 * @throws {RangeError} If `seed` is not a safe integer.
 */
export function createPythonRandom(seed: number): PythonRandom {
  if (!Number.isSafeInteger(seed)) {
    throw new RangeError(
      `Cannot open a Python stream as "seed" must be a safe integer: current value is ${seed}`,
    );
  }
  const low = Math.abs(seed) >>> 0;
  const high = Math.floor(Math.abs(seed) / 2 ** 32);
  const next = twister(seedByArray(high > 0 ? [low, high] : [low]));
  const random = () => {
    const a = next() >>> 5, b = next() >>> 6;
    return (a * 2 ** 26 + b) / 2 ** 53;
  };
  const bits = (count: number) => next() >>> (32 - count);
  const below = (bound: number) => {
    const width = 32 - Math.clz32(bound);
    let draw = bits(width);
    while (draw >= bound) draw = bits(width);
    return draw;
  };
  return {
    random,
    bits,
    below,
    between: (a, b) => a + (b - a) * random(),
    shuffle<T>(items: T[]): void {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [items[i], items[j]] = [items[j]!, items[i]!];
      }
    },
    sample<T>(items: readonly T[], count: number): T[] {
      const pool = [...items];
      const drawn: T[] = [];
      for (let i = 0; i < count; i++) {
        const j = below(pool.length - i);
        drawn.push(pool[j]!);
        pool[j] = pool[pool.length - i - 1]!;
      }
      return drawn;
    },
    choices<T>(items: ArrayLike<T>, count: number): T[] {
      return Array.from(
        { length: count },
        () => items[Math.floor(random() * items.length)]!,
      );
    },
  };
}

/** Knuth's scalar initialization of the state. */
export function seedByScalar(seed: number): Uint32Array {
  const state = new Uint32Array(WORDS);
  state[0] = seed;
  for (let i = 1; i < WORDS; i++) {
    const last = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(1812433253, last) + i;
  }
  return state;
}

/** The initialization by an array of 32-bit words. */
function seedByArray(key: readonly number[]): Uint32Array {
  const state = seedByScalar(19650218);
  let i = 1;
  const mixed = (factor: number) => {
    const last = state[i - 1]! ^ (state[i - 1]! >>> 30);
    return state[i]! ^ Math.imul(last, factor);
  };
  const advance = () => {
    if (++i >= WORDS) {
      state[0] = state[WORDS - 1]!;
      i = 1;
    }
  };
  for (let k = 0; k < Math.max(WORDS, key.length); k++) {
    const j = k % key.length;
    state[i] = mixed(1664525) + key[j]! + j;
    advance();
  }
  for (let k = 1; k < WORDS; k++) {
    state[i] = mixed(1566083941) - i;
    advance();
  }
  state[0] = 0x80000000;
  return state;
}

/** The generator proper: a function that gives the next 32-bit word. */
export function twister(state: Uint32Array): () => number {
  let position = WORDS;
  const refill = () => {
    for (let i = 0; i < WORDS; i++) {
      const joined = (state[i]! & 0x80000000) |
        (state[(i + 1) % WORDS]! & 0x7fffffff);
      const twisted = (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
      state[i] = state[(i + 397) % WORDS]! ^ twisted;
    }
    position = 0;
  };
  return () => {
    if (position === WORDS) refill();
    let word = state[position++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}
