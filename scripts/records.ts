/**
 * Plays episodes and writes them as conversations, one line of JSON each, for trainers of other projects.
 *
 * ```sh
 * deno task records --world household --episodes 200 --out runs/household.jsonl
 * deno task records --world webshop --form agentgym --out runs/webshop.json
 * ```
 *
 * @module
 */

import { Command, Option } from "commander";
import {
  collectTrajectories,
  createEnvOpener,
  createRandom,
  type EnvSpec,
  expertPolicy,
  scheduleEpisodes,
  withHints,
} from "../mod.ts";
import { writeConversation, writeMessages } from "../mod/ecosystem.ts";
import { explain } from "./explain.ts";
import { setting, wholeNumber } from "./served.ts";

interface Flags {
  readonly world: string;
  readonly episodes: number;
  readonly maxTurns: number;
  readonly seed: number;
  readonly form: "tools" | "blocks" | "agentgym";
  readonly set: Readonly<Record<string, unknown>>;
  readonly out: string;
}

const program = new Command("records")
  .description(
    "Let a world's expert play, and write its episodes as conversations.",
  )
  .option("--world <kind>", "kind of world that has an expert", "household")
  .option("--episodes <number>", "how many", wholeNumber, 100)
  .option("--max-turns <number>", "turns of an episode", wholeNumber, 50)
  .option("--seed <number>", "seed of everything drawn", wholeNumber, 0)
  .addOption(
    new Option(
      "--form <name>",
      "calls of a tool, the three blocks, or AgentGym's conversations",
    ).choices(["tools", "blocks", "agentgym"]).default("tools"),
  )
  .option("--set <name=value>", "a setting of the world", setting, {})
  .requiredOption("--out <file>", "file to write")
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const { world, episodes, maxTurns, seed, form, set, out } = program.opts<
    Flags
  >();
  const spec: EnvSpec = { ...set, kind: world };
  await using opener = createEnvOpener();
  const schedule = scheduleEpisodes([spec], {
    random: createRandom(seed).fork("records"),
    tasks: episodes,
    maxTurns,
  });
  const played = await collectTrajectories(expertPolicy(), schedule, {
    open: withHints(opener),
  });
  const text = form === "agentgym"
    ? `${JSON.stringify(played.map(writeConversation), null, 1)}\n`
    : played.map((one) => `${JSON.stringify(writeMessages(one, { form }))}\n`)
      .join("");
  await Deno.writeTextFile(out, text);
  const won = played.filter(({ success }) => success).length;
  console.log(`wrote ${played.length} episodes, ${won} solved, to ${out}`);
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
