/**
 * A bound on what is under way at once.
 *
 * @module
 */

/** Lets a number of pieces of work in at once; the others wait in the order in which they came. */
export class Gate {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;
  #most = 0;

  /**
   * Makes a gate.
   *
   * @throws {RangeError} If the limit is not a positive whole number.
   */
  constructor(limit: number) {
    if (!(Number.isInteger(limit) && limit > 0)) {
      throw new RangeError(
        `Cannot bound work as "limit" must be a positive whole number: current value is ${limit}`,
      );
    }
    this.#limit = limit;
  }

  /** Most pieces of work that were inside at once. */
  get most(): number {
    return this.#most;
  }

  /** Runs a piece of work when there is room for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#limit) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#inside++;
    this.#most = Math.max(this.#most, this.#inside);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside--;
    }
  }
}
