/**
 * Compiles the kernel sources to WebAssembly and writes the bytes beside them.
 *
 * ```sh
 * deno task kernels           # writes lib/policy/backends/wasm/kernel_bytes.ts
 * deno task kernels --check   # fails if the file does not match its sources
 * ```
 *
 * @module
 */

import asc from "assemblyscript/asc";

const FOLDER = new URL("../lib/policy/backends/wasm/", import.meta.url);
const TARGET = new URL("kernel_bytes.ts", FOLDER);
const OPTIONS = [
  "kernels.as.ts",
  "--outFile",
  "kernels.wasm",
  "-O3",
  "--noAssert",
  ...["--runtime", "stub"],
  ...["--importMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
  ...["--enable", "simd,relaxed-simd"],
];

/**
 * Compiles the kernel sources.
 *
 * @returns Bytes of the WebAssembly module; the same for the same sources and compiler.
 * @throws {Error} If the sources do not compile; the message holds the compiler's own.
 */
export async function compileKernels(): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main(OPTIONS, {
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
 * @returns TypeScript source text.
 */
export function renderKernelBytes(bytes: Uint8Array<ArrayBuffer>): string {
  return `/**
 * The compiled kernels, written by \`deno task kernels\`: do not edit.
 *
 * @module
 */

/** The WebAssembly module in base64. */
export const KERNEL_BYTES =
  "${bytes.toBase64()}";
`;
}

if (import.meta.main) {
  const source = renderKernelBytes(await compileKernels());
  if (Deno.args.includes("--check")) {
    if (await Deno.readTextFile(TARGET) !== source) {
      console.error("kernel_bytes.ts does not match: run `deno task kernels`");
      Deno.exit(1);
    }
    console.log("kernel_bytes.ts matches its sources");
  } else {
    await Deno.writeTextFile(TARGET, source);
    console.log(`wrote ${TARGET.pathname} (${source.length} characters)`);
  }
}
