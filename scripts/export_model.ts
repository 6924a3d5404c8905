/**
 * Writes a model as a folder that transformers and vLLM load: an adapter merged, or a GGUF file converted.
 *
 * ```sh
 * deno task export HuggingFaceTB/SmolLM2-135M-Instruct --adapter runs/corridor/checkpoints/10 --out merged
 * deno task export model.Q4_1.gguf --out folder --format bf16
 * ```
 *
 * @module
 */

import { Command, Option } from "commander";
import { selectBackend } from "../mod.ts";
import { exportModel } from "../mod/language.ts";

if (import.meta.main) {
  const command = new Command("export")
    .description("Write a model as a folder that other programs load")
    .argument("<model>", "folder, GGUF file, or name in the hub's cache")
    .requiredOption("-o, --out <folder>", "folder that gets the model")
    .option("-a, --adapter <folder>", "adapter to merge, such as a checkpoint")
    .addOption(
      new Option("-f, --format <name>", "how numbers are stored")
        .choices(["f32", "bf16", "f16"]).default("f32"),
    )
    .parse(Deno.args, { from: "user" });
  const { out, adapter, format } = command.opts<
    { out: string; adapter?: string; format: string }
  >();
  try {
    await selectBackend("wasm");
    await exportModel({
      model: command.args[0]!,
      out,
      format: format === "f32" ? "F32" : format === "f16" ? "F16" : "BF16",
      ...(adapter !== undefined && { adapter }),
    });
    console.log(`In ${out}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
