/**
 * Computes what a run on an engine reads, samples and trains, from prompts as they are and the sizes of a preset.
 *
 * ```sh
 * deno task engine-costs --tokenizer models/qwen2.5-1.5b
 * deno task engine-costs --tokenizer models/qwen2.5-1.5b --reply 128 --turns 20 --prices 0.1 0.4 0.4
 * ```
 *
 * Prompts are those of generated households as their expert plays them: ALFWorld's rooms, wording and rules. A turn is
 * read once to sample, and once more with its reply to train; at most, as rows without advantage are not sent.
 *
 * @module
 */

import { Command, InvalidArgumentError } from "commander";
import {
  collectTrajectories,
  createEnvOpener,
  createRandom,
  expertPolicy,
  PRESETS,
  scheduleEpisodes,
  withHints,
} from "../mod.ts";
import {
  formatPrompt,
  formatReply,
  readTokenizer,
  type TextTokenizer,
} from "../mod/language.ts";
import { HOUSEHOLD_TASK_TYPES } from "../mod/household.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly tokenizer: string;
  readonly episodes: number;
  readonly turns: number;
  readonly iterations: number;
  readonly reply?: number;
  readonly parameters: number;
  readonly teraflops: number;
  readonly prices?: readonly number[];
}

const PRESET = PRESETS["alfworld-tinker"];

const program = new Command("engine-costs")
  .description("Tokens, bytes and operations of a run with alfworld-tinker.")
  .requiredOption("--tokenizer <folder>", "folder with a tokenizer.json")
  .option("--episodes <n>", "households whose prompts are counted", number, 60)
  .option(
    "--turns <n>",
    "turns of an episode, all of which count",
    number,
    PRESET.rollout!.maxTurns!,
  )
  .option("--iterations <n>", "iterations", number, PRESET.iterations!)
  .option("--reply <n>", "tokens of a reply (default: the expert's)", number)
  .option("--parameters <n>", "weights of the base model", number, 7e9)
  .option("--teraflops <n>", "of the card, as reached", number, 400)
  .option(
    "--prices <read,sampled,trained...>",
    "prices of a million tokens",
    (text: string, before: number[] = []) => [...before, number(text)],
  )
  .showHelpAfterError();

/** Tokens of prompts and replies as the expert plays. */
async function countTokens(
  tokenizer: TextTokenizer,
  { episodes, turns }: Flags,
): Promise<{ prompts: number[]; replies: number[] }> {
  await using opener = createEnvOpener();
  const worlds = HOUSEHOLD_TASK_TYPES.map((taskType) => ({
    kind: "household",
    split: "train",
    taskType,
  }));
  const assignments = scheduleEpisodes(worlds, {
    random: createRandom(0).fork("costs"),
    tasks: episodes,
    maxTurns: turns,
    balanceBy: "taskType",
  });
  const played = await collectTrajectories(expertPolicy(), assignments, {
    open: withHints(opener),
  });
  const prompts: number[] = [], replies: number[] = [];
  for (const { task, turns } of played) {
    for (const [t, { observation, decision }] of turns.entries()) {
      const subgoal = turns[t - 1]?.decision.subgoal;
      const content = formatPrompt({
        task,
        past: turns.slice(0, t),
        observation,
        ...(subgoal !== undefined && { subgoal }),
      });
      const shown = tokenizer.chat([{ role: "user", content }]);
      prompts.push(tokenizer.encode(shown).length);
      const said = formatReply({
        switching: decision.switched ? "SWITCH" : "KEEP",
        subgoal: decision.subgoal,
        action: decision.action,
      });
      replies.push(tokenizer.encode(said).length + 1); // and the end
    }
  }
  return { prompts, replies };
}

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const flags = program.opts<Flags>();
  const { tokenizer: folder, turns, iterations, parameters, teraflops } = flags;
  const { prices } = flags;
  if (prices && prices.length !== 3) {
    throw new TypeError(
      `Cannot compute costs as "--prices" must have three numbers, for tokens read, sampled and trained: current number is ${prices.length}`,
    );
  }
  const tokenizer = await readTokenizer(folder);
  const { prompts, replies } = await countTokens(tokenizer, flags);
  const prompt = mean(prompts), reply = flags.reply ?? mean(replies);
  console.log(
    `prompts of ${prompts.length} turns: ${
      prompt.toFixed(0)
    } tokens on average, ${
      Math.max(...prompts)
    } at most; replies as the expert writes them: ${mean(replies).toFixed(0)}`,
  );
  const { tasks, groupSize } = PRESET.rollout!;
  const rows = tasks! * groupSize! * turns;
  const read = rows * prompt, sampled = rows * reply, trained = read + sampled;
  const flops = 6 * parameters * trained, reading = 2 * parameters * read;
  const hours = (operations: number) => operations / (teraflops * 1e12) / 3600;
  const table: Record<string, [one: string, all: string]> = {
    replies: [whole(rows), whole(iterations * rows)],
    "tokens read to sample": millions(read, iterations),
    "tokens sampled": millions(sampled, iterations),
    "tokens trained": millions(trained, iterations),
    "MB of data sent": [
      whole(24 * trained / 1e6),
      whole(24 * iterations * trained / 1e6),
    ],
    "operations of passes": [
      flops.toExponential(1),
      (iterations * flops).toExponential(1),
    ],
    "operations of reading": [
      reading.toExponential(1),
      (iterations * reading).toExponential(1),
    ],
    [`hours of passes at ${teraflops} teraflops`]: [
      hours(flops).toFixed(2),
      hours(iterations * flops).toFixed(1),
    ],
  };
  if (prices) {
    const [a, b, c] = prices;
    const price = (read * a! + sampled * b! + trained * c!) / 1e6;
    table["price"] = [price.toFixed(2), (iterations * price).toFixed(0)];
  }
  console.table(Object.fromEntries(
    Object.entries(table).map(([name, [one, all]]) => [name, {
      "one iteration": one,
      [`${iterations} iterations`]: all,
    }]),
  ));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function millions(value: number, times: number): [string, string] {
  return [
    `${(value / 1e6).toFixed(2)} M`,
    `${(times * value / 1e6).toFixed(0)} M`,
  ];
}

function number(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("must be a number, not negative");
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
