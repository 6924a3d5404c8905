/** `docs/estimators.md` and the README have every estimator, and each setting as its record has it. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { z } from "zod";
import type { Estimator } from "../../lib/hae/estimator.ts";
import { ESTIMATORS } from "../../lib/hae/estimators.ts";

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
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
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
      : schema instanceof z.ZodOptional
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

  Deno.test(`the tables say of "${name}" what its record says`, () => {
    const row = rowsOf(markdown).find(([first]) =>
      first?.startsWith(`[${name}]`)
    );
    const [, paper, critic, groups] = row ?? [];
    ok(paper?.includes(estimator.paper), `paper: ${estimator.paper}`);
    strictEqual(critic !== "no", estimator.critic, "critic");
    strictEqual(groups === "yes", estimator.grouped, "groups");
    const cells = rowsOf(readme)
      .find(([first]) => first?.split(/[ ,]+/).includes(name)) ?? [];
    ok(cells[3]?.includes(estimator.paper), "the README has it with its paper");
    strictEqual(cells[2] === "yes", estimator.critic, "the README on critics");
  });
}
