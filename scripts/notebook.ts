/**
 * `deno task notebook`: opens the notebooks in JupyterLab on the Deno kernel.
 *
 * @module
 */

import { Command } from "commander";
import { setUpJupyter } from "./jupyter_setup.ts";

const program = new Command("deno task notebook")
  .description(
    "Opens the notebooks in JupyterLab on the Deno kernel, installing Jupyter into .venv the first time.",
  )
  .option("--setup-only", "install what is missing, open nothing")
  .option("--no-browser", "start the server, open no browser")
  .option("--port <port>", "port of the server on this machine", "8888")
  .parse(Deno.args, { from: "user" });
const { setupOnly, browser, port } = program.opts<
  { setupOnly?: boolean; browser: boolean; port: string }
>();

const { python } = await setUpJupyter((line) => console.log(line));
if (setupOnly) {
  console.log("Jupyter and the Deno kernel are ready: deno task notebook");
} else {
  const args = [
    "-m",
    "jupyterlab",
    "--ServerApp.ip=127.0.0.1",
    `--ServerApp.port=${port}`,
    "notebooks",
  ];
  if (!browser) args.push("--no-browser");
  if (Deno.uid() === 0) args.push("--allow-root");
  const { code } = await new Deno.Command(python, { args, stdin: "inherit" })
    .spawn().status;
  Deno.exit(code);
}
