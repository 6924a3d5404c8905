/**
 * Which native libraries tests may use: those the environment names, where native code is allowed.
 *
 * @module
 */

import {
  mayCallNative,
  namedLibrary,
} from "../../../lib/policy/backends/native/named_library.ts";

/** Whether this program may call native code. */
export const NATIVE = mayCallNative();

const named = (variable: string) => NATIVE ? namedLibrary(variable) : undefined;

/** TensorFlow's library, or nothing: tests of it are then skipped. */
export const TENSORFLOW = named("HIPER_TENSORFLOW");
/** OpenBLAS, or nothing. */
export const OPENBLAS = named("HIPER_OPENBLAS");

/** What a test needs, to stand behind its name: a native library. */
export const NEEDS = {
  TENSORFLOW: " [needs HIPER_TENSORFLOW: deno task test-native]",
  OPENBLAS: " [needs HIPER_OPENBLAS: deno task test-native]",
} as const;
