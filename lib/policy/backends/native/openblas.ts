/**
 * Matrix products of the `wasm` backend by OpenBLAS, opt in:
 *
 * ```sh
 * deno task openblas        # into .openblas, where it is found by itself; no root
 * deno run -P=native scripts/train.ts backend=wasm
 * ```
 *
 * `HIPER_OPENBLAS` names another library, such as a system's; `HIPER_OPENBLAS=none` none at all.
 *
 * The reason that `selectBackend` gives names the processor that OpenBLAS computes for. An OpenBLAS
 * older than the processor falls back to `Prescott` and is no faster than the project's kernels;
 * `OPENBLAS_CORETYPE=SkylakeX` (AVX-512) or `Haswell` (AVX2) makes it several times faster.
 *
 * The order of sums depends on processor and thread count, so last digits differ from a run without
 * OpenBLAS. Runs repeat exactly for the same library, processor and thread count.
 *
 * @module
 */

import type { Heap } from "../wasm/heap.ts";
import type { KernelModule, OutsideProduct } from "../wasm/module.ts";
import { mayCallNative, namedLibrary, openLibrary } from "./named_library.ts";
import { textAt } from "./tensorflow_library.ts";

/** The environment variable that names OpenBLAS, or the folder that holds it. */
export const OPENBLAS_VARIABLE = "HIPER_OPENBLAS";

/** Multiplications from which on OpenBLAS outweighs the cost of the call. */
const LEAST = 2 ** 14;

const FILES: Readonly<Partial<Record<typeof Deno.build.os, string[]>>> = {
  darwin: ["libopenblas.0.dylib", "libopenblas.dylib"],
  windows: ["libopenblas.dll"],
};
const LINUX_FILES = ["libopenblas.so.0", "libopenblas.so"];

/** Where `deno task openblas` puts the library of the wheel `scipy-openblas32`. */
const OWN_FOLDER = ".openblas/scipy_openblas32/lib";
const OWN_FILES = [
  "libscipy_openblas.so",
  "libscipy_openblas.dylib",
  "libscipy_openblas.dll",
];

/** The functions in use; in the wheel their names begin with `scipy_`. */
const functions = (prefix: string) => ({
  cblas_sgemm: {
    name: `${prefix}cblas_sgemm`,
    parameters: [
      ...["i32", "i32", "i32", "i32", "i32", "i32", "f32"] as const,
      ...["usize", "i32", "usize", "i32", "f32", "usize", "i32"] as const,
    ],
    result: "void",
  },
  openblas_get_config: {
    name: `${prefix}openblas_get_config`,
    parameters: [],
    result: "pointer",
  },
  openblas_get_corename: {
    name: `${prefix}openblas_get_corename`,
    parameters: [],
    result: "pointer",
  },
  openblas_set_num_threads: {
    name: `${prefix}openblas_set_num_threads`,
    parameters: ["i32"],
    result: "void",
  },
} as const);
type Functions = ReturnType<typeof functions>;

/** `CblasRowMajor`, `CblasNoTrans` and `CblasTrans`. */
const ROW_MAJOR = 101, NOT_TRANSPOSED = 111, TRANSPOSED = 112;

/** An open OpenBLAS. */
export interface OpenBlas {
  readonly path: string;
  /** Its version, such as `0.3.21`. */
  readonly version: string;
  /** The matrix product for kernels on a heap. */
  productOn(heap: Pick<Heap, "memory">): OutsideProduct;
}

/**
 * Makes the kernels multiply by the OpenBLAS that the environment names. Returns the library in
 * words, or `undefined` if none is named.
 *
 * @throws {TypeError} If the library that is named cannot be opened or is another one.
 */
export function multiplyByNamed(module: KernelModule): string | undefined {
  const named = namedLibrary(OPENBLAS_VARIABLE);
  const path = named ?? ownLibrary();
  if (path === undefined || path === "none") return undefined;
  if (!mayCallNative()) {
    return named === undefined
      ? undefined
      : `without the OpenBLAS that "${OPENBLAS_VARIABLE}" names, as native code must be allowed (-P=native)`;
  }
  if (!module.outside) module.multiplyBy(openBlas(path).productOn(module.heap));
  return module.outside?.detail;
}

/** The library that `deno task openblas` fetched, if there is one. */
function ownLibrary(): string | undefined {
  return OWN_FILES.map((name) => `${OWN_FOLDER}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false; // missing, or not to be read
    }
  });
}

/**
 * Opens OpenBLAS.
 *
 * @throws {TypeError} If it cannot be opened, is another library, or counts in 64 bits.
 */
export function openBlas(path: string): OpenBlas {
  const library = openLibrary(path, {
    what: "OpenBLAS",
    variable: OPENBLAS_VARIABLE,
    files: [...FILES[Deno.build.os] ?? LINUX_FILES, ...OWN_FILES],
    functions: functions(path.includes("scipy_openblas") ? "scipy_" : ""),
  });
  const { symbols } = library;
  const config = textAt(symbols.openblas_get_config());
  if (config.includes("USE64BITINT")) {
    throw new TypeError(
      `Cannot open OpenBLAS as it must count in 32 bits: current value is "${library.path}" (${config})`,
    );
  }
  const version = /\d+(\.\d+)+/.exec(config)?.[0] ?? "of an unknown version";
  return {
    path: library.path,
    version,
    productOn(heap) {
      symbols.openblas_set_num_threads(1); // the kernels' own threads share the work
      const core = textAt(symbols.openblas_get_corename());
      const detail = `matrix products by OpenBLAS ${version} for ${core}, ` +
        `from "${library.path}" (last digits differ from the kernels' own)`;
      const multiply = multiplyOn(heap, symbols);
      return { detail, library: library.path, least: LEAST, multiply };
    },
  };
}

/** The product on a heap; the address is looked up again whenever the heap has grown. */
function multiplyOn(
  { memory }: Pick<Heap, "memory">,
  symbols: Deno.DynamicLibrary<Functions>["symbols"],
): OutsideProduct["multiply"] {
  let buffer: ArrayBufferLike | undefined, base = 0;
  const addressOf = (pointer: number) => BigInt(base + (pointer >>> 0));
  return function multiply(m, n, k, a, lda, ta, b, ldb, tb, c, ldc, add) {
    if (memory.buffer !== buffer) {
      buffer = memory.buffer;
      const pointer = Deno.UnsafePointer.of(new Uint8Array(buffer));
      base = Number(Deno.UnsafePointer.value(pointer));
    }
    symbols.cblas_sgemm(
      ROW_MAJOR,
      ta ? TRANSPOSED : NOT_TRANSPOSED,
      tb ? TRANSPOSED : NOT_TRANSPOSED,
      ...[m!, n!, k!, 1] as const,
      ...[addressOf(a!), lda!, addressOf(b!), ldb!] as const,
      ...[add!, addressOf(c!), ldc!] as const,
    );
  };
}
