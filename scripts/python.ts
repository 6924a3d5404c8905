/**
 * The project's virtual Python environment in `.venv`.
 *
 * @module
 */

/** The folder of the project's own Python. */
export const VENV = ".venv";

/**
 * Runs a command without output.
 *
 * @param command The command.
 * @param args Its arguments.
 * @returns Whether there is such a command and it succeeded.
 */
export async function attempt(
  command: string,
  args: string[],
): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false; // command not found
  }
}

/**
 * Runs a command and shows its output.
 *
 * @param purpose Purpose for messages, to follow "Cannot".
 * @param command The command and its arguments.
 * @throws {Error} If it fails.
 */
export async function mustRun(
  purpose: string,
  command: readonly string[],
): Promise<void> {
  const [name, ...args] = command;
  const { success } = await new Deno.Command(name!, {
    args,
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (!success) {
    throw new Error(
      `Cannot ${purpose} as this must succeed: ${command.join(" ")}`,
    );
  }
}

/**
 * Creates the virtual environment if it is missing.
 *
 * @param purpose Purpose for messages, to follow "Cannot".
 * @returns How to call it.
 * @throws {Error} If the system has no Python that can make one.
 */
export async function ownPython(purpose: string): Promise<string> {
  const python = `${Deno.cwd()}/${VENV}/bin/python`;
  if (await attempt(python, ["-m", "pip", "--version"])) return python;
  for (const system of ["python3", "python"]) {
    if (!await attempt(system, ["-m", "venv", "--help"])) continue;
    await mustRun(purpose, [system, "-m", "venv", VENV]);
    return python;
  }
  throw new Error(
    `Cannot ${purpose} as Python 3 with the venv module must be installed: ` +
      "install python3 and python3-venv (Debian, Ubuntu), or Python from your system's package manager",
  );
}
