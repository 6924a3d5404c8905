/**
 * The benchmark's pages: the wheel of the package `miniwob` 1.1.0, checked and opened in memory.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { unzipSync } from "npm:fflate@0.8.3";

/** The wheel of MiniWoB++ 1.1.0 (MIT). */
export const MINIWOB_WHEEL = {
  name: "miniwob",
  version: "1.1.0",
  file: "miniwob-1.1.0-py3-none-any.whl",
  sha256: "297006e84219d56ad037e843527ed773a4a82509dc43b6031ec4a3ad3e3e61d9",
} as const;

/** Environment variable that names the data folder. */
const VARIABLE = "HIPER_MINIWOB";
/** Where the pages lie in the wheel; `flight/` needs a server of its own and is left out. */
const PREFIX = "miniwob/html/", LEFT_OUT = "flight/";

/** Files of the pages' address, by path. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

/**
 * The data folder where a specification names none.
 *
 * @returns `$HIPER_MINIWOB` if it is set and may be read, else `data/miniwob`.
 */
export async function miniwobFolder(): Promise<string> {
  const { state } = await Deno.permissions.query({
    name: "env",
    variable: VARIABLE,
  });
  const named = state === "granted" ? Deno.env.get(VARIABLE) : undefined;
  return named || "data/miniwob";
}

/**
 * Reads the pages.
 *
 * @example
 * ```ts
 * import { rejects } from "node:assert/strict";
 * import { readMiniwobPages } from "@hiper/lab/envs/miniwob";
 *
 * await rejects(readMiniwobPages("nowhere"), /deno task miniwob/);
 * ```
 *
 * @param folder The data folder. @default {`$HIPER_MINIWOB`, else `data/miniwob`}
 * @returns Files by path: `miniwob/click-test.html`, `core/core.js`.
 * @throws {TypeError} If the wheel is missing, with the command that fetches it.
 * @throws {RangeError} If it has other bytes than the release.
 */
export async function readMiniwobPages(folder?: string): Promise<PageFiles> {
  const path = `${
    (folder ?? await miniwobFolder()).replace(/\/+$/, "")
  }/${MINIWOB_WHEEL.file}`;
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new TypeError(
      `Cannot open MiniWoB++ as its pages must be there: current value is ${path}, which is missing; fetch it with: deno task miniwob`,
    );
  }
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== MINIWOB_WHEEL.sha256) {
    throw new RangeError(
      `Cannot open MiniWoB++ as the SHA-256 of ${path} must be ${MINIWOB_WHEEL.sha256}: current value is ${found}; fetch it again with: deno task miniwob`,
    );
  }
  const wanted = ({ name }: { name: string }) =>
    name.startsWith(PREFIX) && !name.startsWith(`${PREFIX}${LEFT_OUT}`);
  const files = unzipSync(bytes, { filter: wanted });
  return new Map(
    Object.entries(files).map((
      [name, content],
    ) => [name.slice(PREFIX.length), content]),
  );
}

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  gif: "image/gif",
  html: "text/html; charset=utf-8",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
};

/** Content type of a path. */
export function contentType(path: string): string {
  return TYPES[path.slice(path.lastIndexOf(".") + 1)] ??
    "application/octet-stream";
}
