/**
 * Checkpoints: a folder that is whole or absent, with a list of its files and their hashes.
 *
 * No stream of random numbers is saved, as every iteration derives its own by name.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { removeIfThere, writeFolderDurably } from "./durable_file.ts";

const MANIFEST = "checkpoint.json";

const manifestSchema = z.object({
  format: z.literal("hiper-lab-checkpoint"),
  version: z.literal(1),
  iteration: z.int().nonnegative(),
  warm: z.boolean().exactOptional(),
  files: z.record(z.string(), z.object({ bytes: z.int(), sha256: z.string() })),
});

/** A checkpoint that was found whole. */
export interface Checkpoint {
  /** Its folder. */
  readonly directory: string;
  /** The iteration that comes next; as many are done. */
  readonly iteration: number;
  /** Whether the warm start, if there is one, is behind. */
  readonly warm: boolean;
}

/**
 * Saves a checkpoint so that at every moment the folder is whole, or as it was before.
 *
 * @param directory The checkpoint's own folder.
 * @param options `iteration` comes next; `warm` says that a warm start is behind, as it is after
 * iteration 0; `save` writes the learner's files into the folder it is given.
 * @throws {Error} If the folder cannot be written; an earlier checkpoint there stays intact.
 */
export async function saveCheckpoint(
  directory: string,
  options: {
    iteration: number;
    warm?: boolean;
    save: (folder: string) => Promise<void>;
  },
): Promise<void> {
  const { iteration, warm = iteration > 0, save } = options;
  await writeFolderDurably(directory, async (folder) => {
    await save(folder);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const name of await fileNames(folder)) {
      const content = await Deno.readFile(`${folder}/${name}`);
      files[name] = { bytes: content.length, sha256: await hash(content) };
    }
    const manifest: z.infer<typeof manifestSchema> = {
      format: "hiper-lab-checkpoint",
      version: 1,
      iteration,
      warm,
      files,
    };
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await Deno.writeTextFile(`${folder}/${MANIFEST}`, text);
  });
}

/**
 * Opens a checkpoint after looking at every file in it.
 *
 * @param directory The checkpoint's folder.
 * @returns Where it is, and which iteration comes next.
 * @throws {SyntaxError} If the folder is no checkpoint of this project.
 * @throws {Error} If a file is missing, cut short or changed.
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  // A save that was interrupted between two renames leaves the folder it was about to replace.
  const previous = `${directory}.previous`;
  const renamed = (await fileNames(directory)).length === 0 &&
    (await fileNames(previous)).length > 0;
  return await readCheckpoint(renamed ? previous : directory);
}

async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const cannot = `Cannot open checkpoint "${directory}" as`;
  let text: string;
  try {
    text = await Deno.readTextFile(`${directory}/${MANIFEST}`);
  } catch (cause) {
    throw new SyntaxError(`${cannot} it must hold "${MANIFEST}"`, { cause });
  }
  const manifest = manifestSchema.safeParse(parseJson(text));
  if (!manifest.success) {
    throw new SyntaxError(
      `${cannot} "${MANIFEST}" must be a manifest of version 1: ${
        z.prettifyError(manifest.error)
      }`,
    );
  }
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.data.files)) {
    let content: Uint8Array<ArrayBuffer>;
    try {
      content = await Deno.readFile(`${directory}/${name}`);
    } catch (cause) {
      throw new Error(`${cannot} "${name}" must be readable`, { cause });
    }
    if (content.length !== bytes) {
      throw new Error(
        `${cannot} "${name}" must have ${bytes} bytes: current size is ${content.length}`,
      );
    }
    if (await hash(content) !== sha256) {
      throw new Error(
        `${cannot} "${name}" must be unchanged: its hash differs`,
      );
    }
  }
  const { iteration, warm = iteration > 0 } = manifest.data;
  return { directory, iteration, warm };
}

/**
 * Finds the newest whole checkpoint among the folders named by iteration.
 *
 * @param parent Folder of checkpoints.
 * @returns The checkpoint, if any is whole, and why newer ones were passed over.
 */
export async function findCheckpoint(
  parent: string,
): Promise<{ checkpoint: Checkpoint | undefined; passedOver: Error[] }> {
  const passedOver: Error[] = [];
  for (const name of (await checkpointNames(parent)).reverse()) {
    try {
      const checkpoint = await openCheckpoint(`${parent}/${name}`);
      return { checkpoint, passedOver };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      passedOver.push(error);
    }
  }
  return { checkpoint: undefined, passedOver };
}

/** Folder of the checkpoint before an iteration; names sort as numbers do. */
export function checkpointPath(parent: string, iteration: number): string {
  return `${parent}/${String(iteration).padStart(8, "0")}`;
}

/** Removes all but the newest `keep` checkpoints, at least 1, and what an interrupted save left behind. */
export async function pruneCheckpoints(
  parent: string,
  keep: number,
): Promise<void> {
  const names = await checkpointNames(parent);
  for (const name of names.slice(0, Math.max(0, names.length - keep))) {
    await removeIfThere(`${parent}/${name}`);
  }
  for (const name of await fileNames(parent)) {
    if (/\.(partial|previous)$/.test(name)) {
      await removeIfThere(`${parent}/${name}`);
    }
  }
}

async function checkpointNames(parent: string): Promise<string[]> {
  return (await fileNames(parent)).filter((name) => /^\d{8}$/.test(name));
}

async function fileNames(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function hash(content: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", content);
  return new Uint8Array(digest).toHex();
}
