/**
 * The horizon study in a tabular world: chains of 1 to 16 stages, where a run takes a fraction of a second and success is
 * exact.
 *
 * @module
 */

import type { EstimatorConfig } from "../../hae/credit.ts";
import { exactReturn } from "../../hae/study/exact.ts";
import { randomTabularPolicy } from "../../hae/study/tabular.ts";
import type { TabularSmdp } from "../../hae/study/tabular.ts";
import { learnTabular } from "../../hae/study/tabular_learning.ts";
import { createChainSmdp } from "../../hae/study/variance_study.ts";
import { createRandom } from "../../random.ts";
import type { HorizonResult } from "./horizon_data.ts";
import {
  type HorizonRun,
  type HorizonStudy,
  listReportedRuns,
} from "./horizon_study.ts";

/** Options for {@linkcode tabularHorizons}. */
export interface TabularHorizonsOptions {
  /** Numbers of stages, each of which asks for another subgoal. @default {[2, 8, 16]} */
  readonly stages?: readonly number[];
  /** Reported seeds. @default {1 to 5} */
  readonly seeds?: readonly number[];
  /** Seeds that choose the settings, for each number of stages apart, and are not reported. @default {[101]} */
  readonly tuningSeeds?: readonly number[];
  /** Iterations of 32 episodes. @default {50} */
  readonly iterations?: number;
  /** Runs that are done, which are not played again. @default {none} */
  readonly done?: readonly HorizonResult[];
}

/** Step sizes and lambdas that are tried for every method that has them. */
const STEPS = [0.1, 0.3, 0.6], LAMBDAS = [0.95, 1];

/** Success of the first policy, on the mean of some seeds, that the limit of turns is chosen for. */
const FIRST_SUCCESS = 0.1;

/** A method: the estimator at a value of its second setting. */
const METHODS: Readonly<
  Record<
    string,
    {
      readonly second: readonly number[];
      readonly at: (value: number) => EstimatorConfig;
    }
  >
> = {
  "HAE, published": {
    second: LAMBDAS,
    at: (lambda) => ({
      ...{ name: "hae", gamma: 1 },
      ...{ lambdaTurn: lambda, lambdaSegment: lambda },
    }),
  },
  "HAE, boundary lambda": {
    second: LAMBDAS,
    at: (lambda) => ({
      ...{ name: "hae", gamma: 1, lambdaTurn: lambda },
      ...{ lambdaSegment: lambda, lambdaBoundary: lambda },
    }),
  },
  "turn-GAE": {
    second: LAMBDAS,
    at: (lambda) => ({ name: "gae", gamma: 1, lambda }),
  },
  "token-GAE": {
    second: LAMBDAS,
    at: (lambda) => ({ name: "token-gae", gamma: 1, lambda }),
  },
  "GRPO": { second: [1], at: () => ({ name: "grpo" }) },
  "GiGPO": {
    second: [0.5, 1],
    at: (stepWeight) => ({ name: "gigpo", gamma: 1, stepWeight }),
  },
};

/** The world with so many stages, and the fewest turns in which the first policies succeed often enough. */
export function stagedWorld(stages: number): TabularSmdp {
  const build = (horizon: number) =>
    createChainSmdp({
      stages: Array.from({ length: stages }, (_, i) => i % 2),
      ...{ positions: 2, horizon },
    });
  // Success grows with the horizon.
  let low = 2 * stages - 1, high = 12 * stages;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (firstSuccess(build(middle)) >= FIRST_SUCCESS) high = middle;
    else low = middle;
  }
  return build(high);
}

/** Mean success of the first policies of some seeds. */
function firstSuccess(world: TabularSmdp): number {
  const reaching = {
    ...world,
    rewards: new Float64Array(world.rewards.length),
    exitRewards: new Float64Array(world.states).fill(1),
  };
  let success = 0;
  for (let seed = 0; seed < 10; seed++) {
    const random = createRandom(seed).fork("policy");
    success += exactReturn(reaching, randomTabularPolicy(world, { random })) /
      10;
  }
  return success;
}

/**
 * Runs the study: chooses settings for every method alike, then trains the reported seeds.
 *
 * @returns The study's description, and every run; reported success is exact, so that there is no panel.
 */
export function* tabularHorizons(
  options: TabularHorizonsOptions = {},
): Generator<HorizonResult, HorizonStudy> {
  const { stages = [2, 8, 16] } = options;
  const { seeds = [1, 2, 3, 4, 5] } = options;
  const { tuningSeeds = [101] } = options;
  const { iterations = 50, done = [] } = options;
  const known = new Map(done.map((one) => [keyOf(one), one]));
  const worlds = new Map(
    stages.map((count) => [count, stagedWorld(count)]),
  );
  const name = (count: number) =>
    `${count} ${count === 1 ? "stage" : "stages"}`;
  const run = (
    phase: HorizonResult["phase"],
    [count, method, seed]: readonly [number, string, number],
    point: { readonly step: number; readonly second: number },
  ): HorizonResult => {
    const what = { phase, horizon: name(count), method, point, seed };
    return known.get(keyOf(what)) ?? {
      ...what,
      curve: learnTabular(worlds.get(count)!, {
        estimator: METHODS[method]!.at(point.second),
        stepSize: point.step,
        ...{ iterations, episodes: 32 },
        random: createRandom(seed).fork("tabular", count),
      }).map((row) => ({ ...row })),
      panel: [],
    };
  };
  const study = describe({ stages, seeds, tuningSeeds }, name);
  const tuning: HorizonResult[] = [];
  for (const [method, { second }] of Object.entries(METHODS)) {
    for (const step of STEPS) {
      for (const value of second) {
        for (const count of stages) {
          for (const seed of tuningSeeds) {
            const point = { step, second: value };
            const one = run("tuning", [count, method, seed], point);
            tuning.push(one);
            yield one;
          }
        }
      }
    }
  }
  const numbers = new Map(stages.map((count) => [name(count), count]));
  for (
    const { horizon, method, seed, point } of listReportedRuns(study, tuning)
  ) {
    const { step, second } = point;
    yield run("reported", [numbers.get(horizon)!, method, seed], {
      ...{ step: Number(step), second: Number(second) },
    });
  }
  return study;
}

function keyOf(run: HorizonRun): string {
  const { phase, horizon, method, point: { step, second }, seed } = run;
  return JSON.stringify([phase, horizon, method, step, second, seed]);
}

function describe(
  { stages, seeds, tuningSeeds }: Required<
    Omit<TabularHorizonsOptions, "iterations" | "done">
  >,
  name: (count: number) => string,
): HorizonStudy {
  return {
    about:
      "Chains of stages in a tabular world, success exact; the limit of turns is chosen so that the first policy succeeds in 10 of 100 episodes.",
    base: {},
    horizons: Object.fromEntries(stages.map((count) => [name(count), {}])),
    methods: Object.fromEntries(
      Object.entries(METHODS).map(([method, { second }]) => [method, {
        settings: {},
        tune: [second.map((value) => ({ second: value }))],
      }]),
    ),
    tune: [STEPS.map((step) => ({ step }))],
    tuning: {
      horizons: stages.map(name) as [string, ...string[]],
      apart: true,
      seeds: [...tuningSeeds] as [number, ...number[]],
    },
    seeds: [...seeds] as [number, ...number[]],
    panel: { tasks: 1, seed: 0 },
  };
}
