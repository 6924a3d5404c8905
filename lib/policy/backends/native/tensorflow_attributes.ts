/**
 * Settings of TensorFlow's operations, handed to native code.
 *
 * @module
 */

import type { TensorflowContext } from "./tensorflow_context.ts";

/** Kinds of settings: `TF_AttrType` of `tensorflow/c/c_api.h`. */
export const ATTRIBUTE = {
  string: 0,
  int: 1,
  float: 2,
  bool: 3,
  type: 4,
  shape: 5,
} as const;

/** A setting of an operation. */
export interface OperationAttribute {
  /** Its name. */
  readonly name: string;
  /** Its kind: one of {@linkcode ATTRIBUTE}. */
  readonly type: number;
  /** One value, or a list of values of that kind. */
  readonly value: unknown;
}

const ENCODER = new TextEncoder();
const NAMES = new Map<string, Uint8Array<ArrayBuffer>>();

/**
 * Encodes a name for native code, which goes on reading it after the call: it never moves.
 *
 * @param text The name.
 * @returns Zero-terminated UTF-8.
 */
export function nativeName(text: string): Uint8Array<ArrayBuffer> {
  let name = NAMES.get(text);
  if (!name) NAMES.set(text, name = ENCODER.encode(`${text}\0`));
  return name;
}

/**
 * Sets one attribute of an operation that is being prepared.
 *
 * @param context Where it will be executed.
 * @param operation The operation.
 * @param attribute Name, kind and value.
 * @throws {TypeError} If there is no such kind, or TensorFlow refuses a shape.
 */
export function setAttribute(
  context: TensorflowContext,
  operation: Deno.PointerValue,
  attribute: OperationAttribute,
): void {
  const { library: { symbols }, status } = context;
  const { name: key, type, value } = attribute;
  const name = nativeName(key);
  if (Array.isArray(value) && type !== ATTRIBUTE.shape) {
    return setList(context, operation, { name: key, type, value });
  }
  switch (type) {
    case ATTRIBUTE.string: {
      const text = ENCODER.encode(String(value));
      const length = BigInt(text.length);
      return symbols.TFE_OpSetAttrString(operation, name, text, length);
    }
    case ATTRIBUTE.int: {
      const integer = BigInt(Number(value));
      return symbols.TFE_OpSetAttrInt(operation, name, integer);
    }
    case ATTRIBUTE.float:
      return symbols.TFE_OpSetAttrFloat(operation, name, Number(value));
    case ATTRIBUTE.bool:
      return symbols.TFE_OpSetAttrBool(operation, name, Number(Boolean(value)));
    case ATTRIBUTE.type:
      return symbols.TFE_OpSetAttrType(operation, name, Number(value));
    case ATTRIBUTE.shape: {
      const shape = BigInt64Array.from(value as number[], BigInt);
      symbols.TFE_OpSetAttrShape(operation, name, shape, shape.length, status);
      return context.check(`set the shape "${key}"`);
    }
  }
  throw unknownKind(attribute);
}

/** Sets an attribute that is a list. */
function setList(
  { library: { symbols } }: TensorflowContext,
  operation: Deno.PointerValue,
  attribute: OperationAttribute & { value: unknown[] },
): void {
  const name = nativeName(attribute.name);
  const numbers = attribute.value.map(Number), { length } = numbers;
  switch (attribute.type) {
    case ATTRIBUTE.int: {
      const list = BigInt64Array.from(numbers, BigInt);
      return symbols.TFE_OpSetAttrIntList(operation, name, list, length);
    }
    case ATTRIBUTE.float: {
      const list = Float32Array.from(numbers);
      return symbols.TFE_OpSetAttrFloatList(operation, name, list, length);
    }
    case ATTRIBUTE.type: {
      const list = Int32Array.from(numbers);
      return symbols.TFE_OpSetAttrTypeList(operation, name, list, length);
    }
  }
  throw unknownKind(attribute);
}

function unknownKind({ name, type }: OperationAttribute): TypeError {
  return new TypeError(
    `Cannot set the attribute "${name}" as its kind must be text, a truth value, a shape, or ` +
      `one or several integers, floats or types: current value is kind ${type}`,
  );
}
