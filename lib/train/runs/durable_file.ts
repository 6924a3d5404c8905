/**
 * Files and folders that are whole or absent, whatever happens while they are written, and files of JSON lines that are
 * cut back to the last whole row.
 *
 * @module
 */

import { isObject, parseJson, reasonOf } from "../../text_file.ts";

/**
 * Writes a file next to its place, waits until the disk has it, then moves it there in one step.
 *
 * @throws {Error} If the disk is full or may not be written; whatever was there before is left as it was.
 */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  const partial = `${path}.partial`;
  try {
    await Deno.writeFile(partial, bytes);
    await syncFile(partial);
    await Deno.rename(partial, path);
  } catch (cause) {
    await Deno.remove(partial).catch(() => undefined);
    throw unwritable(path, cause);
  }
}

/** Writes a value as JSON, as {@linkcode writeDurably} does. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeDurably(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Fills a folder next to its place, then moves it there in one step; a folder already there is replaced.
 *
 * @throws {Error} If filling fails; whatever was there before is left as it was.
 */
export async function writeFolderDurably(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const partial = `${path}.partial`, previous = `${path}.previous`;
  try {
    await removeIfThere(partial);
    await Deno.mkdir(partial, { recursive: true });
    await fill(partial);
    for await (const entry of Deno.readDir(partial)) {
      await syncFile(`${partial}/${entry.name}`);
    }
    await removeIfThere(previous);
    await ifThere(Deno.rename(path, previous));
    await Deno.rename(partial, path);
    await removeIfThere(previous);
  } catch (cause) {
    await removeIfThere(partial).catch(() => undefined);
    throw unwritable(path, cause);
  }
}

/**
 * Makes sure that a file can be written, before the work whose result it will hold: makes its folder if
 * that is absent. Nothing is left behind.
 *
 * @throws {Error} If it cannot be written.
 */
export async function checkWritable(path: string): Promise<void> {
  const partial = `${path}.partial`;
  try {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (folder !== "" && !(await ifThere(Deno.stat(folder)))) {
      await Deno.mkdir(folder, { recursive: true });
    }
    await Deno.writeTextFile(partial, "");
    await Deno.remove(partial);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** Removes a file or folder with all it holds; nothing happens when it is absent. */
export async function removeIfThere(path: string): Promise<void> {
  await ifThere(Deno.remove(path, { recursive: true }));
}

/** Reads a text file; `undefined` when it is absent. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return await ifThere(Deno.readTextFile(path));
}

async function ifThere<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

/** The error for a disk that is full or a folder that is read-only. */
export function unwritable(
  path: string,
  cause: unknown,
  doing: "write" | "append to" = "write",
): Error {
  return new Error(
    `Cannot ${doing} "${path}" as its folder must have room and be writable: ${
      reasonOf(cause)
    }`,
    { cause },
  );
}

/** A file of JSON lines, open for appending. */
export interface LineFile {
  /** Appends one row. */
  append(row: Readonly<Record<string, unknown>>): Promise<void>;
  /** Waits until the disk has every row. */
  sync(): Promise<void>;
  /** Closes the file. */
  close(): void;
}

/**
 * Opens a file of JSON lines to append iteration `done`; rows from that one on and broken last lines are dropped.
 *
 * @throws {SyntaxError} If rows of done iterations are missing.
 */
export async function openLines(
  path: string,
  done: number,
): Promise<LineFile> {
  const text = await readIfThere(path) ?? "";
  const kept: string[] = [];
  for (const line of text.split("\n")) {
    if (kept.length === done) break;
    if (iterationOf(line) !== kept.length) break;
    kept.push(line);
  }
  if (kept.length < done) {
    throw new SyntaxError(
      `Cannot resume from iteration ${done} as "${path}" must hold a row for each before: row ${kept.length} is missing or broken`,
    );
  }
  await writeDurably(path, kept.map((line) => `${line}\n`).join(""));
  const file = await Deno.open(path, { append: true });
  const encoder = new TextEncoder();
  return {
    async append(row) {
      const bytes = encoder.encode(`${JSON.stringify(row)}\n`);
      try {
        for (let sent = 0; sent < bytes.length;) {
          sent += await file.write(bytes.subarray(sent));
        }
      } catch (cause) {
        throw unwritable(path, cause, "append to");
      }
    },
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/**
 * Reads the rows of a file of JSON lines but a last one that was never finished; none when the file is absent.
 *
 * @throws {SyntaxError} If a line before the last is no row; the message names file and line.
 */
export async function readLines(
  path: string,
): Promise<Record<string, unknown>[]> {
  const text = await readIfThere(path) ?? "";
  const end = text.lastIndexOf("\n");
  return text.slice(0, end + 1).split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const where = `${path}, line ${i + 1}`;
    const row = parseJson(line, where);
    if (isObject(row)) return [row];
    throw new SyntaxError(
      `Cannot read "${where}" as it must hold a JSON object: current value is ${line}`,
    );
  });
}

function iterationOf(line: string): number | undefined {
  try {
    const row: unknown = JSON.parse(line);
    return isObject(row) ? Number(row.iteration) : undefined;
  } catch {
    return undefined;
  }
}
