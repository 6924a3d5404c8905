/**
 * The C interface of TensorFlow without an addon: the library, a context that executes operations, and their attributes.
 *
 * Any libtensorflow of version 2 serves: the one inside TensorFlow's Python package
 * (`libtensorflow_cc.so.2`, which finds `libtensorflow_framework.so.2` beside itself), or the
 * one for C (`libtensorflow.so.2`). `deno task tensorflow` fetches the former.
 *
 * @module
 */

import { openLibrary } from "./named_library.ts";

/** The environment variable that names TensorFlow's library, or the folder that holds it. */
export const TENSORFLOW_VARIABLE = "HIPER_TENSORFLOW";

const FILES: Readonly<Partial<Record<typeof Deno.build.os, string[]>>> = {
  darwin: ["libtensorflow.2.dylib", "libtensorflow_cc.2.dylib"],
  windows: ["tensorflow.dll", "tensorflow_cc.dll"],
};
const LINUX_FILES = ["libtensorflow.so.2", "libtensorflow_cc.so.2"];

const P = "pointer";

/** Functions of `tensorflow/c/c_api.h` and `tensorflow/c/eager/c_api.h`. */
const TENSORFLOW_FUNCTIONS = {
  TF_Version: { parameters: [], result: P },
  TF_NewStatus: { parameters: [], result: P },
  TF_GetCode: { parameters: [P], result: "i32" },
  TF_Message: { parameters: [P], result: P },
  TF_AllocateTensor: {
    parameters: ["i32", "buffer", "i32", "usize"],
    result: P,
  },
  TF_DeleteTensor: { parameters: [P], result: "void" },
  TF_TensorData: { parameters: [P], result: P },
  TF_TensorByteSize: { parameters: [P], result: "usize" },
  TF_DeviceListCount: { parameters: [P], result: "i32" },
  TF_DeviceListName: { parameters: [P, "i32", P], result: P },
  TF_DeviceListType: { parameters: [P, "i32", P], result: P },
  TF_DeleteDeviceList: { parameters: [P], result: "void" },
  TFE_NewContextOptions: { parameters: [], result: P },
  TFE_ContextOptionsSetConfig: {
    parameters: [P, "buffer", "usize", P],
    result: "void",
  },
  TFE_DeleteContextOptions: { parameters: [P], result: "void" },
  TFE_NewContext: { parameters: [P, P], result: P },
  TFE_ContextListDevices: { parameters: [P, P], result: P },
  TFE_NewTensorHandle: { parameters: [P, P], result: P },
  TFE_DeleteTensorHandle: { parameters: [P], result: "void" },
  TFE_TensorHandleDataType: { parameters: [P], result: "i32" },
  TFE_TensorHandleNumDims: { parameters: [P, P], result: "i32" },
  TFE_TensorHandleDim: { parameters: [P, "i32", P], result: "i64" },
  TFE_TensorHandleResolve: { parameters: [P, P], result: P },
  TFE_NewOp: { parameters: [P, "buffer", P], result: P },
  TFE_DeleteOp: { parameters: [P], result: "void" },
  TFE_OpAddInput: { parameters: [P, P, P], result: "void" },
  TFE_OpSetAttrString: {
    parameters: [P, "buffer", "buffer", "usize"],
    result: "void",
  },
  TFE_OpSetAttrInt: { parameters: [P, "buffer", "i64"], result: "void" },
  TFE_OpSetAttrFloat: { parameters: [P, "buffer", "f32"], result: "void" },
  TFE_OpSetAttrBool: { parameters: [P, "buffer", "u8"], result: "void" },
  TFE_OpSetAttrType: { parameters: [P, "buffer", "i32"], result: "void" },
  TFE_OpSetAttrShape: {
    parameters: [P, "buffer", "buffer", "i32", P],
    result: "void",
  },
  TFE_OpSetAttrIntList: {
    parameters: [P, "buffer", "buffer", "i32"],
    result: "void",
  },
  TFE_OpSetAttrFloatList: {
    parameters: [P, "buffer", "buffer", "i32"],
    result: "void",
  },
  TFE_OpSetAttrTypeList: {
    parameters: [P, "buffer", "buffer", "i32"],
    result: "void",
  },
  TFE_Execute: { parameters: [P, "buffer", "buffer", P], result: "void" },
} as const;

/** The open library. */
export interface TensorflowLibrary {
  readonly path: string;
  /** Its version, such as `2.21.0`. */
  readonly version: string;
  readonly symbols: Deno.DynamicLibrary<typeof TENSORFLOW_FUNCTIONS>["symbols"];
}

/**
 * Opens TensorFlow's library.
 *
 * @throws {TypeError} If it cannot be opened, is another library, or is too old.
 */
