/**
 * Matrix products of the `wasm` backend by OpenBLAS, which the user names.
 *
 * Opt in:
 *
 * ```sh
 * apt install libopenblas0-pthread
 * export HIPER_OPENBLAS=/usr/lib/x86_64-linux-gnu/libopenblas.so.0
 * OPENBLAS_NUM_THREADS=1 deno run -P=native scripts/train.ts backend=wasm
 * ```
 *
 * Look at the reason that `selectBackend` gives: it says which processor OpenBLAS computes for. An
 * OpenBLAS that is older than the processor takes it for the oldest one, `Prescott`, and is no
 * faster than the kernels here; `OPENBLAS_CORETYPE=SkylakeX` (AVX-512) or `Haswell` (AVX2) in the
 * environment sets that right, and is several times faster.
 *
 * OpenBLAS adds in another order, by processor and by number of threads: last digits differ, and
 * a run with it is not byte for byte the run without it. Repeated with the same library on the
 * same processor with the same number of threads, it is.
 *
 * @module
 */

import type { KernelModule, OutsideProduct } from "../wasm/module.ts";
import type { Heap } from "../wasm/heap.ts";
import { mayCallNative, namedLibrary, openLibrary } from "./named_library.ts";
import { textAt } from "./tensorflow_library.ts";

/** The environment variable that names OpenBLAS, or the folder that holds it. */
export const OPENBLAS_VARIABLE = "HIPER_OPENBLAS";

/** Multiplications of a product that takes about as long here as on the way to OpenBLAS. */
const LEAST = 2 ** 14;

const FILES: Readonly<Partial<Record<typeof Deno.build.os, string[]>>> = {
  darwin: ["libopenblas.0.dylib", "libopenblas.dylib"],
  windows: ["libopenblas.dll"],
};
const LINUX_FILES = ["libopenblas.so.0", "libopenblas.so"];

const FUNCTIONS = {
  cblas_sgemm: {
    parameters: [
      ...["i32", "i32", "i32", "i32", "i32", "i32", "f32"] as const,
      ...["usize", "i32", "usize", "i32", "f32", "usize", "i32"] as const,
    ],
    result: "void",
  },
  openblas_get_config: { parameters: [], result: "pointer" },
  openblas_get_corename: { parameters: [], result: "pointer" },
  openblas_get_num_threads: { parameters: [], result: "i32" },
  openblas_set_num_threads: { parameters: ["i32"], result: "void" },
} as const;

/** `CblasRowMajor`, `CblasNoTrans` and `CblasTrans`. */
const ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112;

/** OpenBLAS, open. */
export interface OpenBlas {
  /** Its file. */
  readonly path: string;
  /** Its version, such as `0.3.21`. */
  readonly version: string;
  /** Threads that one product uses; at first what `OPENBLAS_NUM_THREADS` says. */
  threads: number;
  /** Makes the product for the kernels of a heap. */
  productOn(heap: Heap): OutsideProduct;
}

/**
 * Lets the kernels multiply by the OpenBLAS that the environment names, if it names one.
 *
 * @param module The kernels.
 * @returns What multiplies now, in words; nothing when that is the kernels themselves.
 * @throws {TypeError} If the library that is named cannot be opened or is another one.
 */
export function multiplyByNamed(module: KernelModule): string | undefined {
  const path = namedLibrary(OPENBLAS_VARIABLE);
  if (path === undefined) return undefined;
  if (!mayCallNative()) {
    return `without the OpenBLAS that "${OPENBLAS_VARIABLE}" names, as native code must be allowed (-P=native)`;
  }
  if (!module.outside) module.multiplyBy(openBlas(path).productOn(module.heap));
  return module.outside?.detail;
}

/**
 * Opens OpenBLAS.
 *
 * @param path Its file, or a folder that holds it.
 * @returns The open library.
 * @throws {TypeError} If it cannot be opened, is another library, or counts in 64 bits.
 */
export function openBlas(path: string): OpenBlas {
  const library = openLibrary(path, {
    what: "OpenBLAS",
    variable: OPENBLAS_VARIABLE,
    files: FILES[Deno.build.os] ?? LINUX_FILES,
    functions: FUNCTIONS,
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
    get threads() {
      return symbols.openblas_get_num_threads();
    },
    set threads(count) {
      symbols.openblas_set_num_threads(count);
    },
    productOn(heap) {
      const threads = symbols.openblas_get_num_threads();
      const core = textAt(symbols.openblas_get_corename());
      const detail = `matrix products by OpenBLAS ${version} for ${core}, ` +
        `threads: ${threads}, from "${library.path}" (last digits differ from the kernels' own)`;
      return { detail, least: LEAST, multiply: multiplyOn(heap, symbols) };
    },
  };
}

/** The product on a heap, whose address is looked up again when it has grown. */
function multiplyOn(
  { memory }: Heap,
  symbols: Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"],
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
      ta ? TRANSPOSED : AS_IT_IS,
      tb ? TRANSPOSED : AS_IT_IS,
      ...[m!, n!, k!, 1] as const,
      ...[addressOf(a!), lda!, addressOf(b!), ldb!] as const,
      ...[add!, addressOf(c!), ldc!] as const,
    );
  };
}
