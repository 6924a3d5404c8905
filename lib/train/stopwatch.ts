/**
 * How long the stages of an iteration take.
 *
 * @module
 */

/** Seconds by stage. */
export type Laps = Readonly<Record<string, number>>;

/** Measures stages that follow one another. */
export interface Stopwatch {
  /** Ends a stage: the time since the last one ended is its. */
  lap(stage: string): void;
  /** Seconds of every stage so far; a stage that ended twice has both. */
  laps(): Laps;
}

/**
 * Starts a stopwatch.
 *
 * @returns A stopwatch whose first stage begins now.
 */
export function startStopwatch(): Stopwatch {
  const seconds: Record<string, number> = {};
  let last = performance.now();
  return {
    lap(stage) {
      const now = performance.now();
      seconds[stage] = (seconds[stage] ?? 0) + (now - last) / 1000;
      last = now;
    },
    laps: () => ({ ...seconds }),
  };
}
