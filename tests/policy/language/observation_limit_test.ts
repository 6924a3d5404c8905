import { strictEqual } from "node:assert/strict";
import {
  formatActionPrompt,
  formatFacts,
  formatTaught,
} from "../../../lib/policy/language/model_prompts.ts";
import {
  formatBriefPrompt,
  formatTranscript,
} from "../../../lib/policy/language/small_model.ts";
import type { ChatMessage } from "../../../lib/policy/language/tokenizer.ts";
import type { Situation } from "../../../lib/trajectory.ts";

const LIMIT = 20;

const observation = {
  text: "x".repeat(300),
  admissibleActions: ["go"],
  stateKey: "",
};

const situation: Situation = {
  task: "leave",
  past: [{
    observation,
    decision: {
      switched: true,
      subgoal: "get out",
      action: "go",
      valid: true,
      trace: { kind: "untrainable" },
    },
  }],
  observation,
  subgoal: "get out",
};

const limits = { observationLimit: LIMIT, historyLength: 1 };

/** Every prompt that a config names, of one turn before and the present one. */
const PROMPTS: Readonly<Record<string, () => string | ChatMessage[]>> = {
  rules: () => formatTaught(situation, limits),
  facts: () => formatFacts(situation, limits),
  brief: () => formatBriefPrompt(situation, limits),
  transcript: () => formatTranscript(situation, limits),
  "the action's own": () => formatActionPrompt(situation, "get out", limits),
};

for (const [name, write] of Object.entries(PROMPTS)) {
  Deno.test(`prompt "${name}" shows no more of an observation than its limit`, () => {
    const shown = write();
    const text = typeof shown === "string"
      ? shown
      : shown.map(({ content }) => content).join("\n");
    strictEqual(
      (text.match(/xx+/g) ?? []).join(" "),
      [
        "x".repeat(LIMIT),
        "x".repeat(LIMIT),
      ].join(" "),
    );
  });
}
