/**
 * GGUF files: metadata by `@huggingface/gguf`, tensors decoded to 32-bit numbers on demand.
 *
 * @module
 */

import { gguf } from "npm:@huggingface/gguf@0.4.6";
import { GGML_FORMATS, type GgmlFormat } from "./ggml_blocks.ts";
import { readBytes, type TensorSource } from "./safetensors.ts";

/** Where a tensor of a GGUF file lies. */
export interface GgufTensor {
  /** Name of its stored format. */
  readonly format: string;
  /** Extent of each axis; the last one varies fastest, as in checkpoints of other formats. */
  readonly shape: readonly number[];
  readonly file: string;
  /** First byte in the file. */
  readonly start: number;
}

/** An open GGUF file. */
export interface GgufFile {
  readonly path: string;
  /** Metadata by name; 64-bit integers are numbers. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Tensors by their names in the file. */
  readonly tensors: TensorSource;
}

/**
 * Opens a GGUF file.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is no whole GGUF file.
 * @throws {TypeError} If a tensor is in a format that is not supported; the message names file, tensor
 * and format.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const { size } = await Deno.stat(path);
  const refuse = (must: string) =>
    new SyntaxError(`Cannot read "${path}" as ${must}`);
  const parsed = await gguf(path, { allowLocalFile: true }).catch((error) => {
    const [reason] = String(error?.message ?? error).split("\n");
    throw refuse(`it must be a whole GGUF file: ${reason}`);
  });
  if (!parsed.littleEndian) throw refuse("its numbers must be little-endian");
  const first = Number(parsed.tensorDataOffset);
  if (first > size) { // the library reads zeros beyond the end
    throw refuse(
      `it must be a whole GGUF file: its header ends at byte ${first} of ${size}`,
    );
  }
  const stored = new Map<
    string,
    GgufTensor & { kind: GgmlFormat; bytes: number }
  >();
  for (const { name, shape: reversed, dtype, offset } of parsed.tensorInfos) {
    const kind = GGML_FORMATS.get(dtype);
    if (!kind) {
      const known = [...GGML_FORMATS.values()].map(({ name }) => name).join(
        ", ",
      );
      throw new TypeError(
        `Cannot read "${path}" as tensor "${name}" must be stored as one of ${known}: current value is format ${dtype} of GGML`,
      );
    }
    const shape = reversed.map(Number).reverse();
    const width = shape.at(-1) ?? 1;
    if (width % kind.numbers !== 0) {
      throw refuse(
        `tensor "${name}" (${kind.name}) must have rows of whole blocks of ${kind.numbers} numbers: current value is ${width}`,
      );
    }
    const count = shape.reduce((product, n) => product * n, 1);
    const bytes = count / kind.numbers * kind.bytes;
    const start = first + Number(offset);
    if (start + bytes > size) {
      throw refuse(
        `tensor "${name}" (${kind.name} [${shape}]) must lie within the file of ${size} bytes: current value is bytes ${start} to ${
          start + bytes
        }`,
      );
    }
    stored.set(name, {
      format: kind.name,
      shape,
      file: path,
      start,
      kind,
      bytes,
    });
  }
  return {
    path,
    metadata: plainNumbers(parsed.metadata),
    tensors: {
      path,
      tensors: stored,
      async read(name) {
        const tensor = stored.get(name);
        if (!tensor) {
          throw new TypeError(
            `Cannot read "${path}" as it must hold tensor "${name}": it has ${stored.size} others`,
          );
        }
        const { start, bytes, kind, shape } = tensor;
        const data = await readBytes(path, start, start + bytes);
        return { shape, values: kind.decode(data) };
      },
    },
  };
}

/** 64-bit integers as numbers. */
function plainNumbers(metadata: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map((
      [name, value],
    ) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}
