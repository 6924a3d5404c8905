/**
 * Fails if files of the project import each other in a circle, type-only imports included.
 * A lint rule sees one file at a time, so this check runs beside `deno lint`.
 *
 * @module
 */

/**
 * Finds the files that a source imports by relative paths.
 *
 * @param path Path of the source below the project's folder.
 * @param source Its text.
 * @returns Paths below the project's folder; examples in comments do not count.
 */
export function relativeImports(path: string, source: string): string[] {
  const code = source.replaceAll(/\/\*\*[^]*?\*\//g, "");
  const specifiers = code.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"\n]+)"/g);
  return Array.from(
    specifiers,
    ([, specifier]) => new URL(specifier!, `file:///${path}`).pathname.slice(1),
  );
}

/**
 * Finds the circles of a graph: its strongly connected components of two or more files.
 *
 * @param imports Imported files of each file.
 * @returns The files of each circle, sorted.
 */
export function findCycles(
  imports: ReadonlyMap<string, readonly string[]>,
): string[][] {
  const numbers = new Map<string, number>(), lowest = new Map<string, number>();
  const stack: string[] = [], circles: string[][] = [];
  const visit = (file: string): number => {
    const number = numbers.size;
    numbers.set(file, number);
    lowest.set(file, number);
    const depth = stack.push(file) - 1;
    for (const to of imports.get(file) ?? []) {
      if (!imports.has(to)) continue;
      const other = numbers.has(to)
        ? stack.includes(to) ? numbers.get(to)! : Infinity
        : visit(to);
      lowest.set(file, Math.min(lowest.get(file)!, other));
    }
    if (lowest.get(file) === number) {
      const circle = stack.splice(depth);
      if (circle.length > 1) circles.push(circle.toSorted());
    }
    return lowest.get(file)!;
  };
  for (const file of imports.keys()) {
    if (!numbers.has(file)) visit(file);
  }
  return circles;
}

/** Paths of the TypeScript files in a folder. */
function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (/(?<!\.as)\.ts$/.test(name)) yield path;
  }
}

if (import.meta.main) {
  const imports = new Map<string, string[]>();
  for (const folder of ["lib", "scripts"]) {
    for (const path of sources(folder)) {
      const source = await Deno.readTextFile(path);
      imports.set(path, relativeImports(path, source));
    }
  }
  const circles = findCycles(imports);
  for (const circle of circles) {
    console.error(`These files import each other: ${circle.join(", ")}`);
  }
  console.log(`${imports.size} files, ${circles.length} import cycles`);
  if (circles.length > 0) Deno.exit(1);
}
