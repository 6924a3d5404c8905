/**
 * Matrices of 16-bit numbers as tensors: two numbers to a 32-bit word.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/**
 * A frozen matrix of numbers of 16 bits.
 *
 * @throws {RangeError} If a row is of odd length.
 */
export function packedVariable(
  name: string,
  { shape: [rows, width], bytes }: {
    shape: readonly [number, number];
    bytes: Uint8Array<ArrayBuffer>;
  },
): tf.Variable {
  if (width % 2 !== 0) {
    throw new RangeError(
      `Cannot store "${name}" in 16 bits as its rows must have an even length: current value is ${width}`,
    );
  }
  const { buffer } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(
    buffer,
    bytes.byteOffset % 4 === 0 ? bytes.byteOffset : 0,
    rows * width / 2,
  );
  return tf.tidy(() =>
    tf.variable(tf.tensor2d(words, [rows, width / 2], "int32"), false)
  );
}
