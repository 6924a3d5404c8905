import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { openGame } from "../../../lib/envs/pddl/game_env.ts";
import { createHouseholdExpert } from "../../../lib/envs/household/expert.ts";
import {
  findTraceGame,
  type GameTrace,
  readTraces,
  recordSteps,
  replayTrace,
} from "../../../lib/envs/pddl/trace.ts";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import { HOUSEHOLD_HELP } from "../../../lib/envs/household/rules.ts";
import { conformance } from "../_conformance.ts";
import { GOALS, miniatureHouse, smallGame } from "./_miniature.ts";

const KINDS = Object.keys(GOALS) as (keyof typeof GOALS)[];
const GOLDEN =
  new URL("../../vectors/text_worlds/miniature.jsonl", import.meta.url)
    .pathname;

for (const kind of KINDS) {
  const game = compileGame(miniatureHouse(kind));
  const expert = createHouseholdExpert(game)!;
  conformance(
    `the small house, ${kind}`,
    () => openGame(game, { expert: (_, play) => expert(play) }),
    { kind: "game" },
    { complains: true },
  );
}

/** Plays commands, each with what must be read, in the small house. */
function reads(
  kind: keyof typeof GOALS,
  script: readonly (readonly [string, string])[],
): void {
  const play = compileGame(miniatureHouse(kind)).start();
  for (const [command, text] of script) {
    strictEqual(play.step(command).text, text, command);
  }
}

Deno.test("the intro names every receptacle, sorted by id, and the task", () => {
  strictEqual(
    compileGame(miniatureHouse("heat")).start().intro,
    "-= Welcome to TextWorld, ALFRED! =-\n\n" +
      "You are in the middle of a room. Looking quickly around you, you see a cabinet 1, a coffeemachine 1, " +
      "a countertop 1, a desk 1, a fridge 1, a microwave 1, and a sinkbasin 1.\n\n" +
      "Your task is to: put a hot apple in cabinet.",
  );
});

Deno.test("things in two receptacles at once behave as in the reference", () => {
  reads("simple", [
    [
      "look",
      "You are in the middle of a room. Looking quickly around you, you see nothing.",
    ],
    ["examine countertop 1", "Nothing happens."],
    [
      "go to countertop 1",
      "You arrive at countertop 1. On the countertop 1, you see a apple 2, a apple 1, a knife 1, and a mug 1.",
    ],
    ["go to coffeemachine 1", "Nothing happens."],
    ["examine coffeemachine 1", "On the coffeemachine 1, you see a mug 1."],
    ["examine mug 1", "Nothing happens."],
    [
      "look",
      "You are facing the coffeemachine 1, and countertop 1. Next to it, you see nothing.",
    ],
    [
      "take mug 1 from countertop 1",
      "You pick up the mug 1 from the countertop 1.",
    ],
    ["examine coffeemachine 1", "On the coffeemachine 1, you see a mug 1."],
    ["take mug 1 from coffeemachine 1", "Nothing happens."],
    ["examine mug 1", "This is a normal mug 1. In it, you see nothing."],
    ["inventory", "You are carrying: a mug 1."],
    [
      "move mug 1 to coffeemachine 1",
      "You move the mug 1 to the coffeemachine 1.",
    ],
    [
      "look",
      "You are facing the coffeemachine 1, and countertop 1. Next to it, you see a mug 1.",
    ],
    ["take mug 1 from countertop 1", "Nothing happens."],
    ["inventory", "You are not carrying anything."],
  ]);
});

