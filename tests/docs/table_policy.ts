import { byDecision, type Decision, drawIndex, type Policy } from "@hiper/lab";
import { type Random, type Situation, statelessPolicy } from "@hiper/lab";

/** Preferences for the options at each place. */
export type Table = Map<string, number[]>;

/** Probability of each option: the softmax of its preference. */
export function shares(table: Table, place: string, options: number): number[] {
  const preferences = table.get(place) ?? Array<number>(options).fill(0);
  const total = preferences.reduce((sum, x) => sum + Math.exp(x), 0);
  return preferences.map((x) => Math.exp(x) / total);
}

/** Chooses a subgoal on the first turn, holds it, and acts under it. */
export function tablePolicy(table: Table, subgoals: readonly string[]): Policy {
  const decide = (situation: Situation, random: Random): Decision => {
    const { observation, subgoal: held } = situation;
    const { text, admissibleActions: actions } = observation;
    const draw = (place: string, options: number) =>
      drawIndex(random.fork(place), shares(table, place, options));
    const planning = held ? -1 : draw(text, subgoals.length);
    const subgoal = held ?? subgoals[planning]!;
    const execution = draw(`${text} ${subgoal}`, actions.length);
    const chosen = { switching: Number(!held), planning, execution };
    const logProbs = byDecision(() => 0);
    const trace = { kind: "choices", subgoals, chosen, logProbs } as const;
    const action = actions[execution]!;
    return { switched: !held, subgoal, action, valid: true, trace };
  };
  return statelessPolicy({
    decide: (situations, randoms) =>
      situations.map((situation, i) => decide(situation, randoms[i]!)),
  });
}
