/**
 * The native binding that TensorFlow.js calls: tensors by number, operations by name.
 *
 * @module
 */

import type { TFJSBinding } from "npm:@tensorflow/tfjs-node@4.22.0/dist/tfjs_binding.js";
import {
  ATTRIBUTE,
  nativeName,
  type OperationAttribute,
  setAttribute,
  type TensorflowContext,
} from "./tensorflow_library.ts";

/** Types of tensors: `TF_DataType` of `tensorflow/c/tf_datatype.h`. */
const TYPE = {
  float: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  resource: 20,
} as const;

/** Arrays that hold the numbers of a type. */
const ARRAYS = {
  [TYPE.float]: Float32Array,
  [TYPE.int32]: Int32Array,
  [TYPE.uint8]: Uint8Array,
  [TYPE.bool]: Uint8Array,
} as const;

/** A type whose numbers can be written and read. */
type PlainType = keyof typeof ARRAYS;

/** Metadata of an operation's output. */
class Metadata {
  id = 0;
  shape: number[] = [];
  dtype = 0;
}

/** An attribute as TensorFlow.js writes it. */
class Attribute implements OperationAttribute {
  name = "";
  type = 0;
  value: boolean | number | object | string | number[] = 0;
}

/** Executes the operations of `@tensorflow/tfjs-node` through TensorFlow's C interface. */
export class TensorflowBinding implements TFJSBinding {
  readonly TensorMetadata = Metadata;
  readonly TFEOpAttr = Attribute;
  readonly TF_FLOAT = TYPE.float;
  readonly TF_INT32 = TYPE.int32;
  readonly TF_INT64 = TYPE.int64;
  readonly TF_BOOL = TYPE.bool;
  readonly TF_COMPLEX64 = TYPE.complex64;
  readonly TF_STRING = TYPE.string;
  readonly TF_RESOURCE = TYPE.resource;
  readonly TF_UINT8 = TYPE.uint8;
  readonly TF_ATTR_STRING = ATTRIBUTE.string;
  readonly TF_ATTR_INT = ATTRIBUTE.int;
  readonly TF_ATTR_FLOAT = ATTRIBUTE.float;
  readonly TF_ATTR_BOOL = ATTRIBUTE.bool;
  readonly TF_ATTR_TYPE = ATTRIBUTE.type;
  readonly TF_ATTR_SHAPE = ATTRIBUTE.shape;
  readonly TF_ATTR_RESOURCE = TYPE.resource;
  readonly TF_Version: string;
  readonly context: TensorflowContext;
  readonly #gpu: boolean;
  readonly #handles = new Map<number, Deno.PointerValue>();
  #next = 0;

  /**
   * Makes a binding without tensors.
   *
   * @param context Where operations are executed.
   * @throws {TypeError} If TensorFlow cannot list its devices.
   */
  constructor(context: TensorflowContext) {
    this.context = context;
    this.TF_Version = context.library.version;
    this.#gpu = context.devices().some(({ kind }) => kind === "GPU");
  }

  /** Whether operations are executed on a GPU. */
  isUsingGpuDevice(): boolean {
    return this.#gpu;
  }

  /** Tensors not yet deleted. */
  getNumOfTensors(): number {
    return this.#handles.size;
  }

  /**
   * Copies numbers to TensorFlow.
   *
   * @param shape Shape of the tensor.
   * @throws {TypeError} If there are no tensors of that type here.
   * @throws {RangeError} If there are not as many numbers as the shape says.
   */
  createTensor(shape: number[], dtype: number, values: unknown): number {
    const { library: { symbols }, status } = this.context;
    const size = shape.reduce((product, n) => product * n, 1);
    const source = asNumbers(dtype, values);
    if (
      source.byteLength !==
        size * (dtype === TYPE.int64 ? 8 : source.BYTES_PER_ELEMENT)
    ) {
      throw new RangeError(
        `Cannot create a tensor as its shape (${shape}) must hold its numbers: there are ${source.length}`,
      );
    }
    const bytes = source.byteLength;
    const dimensions = BigInt64Array.from(shape, BigInt);
    const tensor = symbols.TF_AllocateTensor(
      ...[dtype, dimensions, shape.length, BigInt(bytes)] as const,
    );
    if (tensor === null) {
      throw new RangeError(
        `Cannot create a tensor as there must be memory for it: current value is ${bytes} bytes`,
      );
    }
    const view = new Uint8Array(source.buffer, source.byteOffset, bytes);
    bytesOf(symbols.TF_TensorData(tensor), bytes).set(view);
    const handle = symbols.TFE_NewTensorHandle(tensor, status);
    symbols.TF_DeleteTensor(tensor);
    this.context.check("create a tensor");
    return this.#keep(handle);
  }

