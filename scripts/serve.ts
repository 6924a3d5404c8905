/**
 * Serves a world to other programs, in Python or any language, over the OpenEnv protocol.
 *
 * ```sh
 * deno task serve household --port 8000
 * deno task serve alfworld --set directory=data/alfworld --split valid_seen
 * deno task serve webshop --set 'catalog={"size":1000}' --sessions 64 --log
 * ```
 *
 * @module
 */

import { Command, Option } from "commander";
import { createServedWorld, serveOpenEnv } from "../mod/ecosystem.ts";
import { explain } from "./explain.ts";
import { readToken, setting, untilStopped, wholeNumber } from "./served.ts";

interface Flags {
  readonly port: number;
  readonly host: string;
  readonly tokenFile?: string;
  readonly sessions: number;
  readonly maxSteps: number;
  readonly reward: "score" | "world";
  readonly admissible: boolean;
  readonly split?: string;
  readonly tasks: number;
  readonly seed: number;
  readonly idleSeconds: number;
  readonly log?: true;
  readonly set: Readonly<Record<string, unknown>>;
}

const program = new Command("serve")
  .description("Serve a world over the OpenEnv protocol.")
  .argument(
    "[world]",
    "a kind of world or a dataset: household, alfworld, webshop, …",
    "household",
  )
  .option("--port <number>", "port; 0 takes a free one", wholeNumber, 8000)
  .option("--host <address>", "address to listen on", "127.0.0.1")
  .option(
    "--token-file <file>",
    "file with the token that clients must send; HIPER_TOKEN does the same",
  )
  .option("--sessions <number>", "sessions at once", wholeNumber, 256)
  .option("--max-steps <number>", "steps of an episode", wholeNumber, 50)
  .addOption(
    new Option(
      "--reward <kind>",
      "score in [0, 1] at the end, or what the world pays",
    ).choices(["score", "world"]).default("score"),
  )
  .option("--no-admissible", "list no admissible actions in observations")
  .option("--split <name>", "split that is played where reset names none")
  .option(
    "--tasks <number>",
    "tasks listed in each split of a world drawn from seeds",
    wholeNumber,
    1000,
  )
  .option("--seed <number>", "seed of episodes without one", wholeNumber, 0)
  .option(
    "--idle-seconds <number>",
    "close sockets without a request for so long; 0 never does",
    wholeNumber,
    0,
  )
  .option("--log", "print one line of JSON for each episode")
  .option(
    "--set <name=value>",
    "a setting of the world, repeatable",
    setting,
    {},
  )
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const [name] = program.processedArgs as [string];
  const flags = program.opts<Flags>();
  const { split, tasks, set, log, tokenFile, ...options } = flags;
  await using world = await createServedWorld(name, {
    settings: set,
    tasks,
    ...(split !== undefined && { split }),
  });
  const token = await readToken(tokenFile);
  await using server = serveOpenEnv(world, {
    ...options,
    ...(token !== undefined && { token }),
    ...(log && { onEpisode: (one) => console.log(JSON.stringify(one)) }),
  });
  await untilStopped(server, `${name} over OpenEnv`, token !== undefined);
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
