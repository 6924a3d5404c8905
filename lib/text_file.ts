/**
 * Text and JSON files as other programs write them: byte order marks, UTF-16, bare `NaN`; every error
 * names the file and the place.
 *
 * @module
 */

/** Decodes text by its byte order mark, which is removed; without one it is UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf([first, second]: Uint8Array): string {
  return first === 0xff && second === 0xfe
    ? "utf-16le"
    : first === 0xfe && second === 0xff
    ? "utf-16be"
    : "utf-8";
}

/**
 * Reads a text file.
 *
 * @throws {Deno.errors.NotFound} If there is none; the message names it, as it does when reading is
 *   not permitted.
 */
export async function readText(path: string): Promise<string> {
  return decodeText(await Deno.readFile(path));
}

/**
 * Streams the non-empty lines of a text file without their ends, with their numbers from 1.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 */
export async function* textLines(
  path: string,
): AsyncGenerator<{ text: string; line: number }> {
  using file = await Deno.open(path);
  const mark = new Uint8Array(2);
  await file.read(mark);
  await file.seek(0, Deno.SeekMode.Start);
  const decoder = new TextDecoderStream(encodingOf(mark));
  let line = 0, rest = "";
  const bytes = file.readable.values({ preventCancel: true });
  for await (const chunk of ReadableStream.from(bytes).pipeThrough(decoder)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const text of lines) {
      line++;
      if (text.trim() !== "") yield { text: text.replace(/\r$/, ""), line };
    }
  }
  if (rest.trim() !== "") yield { text: rest, line: line + 1 };
}

/**
 * Parses JSON. Bare `NaN`, `Infinity` and `-Infinity`, which Python's `json.dump` writes, are
 * numbers; a byte order mark is allowed. `name` locates errors.
 *
 * @throws {SyntaxError} If it is no JSON; the message names file, line and column.
 */
export function parseJson(text: string, name: string): unknown {
  const json = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  try {
    return JSON.parse(json);
  } catch (cause) {
    let error = cause;
    if (/\b(?:NaN|Infinity)\b/.test(json)) {
      try {
        return parseWithNonFinite(json);
      } catch (other) {
        error = other; // wrong elsewhere too
      }
    }
    throw new SyntaxError(`Cannot read "${name}" as ${whyNot(json, error)}`, {
      cause,
    });
  }
}

/**
 * Reads a file of JSON; see {@linkcode parseJson}.
 *
 * @param path The file.
 * @returns The parsed value.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is no JSON; the message names file, line and column.
 */
export async function readJson(path: string): Promise<unknown> {
  return parseJson(await readText(path), path);
}

/** Parses JSON with non-finite numbers; they are masked by text of equal length, so that places stay right. */
function parseWithNonFinite(json: string): unknown {
  // Strings are matched first, so that a word inside one stays text.
  const words = (replace: (word: string) => string) =>
    json.replace(
      /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g,
      (token) => token.startsWith('"') ? token : replace(token),
    );
  JSON.parse(words((word) => "1".repeat(word.length)));
  return JSON.parse(
    words((word) => `"\\u0000${word}"`),
    (_, value) =>
      typeof value === "string" && value.startsWith("\0")
        ? Number(value.slice(1))
        : value,
  );
}

/** What is wrong with a text that is no JSON, and where. */
function whyNot(json: string, cause: unknown): string {
  if (json.trim() === "") return "it must hold JSON: it is empty";
  const reason = cause instanceof Error ? cause.message : String(cause);
  const offset = errorOffset(json, reason);
  const short = reason.replace(/(?: in JSON)? at position .*$/, "")
    .replace(/, (?:\.{3})?".*$/s, "");
  return `it must hold JSON: ${short}${
    offset === undefined ? "" : `, ${placeOf(json, offset)}`
  }`;
}

/** The engine's message has a position, an excerpt around it, or neither where the text ends early. */
function errorOffset(json: string, reason: string): number | undefined {
  const position = / at position (\d+)/.exec(reason);
  if (position !== null) return Number(position[1]);
  if (reason.includes("end of JSON")) return json.length;
  const excerpt = /, (\.{3})?"(.*)"(?:\.{3})? is not valid JSON$/s.exec(reason);
  const token = /^Unexpected token '(.)'/su.exec(reason);
  if (excerpt === null || token === null) return undefined;
  const start = json.indexOf(excerpt[2]!);
  if (start < 0 || start !== json.lastIndexOf(excerpt[2]!)) return undefined;
  const before = excerpt[1] === undefined ? 0 : 10; // characters shown before the token
  const at = json.indexOf(token[1]!, start + before);
  return at < 0 ? undefined : at;
}

function placeOf(text: string, offset: number): string {
  const { line, column } = lineAndColumn(text, offset);
  return `line ${line}, column ${column}`;
}

/** Line and column of a character, both from 1. */
export function lineAndColumn(
  text: string,
  offset: number,
): { line: number; column: number } {
  let line = 1, start = 0;
  for (let i = 0; i < offset && i < text.length; i++) {
    if (text.charCodeAt(i) === 10) {
      line++;
      start = i + 1;
    }
  }
  return { line, column: offset - start + 1 };
}

/**
 * The reason of an error of {@linkcode parseJson}, {@linkcode readJson} or any other, without the
 * file's name.
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Cannot read "[^"]*" as /, "");
}

/**
 * Reads a file that must hold a JSON object.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it holds no JSON.
 * @throws {TypeError} If the JSON is no object.
 */
export async function readJsonObject(
  path: string,
): Promise<Record<string, unknown>> {
  const value = await readJson(path);
  if (!isObject(value)) {
    throw new TypeError(
      `Cannot read "${path}" as it must hold a JSON object: current value is ${
        JSON.stringify(value)?.slice(0, 80)
      }`,
    );
  }
  return value;
}

/** Whether a value is an object with names. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