export function openTensorflow(path: string): TensorflowLibrary {
  const library = openLibrary(path, {
    what: "TensorFlow",
    variable: TENSORFLOW_VARIABLE,
    files: FILES[Deno.build.os] ?? LINUX_FILES,
    functions: TENSORFLOW_FUNCTIONS,
    apart: true,
  });
  const version = textAt(library.symbols.TF_Version());
  checkVersion(version, library.path);
  return { ...library, version };
}

/**
 * Throws for versions of TensorFlow without the operations of TensorFlow.js.
 *
 * @throws {TypeError} If it is older than version 2.
 */
export function checkVersion(version: string, path: string): void {
  if (Number.parseInt(version) >= 2) return;
  throw new TypeError(
    `Cannot open TensorFlow as "${TENSORFLOW_VARIABLE}" must name version 2 or later: ` +
      `current value is version ${version} ("${path}")`,
  );
}

/** Reads text that native code points to. Returns the text; empty when there is nothing. */
export function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** A device of TensorFlow's. */
interface TensorflowDevice {
  /** Its name, such as `/job:localhost/replica:0/task:0/device:CPU:0`. */
  readonly name: string;
  /** Its kind, such as `CPU` or `GPU`. */
  readonly kind: string;
}

/** `ConfigProto { device_count { key: "GPU" value: 0 } }`: no GPU is used. */
const NO_GPU = Uint8Array.of(10, 7, 10, 3, 71, 80, 85, 16, 0);
/** `ConfigProto { gpu_options { allow_growth: true } }`: memory grows on demand. */
const GROW = Uint8Array.of(50, 2, 32, 1);

/** Executes operations; lives as long as the process. */
export class TensorflowContext {
  readonly library: TensorflowLibrary;
  /** `TFE_Context*`. */
  readonly pointer: Deno.PointerValue;
  /** `TF_Status*` of the last call. */
  readonly status: Deno.PointerValue;

  /**
   * Opens a context.
   *
   * @param library TensorFlow.
   * @param options `gpu` says whether graphics processors may be used.
   * @throws {TypeError} If TensorFlow refuses.
   */
  constructor(library: TensorflowLibrary, options: { gpu: boolean }) {
    const { symbols } = library;
    this.library = library;
    this.status = symbols.TF_NewStatus();
    const wishes = symbols.TFE_NewContextOptions();
    const config = options.gpu ? GROW : NO_GPU;
    symbols.TFE_ContextOptionsSetConfig(
      ...[wishes, config, BigInt(config.length), this.status] as const,
    );
    this.check("configure TensorFlow");
    this.pointer = symbols.TFE_NewContext(wishes, this.status);
    symbols.TFE_DeleteContextOptions(wishes);
    this.check("open a context of TensorFlow");
  }

  /**
   * Checks the status of the last call.
   *
   * @throws {TypeError} If it failed, with TensorFlow's message.
   */
  check(action: string): void {
    const { symbols } = this.library;
    if (symbols.TF_GetCode(this.status) === 0) return;
    const message = textAt(symbols.TF_Message(this.status));
    throw new TypeError(
      `Cannot ${action} as TensorFlow must accept it: ${message}`,
    );
  }

  /**
   * Devices that can execute operations, the processor first.
   *
   * @throws {TypeError} If TensorFlow cannot say.
   */
  devices(): TensorflowDevice[] {
    const { symbols } = this.library;
    const list = symbols.TFE_ContextListDevices(this.pointer, this.status);
    this.check("list devices");
    const devices: TensorflowDevice[] = [];
    for (let i = 0; i < symbols.TF_DeviceListCount(list); i++) {
      const name = textAt(symbols.TF_DeviceListName(list, i, this.status));
      const kind = textAt(symbols.TF_DeviceListType(list, i, this.status));
      devices.push({ name, kind });
    }
    symbols.TF_DeleteDeviceList(list);
    return devices;
  }
}

/** Kinds of attributes: `TF_AttrType` of `tensorflow/c/c_api.h`. */
export const ATTRIBUTE = {
  string: 0,
  int: 1,
  float: 2,
  bool: 3,
  type: 4,
  shape: 5,
} as const;

/** An attribute of an operation. */
export interface OperationAttribute {
  readonly name: string;
  /** Its kind: one of {@linkcode ATTRIBUTE}. */
  readonly type: number;
  /** One value, or a list of values of that kind. */
  readonly value: unknown;
}

const ENCODER = new TextEncoder();
const NAMES = new Map<string, Uint8Array<ArrayBuffer>>();

/** Encodes a name as zero-terminated UTF-8; cached, as native code reads it after the call. */
export function nativeName(text: string): Uint8Array<ArrayBuffer> {
  let name = NAMES.get(text);
  if (!name) NAMES.set(text, name = ENCODER.encode(`${text}\0`));
  return name;
}

/**
 * Sets one attribute of an operation that is being prepared.
 *
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
