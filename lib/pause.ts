/**
 * Pauses in long computations, at which they can be stopped.
 *
 * @module
 */

/** Milliseconds of computing between two turns of the event loop. */
const INTERVAL = 50;

/** How computations that do not wait find out that their signal has to be aborted. */
const LOOKS = new WeakMap<AbortSignal, () => void>();

/**
 * Lets computations that hold the thread for minutes, such as a gradient of a large model, ask by themselves whether
 * they have to stop: events do not arrive meanwhile.
 *
 * @param signal What stops them.
 * @param look Aborts the signal if that is due; reads shared memory, for example.
 */
export function lookWhileComputing(
  signal: AbortSignal,
  look: () => void,
): void {
  LOOKS.set(signal, look);
}

/** Throws the signal's reason if it is aborted, or has to be; see {@linkcode lookWhileComputing}. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (!signal) return;
  LOOKS.get(signal)?.();
  signal.throwIfAborted();
}

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
    throwIfStopped(signal);
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
