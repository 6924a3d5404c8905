/**
 * A language policy that is quick, situations to put it in, and ways to compare what it says.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { createRandom } from "../../lib/random.ts";
import type { Decision, Situation, TokenTrace } from "../../lib/trajectory.ts";
import {
  type CreateLanguageOptions,
  createLanguagePolicy,
} from "../../lib/policy/language/loading.ts";
import type { LanguagePolicy } from "../../lib/policy/language/policy.ts";
import { createWordTokenizer } from "../../lib/policy/language/word_tokenizer.ts";
import { type SampleRow } from "../_samples.ts";

const TAGS = ["switch", "subgoal", "action"].flatMap((
  x,
) => [`<${x}>`, `</${x}>`]);

const TOKENIZER = createWordTokenizer([
  "go left go right open the left door open the right door wait",
  "leave by the left end leave by the right end KEEP SWITCH",
  "user assistant A sign says left Now Subgoal none",
], { wholes: [...TAGS, "KEEP", "SWITCH"] });

const ACTIONS = ["go left", "go right", "open the left door", "wait"];

/** A situation, with or without a subgoal. */
export function situationOf(
  text: string,
  subgoal?: string,
  admissibleActions: readonly string[] = ACTIONS,
): Situation {
  return {
    task: "leave",
    past: [],
    observation: { text, admissibleActions, stateKey: text },
    ...(subgoal === undefined ? {} : { subgoal }),
  };
}

/** With and without a subgoal, short and long. */
export const SITUATIONS = [
  situationOf("A sign says left."),
  situationOf("Now what?", "leave by the left end"),
  situationOf("A sign says: a much longer text, in bytes.", "wait"),
  situationOf("", "go", ["wait"]),
];

/** A small policy with lively weights, so that mistakes show. */
export function smallPolicy(
  options: Partial<CreateLanguageOptions> = {},
): LanguagePolicy {
  const policy = createLanguagePolicy({
    seed: 3,
    tokenizer: TOKENIZER,
    prompt: ({ observation, subgoal }) =>
      `${observation.text} Subgoal: ${subgoal ?? "none"}`,
    maxReplyTokens: 40,
    size: {
      hiddenSize: 16,
      intermediateSize: 24,
      layers: 2,
      heads: 2,
      kvHeads: 1,
    },
    ...options,
  });
  const random = createRandom(8);
  for (const [name, variable] of Object.entries(policy.variables)) {
    if (name.includes("norm")) continue;
    const stream = random.fork(name);
    const values = Float32Array.from(
      { length: variable.size },
      () => 0.2 * stream.normal(),
    );
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
  return policy;
}

/** One stream for each of some situations. */
export const streams = (n: number) =>
  Array.from({ length: n }, (_, i) => createRandom(5).fork(i));

/** A sample to score; advantages play no part here. */
export function sampleOf(
  { observation }: Situation,
  decision: Decision,
): SampleRow {
  return {
    observation,
    decision,
    advantages: { switching: 1, planning: 1, execution: 1 },
    trained: { switching: true, planning: true, execution: true },
  };
}

/** The trace of a decision of tokens. */
export const tokensOf = ({ trace }: Decision) => trace as TokenTrace;

/** Asserts that two columns agree to the precision of 32 bits. */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  about: string,
) {
  strictEqual(actual.length, expected.length, about);
  for (let i = 0; i < expected.length; i++) {
    ok(
      Math.abs(actual[i]! - expected[i]!) < 1e-4,
      `${about}, ${i}: ${actual[i]} instead of ${expected[i]}`,
    );
  }
}

/** Subgoals of which some begin alike, and one is held in a situation. */
const listSubgoals = () => [
  "leave by the left end",
  "leave by the right end",
  "leave",
  "wait",
];

/** Every way a policy can be set up. */
export const VARIANTS: Readonly<
  Record<string, Partial<CreateLanguageOptions>>
> = {
  "writing freely": {},
  "at temperature 0.7": { temperature: 0.7 },
  "given the skeleton": { decoding: "skeleton" },
  "given admissible actions": { decoding: "admissible" },
  "with a critic of its own": { critic: "separate", decoding: "admissible" },
  "drawing from listed subgoals": { decoding: "skeleton", listSubgoals },
  "with a prior on KEEP": { decoding: "admissible", keepOffset: 1.5 },
  "at temperatures by decision": {
    decoding: "skeleton",
    temperatures: { switching: 2, planning: 0.7, execution: 1.3 },
    keepOffset: -1,
  },
  "whose executor sees the subgoal alone": {
    decoding: "admissible",
    listSubgoals,
    keepOffset: 2,
    temperatures: { execution: 1.5 },
    actionPrompt: ({ observation }, subgoal) =>
      `${observation.text} Now ${subgoal}`,
  },
  "whose executor sees the subgoal alone, with a critic of its own": {
    decoding: "skeleton",
    critic: "separate",
    actionPrompt: ({ observation }, subgoal) =>
      `${observation.text} Now ${subgoal}`,
  },
  "with adapters": { lora: { rank: 2 }, critic: "separate" },
};
