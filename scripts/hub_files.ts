/**
 * Fetches a model from the Hugging Face hub into the place where Hugging Face's own programs keep it:
 * `models--owner--name/{refs,blobs,snapshots}` in the cache.
 *
 * Files are named and described by `@huggingface/hub`; their bytes are fetched here, as that package neither
 * resumes nor checks them. A file is written under a name that ends in `.incomplete`, checked, and renamed.
 *
 * @module
 * @see {@link https://huggingface.co/docs/hub/local-cache | the layout of the cache}
 */

import { createHash, type Hash } from "node:crypto";
import { listFiles, modelInfo } from "@huggingface/hub";

/** What to fetch. */
export interface HubRequest {
  /** `owner/name`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** The only file to fetch; absent fetches what a model's folder needs. */
  readonly file?: string;
  /** Folder of the cache. */
  readonly cache: string;
  /** Address of the hub. */
  readonly endpoint: string;
  /** Token of a user, for models that need one. */
  readonly token?: string;
  readonly signal?: AbortSignal;
}

/** A file of a model. */
export interface HubFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hex digits of its SHA-256, or of its SHA-1 as a blob of Git. */
  readonly digest: string;
}

/** How far a file is. */
export interface HubProgress {
  readonly file: HubFile;
  /** Bytes that are there. */
  readonly bytes: number;
}

/** Files of a model's folder that are read here. */
const WANTED =
  /^(?:[^/]+\.safetensors(?:\.index\.json)?|(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|adapter_config)\.json|merges\.txt|chat_template\.jinja|LICENSE)$/;

