/**
 * What a server must do to be learned on, each check with its number.
 *
 * @module
 */

import { hierarchicalAdvantages } from "../../mod/credit.ts";
import {
  type Datum,
  replyDatum,
  scaleAdvantages,
  type TinkerModel,
  type TinkerSession,
  weightOf,
} from "../../mod/tinker.ts";

/** One check, its number, and whether that is as it must be. */
export interface CheckResult {
  readonly name: string;
  readonly value: string;
  readonly holds: boolean;
}

/** A session with a server, and the model that it offers. */
export interface Checked {
  readonly session: TinkerSession;
  readonly baseModel: string;
}

const RANK = 8;
const PROMPT = Int32Array.of(1, 20, 21, 22);

/** Norm of the gradient that was accumulated; a step of size 0 reads and clears it. */
async function gradientNorm(model: TinkerModel): Promise<number> {
  const measured = await model.optimStep({ learningRate: 0 });
  return Object.entries(measured)
    .find(([name]) => name.includes("grad_norm"))?.[1] ?? NaN;
}

function datum(
  reply: readonly number[],
  options: {
    logProbs?: readonly number[];
    advantages?: readonly number[];
    mask?: readonly number[];
    prompt?: Int32Array;
  } = {},
): Datum {
  const ones = reply.map(() => 1);
  const { logProbs = reply.map(() => 0), advantages = ones } = options;
  const { mask = ones, prompt = PROMPT } = options;
  return replyDatum({
    prompt,
    reply: Int32Array.from(reply),
    logProbs: Float32Array.from(logProbs),
  }, {
    advantages: Float32Array.from(advantages),
    mask: Float32Array.from(mask),
  });
}

/** Log-probabilities of a reply's tokens. */
async function replyLogProbs(
  model: TinkerModel,
  data: readonly Datum[],
): Promise<number[][]> {
  const { outputs } = await model.forward(data);
  return data.map(({ arrays: { weights } }, d) =>
    Array.from(outputs[d]!["logprobs"]!).filter((_, i) => weights![i] !== 0)
  );
}

const shown = (value: number) => value.toPrecision(6);
const close = (a: number, b: number, tolerance = 1e-4) =>
  Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));

/** Log-probabilities of sampler and trainer agree. */
export async function checkAgreement(
  { session, baseModel }: Checked,
): Promise<CheckResult[]> {
  const model = await session.createModel({ baseModel, rank: RANK, seed: 1 });
  const sampler = await model.sampler();
  const sampled = await sampler.sample({
    prompt: PROMPT,
    count: 8,
    maxTokens: 8,
    seed: 7,
    stop: [],
  });
  const data = sampled.map(({ tokens }) => datum([...tokens]));
  const scored = await replyLogProbs(model, data);
  let gap = 0;
  for (const [i, { logProbs }] of sampled.entries()) {
    for (const [j, one] of logProbs.entries()) {
      gap = Math.max(gap, Math.abs(one - scored[i]![j]!));
    }
  }
  await model.unload();
  return [{
    name: "largest difference of sampler's and trainer's log-probabilities",
    value: gap.toExponential(1),
    holds: gap < 1e-3,
  }];
}

/** The reduction is the dialect's: means of means or sums; advantages scale gradients, and chunks do not. */
export async function checkReduction(
  { session, baseModel }: Checked,
): Promise<CheckResult[]> {
  const model = await session.createModel({ baseModel, rank: RANK, seed: 1 });
  const reply = [30, 31, 32], long = [40, 41, 42, 43, 44, 45];
  const [first, second] = await replyLogProbs(model, [
    datum(reply),
    datum(long),
  ]);
  const one = datum(reply, { logProbs: first! });
  const other = datum(long, { logProbs: second! });
  const norm = async (...requests: Datum[][]) => {
    for (const data of requests) {
      await model.forwardBackward(data, { loss: "importance_sampling" });
    }
    return await gradientNorm(model);
  };
  const single = await norm([one]);
  const twice = await norm([one, one]);
  const tripled = await norm([
    datum(reply, { logProbs: first!, advantages: [3, 3, 3] }),
  ]);
  const together = await norm([one, other]), apart = await norm([one], [other]);
  const { reduction } = session.dialect;
  const factor = reduction === "sum" ? 2 : 1;
  // The mean over tokens, from what came back of data that were scaled for it.
  const plain = [one, other], units = reply.length + long.length;
  const scaled = scaleAdvantages(plain, { reduction, units });
  const { outputs } = await model.forwardBackward(scaled, {
    loss: "importance_sampling",
  });
  await gradientNorm(model);
  const losses = outputs.map((output, d) => {
    const sum = output["elementwise_loss"]!.reduce((a, b) => a + b, 0);
    return reduction === "sum"
      ? sum
      : sum / weightOf(scaled[d]!) / scaled.length;
  });
  const mean = losses.reduce((a, b) => a + b, 0);
  await model.unload();
  return [
    {
      name: `gradient norm of one datum, and of it twice (${reduction})`,
      value: `${shown(single)}, ${shown(twice)}`,
      holds: close(twice, factor * single),
    },
    {
      name: "the same with advantages times 3",
      value: shown(tripled),
      holds: close(tripled, 3 * single),
    },
    {
      name: "two data in one request, and in two",
      value: `${shown(together)}, ${shown(apart)}`,
      holds: close(together, apart),
    },
    {
      name: "objective of data scaled for the mean over tokens; -1 is exact",
      value: mean.toFixed(6),
      holds: close(mean, -1),
    },
  ];
}

