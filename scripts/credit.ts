/**
 * Credit for episodes of other trainers.
 *
 * Without `--port` requests come on standard input. A line that holds `episodes` is a request, answered by a line.
 * Any other line is an episode; all of them, up to an empty line or the end, are one request with the settings
 * of the command line, answered by a line for each episode. A request with an error is answered by a line that
 * names the place, and the exit code is 1 at the end.
 *
 * ```sh
 * deno task credit --algorithm hae --gamma 0.99 < episodes.jsonl
 * deno task credit --port 8100
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError, Option } from "commander";
import { ESTIMATOR_NAMES } from "../mod.ts";
import {
  answerCredit,
  type CreditReply,
  serveCredit,
} from "../mod/ecosystem.ts";
import { explain } from "./explain.ts";
import { readToken, setting, untilStopped, wholeNumber } from "./served.ts";

interface Flags {
  readonly port?: number;
  readonly host: string;
  readonly tokenFile?: string;
  readonly algorithm?: string;
  readonly gamma?: number;
  readonly lambda?: number;
  readonly lambdaPlan?: number;
  readonly normalize?: string;
  readonly set?: Readonly<Record<string, unknown>>;
}

const program = new Command("credit")
  .description("Assign credit to episodes of other trainers.")
  .option("--port <number>", "serve HTTP; 0 takes a free port", wholeNumber)
  .option("--host <address>", "address to listen on", "127.0.0.1")
  .option(
    "--token-file <file>",
    "file with the token that clients must send; HIPER_TOKEN does the same",
  )
  .addOption(
    new Option("--algorithm <name>", "estimator of lines that are episodes")
      .choices(ESTIMATOR_NAMES),
  )
  .option("--gamma <number>", "discount per turn", number)
  .option("--lambda <number>", "weight of later residuals", number)
  .option("--lambda-plan <number>", "weight of later segments", number)
  .addOption(
    new Option("--normalize <scope>", "common scale of advantages")
      .choices(["none", "batch", "group"]),
  )
  .option("--set <name=value>", "a setting of the estimator", setting)
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const flags = program.opts<Flags>();
  const { port, host, tokenFile } = flags;
  if (port === undefined) return await answerLines(flags);
  const token = await readToken(tokenFile);
  await using server = serveCredit({
    host,
    port,
    ...(token !== undefined && { token }),
  });
  await untilStopped(server, "credit", token !== undefined);
}

/** Answers standard input. */
async function answerLines(flags: Flags): Promise<void> {
  const { algorithm, gamma, lambda, lambdaPlan, normalize, set } = flags;
  const settings = {
    ...(algorithm !== undefined && { algorithm }),
    ...(gamma !== undefined && { gamma }),
    ...(lambda !== undefined && { lambda }),
    ...(lambdaPlan !== undefined && { lambda_plan: lambdaPlan }),
    ...(normalize !== undefined && { normalize }),
    ...(set !== undefined && { settings: set }),
  };
  const head = JSON.stringify(settings).slice(1, -1);
  let episodes: string[] = [];
  const finish = async () => {
    if (episodes.length === 0) return;
    // Lines are put together as text, so that what is no JSON is found where all else is checked.
    const list = `"episodes":[${episodes.join(",")}]`;
    episodes = [];
    const { ok, json } = answerCredit(`{${head ? `${head},` : ""}${list}}`);
    if (!ok) return await fail(json);
    const { episodes: credits } = JSON.parse(json) as CreditReply;
    await write(credits.map((one) => JSON.stringify(one)).join("\n"));
  };
  for await (const line of lines(Deno.stdin.readable)) {
    if (line.trim() === "") await finish();
    else if (isRequest(line)) {
      await finish();
      const { ok, json } = answerCredit(line);
      if (ok) await write(json);
      else await fail(json);
    } else episodes.push(line);
  }
  await finish();
}

/** Whether a line is a whole request. */
function isRequest(line: string): boolean {
  if (!line.includes('"episodes"')) return false;
  try {
    return Object.hasOwn(JSON.parse(line), "episodes");
  } catch {
    return true; // to be refused as one
  }
}

async function fail(json: string): Promise<void> {
  Deno.exitCode = 1;
  await write(json);
}

async function write(line: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let sent = 0; sent < bytes.length;) {
    sent += await Deno.stdout.write(bytes.subarray(sent));
  }
}

/** Lines of a stream, without their ends. */
async function* lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
