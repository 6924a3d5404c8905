/** Which actions serve a laboratory's subgoal, and what achieves it. No Java. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SCIENCEWORLD_SUBGOAL_RULE } from "../../../lib/envs/scienceworld/subgoal_rule.ts";
import { subgoalsOfPath } from "../../../lib/envs/scienceworld/subgoals.ts";
import { findWorld } from "../../../lib/envs/open_env.ts";
import type { Situation, Turn } from "../../../lib/trajectory.ts";

const { serves, achieved } = SCIENCEWORLD_SUBGOAL_RULE;

function turn(text: string, actions: readonly string[], action: string): Turn {
  return {
    observation: { text, admissibleActions: actions, stateKey: "" },
    decision: {
      switched: true,
      subgoal: "",
      action,
      valid: true,
      trace: { kind: "untrainable" },
    },
    reward: 0,
  };
}

function situation(
  text: string,
  actions: readonly string[],
  past: readonly Turn[] = [],
): Situation {
  return {
    task: "",
    past,
    observation: { text, admissibleActions: actions, stateKey: "" },
  };
}

const KITCHEN =
  "This room is called the kitchen. In it, you see: \n\ta chair\n" +
  "\ta metal pot\nYou also see:\n\tA door to the hallway (that is open)";

Deno.test("actions serve the subgoal that they pursue, and what prepares it", () => {
  const here = situation(KITCHEN, [
    ...["go to hallway", "pick up metal pot", "open cupboard", "look around"],
    ...["look at metal pot", "focus on chair", "wait1"],
  ]);
  const serving = (subgoal: string) =>
    here.observation.admissibleActions.filter((action) =>
      serves(subgoal, action, here)
    );
  deepStrictEqual(serving("take metal pot"), [
    "pick up metal pot",
    "look at metal pot",
  ]);
  deepStrictEqual(serving("go to hallway"), ["go to hallway"]);
  deepStrictEqual(serving("look at what is here"), [
    "look around",
    "look at metal pot",
  ]);
  deepStrictEqual(serving("wait until something changes"), ["wait1"]);
  ok(serves("take metal pot", "Take the metal pot", here), "other wordings");
  ok(!serves("take metal pot", "dance with the walls", here));
});

Deno.test("going serves a thing that is elsewhere: where it was seen, else where nothing was", () => {
  const actions = ["go to kitchen", "go to workshop", "teleport to greenhouse"];
  const past = [turn(KITCHEN, ["go to hallway"], "go to hallway")];
  const hall = situation("This room is called the hallway.", actions, past);
  const serving = (subgoal: string) =>
    actions.filter((action) => serves(subgoal, action, hall));
  deepStrictEqual(serving("take metal pot"), ["go to kitchen"]);
  deepStrictEqual(serving("focus on dove"), [
    "go to workshop",
    "teleport to greenhouse",
  ]);
  const near = situation(KITCHEN, ["go to hallway", "pick up metal pot"]);
  ok(!serves("take metal pot", "go to hallway", near), "it is at hand");
});

Deno.test("a subgoal is achieved by its action and the simulator's answer", () => {
  const after = (action: string, text: string, actions = ["wait"]) =>
    situation(text, actions, [turn(KITCHEN, [action], action)]);
  ok(achieved(
    "take metal pot",
    after("pick up metal pot", "You move the metal pot to the inventory."),
  ));
  ok(
    achieved(
      "go to hallway",
      after("go to hallway", "You move to the hallway."),
    ),
  );
  ok(
    !achieved("go to hallway", after("go to hallway", "The door is not open.")),
  );
  ok(
    !achieved(
      "focus on chair",
      after("focus on chair", "No known action matches that input."),
    ),
  );
  ok(
    !achieved("take chair", after("focus on chair", "You focus on the chair.")),
  );
  ok(
    !achieved("take chair", situation(KITCHEN, ["wait"])),
    "nothing was played",
  );
  ok(achieved("look at what is here", after("look around", KITCHEN)));
});

Deno.test("an answer to a question achieves what was asked about", () => {
  const move = "move seed to pot";
  const asked = turn(KITCHEN, [move], move);
  const question = "Ambiguous request: Please enter the number";
  const bring = "bring seed somewhere";
  ok(!achieved(bring, situation(question, ["0", "1"], [asked])));
  ok(serves(bring, "0", situation(question, ["0", "1"], [asked])));
  ok(achieved(
    bring,
    situation("You move the seed to the pot.", ["wait"], [
      asked,
      turn(question, ["0", "1"], "0"),
    ]),
  ));
});

interface Play {
  readonly task: string;
  readonly turns: readonly [string, number, string, number, boolean, number][];
}

Deno.test("of 335 segments of the recorded gold plays 317 achieve their subgoal", async () => {
  const url = new URL(
    "../../vectors/scienceworld/easy_gold.json",
    import.meta.url,
  );
  const { plays }: { plays: Play[] } = JSON.parse(await Deno.readTextFile(url));
  let turns = 0, serving = 0, segments = 0, done = 0;
  for (const { turns: played } of plays) {
    const actions = played.map(([action]) => action);
    const subgoals = subgoalsOfPath(actions);
    const past: Turn[] = [];
    let text = "", achievedHere = false;
    for (const [i, action] of actions.entries()) {
      if (i === 0 || subgoals[i] !== subgoals[i - 1]) {
        [achievedHere] = [false, segments++];
      }
      turns++;
      if (serves(subgoals[i]!, action, situation(text, [action], past))) {
        serving++;
      }
      past.push(turn(text, [action], action));
      text = played[i]![2];
      if (!achievedHere && achieved(subgoals[i]!, situation(text, [], past))) {
        achievedHere = true;
        done++;
      }
    }
  }
  // The other actions look around or look at what the subgoal does not name; the other segments were refused or end
  // the play with a wait.
  deepStrictEqual([turns, serving, segments, done], [1054, 619, 335, 317]);
});

Deno.test("both worlds have a rule of subgoals", async () => {
  for (const kind of ["scienceworld", "miniwob"]) {
    const { subgoalRule } = await findWorld({ kind });
    strictEqual(typeof subgoalRule?.serves, "function");
  }
});
