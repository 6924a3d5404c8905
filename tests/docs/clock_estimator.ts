import { byDecision, type Credit, type Trajectory } from "@hiper/lab";

const gamma = 0.9;

/** Compares the return from each turn on with the mean at that turn number. */
export function creditByClock(trajectories: readonly Trajectory[]): Credit[] {
  const returns = trajectories.map(({ turns }) =>
    turns.map((_, t) =>
      turns.slice(t).reduce(
        (sum, { reward }, k) => sum + gamma ** k * reward,
        0,
      )
    )
  );
  const usual = (t: number) => {
    const there = returns.flatMap((column) => column[t] ?? []);
    return there.reduce((a, b) => a + b) / there.length;
  };
  return returns.map((column) => {
    const advantages = Float64Array.from(column, (g, t) => g - usual(t));
    return { advantages: byDecision(() => advantages) };
  });
}
