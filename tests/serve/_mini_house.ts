/** The kitchen of the recorded transcripts, as a served world. */

import type { EnvStep, TextEnv } from "../../lib/envs/text_env.ts";
import type {
  ServedTask,
  ServedWorld,
} from "../../lib/serve/openenv/served_world.ts";

export const PLAN = ["open fridge", "take apple", "put apple on table"];

const TASKS: Readonly<Record<string, readonly string[]>> = {
  train: ["put the apple on the table", "cool the apple", "heat the egg"],
  test: ["slice the bread"],
  valid_unseen: ["wash the mug"],
};

/** Opens the kitchen; the command `boom` makes it fail, `sleep n` takes n milliseconds. */
export function openMiniHouse(goal = TASKS.train![0]!): TextEnv {
  let done = 0, steps = 0;
  const observe = (text: string) => ({
    text,
    admissibleActions: done === PLAN.length
      ? []
      : ["look", PLAN[done]!, "wait"],
    stateKey: String(done),
  });
  const answer = (text: string): EnvStep => ({
    observation: observe(text),
    reward: done === PLAN.length ? 10 : 0,
    success: done === PLAN.length,
    score: done / PLAN.length,
    ...(done === PLAN.length && { ending: "terminated" as const }),
  });
  return {
    start: () => ({
      task: goal,
      observation: observe("You are in a kitchen."),
    }),
    step(action) {
      if (action !== "boom") steps++;
      if (action === "boom") throw new Error("the world broke");
      const pause = /^sleep (\d+)$/.exec(action);
      if (pause) {
        return new Promise<void>((resolve) =>
          setTimeout(resolve, Number(pause[1]))
        ).then(() => answer("Nothing happens."));
      }
      if (action !== PLAN[done]) {
        return steps < 5
          ? answer("Nothing happens.")
          : { ...answer("Out of steps."), ending: "truncated" };
      }
      done++;
      return answer(done === PLAN.length ? "Done." : `OK: ${action}.`);
    },
  };
}

const list = (split: string): readonly ServedTask[] =>
  TASKS[split]!.map((goal, i) => ({
    id: `${split}/${i}`,
    spec: { kind: "mini_house", goal },
  }));

export const MINI_HOUSE: ServedWorld = {
  name: "mini_house",
  description: "Three step kitchen",
  splits: Object.keys(TASKS),
  tasks: (split) =>
    Object.hasOwn(TASKS, split)
      ? Promise.resolve(list(split))
      : Promise.reject(new RangeError(`no split ${split}`)),
  open: ({ taskId, taskIndex, split = "train" }) => {
    const id = taskId ??
      (taskIndex === undefined ? undefined : `${split}/${taskIndex}`);
    const task = id === undefined
      ? undefined
      : list(id.split("/")[0]!).find((one) => one.id === id);
    return Promise.resolve({
      env: openMiniHouse(task?.spec.goal as string | undefined),
      ...(task && { taskId: task.id }),
    });
  },
};
