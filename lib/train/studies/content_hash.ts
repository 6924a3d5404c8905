/**
 * Hashes of content: the same on every machine.
 *
 * @module
 */

/** JSON without spaces, keys in alphabetical order; what JSON leaves out is left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(
          Object.entries(inner).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0),
        )
        : inner,
  );
}

/** SHA-256 of bytes or of a text's UTF-8, as hexadecimal digits. */
export async function sha256(
  content: string | Uint8Array<ArrayBuffer>,
): Promise<string> {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}
