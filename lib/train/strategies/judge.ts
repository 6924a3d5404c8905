/**
 * Self-judgment of StraTA: which turns of an episode neither follow its strategy nor make progress.
 *
 * The judge is a rule of the world, or a language model that is asked after the episode: the policy itself, or another one.
 *
 * @module
 */

import type { SubgoalRule } from "../../envs/text_env.ts";
import type { ChatMessage } from "../../policy/language/tokenizer.ts";
import type { Random } from "../../random.ts";
import type { AnsweredTurn, Trajectory } from "../../trajectory.ts";

/** What a judge found. */
export interface Verdicts {
  /** Turns that were flagged, from 0, by trajectory id. */
  readonly flagged: Readonly<Record<string, readonly number[]>>;
  /** Episodes without a verdict, as none was given or it could not be read; none of their turns is flagged. */
  readonly unread: number;
}

/** Judges episodes that followed strategies. */
export type StrategyJudge = (
  trajectories: readonly Trajectory[],
  random: Random,
) => Verdicts | Promise<Verdicts>;

/** Asks a model; `undefined` where it gave no answer. */
export type AskJudge = (
  conversations: readonly (readonly ChatMessage[])[],
  randoms: readonly Random[],
) => Promise<readonly (string | undefined)[]>;

/**
 * Judges by a rule of the world: a turn is flagged whose action serves no step of the strategy and achieves none.
 *
 * @param rule Reads what was observed.
 * @param stepsOf The steps of a strategy, from its words.
 * @returns The judge; every episode has a verdict.
 */
export function judgeByRule(
  rule: SubgoalRule,
  stepsOf: (strategy: string) => readonly string[],
): StrategyJudge {
  return (trajectories) => ({
    flagged: Object.fromEntries(
      trajectories.map((one) => [
        one.id,
        idleTurns(one, stepsOf(one.strategy ?? ""), rule),
      ]),
    ),
    unread: 0,
  });
}

/** Turns that serve no step and achieve none. */
function idleTurns(
  { task, turns, finalObservation }: Trajectory,
  steps: readonly string[],
  rule: SubgoalRule,
): number[] {
  const past: AnsweredTurn[] = []; // grows, so that a rule can read on where it stopped
  const idle: number[] = [];
  for (const [t, turn] of turns.entries()) {
    const { observation, decision: { action } } = turn;
    const serves = steps.some((step) =>
      rule.serves(step, action, { task, past, observation })
    );
    past.push(turn);
    const next = turns[t + 1]?.observation ?? finalObservation;
    const achieves = next !== undefined &&
      steps.some((step) =>
        rule.achieved(step, { task, past, observation: next })
      );
    if (!serves && !achieves) idle.push(t);
  }
  return idle;
}

/**
 * Judges by asking a model about each episode.
 *
 * @param ask Gives the answers.
 * @returns The judge.
 */
export function judgeByModel(ask: AskJudge): StrategyJudge {
  return async (trajectories, random) => {
    const answers = await ask(
      trajectories.map(formatJudgePrompt),
      trajectories.map((_, i) => random.fork("judge", i)),
    );
    const verdicts = trajectories.map(({ id, turns }, i) => {
      const flagged = readVerdict(answers[i] ?? "", turns.length);
      return { id, flagged };
    });
    return {
      flagged: Object.fromEntries(
        verdicts.map(({ id, flagged = [] }) => [id, flagged]),
      ),
      unread: verdicts.filter(({ flagged }) => flagged === undefined).length,
    };
  };
}

/** Longest part of an observation that a judge is shown, in characters. */
const DIGEST = 160;

/**
 * Asks for the turns of an episode that neither follow its strategy nor make progress: strategy, numbered turns, and the
 * form of the answer.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { formatJudgePrompt } from "@hiper/lab/strategies";
 *
 * const observation = { text: "A fork.", admissibleActions: ["go left"], stateKey: "" };
 * const trace = { kind: "untrainable" } as const;
 * const decision = { switched: true, subgoal: "", action: "go left", valid: true, trace };
 * const [, question] = formatJudgePrompt({
 *   ...{ id: "a", group: "a", task: "leave", strategy: "keep to the left", seed: 0 },
 *   ...{ ending: "terminated", success: true, score: 1 },
 *   turns: [{ observation, decision, reward: 1 }],
 *   bootstrap: { switching: 0, planning: 0, execution: 0 },
 * });
 * ok(question!.content.includes("1. Seen: A fork. Done: go left"));
 * ```
 *
 * @param episode An episode with a strategy.
 * @returns A conversation that ends with the question.
 */
export function formatJudgePrompt(episode: Trajectory): ChatMessage[] {
  const { task, strategy = "", turns } = episode;
  const lines = turns.map(({ observation, decision }, t) =>
    `${t + 1}. Seen: ${digest(observation.text)} Done: ${decision.action}`
  );
  return [
    {
      role: "system",
      content:
        "You review what an agent did. You answer with numbers of turns, separated by commas, or with the word none, and with nothing else.",
    },
    {
      role: "user",
      content: [
        `Task: ${task}`,
        `Strategy: ${strategy}`,
        "Turns:",
        ...lines,
        "Which turns neither follow the strategy nor make progress on the task?",
      ].join("\n"),
    },
  ];
}

function digest(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= DIGEST ? line : `${line.slice(0, DIGEST)}…`;
}

/**
 * Reads a verdict: numbers from 1, separated by commas, or "none".
 *
 * @example
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { readVerdict } from "@hiper/lab/strategies";
 *
 * deepStrictEqual(readVerdict("2, 3, 9", 4), [1, 2]); // there is no ninth turn
 * deepStrictEqual(readVerdict("None.", 4), []);
 * strictEqual(readVerdict("It went well.", 4), undefined);
 * ```
 *
 * @param text What the judge wrote; a thought before it is skipped.
 * @param turns Turns of the episode; other numbers are ignored.
 * @returns Turns from 0, each once, in order; `undefined` where the text is no verdict.
 */
export function readVerdict(text: string, turns: number): number[] | undefined {
  const said = text.replace(/^[\s\S]*<\/think>/, "").trim().toLowerCase()
    .replace(/^(?:turns?|answer)\b\s*:?\s*/, "").replace(/\s*\.$/, "");
  if (said === "none") return [];
  if (!/^\d+(?:\s*(?:,|\band\b|,\s*and\b)\s*\d+)*$/.test(said)) {
    return undefined;
  }
  const numbers = (said.match(/\d+/g) ?? []).map((one) => Number(one) - 1);
  return [...new Set(numbers)].filter((t) => t >= 0 && t < turns)
    .sort((a, b) => a - b);
}
