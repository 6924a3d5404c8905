/**
 * Finds and opens native libraries that an environment variable names.
 *
 * @module
 */

/** How a library is found and which functions it must have. */
export interface LibraryNeeds<T extends Deno.ForeignLibraryInterface> {
  /** Its name in error messages. */
  readonly what: string;
  readonly variable: string;
  /** Names its file may have in a folder, best first. */
  readonly files: readonly string[];
  readonly functions: T;
  /** Whether its symbols are isolated from loaded libraries; see {@linkcode loadApart}. */
  readonly apart?: boolean;
}

/** A library that is open. */
export interface OpenLibrary<T extends Deno.ForeignLibraryInterface> {
  readonly path: string;
  readonly symbols: Deno.DynamicLibrary<T>["symbols"];
}

/** Folders searched below the named one. */
const BELOW = ["", "lib/", "tensorflow/"];

/**
 * Reads the environment variable that names a library; `undefined` if it is not set or the program
 * may not read it. Never prompts for the permission.
 */
export function namedLibrary(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/**
 * Whether the program may call native code, without a prompt. A permission for one library is not
 * enough, as reading memory by pointer needs the unrestricted one.
 */
export function mayCallNative(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

/**
 * Opens a library.
 *
 * @throws {TypeError} If it cannot be opened or is another library; the message says what to do.
 */
export function openLibrary<T extends Deno.ForeignLibraryInterface>(
  path: string,
  needs: LibraryNeeds<T>,
): OpenLibrary<T> {
  const refuse = (must: string, value: string) =>
    new TypeError(
      `Cannot open ${needs.what} as ${must}: current value is ${value}`,
    );
  if (!mayCallNative()) {
    const must =
      `"${needs.variable}" names one and native code must be allowed ` +
      `(deno run -P=native, or --allow-ffi)`;
    throw refuse(must, "a program without that permission");
  }
  const file = findFile(path, needs.files);
  if (file === undefined) {
    const names = needs.files.join(" or ");
    throw refuse(
      `"${needs.variable}" must name ${names}, or a folder that holds it`,
      `"${path}"`,
    );
  }
  if (needs.apart) loadApart(file);
  try {
    const { symbols } = Deno.dlopen(file, needs.functions);
    return { path: file, symbols };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw refuse(
      `"${needs.variable}" must name a library that loads here and has its functions`,
      `"${file}" (${reason})`,
    );
  }
}

/** `RTLD_LAZY | RTLD_DEEPBIND` of glibc. */
const LAZY_DEEP = 1 | 8;

/**
 * Loads a library so that it finds its own functions first.
 *
 * TensorFlow and GPU drivers each contain an LLVM; once a driver is loaded, TensorFlow would resolve
 * its symbols to the driver's and crash. Does nothing without glibc.
 */
function loadApart(file: string): void {
  if (Deno.build.os !== "linux") return;
  try {
    const c = Deno.dlopen("libc.so.6", {
      dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
    });
    c.symbols.dlopen(new TextEncoder().encode(`${file}\0`), LAZY_DEEP);
    c.close();
  } catch {
    return; // not glibc, or too old: the plain dlopen below has to do
  }
}

/** The path itself if it is a file, else the first match in the folder. */
function findFile(
  path: string,
  files: readonly string[],
): string | undefined {
  if (isFile(path)) return path;
  const folder = path.endsWith("/") ? path : `${path}/`;
  return BELOW.flatMap((below) => files.map((file) => folder + below + file))
    .find(isFile);
}

/** Whether there is a file, links followed. */
function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // missing or unreadable
  }
}
