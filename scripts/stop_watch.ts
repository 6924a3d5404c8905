/**
 * The thread of {@linkcode stopOnSignals} that takes notice of a signal while the first one computes.
 *
 * @module
 */

const scope: unknown = globalThis;
const worker = scope as DedicatedWorkerGlobalScope;

interface DedicatedWorkerGlobalScope {
  onmessage: (event: MessageEvent<Order>) => void;
}

/** What the first thread asks for. */
export interface Order {
  /** Where a 1 is stored when a signal has come. */
  readonly flag: SharedArrayBuffer;
  readonly names: readonly Deno.Signal[];
}

worker.onmessage = ({ data: { flag, names } }) => {
  const notice = () => {
    Atomics.store(new Int32Array(flag), 0, 1);
    // A second signal does what it does everywhere.
    for (const name of names) Deno.removeSignalListener(name, notice);
  };
  for (const name of names) Deno.addSignalListener(name, notice);
};
