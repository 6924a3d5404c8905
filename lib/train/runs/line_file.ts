/**
 * Rows as JSON lines, appended one at a time and cut back when a run is resumed.
 *
 * @module
 */

import { isObject, parseJson } from "../../text_file.ts";
import { readIfThere, unwritable, writeDurably } from "./durable_file.ts";

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
 * Opens a file of JSON lines and drops all rows of iterations from a number on, broken last lines included.
 *
 * @param path Where the file is, or should be.
 * @param done Iterations that are done; rows from this one on are dropped.
 * @returns The file, ready to append iteration `done`.
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
        throw unwritable(path, cause, { doing: "append to" });
      }
    },
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/**
 * Reads a file of JSON lines, leaving out a last line that was never finished.
 *
 * @param path Where the file is.
 * @returns Its rows; none when the file is absent.
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
    return typeof row === "object" && row !== null && "iteration" in row
      ? Number(row.iteration)
      : undefined;
  } catch {
    return undefined;
  }
}
