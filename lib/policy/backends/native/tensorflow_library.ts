/**
 * The C interface of TensorFlow, opened without an addon.
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
export const TENSORFLOW_FUNCTIONS = {
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

/** TensorFlow, open. */
export interface TensorflowLibrary {
  /** Its file. */
  readonly path: string;
  /** Its version, such as `2.21.0`. */
  readonly version: string;
  /** Its functions. */
  readonly symbols: Deno.DynamicLibrary<typeof TENSORFLOW_FUNCTIONS>["symbols"];
}

/**
 * Opens TensorFlow's library.
 *
 * @param path Its file, or a folder that holds it.
 * @returns The open library.
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
 * Makes sure that a version of TensorFlow has the operations that TensorFlow.js asks for.
 *
 * @param version What the library says of itself.
 * @param path Its file, for the message.
 * @throws {TypeError} If it is older than version 2.
 */
export function checkVersion(version: string, path: string): void {
  if (Number.parseInt(version) >= 2) return;
  throw new TypeError(
    `Cannot open TensorFlow as "${TENSORFLOW_VARIABLE}" must name version 2 or later: ` +
      `current value is version ${version} ("${path}")`,
  );
}

/**
 * Reads text that native code points to.
 *
 * @param pointer Zero-terminated UTF-8, or nothing.
 * @returns The text; empty when there is nothing.
 */
export function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}
