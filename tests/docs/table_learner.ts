import type { Learner } from "@hiper/lab";
import { shares, type Table } from "./table_policy.ts";

/** Policy gradient of a table: raises what was chosen by its advantage. */
export function tableLearner(table: Table, rate = 0.3): Learner {
  return {
    update({ turns, advantages }) {
      for (const [i, { observation, decision }] of turns.entries()) {
        const { trace, subgoal } = decision;
        if (trace.kind !== "choices") continue;
        const { planning, execution } = trace.chosen;
        const { text, admissibleActions: actions } = observation;
        const raise = (
          at: string,
          options: number,
          chosen: number,
          a: number,
        ) => {
          const before = table.get(at) ?? Array<number>(options).fill(0);
          const after = shares(table, at, options).map((share, o) =>
            before[o]! + rate * a * (Number(o === chosen) - share)
          );
          table.set(at, after);
        };
        const plan = advantages.planning[i]!, act = advantages.execution[i]!;
        if (planning >= 0) raise(text, trace.subgoals.length, planning, plan);
        raise(`${text} ${subgoal}`, actions.length, execution, act);
      }
      return Promise.resolve({ places: table.size });
    },
    save: () => Promise.resolve(),
    load: () => Promise.resolve(),
  };
}
