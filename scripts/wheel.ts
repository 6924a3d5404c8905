/**
 * A Python package without installing it: its wheel is fetched by pip, and checked.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { attempt, mustRun, ownPython } from "./python.ts";

/** A released wheel. */
export interface Wheel {
  /** Name of the package. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** SHA-256 of the wheel, in hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Fetches a wheel, or reads one that is there, and checks its bytes.
 *
 * @param wheel Which one.
 * @param options Purpose for messages, to follow "Cannot"; a folder for the download; a folder with wheels.
 * @returns Its bytes.
 * @throws {RangeError} If it has other bytes than the release.
 * @throws {Error} If it cannot be fetched.
 */
export async function fetchWheel(
  wheel: Wheel,
  options: {
    readonly purpose: string;
    readonly folder: string;
    readonly wheels?: string | undefined;
  },
): Promise<Uint8Array> {
  const { purpose, folder, wheels } = options;
  const from = wheels ?? `${folder}/.download`;
  if (wheels === undefined) await download(wheel, { purpose, folder: from });
  try {
    const path = findWheel(from, wheel);
    if (path === undefined) {
      throw new Error(
        `Cannot ${purpose} as a wheel must be there: current folder ${from} has no ${wheel.name} ${wheel.version}`,
      );
    }
    const bytes = await Deno.readFile(path);
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== wheel.sha256) {
      throw new RangeError(
        `Cannot ${purpose} as the SHA-256 of ${path} must be ${wheel.sha256}: current value is ${found}`,
      );
    }
    return bytes;
  } finally {
    if (wheels === undefined) {
      await Deno.remove(from, { recursive: true }).catch(() => {});
    }
  }
}

async function download(
  { name, version }: Wheel,
  { purpose, folder }: { purpose: string; folder: string },
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const python = await anyPython(purpose);
  await mustRun(purpose, [
    python,
    ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check"],
    ...["--no-deps", "--only-binary", ":all:", "--dest", folder],
    `${name}==${version}`,
  ]);
}

/** A Python with pip: the system's, else the project's own. */
async function anyPython(purpose: string): Promise<string> {
  for (const python of ["python3", "python"]) {
    if (await attempt(python, ["-m", "pip", "--version"])) return python;
  }
  return await ownPython(purpose);
}

function findWheel(folder: string, wheel: Wheel): string | undefined {
  for (const { name } of Deno.readDirSync(folder)) {
    if (
      name.startsWith(`${wheel.name}-${wheel.version}-`) &&
      name.endsWith(".whl")
    ) return `${folder}/${name}`;
  }
  return undefined;
}

/**
 * Writes a file whole or not at all.
 *
 * @param path Where.
 * @param bytes What.
 */
export async function writeWhole(
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const draft = `${path}.part`;
  await Deno.writeFile(draft, bytes);
  await Deno.rename(draft, path);
}
