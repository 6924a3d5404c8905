/**
 * Speed of this working tree's training against that of another one, iteration by iteration in turn.
 *
 * ```sh
 * git worktree add ../before 78f8e25 && (cd ../before && deno install)
 * deno run --no-check --allow-read --allow-run --allow-sys tests/bench/training_against.ts ../before [preset] [iterations] [episodes]
 * ```
 *
 * Each tree trains in a process of its own, which waits while the other one works. Rates are medians over iterations, the
 * first two left out as they compile; CPU seconds count all threads.
 *
 * @module
 */

import { describeMachine } from "./_machine.ts";

/** What a process tells of one iteration. */
interface Lap {
  readonly turns: number;
  readonly samples: number;
  readonly rollout: number;
  readonly update: number;
  readonly cpu: number;
}

const WARM = 2;
const [other, preset = "household-easy", iterations = "8", episodes = "64"] =
  Deno.args;

/** Starts the training of a tree; every call does one iteration. */
function start(root: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-P=bench", "--no-check", "--quiet"],
      ...["--config", `${root}/deno.json`],
      new URL("_train_on_demand.ts", import.meta.url).pathname,
      ...[root, preset, episodes],
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    async iterate(): Promise<Lap> {
      await input.write(new TextEncoder().encode("go\n"));
      while (!rest.includes("\n")) {
        const { value, done } = await output.read();
        if (done) throw new Error(`the training of ${root} has ended`);
        rest += value;
      }
      const [line] = rest.split("\n", 1);
      rest = rest.slice(line!.length + 1);
      return JSON.parse(line!);
    },
    end: () => child.kill(),
  };
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

if (other === undefined) {
  console.error(
    "usage: training_against.ts <worktree> [preset] [iterations] [episodes]",
  );
  Deno.exit(2);
}
const trees = [other, "."].map((root) => {
  const path = Deno.realPathSync(root);
  return { root, path, laps: [] as Lap[], ...start(path) };
});
for (let i = 0; i < WARM + Number(iterations); i++) {
  for (const tree of trees) {
    const lap = await tree.iterate();
    if (i >= WARM) tree.laps.push(lap);
  }
}
console.log(
  `${describeMachine()}; preset ${preset}, ${episodes} episodes at once`,
);
const rates = trees.map(({ root, laps, end }) => {
  end();
  const of = (rate: (lap: Lap) => number) => median(laps.map(rate));
  const rate = {
    "rollout, turns/s": of(({ turns, rollout }) => turns / rollout),
    "update, samples/s": of(({ samples, update }) => samples / update),
    "iteration, turns/s": of((lap) => lap.turns / (lap.rollout + lap.update)),
    "iteration, turns per CPU second": of(({ turns, cpu }) => turns / cpu),
  };
  console.log(root, rate);
  return Object.values(rate);
});
console.log(
  "ratios",
  rates[1]!.map((rate, i) => (rate / rates[0]![i]!).toFixed(2)).join("  "),
);
