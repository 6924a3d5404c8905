import { deepStrictEqual, match, ok } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;
const PYTHON = `${ROOT}.venv/bin/python`;
const KERNEL = `${ROOT}.venv/share/jupyter/kernels/deno/kernel.json`;
const SCRIPT = new URL("./kernel_interrupt.py", import.meta.url).pathname;

interface Ran {
  readonly finished: boolean;
  readonly printed: string;
  readonly errors: readonly string[];
}

/** Whether `deno task notebook --setup-only` was run here. */
async function isSetUp(): Promise<boolean> {
  try {
    await Deno.stat(KERNEL); // other tasks make a `.venv` without Jupyter
    return true;
  } catch {
    return false; // no Jupyter in this copy
  }
}

Deno.test({
  name:
    "interrupting the kernel ends a training with an AbortError and keeps everything else [needs Jupyter: deno task notebook --setup-only]",
  ignore: !await isSetUp(),
  async fn() {
    const { stdout, stderr } = await new Deno.Command(PYTHON, {
      args: [SCRIPT, `${ROOT}notebooks`],
      stdout: "piped",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stdout);
    ok(said.startsWith("{"), new TextDecoder().decode(stderr));
    const { started, trained, after, alive } = JSON.parse(said) as {
      started: Ran;
      trained: Ran;
      after: Ran;
      alive: boolean;
    };
    deepStrictEqual(started.errors, []);
    ok(trained.finished && alive);
    match(trained.errors.join(), /^AbortError: /);
    match(after.printed, /^alive after \d+ true\n$/);
  },
});
