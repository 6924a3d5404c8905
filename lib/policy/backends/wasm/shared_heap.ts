/**
 * Makes the heap of TensorFlow.js's `wasm` backend memory that threads share.
 *
 * The backend declares an unshared memory, whose type is one bit of its binary; a shared one behaves the same, and kernels
 * on other threads can work on it too.
 *
 * @module
 */

/** The section of a WebAssembly binary that declares memories, and the bits of their limits. */
const MEMORY_SECTION = 5, HAS_MAXIMUM = 1, IS_SHARED = 2;
/** Where the first section starts: after the magic number and the version. */
const FIRST_SECTION = 8;

/**
 * Runs with memories shared that instantiated modules declare.
 *
 * @param start Starts the backend.
 */
export async function withSharedMemory(
  start: () => Promise<unknown>,
): Promise<void> {
  const { instantiate } = WebAssembly;
  const share = (bytes: BufferSource, imports?: WebAssembly.Imports) =>
    instantiate(shareMemory(bytes), imports);
  try {
    WebAssembly.instantiate = share as typeof instantiate;
    await start();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

/** A copy of a binary whose memory is shared, if it declares one with a maximum. */
function shareMemory(source: BufferSource): Uint8Array<ArrayBuffer> {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      .slice()
    : new Uint8Array(source).slice();
  let at = FIRST_SECTION;
  const next = () => {
    let number = 0, shift = 0, byte;
    do {
      byte = bytes[at++]!;
      number += (byte & 127) * 2 ** shift;
      shift += 7;
    } while (byte & 128);
    return number;
  };
  while (at < bytes.length) {
    const section = next(), length = next(), end = at + length;
    if (section === MEMORY_SECTION && next() === 1) {
      if (bytes[at]! & HAS_MAXIMUM) bytes[at]! |= IS_SHARED;
    }
    at = end;
  }
  return bytes;
}
