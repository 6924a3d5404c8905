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

import {
  describeEstimators,
  type EstimatorDescription,
} from "../mod/credit.ts";

const PAGE = new URL("../docs/estimators.md", import.meta.url);

/** Lines of the page between which the table stands. */
const FIRST = "<!-- deno task estimators --write -->", LAST = "<!-- end -->";

const ESTIMATORS = describeEstimators();

/** Heading of each column, and its cell. */
const COLUMNS: Readonly<Record<string, (one: EstimatorDescription) => string>> =
  {
    "Estimator": ({ name }) => `[${name}](#${anchorOf(name)})`,
    "Paper": ({ title, paper }) => `[${title}](${paper})`,
    "Advantage": ({ equation }) => `\`${equation}\``,
    "One for each": ({ unit }) => unit,
    "Critic": ({ critic }) => critic ? "yes" : "no",
    "Groups": ({ groups }) => groups ? "yes" : "no",
    "Trains": ({ policies }) => policies.join(", ") || "no schedule plays it",
    "Settings": ({ settings }) =>
      settings.map(({ name, standard }) => `\`${name}\` ${standard}`)
        .join(", "),
    "Cost of a turn": ({ cost }) => cost,
    "Shown to learn": ({ shown }) =>
      shown.map(({ name, link }) => `[${name}](${link})`).join(", ") || "-",
  };

/** The page's link to an estimator's section: headings of the same letters are numbered. */
function anchorOf(name: string): string {
  const letters = (one: string) => one.replaceAll("+", "");
  const names = ESTIMATORS.map((one) => one.name as string);
  const before = names.slice(0, names.indexOf(name))
    .filter((one) => letters(one) === letters(name)).length;
  return `${letters(name)}${before === 0 ? "" : `-${before}`}`;
}

/** The table in Markdown, columns aligned as the formatter has them. */
export function estimatorTable(): string {
  const titles = Object.keys(COLUMNS), cells = Object.values(COLUMNS);
  const rows = ESTIMATORS.map((one) => cells.map((cell) => cell(one)));
  const widths = titles.map((title, c) =>
    Math.max(title.length, ...rows.map((row) => row[c]!.length))
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, c) => cell.padEnd(widths[c]!)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [line(titles), line(rule), ...rows.map(line)].join("\n");
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
