/**
 * Weights on disk in the safetensors format: one file, or shards under an index.
 *
 * @module
 */

import { isObject, readJsonObject } from "../../text_file.ts";
import {
  decodeValues,
  ELEMENT_BYTES,
  encodeValues,
  type FloatFormat,
  type StoredFormat,
} from "./number_formats.ts";

/** Numbers with a shape. */
export interface TensorValues {
  /** Extent of each axis; the last one varies fastest. */
  readonly shape: readonly number[];
  /** The numbers. Shape `(product of shape,)`. */
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** Where a tensor lies. */
export interface StoredTensor {
  /** How its numbers are stored. */
  readonly format: StoredFormat;
  /** Extent of each axis. */
  readonly shape: readonly number[];
  /** File that holds it. */
  readonly file: string;
  /** First byte in the file. */
  readonly start: number;
  /** One past the last byte in the file. */
  readonly end: number;
}

/** Tensors on disk, read on demand. */
export interface TensorSource {
  /** File or folder that holds them. */
  readonly path: string;
  /** Stored tensors by name: format, shape and file. */
  readonly tensors: ReadonlyMap<
    string,
    {
      readonly format: string;
      readonly shape: readonly number[];
      readonly file: string;
    }
  >;
  /** Reads one tensor as 32-bit numbers; see {@linkcode Safetensors.read}. */
  read(name: string, shape?: readonly number[]): Promise<TensorValues>;
  /** Reads the bytes of a tensor that is stored as bfloat16, with the same checks. */
  readHalves?(
    name: string,
    shape: readonly number[],
  ): Promise<Uint8Array<ArrayBuffer>>;
}

/** An open checkpoint; tensors are read on demand. */
export interface Safetensors {
  /** File or folder that was opened. */
  readonly path: string;
  /** Stored tensors by name, in the order of the files. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Metadata of the files. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads one tensor as 32-bit numbers; throws a `TypeError` that names the file and the tensor
   * if it is missing or its shape is not the one expected.
   */
  read(name: string, shape?: readonly number[]): Promise<TensorValues>;
  /** Reads the bytes of a tensor that is stored as bfloat16, with the same checks. */
  readHalves(
    name: string,
    shape: readonly number[],
  ): Promise<Uint8Array<ArrayBuffer>>;
}

/** Options for {@linkcode writeSafetensors}. */
export interface WriteSafetensorsOptions {
  /** How real numbers are stored; integers stay `I32`. @default {"F32"} */
  format?: FloatFormat;
  /** Texts to store with the tensors. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes tensors to one file, atomically.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { openSafetensors, writeSafetensors } from "@hiper/lab/language";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * const values = new Float32Array([1, 2, 3, 4, 5, 6]);
 * await writeSafetensors(path, { weight: { shape: [2, 3], values } });
 * const checkpoint = await openSafetensors(path);
 * deepStrictEqual(await checkpoint.read("weight"), { shape: [2, 3], values });
 * await Deno.remove(path);
 * ```
 *
 * @param path File to write; its folder must exist.
 * @param tensors Numbers by name.
 * @param options Format and metadata.
 * @throws {RangeError} If a tensor has more or fewer numbers than its shape has.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorValues>>,
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  const { format = "F32", metadata } = options;
  const header: Record<string, unknown> = {};
  if (metadata) header["__metadata__"] = metadata;
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    if (values.length !== sizeOf(shape)) {
      throw new RangeError(
        `Cannot write "${path}" as tensor "${name}" of shape [${shape}] must have ` +
          `${sizeOf(shape)} numbers: current value is ${values.length}`,
      );
    }
    const encoded = encodeValues(values, format);
    const end = offset + encoded.bytes.length;
    header[name] = {
      dtype: encoded.format,
      shape,
      data_offsets: [offset, end],
    };
    parts.push(encoded.bytes);
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  await writeWhole(path, [length, padded, ...parts]);
}

/** Writes a temporary file and renames it, so that readers see no partial file. */
async function writeWhole(path: string, parts: readonly Uint8Array[]) {
  const partial = `${path}.partial`;
  try {
    using file = await Deno.create(partial);
    for (const part of parts) {
      let written = 0;
      while (written < part.length) {
        written += await file.write(part.subarray(written));
      }
    }
    await file.sync();
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw error;
  }
  await Deno.rename(partial, path);
}

/**
 * Opens a checkpoint: a `.safetensors` file, an index of shards (`.index.json`), or a folder
 * that holds `model.safetensors` or `model.safetensors.index.json`.
 *
 * @param path File or folder.
 * @returns The stored tensors, read on demand.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If a file is not in the format, or a shard of an index is missing; the
 * message names it and what is wrong.
 */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const files = await filesOf(path);
  const tensors = new Map<string, StoredTensor>();
  const metadata: Record<string, string> = {};
  for (const [file, expected] of files) {
    const header = await readHeader(file).catch((error) => {
      const [first] = expected;
      if (!(error instanceof Deno.errors.NotFound) || !first) throw error;
      throw new SyntaxError(
        `Cannot read "${path}" as shard "${file}" must be there and hold tensor "${first}": there is no such file`,
        { cause: error },
      );
    });
    Object.assign(metadata, header.metadata);
    for (const [name, tensor] of header.tensors) tensors.set(name, tensor);
    for (const name of expected) {
      if (header.tensors.has(name)) continue;
      throw new SyntaxError(
        `Cannot read "${path}" as shard "${file}" must hold tensor "${name}": it does not`,
      );
    }
  }
  return {
    path,
    tensors,
    metadata,
    read: async (name, shape) => {
      const { stored, bytes } = await readStored({
        path,
        tensors,
        name,
        shape,
      });
      return {
        shape: stored.shape,
        values: decodeValues(bytes, stored.format),
      };
    },
    readHalves: async (name, shape) => {
      const { stored, bytes } = await readStored({
        path,
        tensors,
        name,
        shape,
      });
      if (stored.format === "BF16") return bytes;
      throw new TypeError(
        `Cannot read "${stored.file}" as tensor "${name}" must be stored as BF16: current value is ${stored.format}`,
      );
    },
  };
}

/** Files of a checkpoint, each with the tensors an index expects in it. */
async function filesOf(path: string): Promise<Map<string, string[]>> {
  let index = path;
  if ((await Deno.stat(path)).isDirectory) {
    const single = `${path}/model.safetensors`;
    const whole = await Deno.stat(single).catch(() => undefined);
    if (whole) return new Map([[single, []]]);
    index = `${path}/model.safetensors.index.json`;
  }
  if (!index.endsWith(".json")) return new Map([[index, []]]);
  const folder = index.slice(0, index.lastIndexOf("/") + 1);
  const files = new Map<string, string[]>();
  const { weight_map: places } = await readJsonObject(index);
  if (!isObject(places)) {
    throw new SyntaxError(
      `Cannot read "${index}" as "weight_map" must say which file holds which tensor: it is missing`,
    );
  }
  for (const [name, file] of Object.entries(places)) {
    if (typeof file !== "string") {
      throw new SyntaxError(
        `Cannot read "${index}" as "weight_map" must name the file of tensor "${name}": current value is ${file}`,
      );
    }
    const names = files.getOrInsert(folder + file, []);
    names.push(name);
  }
  return files;
}

/** The header of one file. */
async function readHeader(
  file: string,
): Promise<
  { tensors: Map<string, StoredTensor>; metadata: Record<string, string> }
> {
  const refuse = (must: string) =>
    new SyntaxError(`Cannot read "${file}" as ${must}`);
  const { size } = await Deno.stat(file);
  if (size < 8) {
    throw refuse(`it must have at least 8 bytes: current value is ${size}`);
  }
  const first = await readBytes(file, 0, 8);
  const length = Number(new DataView(first.buffer).getBigUint64(0, true));
  if (length > size - 8) {
    throw refuse(
      `its header of ${length} bytes must fit into the file: ${size} bytes are there`,
    );
  }
  const text = new TextDecoder().decode(await readBytes(file, 8, 8 + length));
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw refuse(`its header must be JSON: ${(error as Error).message}`);
  }
  if (!isObject(header)) {
    throw refuse("its header must say where each tensor is: it is no object");
  }
  const { __metadata__: metadata, ...entries } = header;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const place = { file, size, first: 8 + length };
    tensors.set(name, readEntry(name, entry, place, refuse));
  }
  return { tensors, metadata: (metadata ?? {}) as Record<string, string> };
}

