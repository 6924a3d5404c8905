/**
 * A model in another form: an adapter merged into it, a GGUF file as a folder, weights in another format.
 *
 * @module
 */

import { disposeLora, loadLora, mergeLora } from "../decoder/lora.ts";
import type { FloatFormat } from "../decoder/number_formats.ts";
import { openPublished } from "../decoder/published.ts";
import { disposeQwen2, loadQwen2, saveQwen2 } from "../decoder/qwen2.ts";
import { readPolicyFile, writePolicyFile } from "./policy_file.ts";
import { readTokenizerFiles, writeTokenizerFiles } from "./tokenizer_files.ts";

/** Options of {@linkcode exportModel}. */
export interface ExportModelOptions {
  /** Folder, GGUF file, or name in the hub's cache. */
  readonly model: string;
  /** Folder of an adapter to merge. */
  readonly adapter?: string;
  /** Folder that gets the model; made if it is missing. */
  readonly out: string;
  /** How numbers are stored. @default {"F32"} */
  readonly format?: FloatFormat;
}

/**
 * Writes a model as a folder in the form of transformers, with its tokenizer, its settings, and the offset of KEEP
 * that its adapter was trained with. Value heads stay with the adapter.
 *
 * Needs an active backend.
 *
 * @throws {TypeError} If the model or the adapter is of a kind that is not supported.
 */
export async function exportModel(options: ExportModelOptions): Promise<void> {
  const { model: name, adapter: folder, out, format = "F32" } = options;
  const published = await openPublished(name);
  const files = await readTokenizerFiles(published.gguf ?? published.path);
  const model = await loadQwen2(published);
  try {
    if (folder !== undefined) {
      const adapter = await loadLora(model, folder);
      mergeLora(model, adapter);
      disposeLora(adapter);
    }
    await Deno.mkdir(out, { recursive: true });
    await saveQwen2(model, out, { format });
    await writeTokenizerFiles(files, out);
    const own = folder ?? (published.gguf ? undefined : published.path);
    const kept = own === undefined ? undefined : await readPolicyFile(own);
    if (kept) await writePolicyFile(out, kept);
  } finally {
    disposeQwen2(model);
  }
}
