import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { CORRIDOR_SUBGOAL_RULE } from "../../../lib/envs/corridor.ts";
import { stepsOfStrategy } from "../../../lib/policy/compact/strategies.ts";
import { createRandom } from "../../../lib/random.ts";
import {
  formatJudgePrompt,
  judgeByModel,
  judgeByRule,
  readVerdict,
} from "../../../lib/train/strategies/judge.ts";
import type { Trajectory } from "../../../lib/trajectory.ts";

const random = createRandom(1);

/** An episode of some actions under a strategy. */
function episode(
  id: string,
  strategy: string,
  actions: readonly string[],
): Trajectory {
  const observation = {
    text: "You stand in a corridor.",
    admissibleActions: ["go left", "go right", "wait"],
    stateKey: "",
  };
  return {
    ...{ id, strategy, task: "leave", group: "g", seed: 0 },
    ...{ ending: "terminated", success: true, score: 1 },
    turns: actions.map((action) => ({
      observation,
      decision: {
        ...{ switched: false, subgoal: strategy, action, valid: true },
        trace: { kind: "untrainable" },
      },
      reward: 0,
    })),
    bootstrap: { switching: 0, planning: 0, execution: 0 },
  };
}

Deno.test("a rule flags the turns that serve no step of the strategy", async () => {
  const judge = judgeByRule(CORRIDOR_SUBGOAL_RULE, stepsOfStrategy);
  const actions = ["go left", "wait", "go right", "go left"];
  const left = "leave by the left end";
  const { flagged, unread } = await judge([
    episode("a", left, actions),
    episode("b", `${left}, then look around`, actions),
    episode("c", "leave by the right end", actions),
  ], random);
  deepStrictEqual(flagged, { a: [1, 2], b: [2], c: [0, 1, 3] });
  strictEqual(unread, 0);
});

Deno.test("a model flags the turns that it names, and no turn where it cannot be read", async () => {
  const asked: string[] = [];
  const answers = ["2", "I think all went well", undefined, "none"];
  const judge = judgeByModel((conversations) => {
    asked.push(...conversations.map((one) => one.at(-1)!.content));
    return Promise.resolve(answers);
  });
  const { flagged, unread } = await judge(
    ["a", "b", "c", "d"].map((id) => episode(id, "wait", ["wait", "go left"])),
    random,
  );
  deepStrictEqual(flagged, { a: [1], b: [], c: [], d: [] });
  strictEqual(unread, 2);
  ok(asked.every((text) => text.includes("Strategy: wait")));
});

Deno.test("a judge is shown the strategy, and each turn with a digest of what was seen", () => {
  const long = episode("a", "go\nnow", ["go left", "wait"]);
  const [turn] = long.turns;
  const observation = { ...turn!.observation, text: "x".repeat(1000) };
  const shown = formatJudgePrompt({
    ...long,
    turns: [{ ...turn!, observation }, long.turns[1]!],
  });
  const { content } = shown.at(-1)!;
  ok(/^1\. Seen: x{160}… Done: go left$/m.test(content), content);
  ok(content.includes("2. Seen: You stand in a corridor. Done: wait"));
});

Deno.test("readVerdict() reads numbers in any usual form, and nothing else", () => {
  for (
    const [text, expected] of [
      ["none", []],
      [" None. ", []],
      ["1", [0]],
      ["3, 1,3", [0, 2]],
      ["turns 1 and 2", [0, 1]],
      ["Turns: 1, 2, and 3.", [0, 1, 2]],
      ["0, 4, 99", [3]],
      ["<think>maybe 1</think>\n2", [1]],
      ["", undefined],
      ["none, 2", undefined],
      ["1-3", undefined],
      ["-1", undefined],
      ["Turn 2 was useless", undefined],
    ] as const
  ) deepStrictEqual(readVerdict(text, 4), expected, text);
  fc.assert(fc.property(
    fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
    (numbers) => {
      deepStrictEqual(
        readVerdict(numbers.join(", "), 20),
        numbers.filter((n) => n <= 20).map((n) => n - 1).sort((a, b) => a - b),
      );
    },
  ));
});
