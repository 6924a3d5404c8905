/**
 * Compares two result files of one panel, start by start.
 *
 * ```sh
 * deno task compare runs/a.json runs/b.json
 * deno task compare runs/a.json runs/a.json --players "iteration 120" untrained
 * ```
 *
 * @module
 */

import { Command } from "commander";
import { compareResults, readResults } from "../mod/studies.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly players?: readonly string[];
}

const program = new Command("compare")
  .description(
    "Compare two result files of one panel: an exact sign test, and a bootstrap interval over starts.",
  )
  .argument("<first>", "result file of deno task evaluate --panel … --out …")
  .argument("<second>", "another of the same panel")
  .option(
    "--players <names...>",
    "whom to compare, one of each file (default: the first of each)",
  )
  .showHelpAfterError();

async function main(): Promise<void> {
  program.parse(Deno.args, { from: "user" });
  const { players } = program.opts<Flags>();
  const [first, second, ...others] = players ?? [];
  if (players && (second === undefined || others.length > 0)) {
    throw new RangeError(
      `Cannot compare results as "--players" must name one player of each file: current value is ${
        JSON.stringify(players)
      }`,
    );
  }
  const a = await readResults(program.args[0]!);
  const b = await readResults(program.args[1]!);
  const rows = compareResults(a, b, {
    ...(first !== undefined && second !== undefined && {
      players: [first, second],
    }),
  });
  console.log(`panel "${a.panel!.name}", SHA-256 ${a.panel!.hash}`);
  console.log(`first: ${first ?? a.players[0]!.name} (${program.args[0]})`);
  console.log(`second: ${second ?? b.players[0]!.name} (${program.args[1]})`);
  console.table(Object.fromEntries(rows.map((row) => {
    const { estimate, low, high } = row.difference;
    const measure = row.measure === "turns"
      ? "turns, where both succeed"
      : row.measure;
    return [measure, {
      starts: row.pairs,
      first: round(row.first),
      second: round(row.second),
      difference: `${round(estimate)} [${round(low)}, ${round(high)}]`,
      "more, less": `${row.more}, ${row.less}`,
      "p (sign test)": Number(row.pValue.toPrecision(2)),
    }];
  })));
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}
