/**
 * Error messages of scripts.
 *
 * @module
 */

/**
 * Formats an error without its stack.
 *
 * @param error What was thrown.
 * @returns Its message; a missing permission is explained in terms of the tasks.
 */
export function explain(error: unknown): string {
  // If disposal fails too, the original error is reported.
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
