import { pythonStrip } from "../../../lib/python_text.ts";
import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  formatPrompt,
  historyWindow,
  readReply,
} from "../../../lib/policy/language/prompts.ts";
import {
  formatReply,
  parseReply,
} from "../../../lib/policy/language/blocks.ts";
import type { Turn } from "../../../lib/trajectory.ts";
import { replayFile } from "../../_vectors.ts";

/** Text without tags that trimming leaves as it is. */
const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 })
  .filter((text) => !/[<>]/.test(text) && pythonStrip(text) === text);
const word = fc.constantFrom("KEEP" as const, "SWITCH" as const);

Deno.test("parseReply() undoes formatReply() for any text without tags", () => {
  fc.assert(fc.property(word, words, words, (switching, subgoal, action) => {
    deepStrictEqual(parseReply(formatReply({ switching, subgoal, action })), {
      switching,
      subgoal,
      action,
      valid: true,
      problems: [],
    });
  }));
});

Deno.test("parseReply() never throws and lists problems exactly when a strict reply is invalid", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "<switch>",
      "</switch>",
      "KEEP",
      "<subgoal>",
      "</subgoal>",
      "x",
      "<action>",
      "</action>",
      " ",
    ),
    { maxLength: 14 },
  );
  fc.assert(fc.property(pieces, (parts) => {
    const { valid, problems } = parseReply(parts.join(""));
    strictEqual(valid, problems.length === 0);
  }));
});

Deno.test("parseReply() refuses a mode it does not know", () => {
  const options: { mode: "strict" } = JSON.parse('{"mode":"alfwrld"}');
  throws(() => parseReply("x", options), {
    name: "RangeError",
    message:
      'Cannot parse a reply as "mode" must be one of "strict", "alfworld", "webshop", "alfworld-flat", "webshop-flat": current value is "alfwrld"',
  });
});

Deno.test("parseReply() says what is wrong with a strict reply", () => {
  const good = formatReply({ switching: "KEEP", subgoal: "a", action: "b" });
  const cases: [string, string[]][] = [
    ["", ["missing-switch", "missing-subgoal", "missing-action"]],
    [good.replace("KEEP", "STAY"), ["unknown-switch"]],
    [`Well: ${good}`, ["extra-text"]],
    [`${good}${good}`, ["repeated-block", "extra-text"]],
    [good.replace(">a<", "> <"), ["empty-subgoal"]],
    [good.replace(">b<", "><"), ["empty-action"]],
    [
      "<action>b</action><switch>KEEP</switch><subgoal>a</subgoal>",
      ["wrong-order"],
    ],
  ];
  for (const [text, problems] of cases) {
    deepStrictEqual(parseReply(text).problems, problems, text);
  }
  deepStrictEqual(
    parseReply(good, { admissibleActions: ["c"] }).problems,
    ["inadmissible-action"],
  );
});

type Expected = Record<
  "alfworld_options" | "webshop_options" | "alfworld_flat" | "webshop_flat",
  { action: string; subgoal?: string; switch?: string; valid: number }
>;

replayFile<{ text: string; outputs: Expected }>(
  "masks/projection.json",
  ({ text, outputs }) => {
    for (const world of ["alfworld", "webshop"] as const) {
      const planned = parseReply(text, { mode: world });
      deepStrictEqual({
        action: planned.action,
        subgoal: planned.subgoal,
        switch: planned.switching,
        valid: Number(planned.valid),
      }, outputs[`${world}_options`]);
      const flat = parseReply(text, { mode: `${world}-flat` });
      deepStrictEqual(
        { action: flat.action, valid: Number(flat.valid) },
        outputs[`${world}_flat`],
      );
    }
  },
);

/** A turn of which only texts matter. */
function turn(text: string, action: string, subgoal: string): Turn {
  return {
    observation: { text, admissibleActions: [], stateKey: text },
    decision: {
      switched: false,
      subgoal,
      action,
      valid: true,
      trace: { kind: "untrainable" },
    },
    reward: 0,
  };
}

replayFile<{
  batch: number;
  history_length: number;
  log: Record<"text_obs" | "action" | "subgoal" | "switch", string[]>[];
  outputs: {
    context: string[];
    valid_lengths: number[];
    current_subgoal: string[];
    last_switch: string[];
    step_count: number[];
  };
}>("masks/history.json", ({ batch, history_length, log, outputs }) => {
  for (let i = 0; i < batch; i++) {
    let held = "";
    const past = log.map((record) => {
      // What the memory stores of a reply that states this subgoal.
      const reply = formatReply({
        switching: "SWITCH",
        subgoal: record.subgoal[i]!,
        action: "x",
      });
      held = readReply([reply], { held, memory: "written" }).subgoal;
      return turn(record.text_obs[i]!, record.action[i]!, held);
    });
    const { text, count } = historyWindow(past, history_length);
    strictEqual(text, outputs.context[i]);
    strictEqual(count, outputs.valid_lengths[i]);
    strictEqual(held, outputs.current_subgoal[i]);
    strictEqual(past.length, outputs.step_count[i]);
  }
}, { unread: ["outputs.last_switch"] }); // a memory of ours stores no such word

Deno.test("readReply() keeps the last subgoal over replies that state none", () => {
  const broken = readReply(["<action>look</action>"], { held: "find the mug" });
  strictEqual(broken.subgoal, "find the mug");
  strictEqual(broken.valid, false);
  const lost = readReply(["<action>look</action>"], {
    held: "find the mug",
    memory: "written",
    mode: "alfworld",
  });
  strictEqual(lost.subgoal, "look"); // the reference takes the action's last characters
});

Deno.test("formatPrompt() shows what every prompt must carry", () => {
  const observation = {
    text: "You see a mug.",
    admissibleActions: ["take mug", "look"],
    stateKey: "",
  };
  const past = [
    turn("o1", "a1", "s"),
    turn("o2", "a2", "s"),
    turn("o3", "a3", "s"),
  ];
  const later = {
    task: "find a mug",
    past,
    observation,
    subgoal: "reach the shelf",
  };
  const prompt = formatPrompt(later);
  for (
    const part of [
      "Task: find a mug",
      "Turns taken so far: 3. The last 2",
      "[Observation 2: 'o2', Action 2: 'a2']\n[Observation 3: 'o3', Action 3: 'a3']",
      "Observation now: You see a mug.",
      "Subgoal in force: reach the shelf",
      "['take mug',\n 'look']",
      "KEEP or SWITCH",
    ]
  ) ok(prompt.includes(part), part);
  ok(!prompt.includes("o1"));
  ok(!formatPrompt(later, { characterLimit: 100 }).includes("Turns taken"));
  const flat = formatPrompt(later, { flat: true });
  ok(flat.includes("<think>") && !flat.includes("ubgoal"));
  throws(() => formatPrompt(later, { historyLength: -1 }), {
    name: "RangeError",
    message:
      /"length" must be a whole number of at least 0: current value is -1/,
  });
});
