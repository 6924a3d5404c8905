/**
 * The table of estimators in `docs/estimators.md`, from their records.
 *
 * ```sh
 * deno task estimators           # prints it
 * deno task estimators --write   # puts it into the page
 * ```
 *
 * @module
 */

import { z } from "zod";
import { type Estimator, SHOWN, TRAINABLE } from "../lib/hae/estimator.ts";
import { ESTIMATORS } from "../lib/hae/estimators.ts";

const PAGE = new URL("../docs/estimators.md", import.meta.url);

/** Lines of the page between which the table stands. */
const FIRST = "<!-- deno task estimators --write -->", LAST = "<!-- end -->";

const COLUMNS = [
  "Estimator",
  "Paper",
  "Advantage",
  "One for each",
  "Critic",
  "Groups",
  "Trains",
  "Settings",
  "Cost of a turn",
  "Shown to learn",
];

/** The default of a setting as typed on the command line. */
function defaultOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodDefault) {
    return JSON.stringify(schema.def.defaultValue).replaceAll('"', "");
  }
  return schema instanceof z.ZodExactOptional ? "absent" : "required";
}

/** The page's link to an estimator's section: headings of the same letters are numbered. */
function anchorOf(name: string): string {
  const letters = (one: string) => one.replaceAll("+", "");
  const names = Object.keys(ESTIMATORS);
  const before = names.slice(0, names.indexOf(name))
    .filter((one) => letters(one) === letters(name)).length;
  return `${letters(name)}${before === 0 ? "" : `-${before}`}`;
}

/** Cells of an estimator's row, in the order of the columns. */
function cellsOf(name: string, estimator: Estimator): string[] {
  const { settings, policies = TRAINABLE, shown } = estimator;
  return [
    `[${name}](#${anchorOf(name)})`,
    `[${estimator.title}](${estimator.paper})`,
    `\`${estimator.equation}\``,
    estimator.unit,
    estimator.critic ? "yes" : "no",
    estimator.grouped ? "yes" : "no",
    policies.join(", ") || "no schedule plays it yet",
    Object.entries(settings.shape).map(([key, schema]) =>
      `\`${key}\` ${schema instanceof z.ZodType ? defaultOf(schema) : ""}`
    ).join(", "),
    estimator.cost,
    shown.map((run) => `[${run}](${SHOWN[run]})`).join(", ") || "-",
  ];
}

/** The table in Markdown, columns aligned as the formatter has them. */
export function estimatorTable(): string {
  const rows = Object.entries<Estimator>(ESTIMATORS)
    .map(([name, estimator]) => cellsOf(name, estimator));
  const widths = COLUMNS.map((title, c) =>
    Math.max(title.length, ...rows.map((cells) => cells[c]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, c) => cell.padEnd(widths[c]!)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [line(COLUMNS), line(rule), ...rows.map(line)].join("\n");
}

/**
 * Puts the table into a page.
 *
 * @throws {TypeError} If the page does not have the two lines between which it belongs.
 */
export function withTable(page: string): string {
  const start = page.indexOf(FIRST), end = page.indexOf(LAST, start);
  if (start < 0 || end < 0) {
    throw new TypeError(
      `Cannot write the table of estimators as the page must have the lines "${FIRST}" and "${LAST}": it has not`,
    );
  }
  const before = page.slice(0, start + FIRST.length);
  return `${before}\n\n${estimatorTable()}\n\n${page.slice(end)}`;
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(PAGE, withTable(await Deno.readTextFile(PAGE)));
  } else console.log(estimatorTable());
}
