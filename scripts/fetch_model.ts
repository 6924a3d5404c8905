/**
 * Fetches a model from the Hugging Face hub into its cache, where every program finds it by its name.
 *
 * ```sh
 * deno task model HuggingFaceTB/SmolLM2-135M-Instruct
 * deno task model Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q8_0.gguf
 * deno task train --preset household policy.name=language policy.directory=HuggingFaceTB/SmolLM2-135M-Instruct
 * ```
 *
 * `HF_HOME` or `HF_HUB_CACHE` move the cache, `HF_ENDPOINT` names another hub, `HF_TOKEN` opens models that
 * need it.
 *
 * @module
 */

import cliProgress from "cli-progress";
import { Command } from "commander";
import { hubCache, parseHubName } from "../mod/hub.ts";
import { fetchHubFiles, findHubModel, type HubRequest } from "./hub_files.ts";

/** Reads the command line and the environment. */
function readRequest(): HubRequest {
  const command = new Command("model")
    .description("Fetch a model from the Hugging Face hub into its cache")
    .argument(
      "<name>",
      "owner/name, owner/name@revision, or owner/name/file.gguf",
    )
    .parse(Deno.args, { from: "user" });
  const [name = ""] = command.args;
  const hub = parseHubName(name);
  if (hub === undefined) {
    throw new TypeError(
      `Cannot fetch a model as its name must be "owner/name": current value is "${name}"`,
    );
  }
  const cache = hubCache();
  if (cache === undefined) {
    throw new TypeError(
      'Cannot fetch a model as "HF_HOME" or "HOME" must be set: neither is',
    );
  }
  const endpoint = (Deno.env.get("HF_ENDPOINT") || "https://huggingface.co")
    .replace(/\/+$/, "");
  const token = Deno.env.get("HF_TOKEN") || undefined;
  return { ...hub, cache, endpoint, ...(token !== undefined && { token }) };
}

/** A size in words. */
function inWords(bytes: number): string {
  return bytes < 2 ** 20
    ? `${Math.ceil(bytes / 2 ** 10)} KiB`
    : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

if (import.meta.main) {
  try {
    const request = readRequest();
    const model = await findHubModel(request);
    const total = model.files.reduce((sum, { size }) => sum + size, 0);
    console.log(
      `${request.repository} at ${
        model.commit.slice(0, 12)
      }: ${model.files.length} files, ${inWords(total)}`,
    );
    const bar = new cliProgress.SingleBar({
      format: "{bar} {percentage}% | {file} | {eta_formatted} left",
      hideCursor: true,
      clearOnComplete: true,
      noTTYOutput: false,
    }, cliProgress.Presets.shades_classic);
    bar.start(total, 0, { file: "" });
    const there = new Map<string, number>();
    const fetching = fetchHubFiles(request, model);
    let step = await fetching.next();
    try {
      for (; !step.done; step = await fetching.next()) {
        const { file, bytes } = step.value;
        there.set(file.path, bytes);
        const sum = there.values().reduce((a, b) => a + b, 0);
        bar.update(sum, { file: file.path });
      }
    } finally {
      bar.stop();
    }
    console.log(
      `In ${step.value}\nUse it by its name: policy.directory=${Deno.args[0]}`,
    );
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
