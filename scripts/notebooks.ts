/**
 * `deno task notebooks`: executes every notebook on the real kernel and checks what it shows.
 *
 * @module
 */

import { Command } from "commander";
import { setUpJupyter } from "./jupyter_setup.ts";

const program = new Command("deno task notebooks")
  .description(
    "Executes notebooks with Jupyter's own client on the Deno kernel; fails on errors, missing figures, stale outputs.",
  )
  .argument(
    "[notebooks...]",
    "notebooks to run; all of them when none is named",
  )
  .option("--write", "store the outputs in the notebooks")
  .option("--html <folder>", "also export pages to this folder")
  .parse(Deno.args, { from: "user" });
const { write, html } = program.opts<{ write?: boolean; html?: string }>();

const { python } = await setUpJupyter((line) => console.log(line));
const paths = program.args.length > 0 ? program.args : allNotebooks();
const args = ["scripts/run_notebooks.py", ...paths];
if (write) args.push("--write");
if (html) args.push("--html", html);
const { code } = await new Deno.Command(python, { args }).spawn().status;
Deno.exit(code);

function allNotebooks(): string[] {
  return [...Deno.readDirSync("notebooks")]
    .map(({ name }) => `notebooks/${name}`)
    .filter((path) => path.endsWith(".ipynb"))
    .toSorted();
}
