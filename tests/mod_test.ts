/**
 * What holds of the public surface as a whole: its size, that each name has one home, and that its
 * types can be read without knowing TensorFlow.js. `deno task doc` asks for the documentation.
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import project from "../deno.json" with { type: "json" };

/** The largest number of values of the root entry. */
const ROOT_VALUES = 70;

/** Where tensors are meant: losses are functions of tensors, and a policy is scored with tensors. */
const TENSOR_ENTRIES = ["./losses"];
const TENSOR_NAMES = ["DifferentiablePolicy", "ScoredBatch"];

const ROOT = new URL("../", import.meta.url);
const NAMES = new URL("./vectors/mod_names.json", import.meta.url);

interface PublicSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly declarationKind: string;
    readonly location: { readonly filename: string };
  }[];
}

/** The symbols of every entry, as `deno doc` sees them. */
async function readSurface(): Promise<Map<string, readonly PublicSymbol[]>> {
  const entries = Object.entries(project.exports);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...entries.map(([, path]) => path)],
    cwd: ROOT,
    stderr: "null",
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: readonly PublicSymbol[] }>;
  };
  return new Map(
    entries.map(([entry, path]) => [
      entry,
      nodes[new URL(path, ROOT).href]!.symbols,
    ]),
  );
}

const surface = await readSurface();

const isType = ({ declarations }: PublicSymbol) =>
  declarations.every(({ kind }) =>
    kind === "interface" || kind === "typeAlias"
  );

/** Names of TensorFlow.js types anywhere in a value of `deno doc`. */
function tensorTypes(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(tensorTypes);
  if (typeof value !== "object" || value === null) return [];
  const { typeName } = value as { typeName?: unknown };
  const own = typeof typeName === "string" &&
      /^(tf\..*|Tensor(\dD)?|Scalar|Variable|NamedTensorMap)$/.test(typeName)
    ? [typeName]
    : [];
  return [...own, ...Object.values(value).flatMap(tensorTypes)];
}

Deno.test("every file of mod/ is an entry, and every entry is mod.ts or a file of mod/", () => {
  const files = [...Deno.readDirSync(new URL("mod/", ROOT))]
    .map(({ name }) => `./mod/${name}`);
  deepStrictEqual(
    Object.values(project.exports).toSorted(),
    ["./mod.ts", ...files].toSorted(),
  );
});

Deno.test(`the root entry has at most ${ROOT_VALUES} values`, () => {
  const values = surface.get(".")!.filter((symbol) => !isType(symbol));
  ok(values.length <= ROOT_VALUES, `it has ${values.length}`);
});

Deno.test("every public name belongs to one entry", () => {
  const homes = new Map<string, string[]>();
  for (const [entry, symbols] of surface) {
    for (const { name } of symbols) {
      homes.set(name, [...homes.get(name) ?? [], entry]);
    }
  }
  deepStrictEqual([...homes].filter(([, entries]) => entries.length > 1), []);
});

Deno.test("public signatures speak of tensors only where tensors are meant", () => {
  const found = [...surface].filter(([entry]) =>
    !TENSOR_ENTRIES.includes(entry)
  )
    .flatMap(([, symbols]) => symbols)
    .filter((symbol) => tensorTypes(symbol).length > 0)
    .map(({ name }) => name);
  deepStrictEqual(found.toSorted(), TENSOR_NAMES.toSorted());
});

Deno.test("every entry exports the values and types it is known for", async () => {
  // A name that vanishes breaks programs. After a change on purpose:
  // HIPER_PIN=1 deno test -P=test tests/mod_test.ts
  const names = Object.fromEntries(
    [...surface].map(([entry, symbols]) => {
      const sorted = (types: boolean) =>
        symbols.filter((symbol) => isType(symbol) === types)
          .map(({ name }) => name).toSorted();
      return [entry, { values: sorted(false), types: sorted(true) }];
    }),
  );
  if (Deno.env.get("HIPER_PIN") === "1") {
    await Deno.writeTextFile(NAMES, `${JSON.stringify(names, null, 2)}\n`);
  }
  deepStrictEqual(names, JSON.parse(await Deno.readTextFile(NAMES)));
});
