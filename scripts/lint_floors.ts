/**
 * The `deno lint` plugin of the house: imports point down the floors, randomness is seeded,
 * files have names that say something.
 *
 * @module
 */

/** What a folder may import, besides itself. Folders on one floor never import each other. */
const FLOORS: readonly (readonly string[])[] = [
  ["lib"],
  ["lib/hae", "lib/envs", "lib/policy", "lib/plots"],
  ["lib/rollout"],
  ["lib/train"],
  ["."],
  ["scripts", "notebooks", "tests"],
];

const EMPTY_NAMES = /^(utils?|helpers?|common|types|base|misc)\.ts$/;

/** The folder of the house a file belongs to, and its floor; nothing for files outside. */
function place(path: string): { folder: string; floor: number } | undefined {
  const parts = path.split("/");
  const folder = parts.length === 1
    ? "."
    : parts[0] === "lib" && parts.length > 2
    ? `lib/${parts[1]}`
    : parts[0]!;
  const floor = FLOORS.findIndex((folders) => folders.includes(folder));
  return floor < 0 ? undefined : { folder, floor };
}

/** A file's path below the folder that holds `deno.json`, with forward slashes. */
function housePath(filename: string): string {
  const root = new URL("..", import.meta.url).pathname;
  const path = filename.replaceAll("\\", "/");
  return path.startsWith(root) ? path.slice(root.length) : path;
}

/** Resolves a relative import to a house path. */
function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/**
 * Judges one import.
 *
 * @param from House path of the importing file.
 * @param specifier What it imports.
 * @returns What is wrong, or nothing.
 */
export function judgeImport(
  from: string,
  specifier: string,
): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const to = resolve(from, specifier);
  const here = place(from), there = place(to);
  if (!here || !there || here.folder === there.folder) return undefined;
  if (here.folder === "tests") return undefined; // tests may open any file
  if (there.floor > here.floor) {
    return `${from} (floor ${here.floor}) may not import ${to} (floor ${there.floor}): imports point down`;
  }
  if (there.floor === here.floor) {
    return `${from} may not import ${to}: folders on one floor never import each other`;
  }
  if (here.floor === 5 && there.folder !== ".") {
    return `${from} may not import ${to}: scripts and notebooks see mod.ts only`;
  }
  return undefined;
}

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    floors: {
      create(context) {
        const from = housePath(context.filename);
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
        if (!/^lib\/(hae|envs|[^/]+$)/.test(housePath(context.filename))) {
          return {};
        }
        return {
          "MemberExpression[object.name='Date'][property.name='now']"(node) {
            context.report({
              node,
              message: "Credit and worlds know no clock: count turns instead",
            });
          },
        };
      },
    },
    "quiet-library": {
      create(context) {
        if (!housePath(context.filename).startsWith("lib/")) return {};
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
        const name = housePath(context.filename).split("/").at(-1)!;
        return {
          Program(node) {
            if (EMPTY_NAMES.test(name)) {
              context.report({
                node,
                message:
                  `${name} says nothing: name the file for the main thing inside`,
              });
            }
          },
        };
      },
    },
  },
};

export default plugin;
