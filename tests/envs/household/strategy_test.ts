import { ok, strictEqual } from "node:assert/strict";
import { openHousehold } from "../../../lib/envs/household/household.ts";
import { proposeHouseholdStrategy } from "../../../lib/envs/household/strategy.ts";
import {
  HOUSEHOLD_TASK_TYPES,
  parseHouseholdTask,
} from "../../../lib/envs/household/task.ts";

/** The steps that accomplish a task, in the words of strategies. */
function solution(sentence: string): string[] {
  const { type, object, receptacle, lamp, transformation } = parseHouseholdTask(
    sentence,
  )!;
  if (lamp !== undefined) return [`take a ${object}`, `use the ${lamp}`];
  const put = `move the ${object} to the ${receptacle}`;
  if (type === "pick_two_obj_and_place") {
    return [`take a ${object}`, put, `take another ${object}`, put];
  }
  const station = { clean: "sinkbasin", heat: "microwave", cool: "fridge" };
  return transformation === undefined ? [`take a ${object}`, put] : [
    `take a ${object}`,
    `${transformation} the ${object} with the ${station[transformation]}`,
    put,
  ];
}

Deno.test("the steps that accomplish a task can be composed at the start of its game", async () => {
  for (const taskType of HOUSEHOLD_TASK_TYPES) {
    for (let seed = 0; seed < 5; seed++) {
      const env = openHousehold({ split: "train", taskType }, seed);
      const { task, observation } = await env.start();
      const start = { task, past: [], observation };
      const steps: string[] = [];
      for (const step of solution(task)) {
        const listed = proposeHouseholdStrategy(start, steps);
        ok(listed.includes(step), `${task}: "${step}" after ${steps}`);
        strictEqual(new Set(listed).size, listed.length);
        ok(!listed.includes(steps.at(-1)!), `${task}: ${steps} again`);
        steps.push(step);
      }
    }
  }
});