Deno.test("doors, stations and states behave as in the reference", () => {
  reads("heat", [
    ["Go to countertop 1", "Nothing happens."],
    ["go to  countertop 1", "Nothing happens."],
    [
      "  go to countertop 1\n",
      "You arrive at countertop 1. On the countertop 1, you see a apple 2, a apple 1, a knife 1, and a mug 1.",
    ],
    [
      "take knife 1 from countertop 1",
      "You pick up the knife 1 from the countertop 1.",
    ],
    ["take apple 1 from countertop 1", "Nothing happens."],
    ["slice apple 1 with knife 1", "You sliced the apple 1 with the knife 1."],
    ["slice apple 1 with knife 1", "You sliced the apple 1 with the knife 1."],
    [
      "move knife 1 to countertop 1",
      "You move the knife 1 to the countertop 1.",
    ],
    [
      "take apple 1 from countertop 1",
      "You pick up the apple 1 from the countertop 1.",
    ],
    ["examine apple 1", "This is a sliced apple 1."],
    [
      "go to sinkbasin 1",
      "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing.",
    ],
    [
      "clean apple 1 with sinkbasin 1",
      "You clean the apple 1 using the sinkbasin 1.",
    ],
    ["examine apple 1", "This is a clean sliced apple 1."],
    ["go to fridge 1", "You arrive at fridge 1. The fridge 1 is closed."],
    ["cool apple 1 with fridge 1", "You cool the apple 1 using the fridge 1."],
    ["examine apple 1", "This is a cool and clean sliced apple 1."],
    ["move apple 1 to fridge 1", "Nothing happens."],
    [
      "open fridge 1",
      "You open the fridge 1. The fridge 1 is open. In it, you see a mug 2.",
    ],
    ["open fridge 1", "Nothing happens."],
    ["move apple 1 to fridge 1", "You move the apple 1 to the fridge 1."],
    ["close fridge 1", "You close the fridge 1."],
    ["take apple 1 from fridge 1", "Nothing happens."],
    ["examine fridge 1", "The fridge 1 is closed."],
    [
      "open fridge 1",
      "You open the fridge 1. The fridge 1 is open. In it, you see a apple 1, and a mug 2.",
    ],
    [
      "take apple 1 from fridge 1",
      "You pick up the apple 1 from the fridge 1.",
    ],
    [
      "go to microwave 1",
      "You arrive at microwave 1. The microwave 1 is closed.",
    ],
    [
      "heat apple 1 with microwave 1",
      "You heat the apple 1 using the microwave 1.",
    ],
    ["examine apple 1", "This is a hot and clean sliced apple 1."],
    [
      "go to desk 1",
      "You arrive at desk 1. On the desk 1, you see a desklamp 1.",
    ],
    ["use desklamp 1", "You turn on the desklamp 1."],
    ["use desklamp 1", "You turn on the desklamp 1."],
    ["move apple 1 to desk 1", "Nothing happens."],
    ["help", HOUSEHOLD_HELP],
  ]);
});

Deno.test("heating undoes cooling, so a goal can slip away and come back", () => {
  const play = compileGame(miniatureHouse("cool")).start();
  const won = (...commands: string[]) =>
    commands.map((c) => (ok(play.step(c).accepted, c), play.won)).at(-1);
  // The mug is still in the coffee machine when it is held; what counts is the countertop.
  strictEqual(
    won(
      "go to countertop 1",
      "take mug 1 from coffeemachine 1",
      "go to fridge 1",
    ),
    false,
  );
  strictEqual(
    won("cool mug 1 with fridge 1"),
    true,
    "held and in the countertop at once",
  );
  strictEqual(won("go to countertop 1", "move mug 1 to coffeemachine 1"), true);
  strictEqual(
    won("take mug 1 from countertop 1"),
    false,
    "a finished game goes on",
  );
  strictEqual(won("move mug 1 to countertop 1"), true);
});

Deno.test("two things must be two, and in one receptacle", () => {
  const play = compileGame(miniatureHouse("two")).start();
  for (
    const command of [
      "go to countertop 1",
      "take mug 1 from countertop 1",
      "go to cabinet 1",
      "open cabinet 1",
      "move mug 1 to cabinet 1",
      "go to fridge 1",
      "open fridge 1",
      "take mug 2 from fridge 1",
      "go to cabinet 1",
    ]
  ) {
    ok(play.step(command).accepted, command);
    strictEqual(play.won, false);
  }
  strictEqual(play.step("move mug 2 to cabinet 1").won, true);
});

