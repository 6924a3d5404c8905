/** What the documents point at is there: files, headings, tasks and scripts. */

import { deepStrictEqual } from "node:assert/strict";
import { z } from "zod";
import { configSchema } from "../../lib/train/config/schema.ts";

const ROOT = new URL("../../", import.meta.url);

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...[...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => name)
    .filter((name) => name.endsWith(".md")).toSorted()
    .map((name) => `docs/${name}`),
];

const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

/** Names of a document's headings in links, as GitHub makes them; equal ones are numbered. */
function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = markdown.matchAll(/^#+ (.+)$/gm).map(([, title]) => {
    const name = title!.toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return count === 0 ? name : `${name}-${count}`;
  });
  return new Set(anchors);
}

function exists(path: URL): boolean {
  try {
    return Deno.statSync(path).isFile || Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

for (const path of documents) {
  Deno.test(`${path} links to files and headings that exist`, () => {
    const broken = read(path).matchAll(/\]\(([^)\s]+)\)/g)
      .map(([, link]) => link!)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [file, heading] = link.split("#");
        const target = new URL(
          file || path.split("/").at(-1)!,
          new URL(path, ROOT),
        );
        if (!exists(target)) return true;
        return heading !== undefined &&
          !anchorsOf(Deno.readTextFileSync(target)).has(heading);
      });
    deepStrictEqual(broken.toArray(), []);
  });

  Deno.test(`${path} names tasks, scripts and files that exist`, () => {
    const { tasks, permissions } = JSON.parse(read("deno.json"));
    const text = read(path);
    const missing = [
      ...text.matchAll(/deno(?:@[\d.]+)? task ([a-z][\w-]*)/g).map(([, task]) =>
        task!
      )
        .filter((task) => !(task in tasks)),
      ...text.matchAll(/-P=(\w+)/g).map(([, set]) => set!)
        .filter((set) => !(set in permissions)),
      ...text.matchAll(
        /(?<![\/.\w])(?:lib|scripts|tests|notebooks|docs|mod)\/[\w./-]*\w\.\w+/g,
      )
        .map(([file]) => file).filter((file) => !exists(new URL(file, ROOT))),
    ];
    deepStrictEqual(missing, []);
  });
}

/** Whether a schema has a setting at a path; what is free to be anything has every path. */
function hasSetting(schema: unknown, path: readonly string[]): boolean {
  if (schema instanceof z.ZodUnion) {
    return schema.options.some((option) => hasSetting(option, path));
  }
  if (schema instanceof z.ZodObject) {
    const inner = schema.shape[path[0]!];
    return path.length === 0 || inner !== undefined &&
        hasSetting(inner, path.slice(1));
  }
  if (schema instanceof z.ZodPipe) return hasSetting(schema.in, path);
  if (schema instanceof z.ZodRecord) return true;
  const { innerType } = (schema as z.ZodDefault).def;
  return innerType === undefined
    ? path.length === 0
    : hasSetting(innerType, path);
}

for (const path of documents) {
  Deno.test(`${path} names settings that exist`, () => {
    const sections = Object.keys(configSchema.shape).join("|");
    const named = read(path).matchAll(
      new RegExp(`(?<=[\`' ])(?:${sections})(?:\\.\\w+)+(?=[=\`])`, "g"),
    ).map(([setting]) => setting);
    const missing = named.filter((one) => !one.endsWith(".json")).filter((
      one,
    ) => !hasSetting(configSchema, one.split(".")));
    deepStrictEqual(missing.toArray(), []);
  });
}

/** Every TypeScript file below a folder of the repository. */
function* filesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* filesBelow(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

Deno.test("docs/architecture.md says which folders depend on TensorFlow.js", () => {
  const users = filesBelow("lib/")
    .filter((path) => !/^lib\/(policy|train\/ppo)\//.test(path))
    .filter((path) => /from "[^"]*@tensorflow\//.test(read(path)));
  deepStrictEqual(users.toArray(), ["lib/train/runs/environment_facts.ts"]);
});
