import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";
import { openGame, taskSentence } from "../../../lib/envs/pddl/game_env.ts";
import {
  taskTypeOfGoal,
  taskTypeOfPath,
} from "../../../lib/envs/household/task.ts";
import { recordSteps } from "../../../lib/envs/pddl/trace.ts";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import { GOALS, miniatureHouse, SENTENCES } from "./_miniature.ts";

const KINDS = Object.keys(GOALS) as (keyof typeof GOALS)[];

Deno.test("openGame() pays for the win alone and ends there", () => {
  const env = openGame(miniatureHouse("simple"), { reward: 3 });
  strictEqual(env.start().task, "put a apple in cabinet.");
  const rewards: number[] = [];
  for (
    const action of [
      "dance",
      "go to countertop 1",
      "take apple 1 from countertop 1",
      "go to cabinet 1",
      "open cabinet 1",
    ]
  ) {
    const step = env.step(action);
    rewards.push(step.reward);
    deepStrictEqual([step.success, step.ending], [false, undefined]);
  }
  deepStrictEqual(rewards, [0, 0, 0, 0, 0]);
  const { observation: _, ...last } = env.step("move apple 1 to cabinet 1");
  deepStrictEqual(last, { reward: 3, success: true, ending: "terminated" });
  throws(() => env.step("look"), /Cannot step an episode that has ended/);
});

Deno.test("openGame() keeps what ended apart from what was cut off", () => {
  const endings = (options: Parameters<typeof openGame>[1]) => {
    const env = openGame(miniatureHouse("simple"), options);
    env.start();
    return [1, 2, 3].map(() => env.step("nonsense").ending);
  };
  deepStrictEqual(endings({}), [undefined, undefined, undefined]);
  deepStrictEqual(endings({ stepLimit: 3 }), [
    undefined,
    undefined,
    "truncated",
  ]);
  deepStrictEqual(endings({ stepLimit: 3, limitEnding: "terminated" }), [
    undefined,
    undefined,
    "terminated",
  ]);
  throws(
    () => openGame(miniatureHouse("simple"), { stepLimit: 0 }),
    RangeError,
  );
  throws(() => openGame(miniatureHouse("simple"), { reward: NaN }), RangeError);
});

Deno.test("worlds of one compiled game do not touch each other", () => {
  const game = compileGame(miniatureHouse("simple"));
  const random = createRandom(5);
  const first = recordSteps(game, ["go to desk 1", "look"]);
  const other = game.start();
  for (let i = 0; i < 50; i++) {
    const list = other.admissible();
    other.step(list[random.integer(list.length)]!);
  }
  deepStrictEqual(recordSteps(game, ["go to desk 1", "look"]), first);
});

Deno.test("the kind of task is read from the goal, a path and nothing else", () => {
  for (const kind of KINDS) {
    const { problem } = compileGame(miniatureHouse(kind));
    const word =
      { simple: "simple", two: "two", look: "light" }[kind as string] ?? kind;
    ok(taskTypeOfGoal(problem.goal)?.includes(word), kind);
  }
  strictEqual(
    taskTypeOfPath(
      "/data/valid_seen/pick_two_obj_and_place-Pan-None-CounterTop-14/t/game.tw-pddl",
    ),
    "pick_two_obj_and_place",
  );
  strictEqual(taskTypeOfPath("/data/games/x"), undefined);
  strictEqual(
    taskSentence(`Hello.\n\nYour task is to: ${SENTENCES.look}.`),
    `${SENTENCES.look}.`,
  );
});
