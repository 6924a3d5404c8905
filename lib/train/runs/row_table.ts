/**
 * Rows that need not have the same keys, as a table.
 *
 * @module
 */

import { type ColumnTable, from } from "npm:arquero@7.2.0";

/**
 * Makes a table of rows with any keys.
 *
 * @param rows The rows.
 * @returns A column for every key, in order of first appearance; what a row does not have is `null`.
 */
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
