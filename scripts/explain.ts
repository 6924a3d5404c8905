/**
 * Errors of a script in words that a person can act on.
 *
 * @module
 */

/**
 * Words an error without its stack: what a person mistyped needs none.
 *
 * @param error What was thrown.
 * @returns Its message; a missing permission is explained in terms of the tasks.
 */
export function explain(error: unknown): string {
  // When closing fails too, the error before it is what matters.
  const first = error instanceof SuppressedError ? error.suppressed : error;
  const message = first instanceof Error ? first.message : String(first);
  return message.replace(
    /Requires (\w+) access to (.*?), run again with the --allow-[\w-]+ flag/g,
    (_, kind, what) =>
      kind === "all"
        ? `Deno opens ${what}, like all of /dev, /proc and /sys, only for programs with every permission (deno run -A)`
        : kind === "write"
        ? `a task writes to runs/ and to what its command line names (--out, a setting as path=value), not to ${what}`
        : `the task's permissions in deno.json do not grant ${kind} access to ${what}`,
  );
}
