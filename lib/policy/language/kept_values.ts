/**
 * The critic's values of situations whose conversations are in KV caches: only what is new is computed.
 *
 * @module
 */

import type { ByDecision, Situation } from "../../trajectory.ts";
import { startDecoder } from "../decoder/decoder.ts";
import type { BatchKvCache } from "../decoder/kv_cache.ts";
import type { LanguageNetwork } from "./network.ts";
import type { LanguageContext } from "./replies.ts";
import { readHeads } from "./value_heads.ts";

/** The held subgoal as if it had just been kept; no token where there is none. */
export function keptPlan(
  { tokenizer }: LanguageContext,
  { subgoal }: Situation,
): Int32Array {
  return subgoal === undefined ? new Int32Array(0) : tokenizer.encode(
    `<switch>KEEP</switch>\n<subgoal>${subgoal}</subgoal>`,
  );
}

/** A prompt, and what follows it up to the action. */
export interface KeptQuestion {
  /** Token ids. Shape `(tokens,)`. */
  readonly prompt: Int32Array;
  /** The plan as if it had just been kept; empty where there is none. Shape `(tokens,)`. */
  readonly plan: Int32Array;
}

/**
 * Values before the reply and before the action, in units of return, in the order of the questions; those of a
 * critic that reads the actor's states.
 *
 * @param options `kvCache`: keys and values of the episodes; `signal`: stops by throwing its reason.
 * @returns Nothing where the backend feeds one token at a time.
 */
export async function valuesFromCaches(
  network: LanguageNetwork,
  questions: readonly KeptQuestion[],
  options: {
    readonly kvCache: BatchKvCache;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<ByDecision<number>[] | undefined> {
  const { model, adapter } = network.actor;
  const width = model.config.hiddenSize;
  const plans = questions.map(({ plan }) => plan);
  const { decoder, output } = await startDecoder(
    model,
    questions.map(({ prompt }) => prompt),
    {
      ...{ ...options, adapter, words: [] },
      maxTokens: Math.max(1, ...plans.map(({ length }) => length)),
    },
  );
  using _ = decoder;
  if (!decoder.feed) return undefined;
  const fed = plans.some(({ length }) => length > 0)
    ? await decoder.feed(plans, [])
    : output;
  const stateOf = (states: Float32Array, row: number) =>
    states.subarray(row * width, (row + 1) * width);
  return await readHeads(
    network,
    plans.map(({ length }, row) => ({
      before: stateOf(output.states, row),
      execution: stateOf((length > 0 ? fed : output).states, row),
    })),
  );
}
