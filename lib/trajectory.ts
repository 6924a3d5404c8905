/**
 * The data model: turns, decisions and trajectories as plain records.
 *
 * A {@linkcode Trajectory} is the record of one episode, written once while it is played and never changed
 * afterwards. `EpisodeBatch` holds the same as columns, which credit and samples are computed from.
 *
 * @module
 */

/** The three decisions a turn may hold, in the order in which they are taken. */
export const DECISIONS = ["switching", "planning", "execution"] as const;

/** Name of one of the three {@linkcode DECISIONS}. */
export type DecisionName = typeof DECISIONS[number];

/** One thing for each of the three decisions a turn may hold. */
export interface ByDecision<T> {
  /** Keep or switch; every turn. Its value sees the state and the held subgoal. */
  readonly switching: T;
  /** Which subgoal; first turn of a segment. Its value sees the state alone. */
  readonly planning: T;
  /** Which action; every turn. Its value sees the state and the chosen subgoal. */
  readonly execution: T;
}

/** What a world shows before a decision. */
export interface Observation {
  /** What the agent reads. */
  readonly text: string;
  /** Actions that the world accepts now, in the world's own order. */
  readonly admissibleActions: readonly string[];
  /** Equal keys mean the same state; GiGPO groups by it. */
  readonly stateKey: string;
  /** What the world's expert would do now, where it was asked; for experts and teachers, never for the learner. */
  readonly hint?: Hint;
}

/** What an expert would do: a subgoal in natural language and the next action under it. */
export interface Hint {
  /** The subgoal that the action serves. */
  readonly subgoal: string;
  /** An admissible action. */
  readonly action: string;
}

/** Half-open range `[start, end)` of reply tokens. */
export interface TokenSpan {
  /** First token of the span. */
  readonly start: number;
  /** One past the last token of the span. */
  readonly end: number;
}

/** Trace of a policy that chooses among listed candidates: one unit for each decision. */
export interface ChoiceTrace {
  /** Discriminates the kinds of {@linkcode DecisionTrace}. */
  readonly kind: "choices";
  /** Subgoals the planner chose among. */
  readonly subgoals: readonly string[];
  /** Index chosen: 0 keep or 1 switch; index into `subgoals`, -1 when kept; index into the admissible actions. */
  readonly chosen: ByDecision<number>;
  /** Log-probability of each choice when it was made; 0 where nothing was decided. */
  readonly logProbs: ByDecision<number>;
  /** What the policy's network was fed, by name, so that learning need not read the text again. */
  readonly inputs?: Readonly<Record<string, Float32Array | Int32Array>>;
}

/** Trace of a policy that writes its decision as tokens. */
export interface TokenTrace {
  /** Discriminates the kinds of {@linkcode DecisionTrace}. */
  readonly kind: "tokens";
  /** Token ids of the prompt. Shape `(prompt tokens,)`. */
  readonly prompt: Int32Array;
  /** Token ids of the reply. Shape `(reply tokens,)`. */
  readonly reply: Int32Array;
  /** Log-probability of each reply token when it was sampled. Shape `(reply tokens,)`. */
  readonly logProbs: Float32Array;
  /** Where each decision stands in the reply. */
  readonly spans: ByDecision<TokenSpan | undefined>;
  /** 1 where the token was sampled, 0 where decoding was forced; absent means all sampled. Shape `(reply tokens,)`. */
  readonly sampled?: Uint8Array;
  /** Token of the reply before which the execution value is read. @default {0} */
  readonly executionSlot?: number;
  /** What could have been written at each token of a constrained reply; absent means anything. */
  readonly allowed?: AllowedTokens;
  /** Prompt of the action, where it is written to one of its own; absent where it follows the plan. */
  readonly action?: ActionPrompt;
}

/** A prompt that stands before the action alone, so that the executor knows the task only by the subgoal. */
export interface ActionPrompt {
  /** Token ids of the prompt. Shape `(prompt tokens,)`. */
  readonly prompt: Int32Array;
  /** First token of the reply that is written to it. */
  readonly start: number;
}

