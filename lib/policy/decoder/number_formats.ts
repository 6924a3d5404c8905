/**
 * Formats of stored numbers: bytes to 32-bit numbers and back.
 *
 * @module
 */

/** Name of a stored format. */
export type StoredFormat =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U8"
  | "BOOL";

/** Bytes of one number in each stored format. */
export const ELEMENT_BYTES: Readonly<Record<StoredFormat, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Formats in which real numbers can be written. */
export type FloatFormat = "F32" | "F16" | "BF16";

/** Encodes numbers; real ones in the format asked for, rounded to the nearest (ties to even). */
export function encodeValues(
  values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
  format: FloatFormat,
): { bytes: Uint8Array<ArrayBuffer>; format: StoredFormat } {
  if (values instanceof Int32Array) {
    return { bytes: bytesOf(values), format: "I32" };
  }
  switch (format) {
    case "F32":
      return { bytes: bytesOf(values), format };
    case "F16":
      return { bytes: bytesOf(new Float16Array(values)), format };
    case "BF16":
      return { bytes: bytesOf(roundToBfloat16(values)), format };
  }
}

/** Upper halves of the bits, rounded. */
function roundToBfloat16(
  values: Float32Array<ArrayBuffer>,
): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i]!;
    halves[i] = Number.isNaN(values[i]!)
      ? (bit >>> 16) | 0x40 // rounding could turn it into an infinity
      : (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/**
 * Decodes numbers to 32 bits.
 *
 * @throws {RangeError} If a 64-bit integer does not fit.
 */
export function decodeValues(
  bytes: Uint8Array<ArrayBuffer>,
  format: StoredFormat,
): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> {
  // Views need aligned offsets; a copy has offset 0.
  const { buffer } = bytes.byteOffset === 0 ? bytes : bytes.slice();
  const count = bytes.length / ELEMENT_BYTES[format];
  switch (format) {
    case "F64":
      return new Float32Array(new Float64Array(buffer, 0, count));
    case "F32":
      return new Float32Array(buffer, 0, count);
    case "F16":
      return new Float32Array(new Float16Array(buffer, 0, count));
    case "BF16": {
      const halves = new Uint16Array(buffer, 0, count);
      const bits = new Uint32Array(count);
      for (let i = 0; i < count; i++) bits[i] = halves[i]! << 16;
      return new Float32Array(bits.buffer);
    }
    case "I64":
      return Int32Array.from(
        new BigInt64Array(buffer, 0, count),
        narrowInteger,
      );
    case "I32":
      return new Int32Array(buffer, 0, count);
    case "I16":
      return Int32Array.from(new Int16Array(buffer, 0, count));
    case "I8":
      return Int32Array.from(new Int8Array(buffer, 0, count));
    case "U8":
    case "BOOL":
      return Int32Array.from(new Uint8Array(buffer, 0, count));
  }
}

/** A 64-bit integer in 32 bits. */
function narrowInteger(value: bigint): number {
  if (value !== BigInt.asIntN(32, value)) {
    throw new RangeError(
      `Cannot read a 64-bit integer as it must fit into 32 bits: current value is ${value}`,
    );
  }
  return Number(value);
}

/** The bytes under a view. */
function bytesOf(
  view: ArrayBufferView<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
