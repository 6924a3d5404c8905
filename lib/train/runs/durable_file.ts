/**
 * Files and folders that are whole or absent, whatever happens while they are written.
 *
 * @module
 */

/**
 * Writes a file next to its place, waits until the disk has it, then moves it there in one step.
 *
 * @param path Where the file should be.
 * @param content Text or bytes.
 * @throws {Error} If the disk is full or may not be written; whatever was there before is left as it was.
 */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  const partial = `${path}.partial`;
  try {
    await Deno.writeFile(partial, bytes);
    await syncFile(partial);
    await Deno.rename(partial, path);
  } catch (cause) {
    await Deno.remove(partial).catch(() => undefined);
    throw unwritable(path, cause);
  }
}

/**
 * Fills a folder next to its place, then moves it there in one step.
 *
 * @param path Where the folder should be; a folder already there is replaced.
 * @param fill Writes files into the folder it is given.
 * @throws {Error} If filling fails; whatever was there before is left as it was.
 */
export async function writeFolderDurably(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const partial = `${path}.partial`, previous = `${path}.previous`;
  try {
    await removeIfThere(partial);
    await Deno.mkdir(partial, { recursive: true });
    await fill(partial);
    for await (const entry of Deno.readDir(partial)) {
      await syncFile(`${partial}/${entry.name}`);
    }
    await removeIfThere(previous);
    await renameIfThere(path, previous);
    await Deno.rename(partial, path);
    await removeIfThere(previous);
  } catch (cause) {
    await removeIfThere(partial).catch(() => undefined);
    throw unwritable(path, cause);
  }
}

/**
 * Removes a file or folder with all it holds; nothing happens when it is absent.
 *
 * @param path What to remove.
 */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Reads a text file that may be absent.
 *
 * @param path Where the file should be.
 * @returns Its text, or `undefined` when there is none.
 */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

/**
 * Says in words that a disk is full or a folder is read-only.
 *
 * @param path What could not be written.
 * @param cause What the system said.
 * @param options `doing`: what could not be done to it. @default {"write"}
 * @returns The error to throw.
 */
export function unwritable(
  path: string,
  cause: unknown,
  options: { doing?: "write" | "append to" } = {},
): Error {
  const { doing = "write" } = options;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `Cannot ${doing} "${path}" as its folder must have room and be writable: ${reason}`,
    { cause },
  );
}
