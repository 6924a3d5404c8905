/**
 * Tables of numbers, booleans and texts, to and from Parquet.
 *
 * @module
 */

import {
  type ColumnTable,
  from,
  table as createTable,
} from "npm:arquero@7.2.0";
import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "npm:hyparquet@1.31.5";
import { compressors } from "npm:hyparquet-compressors@1.1.2";
import {
  type ColumnSource,
  parquetWriteBuffer,
} from "npm:hyparquet-writer@0.17.0";
import { reasonOf } from "../../text_file.ts";
import { writeDurably } from "./durable_file.ts";

/** What a cell may hold; `null` where there is nothing. */
export type Cell = number | string | boolean | null;

/**
 * Writes a table as a Parquet file that is whole or absent.
 *
 * Numbers become doubles, dates and texts text; cells may be missing.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import * as aq from "arquero";
 * import { readParquet, writeParquet } from "@hiper/lab/studies";
 *
 * const path = `${await Deno.makeTempDir()}/table.parquet`;
 * await writeParquet(aq.table({ turn: [0, 1], action: ["go", "look"] }), path);
 * deepStrictEqual((await readParquet(path)).objects(), [
 *   { turn: 0, action: "go" },
 *   { turn: 1, action: "look" },
 * ]);
 * ```
 *
 * @throws {TypeError} If a column mixes kinds, or holds something else than numbers, booleans and texts.
 */
export async function writeParquet(
  table: ColumnTable,
  path: string,
): Promise<void> {
  const columnData = table.columnNames().map((name): ColumnSource => {
    const data = Array.from(
      { length: table.numRows() },
      (_, row) => plainCell(table.get(name, row)),
    );
    return { name, data, type: columnType(name, data), nullable: true };
  });
  const bytes = parquetWriteBuffer({ columnData, createdBy: "hiper-lab" });
  await writeDurably(path, new Uint8Array(bytes));
}

/**
 * Reads a Parquet file of flat columns, compressed with Snappy, gzip, Zstandard, LZ4, Brotli or not at all.
 *
 * @returns Its table; 64-bit integers become numbers, dates text. A table without rows has the columns of its schema.
 * @throws {SyntaxError} If the file is not Parquet, damaged, or compressed in another way; the reason is named.
 */
export async function readParquet(path: string): Promise<ColumnTable> {
  const { buffer, byteOffset, byteLength } = await Deno.readFile(path);
  const file = buffer.slice(byteOffset, byteOffset + byteLength);
  let rows: Record<string, unknown>[], names: string[];
  try {
    const metadata = await parquetMetadataAsync(file);
    names = parquetSchema(metadata).children.map(({ element }) => element.name);
    rows = await parquetReadObjects({ file, metadata, compressors });
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read "${path}" as it must be Parquet: ${
        isParquet(file) ? reasonOf(cause) : "the file does not end like one"
      }`,
      { cause },
    );
  }
  const columns: [string, unknown[]][] = names.map((name) => [
    name,
    rows.map((row) => plainCell(row[name])),
  ]);
  return createTable(columns);
}

/** A cell without kinds of its own: 64-bit integers as numbers, dates as text. */
function plainCell(cell: unknown): unknown {
  if (typeof cell === "bigint") return Number(cell);
  if (cell instanceof Date) return cell.toISOString();
  return cell ?? null;
}

/** Whether a file ends with the mark of the format. */
function isParquet(file: ArrayBuffer): boolean {
  const end = new Uint8Array(file.slice(-4));
  return new TextDecoder().decode(end) === "PAR1";
}

function columnType(
  name: string,
  data: readonly unknown[],
): "DOUBLE" | "BOOLEAN" | "STRING" {
  const kinds = new Set(
    data.flatMap((cell) => cell === null ? [] : [typeof cell]),
  );
  const [kind = "string"] = kinds;
  if (kinds.size > 1) {
    throw new TypeError(
      `Cannot write Parquet as a column must hold one kind of cell: "${name}" holds ${
        [...kinds].join(" and ")
      }`,
    );
  }
  if (kind === "number") return "DOUBLE";
  if (kind === "boolean") return "BOOLEAN";
  if (kind === "string") return "STRING";
  throw new TypeError(
    `Cannot write Parquet as cells must be numbers, booleans or texts: "${name}" holds ${kind}`,
  );
}

/** A table of rows: a column for every key, in order of first appearance; what a row does not have is `null`. */
export function toTable(
  rows: readonly Record<string, unknown>[],
): ColumnTable {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return from(
    rows.map((row) =>
      Object.fromEntries(names.map((name) => [name, row[name] ?? null]))
    ),
  );
}
