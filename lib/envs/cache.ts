/**
 * An LRU cache of values that are expensive to read or to build.
 *
 * @module
 */

/** The most recently used values, by key. */
export interface Cache<T> {
  /**
   * Finds a value or makes it. A promise is shared by all calls before it settles; one that is
   * rejected is not kept.
   */
  get(key: string, make: () => T | Promise<T>): T | Promise<T>;
}

/**
 * Creates a cache of at most `limit` values (at least 1). A value must be a pure function of its
 * key, so that caching changes no result.
 */
export function createCache<T>(limit: number): Cache<T> {
  const kept = new Map<string, T | Promise<T>>();
  return {
    get(key, make) {
      const known = kept.get(key);
      const value = known ?? make();
      kept.delete(key);
      kept.set(key, value); // now the one used last
      if (known === undefined && value instanceof Promise) {
        value.then(
          (settled) => {
            if (kept.get(key) === value) kept.set(key, settled);
          },
          () => {
            if (kept.get(key) === value) kept.delete(key);
          },
        );
      }
      for (const oldest of kept.keys()) {
        if (kept.size <= limit) break;
        kept.delete(oldest);
      }
      return value;
    },
  };
}
