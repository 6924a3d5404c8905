/**
 * What a server's replies say: objects, ids, whole messages, and futures that are not done.
 *
 * @module
 */

import type { HttpReply } from "../http.ts";
import { PROTOBUF } from "./codec.ts";
import { TinkerError } from "./errors.ts";

/** Whether a reply is protobuf. */
export function isProtobuf({ headers }: HttpReply): boolean {
  return headers.get("content-type")?.startsWith(PROTOBUF) ?? false;
}

/**
 * Reads a reply as a JSON object.
 *
 * @throws {TinkerError} If it is none.
 */
export function readObject(
  reply: HttpReply,
  operation: string,
): Record<string, unknown> {
  const text = new TextDecoder().decode(reply.bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null) {
    return value as Record<string, unknown>;
  }
  throw new TinkerError({
    operation,
    kind: "failed",
    must: "the reply must be a JSON object",
    detail: JSON.stringify(text.slice(0, 80)),
    status: reply.status,
  });
}

/**
 * Reads a text, such as an id, from a reply.
 *
 * @throws {TinkerError} If the reply has none by that name.
 */
export function readText(
  reply: Record<string, unknown>,
  name: string,
  operation: string,
): string {
  const text = reply[name];
  if (typeof text === "string" && text !== "") return text;
  throw new TinkerError({
    operation,
    kind: "failed",
    must: `the reply must have "${name}", a text`,
    detail: JSON.stringify(text) ?? "absent",
  });
}

/**
 * Decodes a reply's bytes.
 *
 * @throws {TinkerError} If they are no message of that kind, as after a cut.
 */
export function decodeReply<T>(
  { bytes, status }: HttpReply,
  operation: string,
  decode: (bytes: Uint8Array) => T,
): T {
  try {
    return decode(bytes);
  } catch (cause) {
    throw new TinkerError({
      operation,
      kind: "failed",
      must: "the reply must be a whole message of the protocol",
      detail: `${bytes.length} bytes, ${
        cause instanceof Error ? cause.message : String(cause)
      }`,
      status,
      cause,
    });
  }
}

/** What a reply says of a future that has no result yet; `undefined` where it is the result. */
export function readPending(
  reply: HttpReply,
):
  | { readonly again: "with metadata" | "whole" }
  | { readonly error: string }
  | undefined {
  const body = readObject(reply, "retrieve a future");
  if (typeof body["error"] === "string") return { error: body["error"] };
  if (body["type"] === "try_again") return { again: "with metadata" };
  if (body["status"] === "complete_metadata") return { again: "whole" };
  return undefined;
}
