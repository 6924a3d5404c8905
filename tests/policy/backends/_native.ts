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

/** Why a test is skipped, to stand behind its name. */
export function unless(library: string | undefined, variable: string): string {
  return library === undefined
    ? ` (skipped unless ${variable} names a library: deno task test-native)`
    : "";
}
