/**
 * Rows of a JSON array too large for one string, cut out of a stream of bytes.
 *
 * @module
 */

import { parseJson, reasonOf } from "../../text_file.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c;
const OPENING = [0x5b, 0x7b], CLOSING = [0x5d, 0x7d];
const SPACES = [0x20, 0x09, 0x0a, 0x0d];

/**
 * Parses the elements of a JSON array one by one from a stream of chunks of any size; if `lenient`,
 * damage ends the rows without an error.
 *
 * @throws {SyntaxError} If the file is no JSON array; the message names file, byte and row.
 */
export async function* readJsonRows(
  bytes: AsyncIterable<Uint8Array>,
  options: { name: string; lenient?: boolean },
): AsyncGenerator<unknown> {
  const { name, lenient = false } = options;
  let row = 0, offset = 0;
  try {
    const scanner = createScanner();
    for await (const chunk of bytes) {
      let from = 0;
      while (from < chunk.length) {
        const used = scanner.scan(chunk, from);
        from += used;
        offset += used;
        const slice = scanner.take();
        if (!slice) continue;
        yield parseJson(
          new TextDecoder("utf-8", { fatal: true }).decode(slice),
          `row ${row}`,
        );
        row++;
      }
    }
    scanner.finish();
  } catch (error) {
    if (lenient) return;
    throw new SyntaxError(
      `Cannot read "${name}" as it must be a JSON array in UTF-8: byte ${offset}, row ${row}: ${
        reasonOf(error)
      }`,
      { cause: error },
    );
  }
}

/** Follows strings and brackets byte by byte and gathers the bytes of one element at a time. */
function createScanner() {
  let pieces: Uint8Array[] = [];
  let depth = 0, inString = false, escaped = false, ended = false;
  let complete = false, filled = false;

  /** Classifies one byte: part of an element, its end, or neither. */
  function judge(byte: number): "element" | "end" | "outside" {
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) inString = false;
      return "element";
    }
    if (SPACES.includes(byte)) return filled ? "element" : "outside";
    if (ended) throw new SyntaxError("text after the array");
    if (depth === 0) {
      if (byte === 0xef || byte === 0xbb || byte === 0xbf) return "outside"; // byte order mark
      if (byte !== OPENING[0]) throw new SyntaxError("no array");
      depth = 1;
      return "outside";
    }
    if (byte === QUOTE) inString = true;
    else if (OPENING.includes(byte)) depth++;
    else if (CLOSING.includes(byte)) {
      if (--depth > 0) return "element";
      ended = true;
      return "end";
    } else if (byte === COMMA && depth === 1) return "end";
    return "element";
  }
  return {
    /** Scans up to the end of an element or of the chunk; returns how many bytes it used. */
    scan(chunk: Uint8Array, from: number): number {
      let start = -1;
      for (let i = from; i < chunk.length; i++) {
        const meaning = judge(chunk[i]!);
        if (meaning === "element") {
          filled = true;
          if (start < 0) start = i;
        } else if (meaning === "end") {
          if (start >= 0) pieces.push(chunk.subarray(start, i));
          complete = filled;
          return i + 1 - from;
        }
      }
      if (start >= 0) pieces.push(chunk.slice(start));
      return chunk.length - from;
    },
    /** The bytes of the element that was just completed, if one was. */
    take(): Uint8Array | undefined {
      if (!complete) return undefined;
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const whole = new Uint8Array(length);
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      pieces = [];
      complete = filled = false;
      return whole;
    },
    /** Checks that the array was closed. */
    finish(): void {
      if (!ended) throw new SyntaxError("the file ends inside the array");
    },
  };
}