  deleteTensor(id: number): void {
    this.context.library.symbols.TFE_DeleteTensorHandle(this.#handle(id));
    this.#handles.delete(id);
  }

  /**
   * Copies the numbers of a tensor, synchronously.
   *
   * @throws {TypeError} If its type has no numbers, or computing them failed.
   */
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array {
    const { library: { symbols }, status } = this.context;
    const handle = this.#handle(id);
    const dtype = symbols.TFE_TensorHandleDataType(handle);
    const wide = dtype === TYPE.int64;
    const List = wide ? BigInt64Array : ARRAYS[plainType(dtype)];
    const tensor = symbols.TFE_TensorHandleResolve(handle, status);
    this.context.check("read a tensor");
    const bytes = Number(symbols.TF_TensorByteSize(tensor));
    const copy = bytesOf(symbols.TF_TensorData(tensor), bytes).slice().buffer;
    symbols.TF_DeleteTensor(tensor);
    const numbers = new List(copy);
    return numbers instanceof BigInt64Array
      ? Int32Array.from(numbers, Number)
      : numbers;
  }

  /**
   * Executes an operation.
   *
   * @throws {TypeError} If TensorFlow refuses or fails; the message holds TensorFlow's.
   */
  executeOp(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): Metadata[] {
    const { library: { symbols }, status, pointer } = this.context;
    const operation = symbols.TFE_NewOp(pointer, nativeName(name), status);
    this.context.check(`prepare "${name}"`);
    const made = new BigUint64Array(outputs), count = Int32Array.of(outputs);
    try {
      for (const attribute of attributes) {
        setAttribute(this.context, operation, attribute);
      }
      for (const input of inputs) {
        symbols.TFE_OpAddInput(operation, this.#handle(input), status);
        this.context.check(`give "${name}" an input`);
      }
      symbols.TFE_Execute(operation, made, count, status);
      this.context.check(`execute "${name}"`);
    } finally {
      symbols.TFE_DeleteOp(operation);
    }
    return Array.from(made.subarray(0, count[0]), (address) => {
      return this.#describe(Deno.UnsafePointer.create(address));
    });
  }

  loadSavedModel(): never {
    throw noModels();
  }

  deleteSavedModel(): never {
    throw noModels();
  }

  runSavedModel(): never {
    throw noModels();
  }

  getNumOfSavedModels(): number {
    return 0;
  }

  #keep(handle: Deno.PointerValue): number {
    this.#handles.set(this.#next, handle);
    return this.#next++;
  }

  /** The handle that goes by a number. */
  #handle(id: number): Deno.PointerValue {
    const handle = this.#handles.get(id);
    if (handle === undefined) {
      throw new RangeError(
        `Cannot use a tensor as it must not be disposed: current value is number ${id}`,
      );
    }
    return handle;
  }

  /** Keeps a handle and returns its description. */
  #describe(handle: Deno.PointerValue): Metadata {
    const { library: { symbols }, status } = this.context;
    const rank = symbols.TFE_TensorHandleNumDims(handle, status);
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      shape.push(Number(symbols.TFE_TensorHandleDim(handle, axis, status)));
    }
    const dtype = symbols.TFE_TensorHandleDataType(handle);
    return { id: this.#keep(handle), shape, dtype };
  }
}

/** Memory of native code. */
function bytesOf(pointer: Deno.PointerValue, bytes: number): Uint8Array {
  if (bytes === 0 || pointer === null) return new Uint8Array(0);
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes));
}

/** Numbers in the array of their type, copied only when they are in another. */
function asNumbers(
  dtype: number,
  values: unknown,
): Float32Array | Int32Array | Uint8Array {
  const List = dtype === TYPE.int64 ? Int32Array : ARRAYS[plainType(dtype)];
  return values instanceof List
    ? values
    : new List(values as ArrayLike<number>);
}

/** Throws unless tensors of a type can be written and read. */
function plainType(dtype: number): PlainType {
  if (dtype in ARRAYS) return dtype as PlainType;
  throw new TypeError(
    `Cannot copy a tensor as its type must be float32, int32 or bool: current value is type ${dtype} of TensorFlow`,
  );
}

function noModels(): Error {
  return new TypeError(
    "Cannot use saved models as the binding to TensorFlow only executes operations",
  );
}
