/**
 * The simulator's files: where they lie and which bytes they must have.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** A file of the simulator: name, and SHA-256 of its bytes in hexadecimal digits. */
export interface CheckedFile {
  /** Name in the data folder. */
  readonly name: string;
  /** SHA-256 of its bytes. */
  readonly sha256: string;
}

/** The simulator of ScienceWorld 1.2.3 (Apache-2.0). */
const SIMULATOR: CheckedFile = {
  name: "scienceworld.jar",
  sha256: "f4e1fdce0cdabe1bab7128a7e78ea820210d9db3c28d7272bcbbc3f3a1c5f0d7",
};

/** py4j 0.10.9.9 (BSD), whose gateway asks for a secret. */
const GATEWAY: CheckedFile = {
  name: "py4j0.10.9.9.jar",
  sha256: "a290b759ba7647fc5a3411afae20698bd069aef77915f8ed53a0efa0045ccb2e",
};

/** The simulator's table of kinds of things, which it would write into its working folder otherwise. */
const TYPES: CheckedFile = {
  name: "object_type_ids.tsv",
  sha256: "c8ad78fd41f79d9edd9669565990a58ec58f916f599de6c06765c2275a983e32",
};

/** Every file, in the order in which they are checked. */
export const SCIENCEWORLD_FILES: readonly CheckedFile[] = [
  TYPES,
  SIMULATOR,
  GATEWAY,
];

/** Environment variable that names the data folder. */
const VARIABLE = "HIPER_SCIENCEWORLD";

/**
 * The data folder where a specification names none.
 *
 * @returns `$HIPER_SCIENCEWORLD` if it is set and may be read, else `data/scienceworld`.
 */
export async function scienceworldFolder(): Promise<string> {
  const { state } = await Deno.permissions.query({
    name: "env",
    variable: VARIABLE,
  });
  const named = state === "granted" ? Deno.env.get(VARIABLE) : undefined;
  return named || "data/scienceworld";
}

/** Files whose bytes were checked. */
export interface SimulatorFiles {
  /** Folder in which the simulator runs, as it reads its table there. */
  readonly folder: string;
  /** Path of the simulator. */
  readonly simulator: string;
  /** Path of the gateway that asks for a secret. */
  readonly gateway: string;
}

/**
 * Finds the simulator's files and checks their bytes.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { findScienceworld } from "@hiper/lab/envs/scienceworld";
 *
 * await rejects(findScienceworld("nowhere"), /deno task scienceworld/);
 * ```
 *
 * @param folder The data folder. @default {`$HIPER_SCIENCEWORLD`, else `data/scienceworld`}
 * @returns Their paths.
 * @throws {TypeError} If a file is missing, with the command that fetches it.
 * @throws {RangeError} If a file has other bytes than the release.
 */
export async function findScienceworld(
  folder?: string,
): Promise<SimulatorFiles> {
  const chosen = folder ?? await scienceworldFolder();
  const folderHere = await Deno.realPath(chosen).catch(() => chosen);
  const check = async ({ name, sha256 }: CheckedFile) => {
    const path = `${folderHere}/${name}`;
    const bytes = await readBytes(path);
    if (bytes === undefined) {
      throw new TypeError(
        `Cannot open ScienceWorld as its file must be there: current value is ${path}, which is missing; fetch it with: deno task scienceworld`,
      );
    }
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found === sha256) return path;
    throw new RangeError(
      `Cannot open ScienceWorld as the SHA-256 of ${path} must be ${sha256}: current value is ${found}; fetch it again with: deno task scienceworld`,
    );
  };
  await check(TYPES);
  return {
    folder: folderHere,
    simulator: await check(SIMULATOR),
    gateway: await check(GATEWAY),
  };
}

async function readBytes(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
