/**
 * Pauses in long computations, at which they can be stopped.
 *
 * @module
 */

/** Milliseconds of computing between two turns of the event loop. */
const INTERVAL = 50;

/**
 * Makes a pause for a loop that computes without waiting for anything: a turn of the event loop every 50 ms, so that
 * the signals of a process and its timers arrive.
 *
 * @param signal Ends the loop by throwing its reason from the pause; absent means that nothing stops it.
 * @returns What the loop awaits where it may be stopped; it takes no time where no pause is due.
 */
export function createPause(
  signal: AbortSignal | undefined,
): () => Promise<void> | undefined {
  if (!signal) return () => undefined;
  let last = performance.now();
  return () => {
    signal.throwIfAborted();
    if (performance.now() - last < INTERVAL) return undefined;
    return new Promise((resolve, reject) =>
      setTimeout(() => {
        last = performance.now();
        if (signal.aborted) reject(signal.reason);
        else resolve();
      }, 0)
    );
  };
}
