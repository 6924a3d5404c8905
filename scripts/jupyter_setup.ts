/**
 * Finds or installs Jupyter and registers the Deno kernel.
 *
 * @module
 */

import { attempt, mustRun, ownPython, VENV } from "./python.ts";

/** An installation of Jupyter. */
export interface JupyterSetup {
  /** A Python that has JupyterLab and nbclient. */
  readonly python: string;
}

/**
 * Installs Jupyter and a Deno kernel in a folder of the project if they are missing.
 *
 * Installs the packages of `notebooks/requirements.txt` into `.venv` the first time, and
 * writes the kernel specification there, so that nothing outside the project changes.
 *
 * @param tell Receives progress messages.
 * @returns How to call Jupyter.
 * @throws {Error} If there is no Python, or packages cannot be installed.
 */
export async function setUpJupyter(
  tell: (line: string) => void,
): Promise<JupyterSetup> {
  const python = `${Deno.cwd()}/${VENV}/bin/python`;
  const ready = await attempt(python, [
    "-c",
    "import jupyterlab, nbclient, nbconvert",
  ]);
  if (!ready) {
    tell(`Installing Jupyter into ${VENV} (once, about a minute) ...`);
    await ownPython("set up Jupyter");
    await mustRun("set up Jupyter", [
      python,
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
      ...["-r", "notebooks/requirements.txt"],
    ]);
  }
  const directory = `${VENV}/share/jupyter/kernels/deno`;
  await Deno.mkdir(directory, { recursive: true });
  const kernel = {
    argv: [
      Deno.execPath(),
      "jupyter",
      "--kernel",
      "--conn",
      "{connection_file}",
    ],
    display_name: "Deno",
    language: "typescript",
    // Results without color codes; permissions that were given up are denied, not asked for.
    env: { NO_COLOR: "1", DENO_NO_PROMPT: "1" },
  };
  await Deno.writeTextFile(
    `${directory}/kernel.json`,
    JSON.stringify(kernel, null, 2),
  );
  return { python };
}
