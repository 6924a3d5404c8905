/**
 * The tables of estimators and methods in `docs/estimators.md`, from their records.
 *
 * ```sh
 * deno task estimators           # prints them
 * deno task estimators --write   # puts them into the page
 * ```
 *
 * @module
 */

import { PRESETS } from "../mod.ts";
import {
  describeEstimators,
  type EstimatorDescription,
} from "../mod/credit.ts";
import {
  METHOD_NAMES,
  type MethodName,
  METHODS,
  methodSettings,
} from "../mod/studies.ts";

const PAGE = new URL("../docs/estimators.md", import.meta.url);

/** Lines of the page between which the tables stand. */
const FIRST = "<!-- deno task estimators --write -->", LAST = "<!-- end -->";
const FIRST_METHODS = "<!-- methods: deno task estimators --write -->";

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

/** The table of estimators in Markdown, columns aligned as the formatter has them. */
export function estimatorTable(): string {
  const cells = Object.values(COLUMNS);
  return tableOf(
    Object.keys(COLUMNS),
    ESTIMATORS.map((one) => cells.map((cell) => cell(one))),
  );
}

/** The table of methods: what each changes in a preset. */
export function methodTable(): string {
  return tableOf(
    ["Method", "Paper", "Episodes of a task", "Changes"],
    METHOD_NAMES.map((name) => {
      const { title, paper, groupSize } = METHODS[name];
      const changes = changesOf(name).map((one) => `\`${one}\``);
      return [
        `\`${name}\``,
        `[${title}](${paper})`,
        String(groupSize),
        changes.join(" "),
      ];
    }),
  );
}

/** Settings that stay the preset's own. */
const PRESET_OWN = [
  "gamma",
  "gammaTurn",
  "lambda",
  "lambdaTurn",
  "lambdaSegment",
  "tasks",
  "groupSize",
];

/** What a method changes for a language policy, as typed on the command line. */
function changesOf(name: MethodName): string[] {
  const settings = methodSettings(name, {
    ...PRESETS["corridor-language"],
    estimator: { name: "grpo" },
  });
  const words: string[] = [];
  const visit = (value: unknown, path: readonly string[]) => {
    const nested = typeof value === "object" && value !== null &&
      !Array.isArray(value) && Object.keys(value).length > 0;
    if (nested) {
      for (const [key, inner] of Object.entries(value)) {
        visit(inner, [...path, key]);
      }
    } else if (!PRESET_OWN.includes(path.at(-1)!)) {
      words.push(
        `${path.join(".")}=${
          typeof value === "string" ? value : JSON.stringify(value)
        }`,
      );
    }
  };
  visit(settings, []);
  return words;
}

function tableOf(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = titles.map((title, c) =>
    Math.max(title.length, ...rows.map((row) => row[c]!.length))
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, c) => cell.padEnd(widths[c]!)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [line(titles), line(rule), ...rows.map(line)].join("\n");
}

/**
 * Puts the tables into a page.
 *
 * @throws {TypeError} If the page does not have the lines between which they belong.
 */
export function withTables(page: string): string {
  return [[FIRST, estimatorTable()], [FIRST_METHODS, methodTable()]].reduce(
    (text, [first, table]) => {
      const start = text.indexOf(first!), end = text.indexOf(LAST, start);
      if (start < 0 || end < 0) {
        throw new TypeError(
          `Cannot write a table as the page must have the lines "${first}" and "${LAST}": it has not`,
        );
      }
      const before = text.slice(0, start + first!.length);
      return `${before}\n\n${table}\n\n${text.slice(end)}`;
    },
    page,
  );
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(PAGE, withTables(await Deno.readTextFile(PAGE)));
  } else console.log(`${estimatorTable()}\n\n${methodTable()}`);
}