/** What could have been written at each token of a reply: some tokens, or all but those of a list. */
export interface AllowedTokens {
  /** Ids of the tokens that could have been written, one place after the other. */
  readonly ids: Int32Array;
  /** Where each place starts in `ids`, and their number at the end. Shape `(reply tokens + 1,)`. */
  readonly starts: Int32Array;
  /** Number of the policy's list of excluded tokens, from 1; 0 where `ids` lists the allowed. Shape `(reply tokens,)`. */
  readonly excluded: Uint8Array;
  /** Added to the logit of each of `ids` after division by the temperature; absent means 0. Shape `(ids,)`. */
  readonly offsets?: Float32Array;
  /** Sampling temperature at each token; absent means the policy's. Shape `(reply tokens,)`. */
  readonly temperatures?: Float32Array;
}

/** What a learner needs to score a decision again. Plain data. */
export type DecisionTrace =
  | ChoiceTrace
  | TokenTrace
  | { readonly kind: "untrainable" };

/** What an episode follows from its first turn to its last (StraTA). Plain data. */
export interface Strategy {
  /** Its words; episodes of one group with equal words follow one strategy. */
  readonly text: string;
  /** The subgoals that it consists of, each in force until it is achieved; a single one is never left. */
  readonly steps: readonly string[];
  /** The tokens that it was written in, for policies that write. */
  readonly written?: WrittenStrategy;
}

/** A strategy as tokens: the planning part of an episode's first reply. */
export interface WrittenStrategy {
  /** Token ids of the prompt. Shape `(prompt tokens,)`. */
  readonly prompt: Int32Array<ArrayBuffer>;
  /** Token ids of the strategy, tags included. Shape `(tokens,)`. */
  readonly reply: Int32Array<ArrayBuffer>;
  /** Log-probability of each token when it was sampled; 0 where it was given. Shape `(tokens,)`. */
  readonly logProbs: Float32Array<ArrayBuffer>;
  /** 1 where the token was sampled. Shape `(tokens,)`. */
  readonly sampled: Uint8Array<ArrayBuffer>;
  /** What could have been written at each token; absent means anything. */
  readonly allowed?: AllowedTokens;
}

/** Everything a policy decided on one turn. */
export interface Decision {
  /** Whether a new subgoal was taken up. */
  readonly switched: boolean;
  /** The subgoal in force from now on; empty for a policy without a plan. */
  readonly subgoal: string;
  /** The strategy that the episode follows, on the first turn of a policy that has one. */
  readonly strategy?: string;
  /** The action sent to the world. */
  readonly action: string;
  /** Whether the reply had the agreed form and the action was admissible. */
  readonly valid: boolean;
  /** Why nothing could be decided, as the policy is elsewhere and gone; the episode is lost then. */
  readonly lost?: string;
  /** Whether nothing could be decided, as what was seen outgrew the model's context; the episode is truncated before this turn. */
  readonly outgrown?: boolean;
  /** How the decision came about, for learners. */
  readonly trace: DecisionTrace;
  /** What the critic thought before each decision, in units of return. */
  readonly values?: ByDecision<number>;
  /** Probability of SWITCH before the switching decision was taken. */
  readonly switchProbability?: number;
  /** Execution value of the subgoal held before this turn; needed by the q-minus-beta switching advantage. */
  readonly heldSubgoalValue?: number;
}

/** One observation and the decision that answered it. */
export interface AnsweredTurn {
  /** What the policy saw. */
  readonly observation: Observation;
  /** What it decided. */
  readonly decision: Decision;
}

/** One observation, the decision that answered it, and its reward. */
export interface Turn extends AnsweredTurn {
  /** What the world paid for it. */
  readonly reward: number;
}

/** One episode as recorded. */
export interface Trajectory {
  /** Unique within a batch, for error messages and tables: `household/7#3`. */
  readonly id: string;
  /** What the world asked for, in words. */
  readonly task: string;
  /** Kind of task, where a world distinguishes kinds; metrics are reported for each. */
  readonly taskType?: string;
  /** Episodes with one group share a task and a start; baselines compare them. */
  readonly group: string;
  /** The strategy that was followed (StraTA), in words; episodes of a group with equal words are compared. */
  readonly strategy?: string;
  /** The turns, in the order they were played. */
  readonly turns: readonly Turn[];
  /** Truncated means cut off by a limit, so the last state still has value. */
  readonly ending: "terminated" | "truncated";
  /** Whether the task was accomplished. */
  readonly success: boolean;
  /** The world's own score in `[0, 1]`; 1 or 0 where it has none but success. */
  readonly score: number;
  /** Values after the last turn; zeros unless truncated. */
  readonly bootstrap: ByDecision<number>;
  /** What the last turn led to, where it was recorded. */
  readonly finalObservation?: Observation;
  /** Seed of the episode; with the world's specification it replays the same start. */
  readonly seed: number;
}

