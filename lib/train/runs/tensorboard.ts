/**
 * Scalars as TensorBoard event files: protocol-buffer events in TFRecord frames.
 *
 * A frame is the length (64-bit little-endian), the masked CRC-32C of those eight bytes, the event,
 * and the masked CRC-32C of the event.
 *
 * @see {@link https://www.tensorflow.org/tutorials/load_data/tfrecord | TFRecord} for the framing
 *
 * @module
 */

/** Numbers at one step, and when they were written. */
interface ScalarEvent {
  /** Iteration. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** Numbers by tag. */
  readonly scalars: Readonly<Record<string, number>>;
}

/** Encodes the event that every file starts with as one TFRecord; `wallTime` in seconds since 1970. */
export function encodeFileVersion(wallTime: number): Uint8Array<ArrayBuffer> {
  const version = lengthDelimited(3, text("brain.Event:2"));
  return frame(concatenated([double(1, wallTime), version]));
}

/** Encodes scalars at one step as one TFRecord. */
export function encodeScalars(event: ScalarEvent): Uint8Array<ArrayBuffer> {
  const values = Object.entries(event.scalars).map(([tag, value]) =>
    lengthDelimited(
      1,
      concatenated([lengthDelimited(1, text(tag)), float(2, value)]),
    )
  );
  return frame(concatenated([
    double(1, event.wallTime),
    concatenated([varint(2 << 3), varint(event.step)]),
    lengthDelimited(5, concatenated(values)),
  ]));
}

/** Computes CRC-32C (Castagnoli), reflected, as an unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function frame(event: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(12 + event.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(event.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(event, 12);
  view.setUint32(12 + event.length, maskedCrc(event), true);
  return record;
}

function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    bytes.push((rest % 0x80) | 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function lengthDelimited(field: number, content: Uint8Array): Uint8Array {
  const head = [varint((field << 3) | 2), varint(content.length)];
  return concatenated([...head, content]);
}

function double(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = (field << 3) | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = (field << 3) | 5;
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return bytes;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