/** A model on the hub, at one commit. */
export interface HubModel {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

/**
 * Asks the hub for the files of a model.
 *
 * @throws {TypeError} If there is no such model, it may not be read, or it has no file that can be used; the
 * message says which it has.
 */
export async function findHubModel(request: HubRequest): Promise<HubModel> {
  const { repository, revision, endpoint, token, file } = request;
  const access = {
    hubUrl: endpoint,
    ...(token !== undefined && { accessToken: token }),
  };
  const entries: HubFile[] = [];
  let commit: string;
  try {
    const { sha } = await modelInfo({
      name: repository,
      revision,
      additionalFields: ["sha"],
      ...access,
    });
    commit = sha;
    for await (
      const { type, path, size, lfs, oid } of listFiles({
        repo: { type: "model", name: repository },
        revision: commit,
        ...access,
      })
    ) {
      const digest = lfs?.oid ?? oid;
      if (type === "file" && digest) entries.push({ path, size, digest });
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(
      `Cannot fetch a model as "${endpoint}" must have "${repository}" at "${revision}"` +
        `, open to ${
          token ? "the token's user" : 'everyone, or "HF_TOKEN" must be set'
        }: ${reason}`,
      { cause },
    );
  }
  const ggufs = entries.filter(({ path }) => path.endsWith(".gguf"));
  const files = file === undefined
    ? entries.filter(({ path }) => WANTED.test(path))
    : entries.filter(({ path }) => path === file);
  const isModel = file !== undefined ||
    files.some(({ path }) => path.endsWith(".safetensors"));
  if (files.length > 0 && isModel) return { commit, files };
  if (file === undefined && ggufs.length === 1) return { commit, files: ggufs };
  throw new TypeError(
    `Cannot fetch a model as "${repository}" must have ${
      file === undefined
        ? "safetensors, or one GGUF file, or a file must be named"
        : `the file "${file}"`
    }: it has ${
      (ggufs.length > 0 ? ggufs : entries).map(({ path }) => path).join(", ")
    }${
      ggufs.length > 0 ? `; fetch one by "${repository}/${ggufs[0]!.path}"` : ""
    }`,
  );
}

/**
 * Fetches files, one after the other; those that are there are not fetched again, and one that was begun is
 * continued. Returns the folder of the commit.
 *
 * @throws {TypeError} If the hub does not send a file, or what it sent has another digest; the file is
 * removed then.
 */
export async function* fetchHubFiles(
  request: HubRequest,
  { commit, files }: HubModel,
): AsyncGenerator<HubProgress, string> {
  const { cache, repository, revision } = request;
  const folder = `${cache}/models--${repository.replace("/", "--")}`;
  const snapshot = `${folder}/snapshots/${commit}`;
  await Deno.mkdir(`${folder}/blobs`, { recursive: true });
  for (const file of files) {
    if (file.path.split("/").includes("..")) {
      throw new TypeError(
        `Cannot fetch a model as files must lie in its folder: current value is "${file.path}"`,
      );
    }
    const place = `${snapshot}/${file.path}`,
      blob = `${folder}/blobs/${file.digest}`;
    if ((await sizeOf(place)) === file.size) {
      yield { file, bytes: file.size };
      continue;
    }
    if ((await sizeOf(blob)) !== file.size) {
      yield* fetchFile({ ...request, revision: commit }, file, blob);
    }
    await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.remove(place).catch(() => {}); // a link to a file that is gone
    await Deno.link(blob, place); // symbolic links would need permission for all of the disk
    yield { file, bytes: file.size };
  }
  if (revision !== commit) {
    const reference = `${folder}/refs/${revision}`;
    await Deno.mkdir(reference.slice(0, reference.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.writeTextFile(reference, commit);
  }
  return snapshot;
}

/** Size of a file; `undefined` if there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Fetches one file to its place, from where an earlier attempt stopped. */
async function* fetchFile(
  request: HubRequest,
  file: HubFile,
  blob: string,
): AsyncGenerator<HubProgress> {
  const partial = `${blob}.incomplete`;
  let bytes = await sizeOf(partial) ?? 0;
  if (bytes > file.size) bytes = 0;
  const hash = hashOf(file);
  const response = bytes < file.size
    ? await ask(request, file, bytes)
    : undefined;
  if (response?.status === 200) bytes = 0; // the server sends the whole file
  {
    using output = await Deno.open(partial, {
      create: true,
      read: true,
      write: true,
    });
    await output.truncate(bytes);
    for await (const chunk of contentOf(output, bytes)) hash.update(chunk);
    if (response?.body) {
      for await (const chunk of response.body) {
        hash.update(chunk);
        for (let at = 0; at < chunk.length;) {
          at += await output.write(chunk.subarray(at));
        }
        bytes += chunk.length;
        yield { file, bytes };
      }
    }
    await output.sync();
  }
  if (bytes < file.size) {
    throw new TypeError(
      `Cannot fetch "${file.path}" as it must have ${file.size} bytes: ${bytes} came; the same command continues`,
    );
  }
  const digest = hash.digest("hex");
  if (bytes !== file.size || digest !== file.digest) {
    await Deno.remove(partial);
    throw new TypeError(
      `Cannot fetch "${file.path}" as its ${file.size} bytes must have the digest ${file.digest}: current value is ${digest} of ${bytes} bytes; they were removed`,
    );
  }
  await Deno.rename(partial, blob);
}

/** SHA-256 of large files; SHA-1 with Git's header of others. */
function hashOf({ digest, size }: HubFile): Hash {
  return digest.length === 64
    ? createHash("sha256")
    : createHash("sha1").update(`blob ${size}\0`);
}

/** The first bytes of a file; leaves the position behind them. */
async function* contentOf(
  file: Deno.FsFile,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  await file.seek(0, Deno.SeekMode.Start);
  const buffer = new Uint8Array(2 ** 20);
  for (let at = 0; at < bytes;) {
    const count = await file.read(
      buffer.subarray(0, Math.min(buffer.length, bytes - at)),
    );
    if (count === null) return;
    yield buffer.subarray(0, count);
    at += count;
  }
}

/** Asks for a file from a byte on. */
async function ask(
  { endpoint, repository, revision, token, signal }: HubRequest,
  { path }: HubFile,
  from: number,
): Promise<Response> {
  const name = path.split("/").map(encodeURIComponent).join("/");
  const response = await fetch(
    `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${name}`,
    {
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(from > 0 && { range: `bytes=${from}-` }),
      },
      ...(signal && { signal }),
    },
  );
  if (response.ok) return response;
  const text = await response.text();
  throw new TypeError(
    `Cannot fetch "${path}" as "${endpoint}" must send it: it answers ${response.status} ${
      text.slice(0, 200)
    }`,
  );
}
