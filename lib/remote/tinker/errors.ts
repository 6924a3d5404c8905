/**
 * What can go wrong between a client and an engine, and what to do about it.
 *
 * @module
 */

/**
 * Kinds of failure.
 *
 * - `transport`: no reply within the patience of the client; what the server did is unknown.
 * - `rejected`: the request was refused before anything was done.
 * - `failed`: the operation was accepted and failed.
 * - `expired`: session, model or future are gone, as after a restart of the server.
 * - `conflict`: a name or a sequence number is taken.
 */
export type TinkerErrorKind =
  | "transport"
  | "rejected"
  | "failed"
  | "expired"
  | "conflict";

/** Parts of a {@linkcode TinkerError}. */
export interface TinkerErrorParts {
  /** What was attempted: `sample`, `forward_backward`. */
  readonly operation: string;
  /** Which kind of failure. */
  readonly kind: TinkerErrorKind;
  /** What must hold. */
  readonly must: string;
  /** What the server said, or what the value is; shortened. */
  readonly detail: string;
  /** Status code, if there was a reply. */
  readonly status?: number;
  /** Future that was waited for. */
  readonly requestId?: string;
  /** Sequence number of the operation. */
  readonly seqId?: number;
  /** What led to it. */
  readonly cause?: unknown;
}

const ADVICE: Readonly<Record<TinkerErrorKind, string>> = {
  transport: "see that the server runs and resume the run",
  rejected: "nothing was done on the server",
  failed: "the operation had no effect that can be relied on",
  expired: "resume the run: it goes on from the newest checkpoint",
  conflict: "let one client at a time use a model",
};

/** Longest detail in a message, in characters; servers may echo whole requests. */
const LONGEST_DETAIL = 400;

/** A failure of an engine's operation. Its message holds no key. */
export class TinkerError extends Error {
  /** Name of the class. */
  override readonly name = "TinkerError";
  /** What was attempted. */
  readonly operation: string;
  /** Which kind of failure. */
  readonly kind: TinkerErrorKind;
  /** Status code, if there was a reply. */
  readonly status?: number;
  /** Future that was waited for. */
  readonly requestId?: string;
  /** Sequence number of the operation. */
  readonly seqId?: number;

  /** Makes an error; long details are shortened. */
  constructor(parts: TinkerErrorParts) {
    const { operation, kind, must, status, requestId, seqId, cause } = parts;
    const detail = parts.detail.length > LONGEST_DETAIL
      ? `${parts.detail.slice(0, LONGEST_DETAIL)}…`
      : parts.detail;
    const where = [
      ...(status === undefined ? [] : [`status ${status}`]),
      ...(requestId === undefined ? [] : [`future ${requestId}`]),
      ...(seqId === undefined ? [] : [`sequence ${seqId}`]),
    ].join(", ");
    super(
      `Cannot ${operation} as ${must}: current value is ${detail}${
        where === "" ? "" : ` (${where})`
      }; ${ADVICE[kind]}`,
      cause === undefined ? undefined : { cause },
    );
    this.operation = operation;
    this.kind = kind;
    if (status !== undefined) this.status = status;
    if (requestId !== undefined) this.requestId = requestId;
    if (seqId !== undefined) this.seqId = seqId;
  }
}

/** The `detail` of an error's body, as text. */
export function detailOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null) return text;
    const { detail, error } = body as { detail?: unknown; error?: unknown };
    const shown = detail ?? error;
    if (typeof shown === "string") return shown;
    if (!Array.isArray(shown)) return text;
    // A validation error echoes its input, possibly the whole request.
    return shown.map((one: { loc?: unknown[]; msg?: unknown }) =>
      `${(one.loc ?? []).join(".")}: ${String(one.msg)}`
    ).join("; ");
  } catch {
    return text;
  }
}

/** Kind of failure of a reply, by its status and what it says. */
export function kindOf(status: number, detail: string): TinkerErrorKind {
  if (/not loaded|not found|expired/i.test(detail) && status < 500) {
    return "expired";
  }
  if (status === 404 || status === 410) return "expired";
  if (status === 409) return "conflict";
  return status >= 500 ? "failed" : "rejected";
}
