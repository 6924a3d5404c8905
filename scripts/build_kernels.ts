/**
 * Compiles the kernel sources to WebAssembly and writes the bytes beside them.
 *
 * ```sh
 * deno task kernels           # writes kernel_bytes.ts and row_kernel_bytes.ts in lib/policy/backends/wasm
 * deno task kernels --check   # fails if a file does not match its sources
 * ```
 *
 * @module
 */

import asc from "assemblyscript/asc";

const FOLDER = new URL("../lib/policy/backends/wasm/", import.meta.url);
const OPTIONS = [
  "--outFile",
  "kernels.wasm",
  "-O3",
  "--noAssert",
  ...["--runtime", "stub"],
  ...["--importMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
];

/** The modules: entry, options of their own, and the file and name that carry the bytes. */
export const KERNEL_MODULES = {
  /** Works on the heap of the tensors, which threads share too. */
  tensors: {
    entry: "kernels.as.ts",
    options: ["--enable", "simd,relaxed-simd,threads", "--sharedMemory"],
    target: "kernel_bytes.ts",
    name: "KERNEL_BYTES",
  },
  /** Works on memory that threads share. */
  rows: {
    entry: "rows.as.ts",
    options: ["--enable", "simd,relaxed-simd,threads", "--sharedMemory"],
    target: "row_kernel_bytes.ts",
    name: "ROW_KERNEL_BYTES",
  },
} as const;

/** One of {@linkcode KERNEL_MODULES}. */
type KernelModule = typeof KERNEL_MODULES[keyof typeof KERNEL_MODULES];

/**
 * Compiles the kernel sources.
 *
 * @returns Bytes of the WebAssembly module; the same for the same sources and compiler.
 * @throws {Error} If the sources do not compile; the message holds the compiler's own.
 */
export async function compileKernels(
  { entry, options }: KernelModule,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main([entry, ...OPTIONS, ...options], {
    readFile: async (name) => {
      try {
        return await Deno.readTextFile(new URL(name, FOLDER));
      } catch (reason) {
        if (reason instanceof Deno.errors.NotFound) return null; // asc tries several endings
        throw reason;
      }
    },
    writeFile: (_name, contents) => {
      if (typeof contents !== "string") bytes = new Uint8Array(contents);
    },
    listFiles: () => [],
  });
  if (error || !bytes) {
    throw new Error(
      `Cannot build kernels as the sources must compile: ${stderr}`,
      { cause: error },
    );
  }
  return bytes;
}

/**
 * Renders the file that carries the compiled module.
 *
 * @param bytes What {@linkcode compileKernels} made.
 * @param name The constant that holds them.
 * @returns TypeScript source text.
 */
export function renderKernelBytes(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): string {
  return `/**
 * The compiled kernels, written by \`deno task kernels\`: do not edit.
 *
 * @module
 */

/** The WebAssembly module in base64. */
export const ${name} =
  "${bytes.toBase64()}";
`;
}

if (import.meta.main) {
  for (const module of Object.values(KERNEL_MODULES)) {
    const { name, target } = module, file = new URL(target, FOLDER);
    const source = renderKernelBytes(await compileKernels(module), name);
    if (!Deno.args.includes("--check")) {
      await Deno.writeTextFile(file, source);
      console.log(`wrote ${file.pathname} (${source.length} characters)`);
    } else if (await Deno.readTextFile(file) === source) {
      console.log(`${target} matches its sources`);
    } else {
      console.error(`${target} does not match: run \`deno task kernels\``);
      Deno.exit(1);
    }
  }
}
