/** Search for a key in the files of a folder. */

import { ok } from "node:assert/strict";

/** Throws if some file of a folder, or of one in it, holds a key; gives the number of files. */
export async function searchKey(folder: string, key: string): Promise<number> {
  let files = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) files += await searchKey(path, key);
    else {
      const bytes = await Deno.readFile(path);
      ok(!new TextDecoder("latin1").decode(bytes).includes(key), path);
      files++;
    }
  }
  return files;
}
