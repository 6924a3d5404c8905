/**
 * Stopping by Ctrl-C and SIGTERM, within a layer of a model too: a gradient of a large model holds the thread for
 * minutes, and events do not arrive meanwhile.
 *
 * @module
 */

import { lookWhileComputing } from "../mod/language.ts";
import type { Order } from "./stop_watch.ts";

/** Signals that ask a process to end; Windows has the first alone. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Milliseconds for which a second signal counts as the first: a terminal and a task may both pass it on. */
const SAME = 500;

/** A process that can be asked to end. */
export interface Stopping extends Disposable {
  /** Aborted by the first signal; computations ask by themselves whether one has come. */
  readonly signal: AbortSignal;
}

/**
 * Takes the first Ctrl-C or SIGTERM as a request; a second one ends the process, as everywhere.
 *
 * @param onStop Is called when the request comes.
 */
export function stopOnSignals(onStop: () => void): Stopping {
  const stop = new AbortController();
  const flag = new SharedArrayBuffer(4), shared = new Int32Array(flag);
  const watch = new Worker(new URL("stop_watch.ts", import.meta.url), {
    type: "module",
  });
  watch.postMessage({ flag, names: SIGNALS } satisfies Order);
  let removal: ReturnType<typeof setTimeout> | undefined;
  const ignore = () => {
    clearTimeout(removal);
    for (const name of SIGNALS) Deno.removeSignalListener(name, onSignal);
    watch.terminate();
  };
  const onSignal = () => {
    if (stop.signal.aborted) return;
    onStop();
    stop.abort(new Error("interrupted"));
    removal = setTimeout(ignore, SAME);
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, onSignal);
  lookWhileComputing(stop.signal, () => {
    if (Atomics.load(shared, 0) === 1) onSignal();
  });
  return { signal: stop.signal, [Symbol.dispose]: ignore };
}
