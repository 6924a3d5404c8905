/**
 * What can be said of committed notebooks without running them: their form, their imports,
 * and whether their outputs belong to their sources. `deno task notebooks` runs them.
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";

interface Output {
  readonly output_type: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface Cell {
  readonly id: string;
  readonly cell_type: "markdown" | "code";
  readonly source: string | readonly string[];
  readonly outputs?: readonly Output[];
  readonly execution_count?: number | null;
}

interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: {
    readonly kernelspec: { readonly name: string; readonly language: string };
    readonly hiper?: { readonly sources: string };
  };
}

const FOLDER = new URL("../../notebooks/", import.meta.url);
const LINES = 12, COLUMNS = 110, MAX_BYTES = 600_000, MAX_OUTPUT = 150_000;

const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => name.endsWith(".ipynb")).toSorted();

const text = (source: string | readonly string[]) =>
  typeof source === "string" ? source : source.join("");

async function read(name: string): Promise<Notebook> {
  return JSON.parse(await Deno.readTextFile(new URL(name, FOLDER)));
}

const codeOf = ({ cells }: Notebook) =>
  cells.filter((cell) => cell.cell_type === "code");

/** Names sources as `scripts/run_notebooks.py` does. */
function sourceHash(sources: readonly string[]): string {
  return createHash("sha256").update(sources.join("\0")).digest("hex")
    .slice(0, 16);
}

for (const name of names) {
  Deno.test(`${name} asks in its title and answers in its last cell`, async () => {
    const { cells } = await read(name);
    match(text(cells[0]!.source).split("\n")[0]!, /^# .+\?/);
    const last = cells.at(-1)!;
    strictEqual(last.cell_type, "markdown");
    match(text(last.source), /^\*\*Answer\.\*\* /);
  });

  Deno.test(`${name} has short code cells, and a paragraph before each`, async () => {
    const { cells } = await read(name);
    for (const [i, cell] of cells.entries()) {
      if (cell.cell_type !== "code") continue;
      const lines = text(cell.source).split("\n");
      ok(lines.length <= LINES, `${cell.id} has ${lines.length} lines`);
      for (const line of lines) {
        ok(line.length <= COLUMNS, `${cell.id}: ${line}`);
      }
      // The figure and its check may share a paragraph; so do imports and parameters.
      ok(
        [cells[i - 1], cells[i - 2]].some((one) =>
          one?.cell_type === "markdown"
        ),
        `${cell.id} has no paragraph before it`,
      );
    }
  });

  Deno.test(`${name} imports in its first cell, from the package alone, and sets parameters in its second`, async () => {
    const [first, second, ...rest] = codeOf(await read(name))
      .map(({ source }) => text(source));
    const imported = [...first!.matchAll(/from "([^"]+)"/g)].map(([, from]) =>
      from!
    );
    const allowed = /^(@hiper\/lab(\/[a-z]+)*|arquero|node:assert\/strict)$/;
    ok(imported.includes("@hiper/lab"));
    deepStrictEqual(imported.filter((one) => !allowed.test(one)), []);
    match(first!, /await startNotebook\(\);$/);
    match(second!, /^const .+; \/\/ large budget: /m);
    for (const source of rest) ok(!/\bimport\b/.test(source), source);
  });

  Deno.test(`${name} carries outputs of its own sources, none an error, none huge`, async () => {
    const notebook = await read(name);
    const cells = codeOf(notebook);
    strictEqual(
      notebook.metadata.hiper?.sources,
      sourceHash(cells.map(({ source }) => text(source))),
      "outputs are stale: deno task notebooks --write",
    );
    let pictures = 0;
    for (const { id, outputs = [] } of cells) {
      for (const { output_type, data = {} } of outputs) {
        ok(output_type !== "error", id);
        ok(JSON.stringify(data).length <= MAX_OUTPUT, `${id} is too large`);
        const html = [data["text/html"] ?? ""].flat().join("");
        ok(!html.includes('data-mark="hiper-plotly"'), "Plotly was left in");
        if (data["image/svg+xml"]) pictures++;
      }
    }
    ok(pictures >= 2, "there are pictures for readers without scripts");
    const { size } = await Deno.stat(new URL(name, FOLDER));
    ok(size <= MAX_BYTES, `${size} bytes`);
  });

  Deno.test(`${name} opens on the Deno kernel and names its cells`, async () => {
    const { cells, metadata } = await read(name);
    const { name: kernel, language } = metadata.kernelspec;
    deepStrictEqual([kernel, language], ["deno", "typescript"]);
    strictEqual(new Set(cells.map(({ id }) => id)).size, cells.length);
  });
}
