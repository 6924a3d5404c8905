/**
 * The project's `deno lint` plugin: imports point down the floors, randomness is seeded,
 * files have telling names and at most {@linkcode LINE_LIMIT} lines.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };

/** The most lines that a file may have. A longer file is split by reason, not by length. */
const LINE_LIMIT = 500;

/**
 * What may import what: a file may import its own folder and every floor below.
 * Folders on one floor never import each other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["lib"],
  ["lib/hae", "lib/envs", "lib/policy", "lib/plots"],
  ["lib/rollout", "lib/remote", "lib/serve", "lib/records"],
  ["lib/train"],
  ["mod"],
  ["scripts", "notebooks", "tests"],
];

/**
 * The floors inside a folder, by the same rule. An entry is a folder or a single file; it stands for
 * everything below it that no longer entry names.
 */
const SUBFLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "lib/hae": [["lib/hae"], ["lib/hae/study"]],
  "lib/envs": [
    ["lib/envs"],
    [
      "lib/envs/miniwob",
      "lib/envs/pddl",
      "lib/envs/scienceworld",
      "lib/envs/webshop",
    ],
    ["lib/envs/household"],
    ["lib/envs/alfworld"],
    ["lib/envs/open_env.ts", "lib/envs/worlds.ts"],
  ],
  "lib/policy": [
    ["lib/policy/backends"],
    ["lib/policy"],
    ["lib/policy/decoder"],
    ["lib/policy/compact", "lib/policy/language"],
  ],
  "lib/remote": [
    ["lib/remote"],
    ["lib/remote/tinker", "lib/remote/openai"],
  ],
  "lib/train": [
    ["lib/train/ppo"],
    ["lib/train/config"],
    ["lib/train/runs/durable_file.ts"],
    ["lib/train/runs/checkpoint.ts"],
    ["lib/train"],
    ["lib/train/runs"],
    ["lib/train/studies"],
  ],
};

const EMPTY_NAMES = /^(utils?|helpers?|common|types|base|misc)\.ts$/;

/** The entry of a file among some floors, and the entry's floor. */
interface Place {
  entry: string;
  floor: number;
}

/** A file's place among the floors; `undefined` for a file outside of them. */
function place(path: string): Place | undefined {
  const parts = path.split("/");
  const entry = parts.length === 1
    ? "mod"
    : parts[0] === "lib" && parts.length > 2
    ? `lib/${parts[1]}`
    : parts[0]!;
  const floor = FLOORS.findIndex((folders) => folders.includes(entry));
  return floor < 0 ? undefined : { entry, floor };
}

/** A file's place among its folder's own floors: the longest entry that holds it. */
function placeInside(folder: string, path: string): Place | undefined {
  let best: Place | undefined;
  for (const [floor, entries] of (SUBFLOORS[folder] ?? []).entries()) {
    for (const entry of entries) {
      const holds = path === entry || path.startsWith(`${entry}/`);
      if (holds && entry.length > (best?.entry.length ?? -1)) {
        best = { entry, floor };
      }
    }
  }
  return best;
}

/** A file's path below the folder that holds `deno.json`, with forward slashes. */
function projectPath(filename: string): string {
  const root = new URL("..", import.meta.url).pathname;
  const path = filename.replaceAll("\\", "/");
  return path.startsWith(root) ? path.slice(root.length) : path;
}

/** Resolves a relative import to a path below the project's folder. */
function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/**
 * Judges one import.
 *
 * @param from Path of the importing file, below the project's folder.
 * @param specifier The import's specifier.
 * @returns The rule that is broken, or `undefined`.
 */
export function judgeImport(
  from: string,
  specifier: string,
): string | undefined {
  const here = place(from);
  if (!here) return undefined;
  if (!specifier.startsWith(".")) {
    const [name = ""] = splitPackage(specifier);
    return here.entry === "lib" && name === "arquero"
      ? `${from} may not import ${name}: files of lib/ itself use no tables`
      : undefined;
  }
  const to = resolve(from, specifier);
  const there = place(to);
  if (!there) return undefined;
  if (here.entry === "tests") return undefined; // tests may open any file
  if (here.entry !== there.entry) return judgeFloors(from, here, to, there);
  const inner = placeInside(here.entry, from);
  const other = placeInside(here.entry, to);
  return inner && other && inner.entry !== other.entry
    ? judgeFloors(from, inner, to, other)
    : undefined;
}