/** A trajectory still being played, as its policy sees it. */
export interface Situation {
  /** What the world asked for, in words. */
  readonly task: string;
  /** Turns played so far; a policy is not shown their rewards. */
  readonly past: readonly AnsweredTurn[];
  /** What is seen now. */
  readonly observation: Observation;
  /** The subgoal held from the turn before; absent before the first plan. */
  readonly subgoal?: string;
}

/** Advantages of decisions, and targets for value heads: of one trajectory, or of a batch episode after episode. */
export interface Credit {
  /** Columns of shape `(turns,)`, in units of return; 0 where nothing was decided. */
  readonly advantages: ByDecision<Float64Array>;
  /**
   * Targets of the value heads, shape `(turns,)`; `NaN` where a head has no target on that turn.
   * Absent for estimators that use no critic.
   */
  readonly targets?: ByDecision<Float64Array>;
  /**
   * 1 where the policy gradient sees the decision, shape `(turns,)`. Absent means the decisions that were taken
   * (`decisionsTaken`): execution on every turn, planning on the first turn of each segment, switching on every
   * turn but a first one that was forced, as no subgoal was held.
   */
  readonly trained?: ByDecision<Uint8Array>;
}

/**
 * Makes one thing for each decision.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { byDecision } from "@hiper/lab";
 *
 * deepStrictEqual(byDecision((name) => name.length), {
 *   switching: 9,
 *   planning: 8,
 *   execution: 9,
 * });
 * ```
 *
 * @param make Called once with the name of each decision.
 * @returns What it returned, keyed by the name.
 */
export function byDecision<T>(make: (name: DecisionName) => T): ByDecision<T> {
  return {
    switching: make("switching"),
    planning: make("planning"),
    execution: make("execution"),
  };
}

/**
 * Names the decision that each unit of a trace belongs to, in the order in which policies score units.
 *
 * A unit is what has one log-probability: a token, or a choice.
 *
 * A choice has one unit for each of the three decisions, taken or not; tokens have one for each
 * token of the reply, `undefined` where a token belongs to no decision or its decoding was forced.
 * A token in two spans belongs to the later decision.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { decisionUnits } from "@hiper/lab/credit";
 *
 * const units = decisionUnits({
 *   kind: "tokens",
 *   prompt: new Int32Array(0),
 *   reply: new Int32Array(3),
 *   logProbs: new Float32Array(3),
 *   spans: {
 *     switching: { start: 0, end: 1 },
 *     planning: undefined,
 *     execution: { start: 2, end: 3 },
 *   },
 * });
 * deepStrictEqual(units, ["switching", undefined, "execution"]);
 * ```
 *
 * @param trace How a decision came about.
 * @returns One name, or `undefined`, for each unit; empty for an untrainable trace.
 */
export function decisionUnits(
  trace: DecisionTrace,
): readonly (DecisionName | undefined)[] {
  if (trace.kind === "choices") return DECISIONS;
  if (trace.kind === "untrainable") return [];
  const { reply, spans, sampled } = trace;
  const units: (DecisionName | undefined)[] = Array(reply.length).fill(
    undefined,
  );
  for (const name of DECISIONS) {
    const span = spans[name];
    if (!span) continue;
    for (let token = span.start; token < span.end; token++) {
      if (sampled === undefined || sampled[token] === 1) units[token] = name;
    }
  }
  return units;
}

/** Log-probability of each unit when it was chosen, in the order of {@linkcode decisionUnits}. Shape `(units,)`. */
export function unitLogProbs(trace: DecisionTrace): Float32Array {
  if (trace.kind === "tokens") return trace.logProbs;
  if (trace.kind === "untrainable") return new Float32Array(0);
  return Float32Array.from(DECISIONS, (name) => trace.logProbs[name]);
}
