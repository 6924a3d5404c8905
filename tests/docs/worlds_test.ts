/** `docs/worlds.md` has every world, and every setting with its default. */

import { deepStrictEqual, ok } from "node:assert/strict";
import { z } from "zod";
import { DATASETS, WORLDS } from "../../lib/envs/open_env.ts";

const DOCUMENT = new URL("../../docs/worlds.md", import.meta.url);
const markdown = await Deno.readTextFile(DOCUMENT);

/** Settings of a schema with what their help says of the default. */
function settingsOf(
  schema: z.ZodType,
): [name: string, standard: string | undefined][] {
  ok(schema instanceof z.ZodObject);
  return Object.entries(schema.shape as z.ZodRawShape)
    .filter(([name]) => name !== "kind" && name !== "dataset")
    .map(([name, setting]) => {
      const { description = "" } = z.globalRegistry.get(setting) ?? {};
      return [name, /Default: (\S+)$/.exec(description)?.[1]];
    });
}

const sectionOf = (title: string) =>
  markdown.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ??
    "";

for (const [kind, { settings }] of Object.entries(WORLDS)) {
  Deno.test(`docs/worlds.md has the settings of "${kind}"`, () => {
    const section = sectionOf(kind), shared = sectionOf("household");
    const row = (name: string) =>
      [section, shared].map((text) =>
        text.match(new RegExp(`^\\|[^|]*\`${name}\`[^|]*\\|([^|]*)\\|`, "m"))
      ).find((match) => match);
    for (const [name, standard] of settingsOf(settings)) {
      ok(section.includes(`\`${name}\``), `"${name}" is missing`);
      if (standard === undefined || standard === "none") continue;
      const told = row(name)?.[1]?.replaceAll("`", "").trim();
      deepStrictEqual(told, standard, `the default of "${name}"`);
    }
  });
}

Deno.test("docs/worlds.md has every dataset with its own settings", () => {
  for (const [name, { settings }] of Object.entries(DATASETS)) {
    const section = markdown.split(/^## /m).slice(1)
      .find((text) => text.includes(`"dataset": "${name}"`)) ?? "";
    for (const [setting] of settingsOf(settings)) {
      ok(
        new RegExp(`[\`"]${setting}[\`"]`).test(section),
        `${name}: ${setting}`,
      );
    }
  }
});