/** Judges an import between two entries of one list of floors. */
function judgeFloors(
  from: string,
  here: Place,
  to: string,
  there: Place,
): string | undefined {
  if (there.floor > here.floor) {
    return `${from} (floor ${here.floor} of ${here.entry}) may not import ${to} (floor ${there.floor}): imports point down`;
  }
  if (there.floor === here.floor) {
    return `${from} may not import ${to}: ${here.entry} and ${there.entry} are on one floor and never import each other`;
  }
  if (
    here.entry !== "mod" && FLOORS.at(-1)!.includes(here.entry) &&
    there.entry !== "mod"
  ) {
    return `${from} may not import ${to}: scripts and notebooks see mod.ts and mod/ only`;
  }
  return undefined;
}

/** Splits `npm:@scope/name@1.2.3/path` or `@scope/name/path` into name and path. */
function splitPackage(
  specifier: string,
): [name?: string | undefined, path?: string | undefined] {
  const parts = specifier.match(
    /^(?:npm:)?((?:@[^/@]+\/)?[^/@]+)(?:@[^/]+)?(\/.*)?$/,
  );
  return parts ? [parts[1], parts[2]] : [];
}

/**
 * The specifier with which the library imports a package. The library carries the versions itself,
 * so that it can be imported from a checkout by programs without an import map.
 *
 * @param specifier A bare or versioned specifier.
 * @returns The specifier with the version of `deno.json`; `undefined` for a file, a module of Node, or
 *     a package that `deno.json` does not list.
 */
export function versionedSpecifier(specifier: string): string | undefined {
  if (/^(\.|node:|https?:)/.test(specifier)) return undefined;
  const [name, path = ""] = splitPackage(specifier);
  const versions: Readonly<Record<string, string>> = project.imports;
  const version = name === undefined ? undefined : versions[name];
  return version === undefined ? undefined : `${version}${path}`;
}

const plugin: Deno.lint.Plugin = {
  name: "hiper",
  rules: {
    floors: {
      create(context) {
        const from = projectPath(context.filename);
        const check = (node: Deno.lint.Node, specifier: string) => {
          const message = judgeImport(from, specifier);
          if (message) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => {
            if (node.source) check(node, node.source.value);
          },
          ImportExpression: (node) => {
            if (node.source.type === "Literal") {
              check(node, String(node.source.value));
            }
          },
        };
      },
    },
    versions: {
      create(context) {
        if (!projectPath(context.filename).startsWith("lib/")) return {};
        const check = (source: Deno.lint.Node) => {
          if (source.type !== "Literal") return;
          const written = String(source.value);
          const wanted = versionedSpecifier(written);
          if (wanted === undefined || wanted === written) return;
          context.report({
            node: source,
            message:
              `The library imports packages with the versions of deno.json: "${wanted}" (deno lint --fix)`,
            fix: (fixer) => fixer.replaceText(source, `"${wanted}"`),
          });
        };
        return {
          ImportDeclaration: (node) => check(node.source),
          ExportAllDeclaration: (node) => check(node.source),
          ExportNamedDeclaration: (node) => {
            if (node.source) check(node.source);
          },
          ImportExpression: (node) => check(node.source),
        };
      },
    },
    "seeded-randomness": {
      create(context) {
        return {
          "MemberExpression[object.name='Math'][property.name='random']"(node) {
            context.report({
              node,
              message:
                "Math.random cannot be repeated: take a Random argument and fork it by name",
            });
          },
        };
      },
    },
    "no-clock": {
      create(context) {
        if (!/^lib\/(hae|envs|[^/]+$)/.test(projectPath(context.filename))) {
          return {};
        }
        return {
          "MemberExpression[object.name='Date'][property.name='now']"(node) {
            context.report({
              node,
              message: "Credit and worlds read no clock: count turns instead",
            });
          },
        };
      },
    },
    "quiet-library": {
      create(context) {
        if (!projectPath(context.filename).startsWith("lib/")) return {};
        return {
          "MemberExpression[object.name='console']"(node) {
            context.report({
              node,
              message: "The library prints nothing: return or yield it instead",
            });
          },
        };
      },
    },
    "file-names": {
      create(context) {
        const name = projectPath(context.filename).split("/").at(-1)!;
        return {
          Program(node) {
            if (EMPTY_NAMES.test(name)) {
              context.report({
                node,
                message:
                  `${name} is an empty name: name the file for the main thing inside`,
              });
            }
          },
        };
      },
    },
    "file-length": {
      create(context) {
        const lines = context.sourceCode.text.split("\n").length - 1;
        return {
          Program(node) {
            if (lines > LINE_LIMIT) {
              context.report({
                node,
                message:
                  `A file has at most ${LINE_LIMIT} lines: this one has ${lines}; split it by reason`,
              });
            }
          },
        };
      },
    },
  },
};

export default plugin;
