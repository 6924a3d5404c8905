/**
 * Fetches TensorFlow's library and prints how to use it.
 *
 * ```sh
 * deno task tensorflow        # for the processor, about 1.3 GB below .tensorflow
 * deno task tensorflow --gpu  # for NVIDIA cards, with CUDA, several times that
 * ```
 *
 * @module
 */

import { parseArgs } from "node:util";
import { mustRun, ownPython } from "./python.ts";

const FOLDER = ".tensorflow";

const { values: flags } = parseArgs({
  options: { gpu: { type: "boolean", default: false } },
});

const small = Deno.build.os !== "darwin" && Deno.build.arch === "x86_64";
const name = flags.gpu
  ? "tensorflow[and-cuda]"
  : small
  ? "tensorflow-cpu"
  : "tensorflow";
const python = await ownPython("set up TensorFlow");
console.log(`Fetching ${name} into ${FOLDER} ...`);
await mustRun("set up TensorFlow", [
  python,
  ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
  ...["--upgrade", "--target", FOLDER],
  ...flags.gpu ? [] : ["--no-deps"], // the library needs none of them
  `${name}>=2.16,<3`,
]);
console.log(`
Name it, and allow native code:

  export HIPER_TENSORFLOW=${Deno.cwd()}/${FOLDER}
  deno task test-native
  deno run -P=native scripts/train.ts backend=${
  flags.gpu ? "tfjs-node-gpu" : "tfjs-node"
}`);
