/**
 * Finds a model by what a user calls it: a folder, a GGUF file, or a name on the Hugging Face hub that
 * is in the local cache.
 *
 * @module
 * @see {@link https://huggingface.co/docs/hub/local-cache | the layout of the cache}
 */

/** A model on the hub. */
export interface HubName {
  /** `owner/name`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** A GGUF file of it; absent for a model's folder. */
  readonly file?: string;
}

const HUB_NAME =
  /^([\w][\w.-]*\/[\w][\w.-]*)(?:@([\w./-]+?))?(?:\/(.+\.gguf))?$/;

/**
 * Reads the name of a model on the hub: `owner/name`, `owner/name@revision`, `owner/name/file.gguf`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { parseHubName } from "@hiper/lab/hub";
 *
 * deepStrictEqual(parseHubName("Qwen/Qwen2.5-0.5B-Instruct"), {
 *   repository: "Qwen/Qwen2.5-0.5B-Instruct",
 *   revision: "main",
 * });
 * ```
 *
 * @returns Its parts; `undefined` if it is no such name.
 */
export function parseHubName(name: string): HubName | undefined {
  const [, repository, revision = "main", file] = HUB_NAME.exec(name) ?? [];
  if (repository === undefined) return undefined;
  return { repository, revision, ...(file !== undefined && { file }) };
}

/** Command that fetches models. */
const FETCH = "deno task model";

/**
 * Finds the folder or the GGUF file of a model.
 *
 * @param name A folder with `config.json`, a GGUF file, a folder with one GGUF file, or a name on the hub,
 * with `@revision` or a GGUF file's name behind it if needed.
 * @returns Path of a folder with `config.json`, or of a GGUF file.
 * @throws {Deno.errors.NotFound} If there is no such model; the message says how to fetch it.
 * @throws {TypeError} If a folder holds several GGUF files and no other model.
 */
export async function findModel(name: string): Promise<string> {
  const here = await statOf(name);
  if (here?.isFile) {
    if (name.endsWith(".gguf")) return name;
    throw new TypeError(
      `Cannot open a model as it must be a folder, a GGUF file (".gguf") or a name on the Hugging Face hub: current value is the file "${name}"`,
    );
  }
  if (here?.isDirectory) return await modelIn(name, name);
  const hub = parseHubName(name);
  const snapshot = hub && await snapshotOf(hub);
  if (hub && snapshot !== undefined) {
    const { file } = hub;
    if (file === undefined) return await modelIn(snapshot, name);
    if ((await statOf(`${snapshot}/${file}`))?.isFile) {
      return `${snapshot}/${file}`;
    }
  }
  throw new Deno.errors.NotFound(
    `Cannot open a model as it must be a folder, a GGUF file or the name of a model in the cache of the Hugging Face hub: current value is "${name}"` +
      (hub
        ? `, which is neither here nor in "${
          hubCache() ?? "$HF_HOME"
        }"; if it is a name on the hub, "${FETCH} ${name}" fetches it`
        : ", which is not here"),
  );
}

/** The model in a folder. */
async function modelIn(folder: string, name: string): Promise<string> {
  if (await statOf(`${folder}/config.json`)) return folder;
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.name.endsWith(".gguf")) files.push(entry.name);
  }
  if (files.length === 1) return `${folder}/${files[0]}`;
  if (files.length === 0) {
    throw new Deno.errors.NotFound(
      `Cannot open a model as "${name}" must hold "config.json", or one GGUF file: it holds neither`,
    );
  }
  throw new TypeError(
    `Cannot open a model as "${name}" must hold "config.json", or one GGUF file, or the file must be named: it holds ${
      files.sort().join(", ")
    }`,
  );
}

/** The snapshot of a revision in the cache, if it is there. */
async function snapshotOf(
  { repository, revision }: HubName,
): Promise<string | undefined> {
  const cache = hubCache();
  if (cache === undefined) return undefined;
  const folder = `${cache}/models--${repository.replace("/", "--")}`;
  let commit = revision;
  try {
    commit = (await Deno.readTextFile(`${folder}/refs/${revision}`)).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // a commit's own name has no reference
  }
  const snapshot = `${folder}/snapshots/${commit}`;
  return (await statOf(snapshot))?.isDirectory ? snapshot : undefined;
}

/** Finds the folder of the hub's cache: `HF_HUB_CACHE`, or `hub` in `HF_HOME` or in the user's cache; `undefined` without a home. */
export function hubCache(): string | undefined {
  const own = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE");
  if (own !== undefined) return own;
  const home = variable("HF_HOME");
  if (home !== undefined) return `${home}/hub`;
  const user = variable("HOME") ?? variable("USERPROFILE");
  const cache = variable("XDG_CACHE_HOME") ?? (user && `${user}/.cache`);
  return cache && `${cache}/huggingface/hub`;
}

/** A variable of the environment, where it may be read; never prompts. */
function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}

/** What is at a path, links followed; `undefined` if nothing is. */
async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
