/** `docs/estimators.md` and the README have every estimator, and each setting as its record has it. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { z } from "zod";
import type { Estimator } from "../../lib/hae/estimator.ts";
import { ESTIMATORS } from "../../lib/hae/estimators.ts";
import { withTables } from "../../scripts/estimator_table.ts";

const read = (path: string) =>
  Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
const markdown = await read("docs/estimators.md");
const readme = await read("README.md");
const estimators: readonly [string, Estimator][] = Object.entries(ESTIMATORS);

/** Cells of the table rows of a text, without padding and code marks. */
const rowsOf = (text: string) =>
  text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) =>
      line.slice(1, -1).split(" | ").map((cell) =>
        cell.replaceAll(/`|^\|/g, "").trim()
      )
    );

/** What a setting may be, in a word or as a list. */
function valuesOf(schema: z.ZodType): string {
  if (
    schema instanceof z.ZodDefault || schema instanceof z.ZodExactOptional
  ) {
    const inner = schema.unwrap();
    return inner instanceof z.ZodType ? valuesOf(inner) : "";
  }
  if (schema instanceof z.ZodEnum) return schema.options.join(", ");
  if (schema instanceof z.ZodLiteral) return [...schema.values].join(", ");
  return schema.def.type;
}

/** Settings as rows of a table: name, values, default, meaning. */
function settingsTable({ settings }: Estimator): string[][] {
  return Object.entries(settings.shape).map(([name, schema]) => {
    ok(schema instanceof z.ZodType);
    const standard = schema instanceof z.ZodDefault
      ? JSON.stringify(schema.def.defaultValue).replaceAll('"', "")
      : schema instanceof z.ZodExactOptional
      ? "absent"
      : "required";
    return [name, valuesOf(schema), standard, schema.description ?? ""];
  });
}

for (const [name, estimator] of estimators) {
  Deno.test(`docs/estimators.md has the settings of "${name}"`, () => {
    const section = markdown.split(/^## /m).find((text) =>
      text.startsWith(`${name}\n`)
    );
    const expected = settingsTable(estimator);
    const lines = expected.map(([name, ...rest]) =>
      `| \`${name}\` | ${rest.join(" | ")} |`
    );
    deepStrictEqual(
      rowsOf(section ?? "").slice(2),
      expected,
      `the table must be\n${lines.join("\n")}`,
    );
  });

  Deno.test(`the README says of "${name}" what its record says`, () => {
    const cells = rowsOf(readme)
      .find(([first]) => first?.split(/[ ,]+/).includes(name));
    if (!cells) return; // the README names the best known ones
    ok(cells[2]?.includes(estimator.paper), "the README has its paper");
    strictEqual(cells[1] === "yes", estimator.critic, "the README on critics");
  });
}

Deno.test("the tables are those of the records (deno task estimators --write)", () => {
  deepStrictEqual(rowsOf(withTables(markdown)), rowsOf(markdown));
});

Deno.test("every link of the table to a section has one", () => {
  const anchors = markdown.matchAll(/^## (.+)$/gm).map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
  );
  const seen = new Map<string, number>();
  const known = new Set<string>();
  for (const anchor of anchors) {
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    known.add(before === 0 ? anchor : `${anchor}-${before}`);
  }
  const links = [...markdown.matchAll(/^\| \[[^\]]+\]\(#([^)]+)\)/gm)];
  strictEqual(links.length, estimators.length);
  for (const [, anchor] of links) ok(known.has(anchor!), anchor);
});
