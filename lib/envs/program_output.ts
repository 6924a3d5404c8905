/**
 * What a world's program writes before it fails: the end of its error stream, kept for a message.
 *
 * @module
 */

/** Most characters that are kept. */
const KEPT = 2_000;

/** The end of a stream of text. */
export interface KeptOutput {
  /** The last 2,000 characters so far. */
  readonly text: string;
  /** Settles when the stream has ended. */
  readonly ended: Promise<void>;
  /** Adds text from elsewhere. */
  add(text: string): void;
}

/**
 * Reads a program's output to its end, so that a full pipe does not stop the program.
 *
 * @param stream Bytes of UTF-8.
 * @returns What was written, in so far as it is kept.
 */
export function keepOutput(stream: ReadableStream<Uint8Array>): KeptOutput {
  let text = "";
  const add = (more: string) => {
    text = (text + more).slice(-KEPT);
  };
  const read = async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of stream) {
        add(decoder.decode(chunk, { stream: true }));
      }
    } catch {
      // The program has ended.
    }
  };
  return {
    get text() {
      return text;
    },
    ended: read(),
    add,
  };
}