/** The header's entry of one tensor, checked. */
function readEntry(
  name: string,
  entry: unknown,
  place: { file: string; size: number; first: number },
  refuse: (must: string) => SyntaxError,
): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  const { file, size, first } = place;
  if (typeof dtype !== "string" || !(dtype in ELEMENT_BYTES)) {
    throw refuse(
      `tensor "${name}" must be stored as one of ${
        Object.keys(ELEMENT_BYTES).join(", ")
      }: current value is ${dtype}`,
    );
  }
  if (!isNumbers(shape) || !isNumbers(offsets) || offsets.length !== 2) {
    throw refuse(`tensor "${name}" must have a shape and two offsets`);
  }
  const format = dtype as StoredFormat;
  const start = first + offsets[0]!, end = first + offsets[1]!;
  const bytes = sizeOf(shape) * ELEMENT_BYTES[format];
  if (end - start !== bytes || end > size) {
    throw refuse(
      `tensor "${name}" (${dtype} [${shape}]) must have ${bytes} bytes within the file of ` +
        `${size} bytes: current value is bytes ${start} to ${end}`,
    );
  }
  return { format, shape, file, start, end };
}

/** Reads the bytes of one tensor and checks its shape. */
async function readStored(
  options: {
    path: string;
    tensors: ReadonlyMap<string, StoredTensor>;
    name: string;
    shape: readonly number[] | undefined;
  },
): Promise<{ stored: StoredTensor; bytes: Uint8Array<ArrayBuffer> }> {
  const { path, tensors, name, shape: expected } = options;
  const stored = tensors.get(name);
  if (!stored) {
    throw new TypeError(
      `Cannot read "${path}" as it must hold tensor "${name}"` +
        (expected ? ` of shape [${expected}]` : "") + `: it has ` +
        (tensors.size === 0 ? "none" : `${tensors.size} others`),
    );
  }
  const { shape, file, start, end } = stored;
  if (expected && String(expected) !== String(shape)) {
    throw new TypeError(
      `Cannot read "${file}" as tensor "${name}" must have shape [${expected}]: ` +
        `current value is [${shape}]`,
    );
  }
  return { stored, bytes: await readBytes(file, start, end) };
}

/**
 * Reads bytes `[start, end)` of a file.
 *
 * @throws {SyntaxError} If the file ends before.
 */
export async function readBytes(
  path: string,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  await file.seek(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) {
      throw new SyntaxError(
        `Cannot read "${path}" as it must have ${end} bytes: it ends after ${
          start + filled
        }`,
      );
    }
    filled += count;
  }
  return bytes;
}

/** Numbers a shape holds. */
function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Whether a value is a list of non-negative integers. */
function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((x) => Number.isSafeInteger(x) && x >= 0);
}
