/**
 * Sessions of a language policy that writes one strategy before the first turn, and an action under it on each turn.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import {
  type ByDecision,
  byDecision,
  type Decision,
  type Observation,
  type Situation,
  type Strategy,
} from "../../trajectory.ts";
import { createPrefixCache } from "../decoder/fused_decoder.ts";
import type {
  CompleteSession,
  DrawnStrategy,
  EncodeOptions,
  EpisodeStart,
} from "../policy.ts";
import { EpisodeHistories } from "../session.ts";
import { batchesOf } from "./batches.ts";
import {
  fittedPrompt,
  type LanguageContext,
  outgrows,
  promptTokens,
  writtenReply,
  type WrittenTurn,
} from "./replies.ts";
import type { WrittenReply } from "./scoring.ts";
import {
  strategicDecision,
  strategyFrom,
  writeStrategicTrace,
} from "./strategic_replies.ts";
import { generate, startGrammars } from "./writing.ts";

/** Scores replies outside any gradient. */
export type ReadScores = (
  replies: readonly WrittenReply[],
) => Promise<{ logProbs: Float32Array; values: ByDecision<number> }[]>;

/** Writes a part of a reply to each situation, in batches. */
async function write(
  context: LanguageContext,
  situations: readonly Situation[],
  { randoms, part }: {
    readonly randoms: readonly Random[];
    readonly part: "strategy" | "action";
  },
): Promise<WrittenTurn[]> {
  using prefixes = createPrefixCache();
  const written: WrittenTurn[] = [];
  const all = [...situations.keys()];
  for (const rows of batchesOf(context, all, situations)) {
    const some = rows.map((row) => situations[row]!);
    const prompts = some.map((one) => fittedPrompt(context, one));
    const grammars = startGrammars(context, some, part);
    const replies = await generate(context, prompts, {
      randoms: rows.map((row) => randoms[row]!),
      ...{ grammars, prefixes, kvCache: undefined },
      stop: [`</${part}>`],
    });
    replies.forEach((reply, i) =>
      written.push({
        ...{ prompt: prompts[i]!, reply },
        allowed: grammars[i]?.allowed(),
      })
    );
  }
  return written;
}

/** Writes a strategy to each start of an episode. */
export async function writeStrategies(
  context: LanguageContext,
  situations: readonly Situation[],
  randoms: readonly Random[],
): Promise<DrawnStrategy[]> {
  const written = await write(context, situations, {
    ...{ randoms, part: "strategy" },
  });
  return written.map((turn) => ({
    strategy: strategyFrom(context, turn),
    choices: [],
  }));
}

/** Episodes in progress, each under its strategy. */
export class StrategicSession implements CompleteSession {
  readonly #context: LanguageContext;
  readonly #readScores: ReadScores;
  readonly #histories: EpisodeHistories;
  readonly #strategies: (Strategy | undefined)[];

  constructor(
    context: LanguageContext,
    starts: readonly EpisodeStart[],
    readScores: ReadScores,
  ) {
    this.#context = context;
    this.#readScores = readScores;
    this.#histories = new EpisodeHistories(starts);
    this.#strategies = starts.map(({ strategy }) => strategy);
  }

  async decide(
    rows: readonly number[],
    observations: readonly Observation[],
    randoms: readonly Random[],
  ): Promise<Decision[]> {
    const context = this.#context;
    const starts = rows.map((row, i) =>
      this.#histories.situation(row, observations[i]!)
    );
    await this.#writeMissing(rows, starts, randoms);
    const situations = starts.map((one, i) => this.#under(one, rows[i]!));
    const decisions = situations.map(({ subgoal }): Decision => ({
      ...{ switched: false, subgoal, action: "", valid: false, outgrown: true },
      trace: { kind: "untrainable" },
    }));
    const fitting = [...rows.keys()]
      .filter((i) => !outgrows(context, situations[i]!));
    const written = await write(
      context,
      fitting.map((i) => situations[i]!),
      { randoms: fitting.map((i) => randoms[i]!), part: "action" },
    );
    fitting.forEach((i, k) => {
      const strategy = this.#strategies[rows[i]!]!;
      decisions[i] = strategicDecision(
        ...[context, situations[i]!, written[k]!, strategy] as const,
      );
    });
    this.#histories.recordAll(rows, observations, decisions);
    return decisions;
  }

  async encode(
    rows: readonly number[],
    observations: readonly Observation[],
    decisions: readonly Decision[],
    { score = true, hints }: EncodeOptions = {},
  ): Promise<Decision[]> {
    const context = this.#context;
    const encoded = rows.map((row, i) => {
      const start = this.#histories.situation(row, observations[i]!);
      const { strategy, subgoal, ...decision } = decisions[i]!;
      const text = this.#strategies[row]?.text ?? strategy ?? subgoal;
      this.#strategies[row] ??= { text, steps: [text] };
      const situation = this.#under(start, row);
      const { subgoal: _, ...bare } = start;
      const prompts = {
        strategy: promptTokens(context, bare, hints?.[i]),
        action: promptTokens(context, situation, hints?.[i]),
      };
      const { trace } = decision;
      const first = start.past.length === 0;
      return {
        ...decision,
        ...(first && { strategy: text }),
        subgoal: text,
        trace: hints && trace.kind === "tokens"
          ? trace.action
            ? {
              ...{ ...trace, prompt: prompts.strategy },
              action: { ...trace.action, prompt: prompts.action },
            }
            : { ...trace, prompt: prompts.action }
          : writeStrategicTrace(
            context,
            situation,
            { subgoal: text, action: decision.action },
            prompts,
          ),
      };
    });
    this.#histories.recordAll(rows, observations, encoded);
    if (!score) return encoded;
    const scores = await this.#readScores(
      encoded.map((decision) => writtenReply(context, { decision })),
    );
    return encoded.map(({ trace, ...decision }, i) => ({
      ...decision,
      trace: { ...trace, logProbs: scores[i]!.logProbs },
    }));
  }

  /** Zeros: an estimator that compares strategies has no critic. */
  values(rows: readonly number[]): ByDecision<number>[] {
    return rows.map(() => byDecision(() => 0));
  }

  [Symbol.dispose](): void {
    this.#strategies.length = 0;
  }

  /** The situation of a row with its strategy as the subgoal in force. */
  #under(situation: Situation, row: number): Situation & { subgoal: string } {
    return { ...situation, subgoal: this.#strategies[row]!.text };
  }

  /** Writes strategies for rows that start without one. */
  async #writeMissing(
    rows: readonly number[],
    starts: readonly Situation[],
    randoms: readonly Random[],
  ): Promise<void> {
    const bare = [...rows.keys()].filter((i) => !this.#strategies[rows[i]!]);
    const drawn = await writeStrategies(
      this.#context,
      bare.map((i) => starts[i]!),
      bare.map((i) => randoms[i]!.fork("strategy")),
    );
    bare.forEach((i, k) => this.#strategies[rows[i]!] = drawn[k]!.strategy);
  }
}
