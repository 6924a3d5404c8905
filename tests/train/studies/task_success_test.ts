import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { taskSuccess } from "../../../lib/train/studies/task_success.ts";
import { byDecision, type Trajectory } from "../../../lib/trajectory.ts";

function episode(
  group: string,
  success: boolean,
  taskType?: string,
): Trajectory {
  return {
    id: `${group}#0`,
    task: "",
    group,
    ...(taskType === undefined ? {} : { taskType }),
    turns: [],
    ending: success ? "terminated" : "truncated",
    success,
    score: Number(success),
    bootstrap: byDecision(() => 0),
    seed: 0,
  };
}

Deno.test("taskSuccess() names ALFWorld's kinds as the literature does, in its order, others last", () => {
  const all = [
    episode("1", true, "zoo"),
    episode("2", true, "pick_two_obj_and_place"),
    episode("3", false, "look_at_obj_in_light"),
  ];
  const table = taskSuccess({ all }, [
    { player: "others", success: "9 %", source: "a paper" },
  ]);
  deepStrictEqual(table.columnNames(), [
    "player",
    "Look",
    "Pick2",
    "zoo",
    "All",
    "turns",
  ]);
  deepStrictEqual(table.objects(), [
    {
      player: "all",
      Look: "0 % [0, 79]",
      Pick2: "100 % [21, 100]",
      zoo: "100 % [21, 100]",
      All: "66.7 % [21, 94] of 3",
      turns: "0.0",
    },
    {
      player: "others",
      Look: "–",
      Pick2: "–",
      zoo: "–",
      All: "9 %",
      turns: "–",
    },
  ]);
});

Deno.test("taskSuccess() is no surer of games that were played again with the same outcome", () => {
  const outcomes = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(outcomes, fc.integer({ min: 2, max: 4 }), (won, n) => {
    const once = won.map((success, i) => episode(String(i), success));
    const again = Array.from({ length: n }, () => once).flat();
    deepStrictEqual(
      taskSuccess({ a: again }).objects(),
      taskSuccess({ a: once }).objects(),
    );
  }));
  strictEqual(taskSuccess({}).numRows(), 0);
});
