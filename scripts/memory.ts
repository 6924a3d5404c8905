/**
 * Lists the published Qwen2.5 models that can be trained in a given memory, and what occupies it.
 *
 * ```sh
 * deno task memory 80                          # a card of 80 GiB
 * deno task memory 24 --rank 8 --tokens 2048   # smaller chunks on a smaller card
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError } from "commander";
import {
  type LanguageMemory,
  languageMemory,
  type LanguageMemoryOptions,
  QWEN2_SIZES,
} from "../mod/language.ts";

const command = new Command("memory")
  .description("Which Qwen2.5 models can be trained in a given memory")
  .argument("[gib]", "memory, in GiB", wholeNumber, 80)
  .option("-b, --batch <replies>", "replies of a gradient step", wholeNumber, 8)
  .option(
    "-l, --length <tokens>",
    "tokens of prompt and reply",
    wholeNumber,
    2048,
  )
  .option(
    "-r, --reply <tokens>",
    "tokens of the reply among them",
    wholeNumber,
    128,
  )
  .option("-t, --tokens <count>", "tokens of a microbatch", wholeNumber, 2048)
  .option(
    "-w, --writing <replies>",
    "replies generated side by side",
    wholeNumber,
    8,
  )
  .option("--rank <rank>", "rank of the adapters", wholeNumber, 16)
  .option(
    "--keep-layers",
    "without checkpointing: keep the activations of every layer",
  )
  .option("--separate-critic", "a critic that shares no weights with the actor")
  .parse(Deno.args, { from: "user" });
const flags = command.opts<{
  batch: number;
  length: number;
  reply: number;
  tokens: number;
  writing: number;
  rank: number;
  keepLayers?: boolean;
  separateCritic?: boolean;
}>();
const gib = command.processedArgs[0] as number;

const load: LanguageMemoryOptions = {
  batch: flags.batch,
  length: flags.length,
  replyLength: flags.reply,
  microbatchTokens: flags.tokens,
  batchSize: flags.writing,
  recompute: !flags.keepLayers,
  critic: flags.separateCritic ? "separate" : "shared",
};
const lora = { rank: flags.rank };
const WAYS: Readonly<Record<string, LanguageMemoryOptions>> = {
  "adapters, frozen weights in 16 bits": { ...load, lora, frozenBytes: 2 },
  "adapters, frozen weights in 32 bits": { ...load, lora },
  "all weights": load,
};

console.log(
  `gradient steps of ${flags.batch} replies of ${flags.length} tokens, prompt included, ${flags.reply} of them generated;\n` +
    `microbatches of ${flags.tokens} tokens, ${
      flags.keepLayers ? "without" : "with"
    } checkpointing; GiB of weights, at the peak of generation\n` +
    "and of a gradient, of the optimizer's state in main memory, and of the largest tensor",
);
for (const [way, options] of Object.entries(WAYS)) reportWay(way, options);

/** Prints one table, and the largest model that fits. */
function reportWay(way: string, options: LanguageMemoryOptions): void {
  console.log(`\n${way}`);
  console.log(
    row("", ["weights", "generation", "gradient", "optimizer", "tensor", ""]),
  );
  let largest = "none";
  for (const [name, published] of Object.entries(QWEN2_SIZES)) {
    const config = { ...published, maxLength: flags.length };
    const memory = languageMemory(config, options);
    const fits = peakOf(memory) <= gib * 2 ** 30;
    if (fits) largest = name;
    const { frozen = 0, trained = 0 } = memory.learning.terms;
    const table = config.vocabSize * config.hiddenSize;
    const cells = [
      frozen + trained,
      memory.writing.bytes,
      memory.learning.bytes,
      memory.learnerBytes,
      table * (options.lora ? options.frozenBytes ?? 4 : 4),
    ].map((bytes) => (bytes / 2 ** 30).toFixed(2));
    console.log(row(name, [...cells, fits ? "fits" : "does not fit"]));
  }
  console.log(`largest in ${gib} GiB: ${largest}`);
}

/** Peak bytes of tensor memory; the learner's columns are in main memory. */
function peakOf({ writing, learning }: LanguageMemory): number {
  return Math.max(writing.bytes, learning.bytes);
}

/** One line of a table. */
function row(name: string, cells: readonly string[]): string {
  return name.padEnd(5) + cells.map((cell) => cell.padStart(14)).join("");
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!(Number.isSafeInteger(number) && number >= 1)) {
    throw new InvalidArgumentError(
      `It must be a whole number of at least 1: current value is "${text}".`,
    );
  }
  return number;
}
