/**
 * What the tasks that serve have in common: tokens, numbers, and an end by signal.
 *
 * @module
 */

import { InvalidArgumentError } from "commander";
import type { RunningServer } from "../mod/ecosystem.ts";

/** Variable of the environment that holds the token; a command line could be read by other users. */
const TOKEN = "HIPER_TOKEN";

/**
 * Reads the token that clients must send.
 *
 * @param file File that holds it; without one the environment is asked.
 * @returns The token; `undefined` if there is none.
 */
export async function readToken(
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined) return Deno.env.get(TOKEN);
  const token = (await Deno.readTextFile(file)).trim();
  if (token !== "") return token;
  throw new TypeError(
    `Cannot serve as "${file}" must hold a token: it is empty`,
  );
}

/**
 * Says where is served, and serves until a signal.
 *
 * @param server The running server.
 * @param what What it serves.
 * @param guarded Whether it asks for a token.
 */
export async function untilStopped(
  server: RunningServer,
  what: string,
  guarded: boolean,
): Promise<void> {
  const stop = new Promise<void>((resolve) => {
    const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
      ? ["SIGINT"]
      : ["SIGINT", "SIGTERM"];
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => resolve());
    }
  });
  console.error(`Serving ${what} at ${server.url}, stop with Ctrl-C.`);
  if (!guarded && !/\/\/(127\.|localhost|\[::1\])/.test(server.url)) {
    console.error(
      `Other machines can reach it, and no token is asked for: ${TOKEN} or --token-file names one.`,
    );
  }
  await Promise.race([stop, server.finished]);
  await server[Symbol.asyncDispose]();
}

/** Reads a whole number, not negative. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) {
    return value;
  }
  throw new InvalidArgumentError("It must be a whole number, not negative.");
}

/**
 * Reads a setting, `name=value`; values that are JSON are what it says, others are text.
 *
 * @param text The word.
 * @param known Settings before it.
 * @returns All of them.
 */
export function setting(
  text: string,
  known: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const equal = text.indexOf("=");
  if (equal < 1) throw new InvalidArgumentError("It must be name=value.");
  const word = text.slice(equal + 1);
  let value: unknown = word;
  try {
    value = JSON.parse(word);
  } catch {
    // Not JSON.
  }
  return { ...known, [text.slice(0, equal)]: value };
}
