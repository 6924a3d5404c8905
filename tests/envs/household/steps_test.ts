import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openHousehold } from "../../../lib/envs/household/household.ts";
import { proposeHouseholdSteps } from "../../../lib/envs/household/steps.ts";
import { HOUSEHOLD_SUBGOAL_RULE } from "../../../lib/envs/household/subgoal_rule.ts";
import { HOUSEHOLD_TASK_TYPES } from "../../../lib/envs/household/task.ts";
import type {
  AnsweredTurn,
  Decision,
  Observation,
} from "../../../lib/trajectory.ts";

const { serves, achieved } = HOUSEHOLD_SUBGOAL_RULE;

const SURVEY =
  "You are in the middle of a room. Looking quickly around you, you see a cabinet 1, a desk 1, a fridge 1, and a microwave 1.";

function seen(text: string, admissibleActions: readonly string[] = []) {
  return { text, admissibleActions, stateKey: text };
}

function turn(observation: Observation, action: string): AnsweredTurn {
  const decision: Decision = {
    switched: false,
    subgoal: "",
    action,
    valid: true,
    trace: { kind: "untrainable" },
  };
  return { observation, decision };
}

const start = seen(SURVEY);
const atDesk = seen(
  "You arrive at desk 1. On the desk 1, you see a mug 1, and a pen 2.",
  ["take mug 1 from desk 1", "take pen 2 from desk 1", "go to cabinet 1"],
);
const holding = seen("You pick up the mug 1 from the desk 1.", [
  "go to cabinet 1",
  "go to microwave 1",
  "move mug 1 to desk 1",
]);

Deno.test("steps come from what was read: with empty hands, what to take or treat", () => {
  const task = "heat some mug and put it in cabinet.";
  const before = proposeHouseholdSteps({ task, past: [], observation: start });
  deepStrictEqual(before, [
    "take a mug",
    "heat the mug with the microwave",
    "cool the mug with the fridge",
    "see what is in the cabinet",
    "see what is in the desk",
    "see what is in the fridge",
    "see what is in the microwave",
  ]);
  const after = proposeHouseholdSteps({
    task,
    past: [turn(start, "go to desk 1")],
    observation: atDesk,
  });
  ok(after.includes("take a pen"));
  ok(!after.some((step) => step.startsWith("move ")));
});

Deno.test("the same things under another wording of the task give the same steps", () => {
  const past = [
    turn(start, "go to desk 1"),
    turn(atDesk, "take mug 1 from desk 1"),
  ];
  const [one, other] = [
    "put a mug in desk.",
    "cool some mug and put it in microwave.",
  ].map((task) => proposeHouseholdSteps({ task, past, observation: holding }));
  deepStrictEqual(one, other);
  ok(one!.includes("move the mug to the cabinet"));
  ok(one!.includes("move the mug to the desk"));
});

Deno.test("after something was put down, another of its kind is listed", () => {
  const put = seen("You move the mug 1 to the desk 1.", []);
  const steps = proposeHouseholdSteps({
    task: "put two mug in desk.",
    past: [
      turn(start, "go to desk 1"),
      turn(atDesk, "take mug 1 from desk 1"),
      turn(holding, "move mug 1 to desk 1"),
    ],
    observation: put,
  });
  ok(steps.includes("take another mug"));
  ok(!steps.includes("take a mug"));
});

Deno.test("what serves taking: looking where nothing was seen, then going where the thing is, then taking it", () => {
  const task = "put a mug in desk.";
  const first = { task, past: [], observation: start };
  strictEqual(serves("take a mug", "go to cabinet 1", first), true);
  strictEqual(serves("take a mug", "look", first), false);
  const known = {
    task,
    past: [turn(start, "go to desk 1")],
    observation: atDesk,
  };
  strictEqual(serves("take a mug", "take mug 1 from desk 1", known), true);
  strictEqual(serves("take a mug", "take pen 2 from desk 1", known), false);
  strictEqual(serves("take a mug", "go to cabinet 1", known), false);
  strictEqual(serves("take a kettle", "go to cabinet 1", known), true);
});

Deno.test("what serves treating and putting, and what achieves them", () => {
  const task = "heat some mug and put it in cabinet.";
  const past = [
    turn(start, "go to desk 1"),
    turn(atDesk, "take mug 1 from desk 1"),
  ];
  const now = { task, past, observation: holding };
  const heat = "heat the mug with the microwave";
  strictEqual(achieved("take a mug", now), true);
  strictEqual(achieved("take a pen", now), false);
  strictEqual(serves(heat, "go to microwave 1", now), true);
  strictEqual(serves(heat, "go to cabinet 1", now), false);
  strictEqual(
    serves("move the mug to the cabinet", "go to cabinet 1", now),
    true,
  );
  strictEqual(
    serves("move the mug to the cabinet", "move mug 1 to desk 1", now),
    false,
  );
  strictEqual(
    serves("move the mug to the desk", "move mug 1 to desk 1", now),
    true,
  );
  strictEqual(
    serves("move the mug to the desk", "go to cabinet 1", now),
    false, // it can be put down here
  );
  const heated = {
    task,
    past: [...past, turn(holding, "heat mug 1 with microwave 1")],
    observation: seen("You heat the mug 1 using the microwave 1."),
  };
  strictEqual(achieved(heat, heated), true);
  strictEqual(achieved("cool the mug with the fridge", heated), false);
  const refused = { ...heated, observation: seen("Nothing happens.") };
  strictEqual(achieved(heat, refused), false);
});

Deno.test("the expert serves its own subgoals, and achieves nearly all of them", async () => {
  let turns = 0, served = 0, segments = 0, ended = 0;
  for (const [seed, taskType] of HOUSEHOLD_TASK_TYPES.entries()) {
    const env = openHousehold({ difficulty: "easy", taskType }, seed);
    const { task, observation } = await env.start();
    const past: AnsweredTurn[] = [];
    let now = observation, held = "", open = false;
    for (let hint = env.hint?.(); hint; hint = env.hint?.()) {
      if (hint.subgoal !== held) {
        held = hint.subgoal;
        open = true;
        segments++;
      }
      turns++;
      if (serves(held, hint.action, { task, past, observation: now })) served++;
      past.push(turn(now, hint.action));
      const step = await env.step(hint.action);
      now = step.observation;
      if (open && achieved(held, { task, past, observation: now })) {
        open = false;
        ended++;
      }
      if (step.ending) break;
    }
  }
  ok(turns > 20);
  strictEqual(served, turns);
  strictEqual(ended, segments);
});
