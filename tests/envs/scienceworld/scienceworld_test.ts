/** Episodes against a simulator in TypeScript: what is forwarded, paid and refused. No Java. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  findAction,
  listedLike,
  offeredActions,
  SHORT_VERBS,
  verbOf,
} from "../../../lib/envs/scienceworld/actions.ts";
import { findScienceworld } from "../../../lib/envs/scienceworld/files.ts";
import {
  openScienceworldEpisode,
  type ScienceworldEpisodeOptions,
} from "../../../lib/envs/scienceworld/scienceworld.ts";
import {
  createJavaPool,
  startJava,
} from "../../../lib/envs/scienceworld/java.ts";
import {
  pathByVerbs,
  proposeScienceworldSubgoals,
  subgoalOf,
  subgoalsOfPath,
} from "../../../lib/envs/scienceworld/subgoals.ts";
import { conformance } from "../_conformance.ts";
import { fakePool } from "./_fake_simulator.ts";

async function openFake(options: Partial<ScienceworldEpisodeOptions> = {}) {
  const { pool, asked, open } = await fakePool();
  const env = await openScienceworldEpisode(pool, {
    task: "walk",
    variation: 0,
    simplifications: "easy",
    ...options,
  });
  const sent = () =>
    asked.filter(([method]) => method === "step").map(([, text]) =>
      text!.slice(1)
    );
  return { env, sent, open, asked };
}

Deno.test("a gold path is found once, by a machine that has not played", async () => {
  const { pool, fresh, asked } = await fakePool();
  const hinted: string[] = [];
  for (
    const [hints, variation, mustBeFresh] of [
      ...[[false, 0, false], [true, 0, true], [true, 0, false]] as const,
      ...[[true, 1, true], [false, 1, false]] as const,
    ]
  ) {
    const env = await openScienceworldEpisode(pool, {
      ...{ task: "walk", variation, simplifications: "easy", hints },
    });
    strictEqual(fresh(), mustBeFresh);
    asked.length = 0;
    await env.start();
    const load = asked.find(([method]) => method === "load")!;
    strictEqual(load.at(-1), mustBeFresh ? "btrue" : "bfalse");
    if (hints) hinted.push((await env.hint!())!.action);
  }
  strictEqual(new Set(hinted).size, 1);
  strictEqual(hinted.length, 3);
});

Deno.test("an episode pays what the score gains, and ends where the task is completed", async () => {
  const { env, sent, open } = await openFake();
  const { task, taskType, observation } = await env.start();
  deepStrictEqual([task, taskType], [
    "Your task is to reach the workshop.",
    "walk",
  ]);
  ok(!observation.admissibleActions.includes("reset task"));
  const kitchen = await env.step("GO to Kitchen");
  deepStrictEqual([kitchen.reward, kitchen.score, kitchen.ending], [
    0.33,
    1 / 3,
    undefined,
  ]);
  const { reward, success, score, ending } = await env.step("go to workshop");
  deepStrictEqual([reward, success, score, ending], [
    0.67,
    true,
    1,
    "terminated",
  ]);
  deepStrictEqual(sent(), ["look around", "go to kitchen", "go to workshop"]);
  strictEqual(open(), 0, "the machine went back");
  await rejects(async () => await env.step("wait"), /ended/);
});

Deno.test("text that means no action is not forwarded and costs a turn", async () => {
  const { env, sent } = await openFake({ stepLimit: 3 });
  const { observation } = await env.start();
  const refused = await env.step("dance with the walls");
  deepStrictEqual(refused.observation, {
    ...observation,
    text: "No known action matches that input.",
  });
  await env.step("reset task");
  strictEqual((await env.step("task")).ending, "truncated");
  deepStrictEqual(sent(), ["look around", "task"]);
});

Deno.test("a question is answered by numbers alone, with free text too", async () => {
  const { env, sent } = await openFake({ freeText: true });
  await env.start();
  const { observation } = await env.step("open door");
  deepStrictEqual(observation.admissibleActions, ["0", "1"]);
  const refused = await env.step("go to kitchen");
  strictEqual(refused.observation.stateKey, observation.stateKey);
  await env.step("1");
  deepStrictEqual(sent(), ["look around", "open door", "1"]);
  await env[Symbol.asyncDispose]!();
});

Deno.test("a fatal focus ends the episode with score 0", async () => {
  const { env } = await openFake();
  await env.start();
  const { ending, success, score, reward } = await env.step("focus on chair");
  deepStrictEqual([ending, success, score, reward], [
    "terminated",
    false,
    0,
    -1,
  ]);
});

Deno.test("hints follow the gold path, unlisted actions included, until it is left", async () => {
  const { env } = await openFake({ hints: true });
  const { observation } = await env.start();
  strictEqual(observation.admissibleActions.at(-1), "open door to kitchen");
  deepStrictEqual(env.hint!(), {
    subgoal: "go to kitchen",
    action: "open door to kitchen",
  });
  await env.step("dance");
  await env.step("open door to kitchen");
  deepStrictEqual(env.hint!()?.action, "go to kitchen");
  await env.step("wait");
  strictEqual(env.hint!(), undefined);
  await env[Symbol.asyncDispose]!();
  const { env: plain } = await openFake();
  strictEqual(plain.hint, undefined);
});

Deno.test("look and templates stand below the text; every valid action is accepted", async () => {
  const { env, sent } = await openFake({ look: true, list: "templates" });
  const { observation } = await env.start();
  strictEqual(
    observation.text,
    "\tYou did: look around\n\nThis room is called the hallway.\nIn your inventory, you see:\n\tan orange\nActions: go OBJ\nOBJ is one of: chair, kitchen",
  );
  ok(!observation.admissibleActions.includes("move orange to kitchen"));
  await env.step("put orange in kitchen");
  deepStrictEqual(sent(), ["look around", "move orange to kitchen"]);
  await env[Symbol.asyncDispose]!();
});

Deno.test("whatever is shown, calls that draw random numbers come in one order", async () => {
  const calls = async (options: Partial<ScienceworldEpisodeOptions>) => {
    const { env, asked } = await openFake(options);
    await env.start();
    await env.step("go to kitchen");
    await env.step("dance with the walls");
    await env[Symbol.asyncDispose]!();
    return asked.map(([method]) => method).filter((method) =>
      method === "load" || method === "step" ||
      method === "getValidActionObjectCombinations"
    );
  };
  const list = "getValidActionObjectCombinations";
  const order = ["load", "step", list, "step", list];
  deepStrictEqual(await calls({}), order);
  deepStrictEqual(await calls({ look: true, list: "templates" }), order);
  deepStrictEqual(await calls({ verbs: ["go"], freeText: false }), order);
});

Deno.test("state keys name what was forwarded", async () => {
  const keys = async (actions: string[]) => {
    const { env } = await openFake();
    const keys = [(await env.start()).observation.stateKey];
    for (const action of actions) {
      keys.push((await env.step(action)).observation.stateKey);
    }
    return keys;
  };
  const one = await keys(["wait", "nothing", "task"]);
  deepStrictEqual(await keys(["wait", "nothing", "task"]), one);
  deepStrictEqual([one[1] === one[2], new Set(one).size], [true, 3]);
  strictEqual((await keys(["Wait"]))[1], one[1]);
});

Deno.test("a refusal of the simulator is reported in its words", async () => {
  const { env } = await openFake({ variation: 7 });
  await rejects(async () => await env.start(), /it answers ERROR: no such var/);
});

Deno.test("findAction() takes other wordings, places, and unique words", () => {
  const valid = [
    ...["activate stove", "go to kitchen", "look at metal pot", "reset task"],
    ...["move orange to kitchen", "pick up blue paint", "pick up metal pot"],
    ...["use thermometer on water", "look around", "pour cup in sink"],
    ...["focus on unknown substance b", "pick up metal rod", "teleport to sea"],
  ];
  const meant: Record<string, string | undefined> = {
    "Turn on stove": "activate stove",
    "walk to kitchen": "go to kitchen",
    "examine metal pot": "look at metal pot",
    "take the blue paint": "pick up blue paint",
    "get metal pot in inventory": "pick up metal pot",
    "use thermometer in inventory on water": "use thermometer on water",
    "put orange into kitchen": "move orange to kitchen",
    "focus on unknown substance B": "focus on unknown substance b",
    "pour cup into sink": "pour cup in sink",
    "teleport sea": "teleport to sea",
    look: "look around",
    "pick up pot": "pick up metal pot",
    "pick up metal": undefined, // two have that word
    "reset task": undefined,
    "dance with the walls": undefined,
    "": undefined,
  };
  for (const [text, action] of Object.entries(meant)) {
    strictEqual(findAction(text, valid), action, text);
  }
  strictEqual(findAction("turn on stove", ["0", "1"]), undefined);
});

Deno.test("offeredActions() filters verbs and never offers nothing", () => {
  const valid = ["go to kitchen", "mix air", "reset task", "wait", "wait1"];
  deepStrictEqual(offeredActions(valid), [
    "go to kitchen",
    "mix air",
    "wait",
    "wait1",
  ]);
  deepStrictEqual(offeredActions(valid, new Set(["wait"])), ["wait"]);
  deepStrictEqual(offeredActions(valid, new Set(["eat"])), ["go to kitchen"]);
  deepStrictEqual(offeredActions(["0", "1"], new Set(["eat"])), ["0", "1"]);
  deepStrictEqual(["wait1", "wait", "look at x", "3"].map(verbOf), [
    ...["wait1", "wait", "look at", undefined],
  ]);
  ok(!SHORT_VERBS.includes("move"));
});

Deno.test("subgoals of a gold path are among those proposed", () => {
  deepStrictEqual(
    subgoalsOfPath([
      ...["open door to kitchen", "go to kitchen", "look around"],
      ...["pick up metal pot", "move metal pot to stove", "wait"],
      "examine steam",
    ]),
    [
      ...["go to kitchen", "go to kitchen", "take metal pot"],
      ...["take metal pot", "bring metal pot somewhere"],
      ...["wait until something changes", "look at what is here"],
    ],
  );
  strictEqual(
    subgoalOf("use thermometer in inventory on water"),
    "use thermometer",
  );
  strictEqual(subgoalOf("teleport to living room"), "go to living room");
  strictEqual(subgoalOf("go to door to the kitchen"), "go to kitchen");
  const proposals = proposeScienceworldSubgoals({
    task: "Your task is to boil water.",
    past: [{
      observation: {
        text: "A door to the green house (that is open)",
        admissibleActions: [],
        stateKey: "",
      },
      decision: {
        switched: true,
        subgoal: "",
        action: "",
        valid: true,
        trace: { kind: "untrainable" },
      },
    }],
    observation: {
      text: "\tA door to the kitchen (that is closed)",
      admissibleActions: ["focus on chair", "focus on water", "wait"],
      stateKey: "",
    },
  });
  deepStrictEqual(proposals, [
    ...["focus on water", "go to green house", "go to kitchen"],
    ...["focus on chair", "look at what is here"],
    "wait until something changes",
  ]);
});

Deno.test("missing files, other files and a missing Java are named, with the command", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await rejects(
      findScienceworld(folder),
      /which is missing; fetch it with: deno task scienceworld/,
    );
    await Deno.writeTextFile(`${folder}/object_type_ids.tsv`, "another one");
    await rejects(
      findScienceworld(folder),
      /SHA-256 of .*object_type_ids.tsv must be c8ad78fd.*: current value is [0-9a-f]{64}/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const files = { folder: ".", simulator: "a.jar", gateway: "b.jar" };
  await rejects(
    startJava(files, { java: "/nowhere/java" }),
    /"java" must be a program.*apt-get install default-jre-headless/,
  );
  await using pool = createJavaPool(files, {
    java: "/nowhere/java",
    memory: 310,
  });
  for (let i = 0; i < 3; i++) {
    await rejects(
      pool.take(),
      /"java" must be a program/,
      "a failure holds no memory",
    );
  }
});

conformance("scienceworld in TypeScript", async () => (await openFake()).env, {
  kind: "scienceworld",
});

Deno.test("a gold path keeps to the verbs that are listed", () => {
  const path = [
    ...["open door to outside", "go to outside", "open door to kitchen"],
    ...["go to kitchen", "look around", "focus on egg", "open cupboard"],
    ...["pick up egg", "go to hallway"],
  ];
  deepStrictEqual(pathByVerbs(path, undefined), path);
  deepStrictEqual(pathByVerbs(path, new Set(["teleport", "focus on"])), [
    ...["teleport to kitchen", "focus on egg", "open cupboard", "pick up egg"],
    "teleport to hallway",
  ]);
  deepStrictEqual(
    pathByVerbs(path, new Set(["go", "teleport", "look around"])),
    path,
  );
});

Deno.test("a gold path's action is found in the list in fewer words", () => {
  const offered = [
    ...["move box to box", "move flower pot to box", "move flower to box"],
    ...["move pot 3 to box", "move flower pot to floor", "pick up flower pot"],
    ...["move soil in inventory to box", "teleport to box"],
  ];
  const gold = "move flower pot 2 containing soil in inventory to box";
  strictEqual(listedLike(gold, offered), "move flower pot to box");
  strictEqual(listedLike("move pot 3 to box", offered), "move pot 3 to box");
  strictEqual(
    listedLike("move egg soil in inventory to box", offered),
    "move soil in inventory to box",
  );
  strictEqual(listedLike("move stone to box", offered), undefined);
});
