import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { listEnvs, openEnv } from "../../../lib/envs/open_env.ts";
import {
  AGENTGYM_TASKS,
  agentgymIndex,
  checkSimplifications,
  findScienceworldTask,
  SCIENCEWORLD_TASKS,
  scienceworldRange,
} from "../../../lib/envs/scienceworld/tasks.ts";
import { rejects } from "node:assert/strict";

const ranges = (n: number) =>
  (["train", "dev", "test"] as const).map((split) => {
    const { start, end } = scienceworldRange(n, split);
    return end === start ? "" : `${start}..${end - 1}`;
  });

Deno.test("30 tasks have 7,207 variations, in halves and quarters", () => {
  const sum = (tasks: typeof SCIENCEWORLD_TASKS) =>
    tasks.reduce((sum, { variations }) => sum + variations, 0);
  deepStrictEqual([SCIENCEWORLD_TASKS.length, sum(SCIENCEWORLD_TASKS)], [
    30,
    7207,
  ]);
  deepStrictEqual([AGENTGYM_TASKS.length, sum(AGENTGYM_TASKS)], [23, 4639]);
  deepStrictEqual(ranges(30), ["0..13", "14..20", "21..29"]);
  deepStrictEqual(ranges(436), ["0..217", "218..326", "327..435"]);
  deepStrictEqual(ranges(1386), ["0..691", "692..1037", "1038..1385"]);
  deepStrictEqual(ranges(10), ["0..3", "4..5", "6..9"]);
  deepStrictEqual(ranges(1), ["0..0", "", "0..0"]);
  deepStrictEqual(ranges(2), ["0..0", "", "1..1"]);
  deepStrictEqual(ranges(3), ["0..0", "1..1", "2..2"]);
  deepStrictEqual(ranges(4), ["0..1", "2..2", "3..3"]);
});

Deno.test("tasks are found by name, number and older names", () => {
  for (const word of ["boil", "1-1", "task-1-boil", "Boil"]) {
    strictEqual(findScienceworldTask(word).name, "boil");
  }
  strictEqual(
    findScienceworldTask(
      "task-10-mendellian-genetics-(known-plant)".replace(/[()]/g, ""),
    )
      .id,
    "10-1",
  );
  throws(() => findScienceworldTask("boyl"), /did you mean "boil"/);
});

Deno.test("AgentGym's index runs through its tasks", () => {
  strictEqual(agentgymIndex(findScienceworldTask("boil"), 0), 0);
  strictEqual(agentgymIndex(findScienceworldTask("6-1"), 0), 4136);
  strictEqual(agentgymIndex(findScienceworldTask("8-2"), 9), 4638);
  strictEqual(agentgymIndex(findScienceworldTask("grow-plant"), 0), undefined);
});

Deno.test("simplifications that break an episode are refused by name", async () => {
  const boil = findScienceworldTask("boil"),
    power = findScienceworldTask("power-component");
  strictEqual(checkSimplifications("", boil), "");
  strictEqual(
    checkSimplifications(" openDoors , teleportAction", boil),
    "openDoors,teleportAction",
  );
  throws(
    () => checkSimplifications("easy,openContainers", boil),
    /"simplifications" must have easy alone/,
  );
  throws(
    () => checkSimplifications("teleport", boil),
    /"simplifications" must be easy, or some of/,
  );
  throws(
    () => checkSimplifications("noElectricalAction", power),
    /"simplifications" must leave the electrical/,
  );
  strictEqual(checkSimplifications("easy", power), "easy");
  const spec = { kind: "scienceworld", task: "boil" };
  await rejects(
    async () => await openEnv({ ...spec, variation: 9999 }, 1),
    /"variation" must be in \[0, 30\) for boil: current value is 9999/,
  );
  await rejects(
    async () => await openEnv({ ...spec, variation: 20, split: "train" }, 1),
    /"variation" must be in \[0, 14\)/,
  );
  await rejects(
    async () => await openEnv({ ...spec, task: "bake" }, 1),
    /"task"/,
  );
  await rejects(
    async () => await openEnv({ ...spec, simplification: "easy" }, 1),
    /did you mean "simplifications"/,
  );
  await rejects(
    async () => await openEnv({ ...spec, verbs: ["fly"] }, 1),
    /"verbs/,
  );
});

Deno.test("datasets list variations of a part, whole or in part", async () => {
  const count = async (settings: Record<string, unknown>) =>
    (await listEnvs({ dataset: "scienceworld", ...settings })).length;
  strictEqual(await count({ split: "all" }), 7207);
  strictEqual(await count({ split: "all", subset: "agentgym" }), 4639);
  strictEqual(await count({ count: 2 }), 60);
  deepStrictEqual(
    await listEnvs({
      dataset: "scienceworld",
      tasks: ["4-2"],
      split: "test",
      count: 1,
      settings: { list: "templates" },
    }),
    [{
      list: "templates",
      kind: "scienceworld",
      task: "find-non-living-thing",
      variation: 225,
    }],
  );
  await rejects(
    count({ tasks: ["grow-plant"], subset: "agentgym" }),
    /"tasks"/,
  );
});