/** One step with hierarchical advantages moves the log-probability of each decision as its advantage says. */
export async function checkHierarchicalStep(
  { session, baseModel }: Checked,
): Promise<CheckResult[]> {
  const model = await session.createModel({ baseModel, rank: RANK, seed: 1 });
  const { advantages } = hierarchicalAdvantages({
    offsets: new Int32Array([0, 2, 4]),
    rewards: new Float64Array([0, 1, 0, 0]),
    switched: new Uint8Array([1, 1, 1, 1]),
    values: {
      switching: new Float64Array([0.2, 0.7, 0.6, 0.4]),
      planning: new Float64Array([0.6, 0.5, 0.3, 0.6]),
      execution: new Float64Array([0.1, 0.4, 0.8, 0.3]),
    },
    bootstrap: {
      switching: new Float64Array(2),
      planning: new Float64Array(2),
      execution: new Float64Array(2),
    },
  });
  const levels = [0, 1, 2, 3].map((t) => [
    advantages.switching[t]!,
    advantages.planning[t]!,
    advantages.execution[t]!,
  ]);
  // Each decision has tokens of its own, so that no two advantages pull at one token.
  const replies = levels.map((_, t) =>
    Array.from({ length: 6 }, (_, j) => 100 + 6 * t + j)
  );
  const prompts = levels.map((_, t) => Int32Array.of(1, 20 + 5 * t, 22));
  const make = (t: number, logProbs?: readonly number[]) =>
    datum(replies[t]!, {
      prompt: prompts[t]!,
      advantages: replies[t]!.map((_, j) => levels[t]![j >> 1]!),
      ...(logProbs && { logProbs }),
    });
  const before = await replyLogProbs(model, levels.map((_, t) => make(t)));
  const data = scaleAdvantages(before.map((one, t) => make(t, one)), {
    reduction: session.dialect.reduction,
    units: 24,
  });
  await model.forwardBackward(data, {
    loss: "ppo",
    settings: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
  });
  await model.optimStep({ learningRate: 2e-3 });
  const after = await replyLogProbs(model, levels.map((_, t) => make(t)));
  let right = 0, along = 0;
  for (const [t, three] of levels.entries()) {
    for (const [k, advantage] of three.entries()) {
      const moved = [0, 1].reduce(
        (sum, j) => sum + after[t]![2 * k + j]! - before[t]![2 * k + j]!,
        0,
      );
      along += moved * advantage;
      if (Math.sign(moved) === Math.sign(advantage)) right++;
    }
  }
  await model.unload();
  return [{
    name: "decisions of 12 that one step moved in their advantage's direction",
    value: `${right}, advantage times movement ${along.toFixed(3)}`,
    holds: right >= 11 && along > 0,
  }];
}

/** A bandit is learned: the first token is to be even. */
export async function checkBandit(
  { session, baseModel }: Checked,
): Promise<CheckResult[]> {
  const model = await session.createModel({ baseModel, rank: RANK, seed: 1 });
  const rewards: number[] = [];
  for (let iteration = 0; iteration < 10; iteration++) {
    const sampler = await model.sampler();
    const sampled = await sampler.sample({
      prompt: PROMPT,
      count: 32,
      maxTokens: 8,
      seed: 100 * iteration,
      stop: [],
    });
    const even = sampled.map(({ tokens }) => tokens[0]! % 2 === 0 ? 1 : 0);
    const mean = even.reduce<number>((sum, one) => sum + one, 0) / even.length;
    rewards.push(mean);
    const data = sampled.map(({ tokens, logProbs }, i) =>
      datum([tokens[0]!], {
        logProbs: [logProbs[0]!],
        advantages: [even[i]! - mean],
      })
    );
    const pass = await model.submitPass(data, {
      loss: "ppo",
      settings: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
    });
    const step = await model.submitStep({ learningRate: 1e-2 });
    await Promise.all([pass.result, step.result]);
  }
  await model.unload();
  const last = rewards.slice(-3).reduce((sum, one) => sum + one / 3, 0);
  return [{
    name: "bandit: share of even first tokens by iteration",
    value: rewards.map((one) => one.toFixed(2)).join(" "),
    holds: last >= 0.9,
  }];
}
