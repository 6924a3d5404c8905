/** A table engine's session for tests, with delays that a test can wait for. */

import {
  openTinker,
  type TinkerOptions,
  type TinkerSession,
} from "../../lib/remote/tinker/session.ts";
import {
  startTableEngine,
  type TableEngine,
  type TableEngineOptions,
} from "../../lib/remote/tinker/table/table_engine.ts";
import type { Datum } from "../../lib/remote/tinker/codec.ts";

/** Tokens of the test vocabulary. */
export const VOCABULARY = 16;

/** An engine and a session with it, both to be disposed. */
export async function openEngine(
  options: Partial<TableEngineOptions> = {},
  client: Partial<TinkerOptions> = {},
): Promise<
  AsyncDisposable & { engine: TableEngine; session: TinkerSession }
> {
  const engine = startTableEngine({ vocabSize: VOCABULARY, ...options });
  try {
    const session = await openTinker({
      url: engine.url,
      firstDelay: 1,
      ...client,
    });
    return {
      engine,
      session,
      async [Symbol.asyncDispose]() {
        await session[Symbol.asyncDispose]();
        await engine[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

/** A datum of a prompt of three tokens and a reply of two, the reply trained. */
export function smallDatum(advantage = 1): Datum {
  return {
    tokens: Int32Array.of(1, 2, 3, 4),
    targets: Int32Array.of(2, 3, 4, 5),
    arrays: {
      advantages: Float32Array.of(0, 0, advantage, advantage),
      logprobs: Float32Array.of(0, 0, -Math.log(16), -Math.log(16)),
      weights: Float32Array.of(0, 0, 1, 1),
    },
  };
}
