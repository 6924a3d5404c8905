/**
 * Finds native libraries that the user named in an environment variable, and opens them.
 *
 * @module
 */

/** What a library must have for its use here. */
export interface LibraryNeeds<T extends Deno.ForeignLibraryInterface> {
  /** What it is, in words. */
  readonly what: string;
  /** The environment variable that names it. */
  readonly variable: string;
  /** Names its file may have in a folder, best first. */
  readonly files: readonly string[];
  /** Functions that are called. */
  readonly functions: T;
  /** Whether it must not mix with what is loaded already: see {@linkcode loadApart}. */
  readonly apart?: boolean;
}

/** A library that is open. */
export interface OpenLibrary<T extends Deno.ForeignLibraryInterface> {
  /** Its file. */
  readonly path: string;
  /** Its functions. */
  readonly symbols: Deno.DynamicLibrary<T>["symbols"];
}

/** Places below the folder that was named. */
const BELOW = ["", "lib/", "tensorflow/"];

/**
 * Reads the environment variable that names a library. Without the permission to read it there
 * is none: nobody is asked.
 *
 * @param variable Its name.
 * @returns A path, or `undefined`.
 */
export function namedLibrary(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/**
 * Says whether this program may call native code; a permission for one library is not enough, as
 * reading memory that native code points to needs the whole.
 *
 * @returns Whether it may, without anybody being asked.
 */
export function mayCallNative(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

/**
 * Opens a library.
 *
 * @param path Its file, or a folder that holds it.
 * @param needs What it must have.
 * @returns The open library.
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
 * TensorFlow and the drivers of graphics processors each bring an LLVM; after a driver was
 * loaded, TensorFlow would use the driver's, and crash. Does nothing without glibc.
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
    return; // another C library, or an older one; the ordinary way follows
  }
}

/** The file itself, or the best one in a folder. */
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
    return false; // neither there nor readable
  }
}
