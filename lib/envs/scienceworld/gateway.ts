/**
 * The line protocol of a py4j gateway: commands to objects in a Java virtual machine.
 *
 * A request is a command and its parts, one a line, closed by `e`; an answer is one line. Lines are
 * UTF-8; line feeds, carriage returns and backslashes in strings are escaped.
 *
 * @see {@link https://www.py4j.org | py4j} 0.10
 *
 * @module
 */

/** An object that lives in the gateway until it is released. */
export interface JavaReference {
  /** Its name in the gateway: `o0`. */
  readonly reference: string;
}

/** What a call gives back. */
export type JavaValue = string | number | boolean | null | JavaReference;

/** What a call takes: strings, whole numbers, truth values, and objects of the gateway. */
export type JavaArgument = string | number | boolean | JavaReference;

/** An error inside the gateway; the connection stays usable. */
export class JavaError extends Error {
  override readonly name = "JavaError";
}

/** Most bytes of one answer. */
const MOST_BYTES = 64 * 2 ** 20;

/** Escapes a string for one line. */
export function escapeLine(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\r", "\\r")
    .replaceAll("\n", "\\n");
}

/** Undoes {@linkcode escapeLine}. */
export function unescapeLine(text: string): string {
  return text.replace(
    /\\([\\rn])/g,
    (_, sign: string) => sign === "n" ? "\n" : sign === "r" ? "\r" : "\\",
  );
}

/**
 * Formats a request that makes an object.
 *
 * @param name Name of its class.
 * @returns The request; its answer is the object's reference.
 */
export function constructRequest(name: string): string {
  return `i\n${name}\ne\n`;
}

/**
 * Formats a call.
 *
 * @param target An object, or `z:` and the name of a class for its static methods.
 * @param method Name of the method.
 * @param values What it takes.
 * @returns The request.
 * @throws {RangeError} If a number is not a whole number of 32 bits.
 */
export function callRequest(
  target: JavaReference | `z:${string}`,
  method: string,
  ...values: readonly JavaArgument[]
): string {
  const name = typeof target === "string" ? target : target.reference;
  return ["c", name, method, ...values.map(formatArgument), "e", ""].join("\n");
}

/** Formats the release of an object. */
export function releaseRequest({ reference }: JavaReference): string {
  return `m\nd\n${reference}\ne\n`;
}

function formatArgument(value: JavaArgument): string {
  if (typeof value === "string") return `s${escapeLine(value)}`;
  if (typeof value === "boolean") return `b${value}`;
  if (typeof value === "object") return `r${value.reference}`;
  if (Number.isInteger(value) && value === (value | 0)) return `i${value}`;
  throw new RangeError(
    `Cannot call Java as a number must be whole and of 32 bits: current value is ${value}`,
  );
}

/**
 * Reads an answer.
 *
 * @param line The answer, without its line feed.
 * @returns Its value; `null` for void and null.
 * @throws {JavaError} If the gateway reports an error, with the first line of Java's own words.
 * @throws {SyntaxError} If the line is not an answer.
 */
export function parseAnswer(line: string): JavaValue {
  if (line.startsWith("!x")) {
    const text = unescapeLine(line.slice(2).replace(/^s/, ""));
    throw new JavaError(text.split("\n")[0]!.trim());
  }
  const kind = line.startsWith("!y") ? line[2] : undefined;
  const rest = line.slice(3);
  switch (kind) {
    case "s":
      return unescapeLine(rest);
    case "i":
    case "L":
    case "d":
      return readNumber(rest, line);
    case "b":
      return rest === "true";
    case "v":
    case "n":
      return null;
    case "r": // an object
    case "l": // a list
    case "a": // a map
    case "h": // a set
    case "g": // an iterator
    case "t": // an array
      return { reference: rest };
    default:
      throw unreadable(line);
  }
}

function readNumber(text: string, line: string): number {
  const value = Number(text);
  if (text !== "" && !(Number.isNaN(value) && text !== "NaN")) return value;
  throw unreadable(line);
}

function unreadable(line: string): SyntaxError {
  const start = JSON.stringify(line.slice(0, 60));
  return new SyntaxError(
    `Cannot read Java's answer as it must start with !y and a type: current value is ${start}`,
  );
}

/** Bytes both ways: a socket. */
export interface ByteDuplex {
  /** What the other side sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What the other side reads. */
  readonly writable: WritableStream<Uint8Array>;
}

/** An open connection to a gateway; requests are answered in order. */
export interface GatewayConnection {
  /**
   * Sends requests in one message and reads their answers.
   *
   * @param requests Requests of this module.
   * @returns One value for each.
   * @throws {JavaError} If one fails; the answers of the others are read all the same.
   * @throws {Error} If the connection ends.
   */
  ask(...requests: readonly string[]): Promise<JavaValue[]>;
}

/**
 * Opens the protocol on a connection.
 *
 * @param duplex A connection to the gateway's port.
 * @param token The gateway's secret, where it asks for one. @default {none}
 * @returns The connection, authenticated.
 * @throws {JavaError} If the gateway refuses the token.
 */
export async function openGateway(
  duplex: ByteDuplex,
  token?: string,
): Promise<GatewayConnection> {
  const writer = duplex.writable.getWriter();
  const lines = readLines(duplex.readable, MOST_BYTES);
  const encoder = new TextEncoder();
  let turn: Promise<unknown> = Promise.resolve();
  const exchange = async (requests: readonly string[]) => {
    const sending = writer.write(encoder.encode(requests.join("")));
    sending.catch(() => undefined); // reading reports the end of the connection
    const values: JavaValue[] = [];
    let failure: unknown;
    for (let i = 0; i < requests.length; i++) {
      const { value, done } = await lines.next();
      if (done) throw new Error("the connection to Java has ended");
      try {
        values.push(parseAnswer(value));
      } catch (error) {
        failure ??= error;
      }
    }
    await sending;
    if (failure !== undefined) throw failure;
    return values;
  };
  const ask = (...requests: readonly string[]) => {
    const answer = turn.then(() => exchange(requests));
    turn = answer.catch(() => undefined);
    return answer;
  };
  if (token !== undefined) await ask(`A\n${token}\n`);
  return { ask };
}

/**
 * Splits bytes into lines of UTF-8; characters and lines may be cut anywhere. A last line without a
 * line feed is not given.
 *
 * @param bytes The stream.
 * @param limit Most bytes of a line.
 * @throws {RangeError} If a line is longer.
 */
export async function* readLines(
  bytes: ReadableStream<Uint8Array>,
  limit: number,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [], length = 0;
  for await (const chunk of bytes) {
    let start = 0;
    for (
      let end = chunk.indexOf(10);
      end >= 0;
      end = chunk.indexOf(10, start)
    ) {
      parts.push(chunk.subarray(start, end));
      yield decoder.decode(joinBytes(parts));
      [parts, length, start] = [[], 0, end + 1];
    }
    const rest = chunk.subarray(start);
    length += rest.length;
    if (length > limit) {
      throw new RangeError(
        `Cannot read a line as it must have at most ${limit} bytes: current value is ${length}`,
      );
    }
    if (rest.length > 0) parts.push(rest);
  }
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
