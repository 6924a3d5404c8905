/**
 * The package as programs outside the checkout use it: by `links`, by an import map, and by a path
 * alone. No network: packages come from the cache, at the versions of the lock file.
 */

import { match, strictEqual } from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** Addresses of the entries for a program that has no names for them. */
const PATHS = Object.fromEntries(
  Object.entries(project.exports).map(([entry, path]) => [
    entry.replace(/^\./, project.name),
    new URL(path, ROOT).href,
  ]),
);

/** A program of three entries: trains on `wasm`, plays in a Worker, writes a page with Plotly. */
const PROGRAM = `
import {
  assembleTraining,
  createEnvPool,
  defineConfig,
} from "@hiper/lab";
import { generateHousehold } from "@hiper/lab/envs/household";
import { reportHtml } from "@hiper/lab/plots";

const config = defineConfig({
  worlds: [{ kind: "corridor", length: 3, doors: 0 }],
  rollout: { tasks: 4, maxTurns: 6 },
  iterations: 1,
  backend: "wasm",
});
await using training = await assembleTraining(config);
let iterations = 0;
for await (const { metrics } of training) iterations += metrics.success_rate! >= 0 ? 1 : 0;

await using pool = createEnvPool({ workers: 1 });
const env = await pool.open({ kind: "corridor", length: 5 }, 1);
const { observation } = await env.start();

const game = generateHousehold({ difficulty: "easy" }, 1);
const figure = { data: [{ y: [1, 2] }], layout: {} };
const page = reportHtml({ title: "page", sections: [{ heading: "figure", figure }] });
console.log(
  iterations,
  observation.admissibleActions.includes("wait"),
  typeof game,
  page.length > 1e6,
);
`;

/** A folder outside the checkout with files in it, removed in the end. */
async function makeProject(
  files: Readonly<Record<string, unknown>>,
): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "hiper-consumer-" });
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(
      `${path}/${name}`,
      typeof content === "string" ? content : JSON.stringify(content),
    );
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** The versions that the cache holds, for a project without our dependencies of its own. */
async function lockFile(): Promise<unknown> {
  const text = await Deno.readTextFile(new URL("deno.lock", ROOT));
  const { workspace: _, ...lock } = JSON.parse(text);
  return lock;
}

/** Runs Deno in a project, with nothing from the network. */
async function deno(cwd: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, output: decode(stdout), errors: decode(stderr) };
}

const RUN = [
  "run",
  "--cached-only",
  "--lock=lock.json",
  "--allow-read",
  "--allow-env",
  "--allow-sys",
];

Deno.test("a project uses the package by links in its deno.json", async () => {
  await using project = await makeProject({
    "deno.json": { links: [ROOT.pathname] },
    "lock.json": await lockFile(),
    "program.ts": PROGRAM,
  });
  const { output, errors } = await deno(project.path, ...RUN, "program.ts");
  strictEqual(output, "1 true object true\n", errors);
});

Deno.test("a project uses the package by an import map, and its own compiler options", async () => {
  await using project = await makeProject({
    "deno.json": { imports: PATHS },
    "lock.json": await lockFile(),
    "program.ts": PROGRAM,
  });
  const { output, errors } = await deno(
    project.path,
    ...RUN,
    "--check",
    "program.ts",
  );
  strictEqual(output, "1 true object true\n", errors);
});

Deno.test("a script without any configuration uses the package by its path", async () => {
  const source = PROGRAM.replaceAll(
    /"(@hiper\/lab[^"]*)"/g,
    (_, name) => `"${PATHS[name]}"`,
  );
  await using project = await makeProject({
    "lock.json": await lockFile(),
    "program.ts": source,
  });
  const { output, errors } = await deno(project.path, ...RUN, "program.ts");
  strictEqual(output, "1 true object true\n", errors);
});

Deno.test("without links or a map the package's name is not found, and Deno says so", async () => {
  await using project = await makeProject({ "program.ts": PROGRAM });
  const { success, errors } = await deno(
    project.path,
    "run",
    "--cached-only",
    "program.ts",
  );
  strictEqual(success, false);
  match(errors, /Import "@hiper\/lab[^"]*" not a dependency/);
});
