/**
 * Serves a shop to a local browser, for interactive use and for watching an agent.
 *
 * ```sh
 * deno task webshop-browser                         # a generated shop of 1,000 products
 * deno task webshop-browser --size 100 --seed 7
 * deno task webshop-browser --folder path/to/data   # WebShop's own files
 * ```
 *
 * @module
 */

import { Command, InvalidArgumentError } from "commander";
import {
  createWebshop,
  generateWebshop,
  readWebshopCatalog,
  serveWebshop,
  type Webshop,
} from "../mod/webshop.ts";
import { explain } from "./explain.ts";

interface Flags {
  readonly size: number;
  readonly seed: number;
  readonly port: number;
  readonly folder?: string;
}

function integer(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`must be an integer in [${low}, ${high}]`);
  };
}

function parseFlags(): Flags {
  return new Command("deno task webshop-browser")
    .description("Shop in a browser, or watch an expert shop")
    .option(
      "--size <products>",
      "size of the made-up shop",
      integer(1, 1e6),
      1000,
    )
    .option("--seed <seed>", "seed of the made-up shop", integer(0, 1e9), 0)
    .option("--port <port>", "port on 127.0.0.1", integer(0, 65_535), 8000)
    .option("--folder <folder>", "folder with WebShop's own files instead")
    .parse(Deno.args, { from: "user" })
    .opts<Flags>();
}

async function openShop({ size, seed, folder }: Flags): Promise<Webshop> {
  return folder === undefined
    ? generateWebshop({ size, seed })
    : createWebshop(await readWebshopCatalog({ folder }), {
      kind: "synthetic",
    });
}

async function serve(flags: Flags): Promise<void> {
  const shop = await openShop(flags);
  await using server = serveWebshop(shop, { port: flags.port });
  console.log(
    `${shop.products.length} products, ${shop.goals.length} goals: ${server.url}`,
  );
  await server.finished;
}

if (import.meta.main) {
  try {
    await serve(parseFlags());
  } catch (error) {
    // Usage errors are printed without a stack.
    console.error(explain(error));
    Deno.exit(1);
  }
}