Deno.test("looking at a thing needs the lamp lit and here, in either order", () => {
  const game = compileGame(miniatureHouse("look"));
  const after = (...commands: string[]) =>
    recordSteps(game, commands).at(-1)!.won;
  const fetch = ["go to countertop 1", "take mug 1 from countertop 1"];
  strictEqual(
    after("go to desk 1", "use desklamp 1", ...fetch),
    false,
    "the lamp is elsewhere",
  );
  strictEqual(
    after("go to desk 1", "use desklamp 1", ...fetch, "go to desk 1"),
    true,
  );
  strictEqual(after(...fetch, "go to desk 1"), false, "the lamp is dark");
  strictEqual(after(...fetch, "go to desk 1", "use desklamp 1"), true);
});

Deno.test("readTraces() names a compressed file that is cut, and reads whole ones", async () => {
  const path = await Deno.makeTempFile({ suffix: ".jsonl.gz" });
  const plain = new Blob([await Deno.readFile(GOLDEN)]).stream();
  const bytes = await new Response(
    plain.pipeThrough(new CompressionStream("gzip")),
  ).bytes();
  await Deno.writeFile(path, bytes);
  deepStrictEqual(await readTraces(path), await readTraces(GOLDEN));
  for (const length of [12, bytes.length >> 1, bytes.length - 1]) {
    await Deno.writeFile(path, bytes.slice(0, length));
    await rejects(
      readTraces(path),
      (error) =>
        error instanceof SyntaxError && error.message.includes(path) &&
        error.message.includes("gzip"),
    );
  }
  await Deno.remove(path);
});

Deno.test("recorded plays of the small house stay as they were", async () => {
  const traces = await readTraces(GOLDEN);
  deepStrictEqual(
    traces.map(({ game }) => game),
    KINDS.map((kind) => `miniature/${kind}`),
  );
  for (const trace of traces) {
    const kind = KINDS.find((k) => trace.game.endsWith(k))!;
    deepStrictEqual(replayTrace(compileGame(miniatureHouse(kind)), trace), []);
    ok(trace.steps.length > 40);
    ok(trace.steps.some(({ obs }) => obs === "Nothing happens."));
  }
});

Deno.test("replayTrace() finds every kind of difference", () => {
  const game = compileGame(miniatureHouse("simple"));
  const steps = recordSteps(game, ["look", "go to desk 1"]);
  const spoiled = steps.map((step, i) =>
    i !== 1
      ? step
      : { ...step, obs: "", adm: [], won: true, score: 1, done: true }
  );
  const trace: GameTrace = { game: "miniature", steps: spoiled };
  deepStrictEqual(
    replayTrace(game, trace).map(({ step, field }) => [step, field]),
    [
      [1, "obs"],
      [1, "adm"],
      [1, "won"],
      [1, "score"],
      [1, "done"],
    ],
  );
});

Deno.test("findTraceGame() finds no game where there is none", async () => {
  strictEqual(
    await findTraceGame({ game: "x", file: "y", steps: [] }, ["."]),
    undefined,
  );
});

Deno.test("several agents are named in their commands, the blank after their name included", () => {
  const play = compileGame(smallGame({
    domain: `(:types agent lamp) (:predicates (on ?l - lamp) (by ?a - agent))
      (:action press :parameters (?a - agent ?l - lamp) :precondition (not (on ?l)) :effect (on ?l))
      (:action wait :parameters (?a - agent) :effect (by ?a))`,
    objects: "alice bob - agent lamp_bar_1 - lamp",
    init: "(by alice) (by bob)",
    goal: "(on lamp_bar_1)",
    actions:
      `action press { template :: "{a.name}: press lamp"; feedback :: "Light for {a.name}."; }
      action wait { template :: "{a.name}: wait"; feedback :: "."; }`,
  })).start();
  deepStrictEqual(play.admissible(), [
    "alice : press lamp",
    "alice : wait",
    "bob : press lamp",
    "bob : wait",
  ]);
  strictEqual(play.step("bob : press lamp").text, "Light for bob .");
});
