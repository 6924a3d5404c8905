/**
 * Fetches OpenBLAS, without root and without changing the system.
 *
 * ```sh
 * deno task openblas   # about 35 MB below .openblas
 * ```
 *
 * Training and evaluation use it from then on; `HIPER_OPENBLAS=none` turns it off, and removing the folder
 * removes it. Last digits differ from those without it.
 *
 * @module
 */

import { mustRun, ownPython } from "./python.ts";

const FOLDER = ".openblas";
const VERSION = "0.3.34.481.3";

/** SHA-256 of the wheels of Linux (x86-64, ARM), macOS (ARM) and Windows. */
const DIGESTS = [
  "0595f94cd58c1f8a0d90c975621f4587337a003916b1979e834ebdf2cb5d9504",
  "e085dddbc5b9aa130f83def515d31c440e69f387a90c7e63b154a5575b4466bc",
  "813bb8101da2f64555c4a5e71c3714539d92b0b4f1841ec12b80d50e56cde46c",
  "963e311354df08856c22aad17d77209448d2d8fc3bc4b3b1d87912828797cf13",
];

const purpose = "fetch OpenBLAS";
const python = await ownPython(purpose);
const list = `${FOLDER}/requirements.txt`;
await Deno.mkdir(FOLDER, { recursive: true });
await Deno.writeTextFile(
  list,
  [
    `scipy-openblas32==${VERSION}`,
    ...DIGESTS.map((digest) => `--hash=sha256:${digest}`),
  ].join(" \\\n    ") + "\n",
);
console.log(`Fetching OpenBLAS ${VERSION} into ${FOLDER} ...`);
await mustRun(purpose, [
  python,
  ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
  ...["--upgrade", "--target", FOLDER, "--no-deps", "--only-binary=:all:"],
  ...["--require-hashes", "--requirement", list],
]);
console.log(
  "Training and evaluation use it from now on; HIPER_OPENBLAS=none turns it off.",
);
