/** The real simulator: recorded plays, determinism, laws. Skipped without Java or its files. */

import {
  deepStrictEqual,
  notDeepStrictEqual,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";
import { createEnvOpener } from "../../../lib/envs/open_env.ts";
import type { JavaMachine } from "../../../lib/envs/scienceworld/java.ts";
import {
  call,
  loadTask,
  takeAction,
} from "../../../lib/envs/scienceworld/simulator.ts";
import {
  SCIENCEWORLD_SPLITS,
  SCIENCEWORLD_TASKS,
  scienceworldRange,
} from "../../../lib/envs/scienceworld/tasks.ts";
import { callRequest } from "../../../lib/envs/scienceworld/gateway.ts";
import type { EnvStep, TextEnv } from "../../../lib/envs/text_env.ts";
import { conformance } from "../_conformance.ts";
import { ALL, MISSING, realPool, realTest } from "./_machine.ts";

type RecordedTurn = [string, number, string, number, boolean, number];
interface Play {
  task: string;
  variations: number;
  description: string;
  /** Text before the first action, where it was recorded. */
  first?: string;
  turns: RecordedTurn[];
}

async function readVector<T>(name: string): Promise<T> {
  const url = new URL(`../../vectors/scienceworld/${name}`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

/** Plays recorded actions and returns what was recorded of each. */
async function replay(
  machine: JavaMachine,
  turns: readonly RecordedTurn[],
  first: readonly string[],
): Promise<RecordedTurn[]> {
  const played: RecordedTurn[] = [];
  let valid = first;
  for (const [action] of turns) {
    const turn = await takeAction(machine, action);
    const { text, score, completed, moves } = turn;
    played.push([action, valid.length, text, score, completed, moves]);
    valid = turn.valid;
  }
  return played;
}

/** Turns up to which recorded plays are replayed in every run; all of them take minutes. */
const SHORT = 12;

realTest("a simulator replays short recorded plays", () => replayGold(SHORT));
Deno.test({
  name: `a simulator replays the recorded gold plays of 30 tasks${
    ALL ? "" : " [needs HIPER_LONG=1: deno task test-scienceworld]"
  }`,
  ignore: !ALL || MISSING !== undefined,
  fn: () => replayGold(Infinity),
});

async function replayGold(longest: number): Promise<void> {
  const { plays } = await readVector<{ plays: Play[] }>("easy_gold.json");
  strictEqual(plays.length, 30);
  const due = plays.filter(({ turns }) => turns.length <= longest)
    .sort((a, b) => b.turns.length - a.turns.length);
  await using pool = await realPool();
  // Two machines share the plays, the longest first.
  await Promise.all([0, 1].map(async () => {
    const machine = await pool.take();
    for (let play = due.shift(); play; play = due.shift()) {
      await replayPlay(machine, play);
    }
    await pool.give(machine);
  }));
}

/** Replays a recorded play and compares its texts, scores, ticks and numbers of actions. */
async function replayPlay(
  machine: JavaMachine,
  { task, description, first, turns }: Play,
  simplifications = "easy",
): Promise<void> {
  const variation = 0, gold = false;
  const start = await loadTask(machine, {
    ...{ task, variation, simplifications, gold },
  });
  strictEqual(start.task, description);
  if (first !== undefined) strictEqual(start.text, first);
  deepStrictEqual(turns.at(-1)!.slice(3, 5), [1, true]);
  deepStrictEqual(await replay(machine, turns, start.valid), turns, task);
}

realTest(
  "a simulator without simplifications replays its recorded play",
  async () => {
    await using pool = await realPool();
    const machine = await pool.take();
    await replayPlay(machine, await readVector<Play>("plain_gold.json"), "");
    await pool.give(machine);
  },
);

realTest(
  "random plays are equal in two machines, and twice in one",
  async () => {
    await using pool = await realPool();
    const machines = [await pool.take(), await pool.take()];
    const play = async (machine: JavaMachine, task: string) => {
      const random = createRandom(3).fork(task);
      let turn = await loadTask(machine, {
        task,
        variation: 1,
        simplifications: "easy",
        gold: false,
      });
      const seen: unknown[] = [turn];
      for (let i = 0; i < 12 && !turn.completed && turn.score >= 0; i++) {
        const actions = turn.valid.filter((action) => action !== "reset task");
        const action = actions[random.integer(actions.length)]!;
        turn = { ...turn, ...await takeAction(machine, action) };
        seen.push(turn);
      }
      return seen;
    };
    for (
      const task of [
        "chemistry-mix",
        "boil",
        "find-animal",
        "melt",
        "test-conductivity",
      ]
    ) {
      const [first, second] = await Promise.all(
        machines.map((machine) => play(machine, task)),
      );
      deepStrictEqual(first, second, task);
      deepStrictEqual(await play(machines[0]!, task), first, task);
    }
    for (const machine of machines) await pool.give(machine);
  },
);

realTest("the table of tasks and splits is the simulator's own", async () => {
  await using pool = await realPool();
  const machine = await pool.take();
  for (const { name, variations } of SCIENCEWORLD_TASKS) {
    deepStrictEqual(await call(machine, ["getTaskMaxVariations", name]), [
      variations,
    ]);
  }
  for (const name of ["boil", "grow-plant", "identify-life-stages-2"]) {
    const { variations } = SCIENCEWORLD_TASKS.find((task) =>
      task.name === name
    )!;
    await call(machine, ["load", name, 0, "easy", false]);
    for (const split of SCIENCEWORLD_SPLITS) {
      const method = `getVariations${split[0]!.toUpperCase()}${split.slice(1)}`;
      const [list] = await call(machine, [method]);
      ok(typeof list === "object" && list !== null);
      const [text] = await machine.ask(callRequest(list, "toString"));
      const { start, end } = scienceworldRange(variations, split);
      deepStrictEqual(
        String(text).match(/\d+/g)!.map(Number),
        Array.from({ length: end - start }, (_, i) => start + i),
      );
    }
  }
  await pool.give(machine);
});

realTest("ticks: a look is free, wait1 takes two, wait eleven", async () => {
  await using pool = await realPool();
  const machine = await pool.take();
  let { moves } = await loadTask(machine, {
    task: "boil",
    variation: 0,
    simplifications: "easy",
    gold: false,
  });
  for (
    const [action, ticks] of [
      ...[["look around", 0], ["inventory", 0], ["task", 0]],
      ...[["dance with the walls", 0], ["wait1", 2], ["wait", 11]],
    ] as const
  ) {
    const turn = await takeAction(machine, String(action));
    strictEqual(turn.moves - moves, ticks, String(action));
    ({ moves } = turn);
  }
  await pool.give(machine);
});

/** Plays with one opener and closes it. */
async function withOpener(
  run: (open: ReturnType<typeof createEnvOpener>) => Promise<void>,
): Promise<void> {
  await using open = createEnvOpener();
  await run(open);
}

async function follow(env: TextEnv): Promise<EnvStep[]> {
  const steps: EnvStep[] = [];
  for (let hint = env.hint!(); hint; hint = env.hint!()) {
    steps.push(await env.step(hint.action));
  }
  return steps;
}

realTest(
  "a world's gold path succeeds, and its rewards sum to the score",
  async () => {
    await withOpener(async (open) => {
      for (const task of ["find-animal", "lifespan-longest-lived", "4-2"]) {
        const env = await open(
          { kind: "scienceworld", task, variation: 0, hints: true },
          1,
        );
        const { observation } = await env.start();
        ok(!observation.admissibleActions.includes("reset task"));
        const steps = await follow(env);
        const last = steps.at(-1)!;
        deepStrictEqual([last.success, last.score, last.ending], [
          true,
          1,
          "terminated",
        ]);
        const paid = steps.reduce((sum, { reward }) => sum + reward, 0);
        // The opening look of the find tasks has paid a twelfth.
        ok(
          Math.abs(paid - (task.startsWith("l") ? 1 : 0.92)) < 1e-9,
          `${paid}`,
        );
      }
    });
  },
);

realTest("a wrong focus ends the episode without success", async () => {
  await withOpener(async (open) => {
    const env = await open({
      kind: "scienceworld",
      task: "boil",
      variation: 0,
    }, 1);
    await env.start();
    await env.step("go to kitchen");
    const { ending, success, score, reward } = await env.step("focus on chair");
    deepStrictEqual([ending, success, score, reward], [
      "terminated",
      false,
      0,
      -1,
    ]);
    await rejects(async () => await env.step("wait"), /ended/);
  });
});

realTest(
  "a question takes a number, and nothing else reaches the simulator",
  async () => {
    await withOpener(async (open) => {
      const env = await open({
        kind: "scienceworld",
        task: "boil",
        variation: 0,
        freeText: true,
      }, 1);
      await env.start();
      const asked = await env.step("open door");
      deepStrictEqual(
        asked.observation.admissibleActions,
        ["0", "1", "2", "3", "4", "5"],
      );
      const refused = await env.step("dance with the walls");
      strictEqual(refused.observation.stateKey, asked.observation.stateKey);
      deepStrictEqual(
        refused.observation.admissibleActions,
        asked.observation.admissibleActions,
      );
      const { observation } = await env.step("0");
      ok(observation.admissibleActions.includes("look around"));
      await env[Symbol.asyncDispose]!();
    });
  },
);

realTest("two open episodes do not touch each other", async () => {
  await withOpener(async (open) => {
    const spec = { kind: "scienceworld", task: "boil", variation: 0 };
    const easy = await open(spec, 1);
    const { observation } = await easy.start();
    const plain = await open({ ...spec, simplifications: "" }, 1);
    const other = await plain.start();
    notDeepStrictEqual(other.observation, observation);
    const after = await easy.step("look around");
    deepStrictEqual(
      after.observation.admissibleActions,
      observation.admissibleActions,
    );
    await easy[Symbol.asyncDispose]!();
    await plain[Symbol.asyncDispose]!();
  });
});

realTest("the memory of a pool bounds its machines", async () => {
  await withOpener(async (open) => {
    const spec = { kind: "scienceworld", task: "boil", memory: 400 };
    const env = await open(spec, 1);
    await rejects(
      async () => await open(spec, 2),
      /"memory" \(400 MiB\) must hold 304 MiB for each open episode: current number is 1/,
    );
    await env[Symbol.asyncDispose]!();
    await (await open(spec, 2))[Symbol.asyncDispose]!();
  });
});

realTest(
  "templates: a short list, objects in the text, every valid action accepted",
  async () => {
    await withOpener(async (open) => {
      const env = await open({
        kind: "scienceworld",
        task: "boil",
        variation: 0,
        list: "templates",
        look: true,
      }, 1);
      const { observation } = await env.start();
      const { text, admissibleActions } = observation;
      ok(/In your inventory, you see:\n\tan orange/.test(text));
      ok(/Actions: activate OBJ, .*\nOBJ is one of: agent, air, /.test(text));
      ok(!admissibleActions.some((action) => action.startsWith("move ")));
      const step = await env.step("move orange to kitchen");
      ok(
        step.observation.text.startsWith("You move the orange to the kitchen."),
      );
      await env[Symbol.asyncDispose]!();
    });
  },
);

if (MISSING === undefined) {
  const opener = createEnvOpener();
  conformance("scienceworld", opener, {
    kind: "scienceworld",
    task: "find-non-living-thing",
    hints: true,
    verbs: ["look around", "inventory", "wait1", "teleport"],
  }, { seeds: [1], turns: 8, outlives: true });
  Deno.test({
    name: "scienceworld: its opener ends its machines",
    sanitizeResources: false,
    sanitizeOps: false,
    fn: async () => await opener[Symbol.asyncDispose](),
  });
} else {
  Deno.test({
    name: `scienceworld: the laws of a world [${MISSING}]`,
    ignore: true,
    fn() {},
  });
}
