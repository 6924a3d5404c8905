/**
 * Progress within an iteration, seen at a language policy: episodes that have ended, turns that were learned from, and
 * tokens a second.
 *
 * @module
 */

import type { CompletePolicy, CompleteSession } from "../policy/policy.ts";
import type { LanguagePolicy } from "../policy/language/policy.ts";
import type { Decision } from "../trajectory.ts";

/** How far an iteration is. */
export interface IterationProgress {
  /** Whether episodes are played, or their turns learned from. */
  readonly stage: "playing" | "learning";
  /** Episodes that have ended, or turns that were learned from. */
  readonly done: number;
  /** Of so many; every pass over a turn counts. */
  readonly total: number;
  /** Tokens of prompts and replies that were read and written in this stage. */
  readonly tokens: number;
  /** Seconds since the stage began. */
  readonly seconds: number;
}

/**
 * The same policy, which tells how far it is after each batch of decisions and each microbatch.
 *
 * @param options `passes`: passes of an update over the turns that were played last.
 */
export function withProgress(
  policy: LanguagePolicy,
  options: {
    readonly passes: number;
    readonly onProgress: (progress: IterationProgress) => void;
  },
): LanguagePolicy {
  let turns = 0;
  let stage: IterationProgress["stage"] = "playing";
  let done = 0, total = 0, tokens = 0, since = performance.now();
  const begin = (next: typeof stage, all: number) => {
    stage = next;
    [done, tokens, total, since] = [0, 0, all, performance.now()];
  };
  const tell = () => {
    const seconds = (performance.now() - since) / 1000;
    options.onProgress({ stage, done, total, tokens, seconds });
  };
  const opening = (
    open: CompletePolicy["open"],
  ): CompletePolicy["open"] =>
  (starts) => {
    begin("playing", starts.length);
    turns = 0;
    const session = open(starts);
    const told: CompleteSession = {
      async decide(rows, observations, randoms) {
        const decisions = await session.decide(rows, observations, randoms);
        turns += decisions.length;
        tokens += tokensOf(decisions);
        tell();
        return decisions;
      },
      encode: (...given) => session.encode(...given),
      values: (...given) => session.values(...given),
      end(rows) {
        session.end?.(rows);
        done += rows.length;
        tell();
      },
      [Symbol.dispose]: () => session[Symbol.dispose](),
    };
    return told;
  };
  return {
    ...policy,
    open: opening(policy.open),
    atTemperature(temperature) {
      const other = policy.atTemperature(temperature);
      return { ...other, open: opening(other.open) };
    },
    score(samples, given) {
      if (stage !== "learning") begin("learning", turns * options.passes);
      const scored = policy.score(samples, given);
      done += samples.length;
      tokens += tokensOf(samples.map(({ decision }) => decision));
      tell();
      return scored;
    },
  };
}

/** Tokens of prompts and replies. */
function tokensOf(decisions: readonly Decision[]): number {
  return decisions.reduce(
    (sum, { trace }) =>
      trace.kind === "tokens"
        ? sum + trace.prompt.length + trace.reply.length
        : sum,
    0,
  );
}
