/** The critic on this machine: baselines, features, ridge regression, trust, and what they are worth. */

import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import fc from "fast-check";
import { toEpisodeBatch } from "../../../lib/episode_batch.ts";
import { returnsToGo, trustedCredit } from "../../../lib/hae/boundary_trust.ts";
import { creditBatch } from "../../../lib/hae/credit.ts";
import { createRandom } from "../../../lib/random.ts";
import { groupBaselines } from "../../../lib/train/critic/group_baseline.ts";
import { createLinearCritic } from "../../../lib/train/critic/linear_critic.ts";
import {
  LocalCritic,
  type ValueModel,
} from "../../../lib/train/critic/local_critic.ts";
import { createNetworkCritic } from "../../../lib/train/critic/network_critic.ts";
import { dotRow, fitRidge } from "../../../lib/train/critic/ridge.ts";
import { headFeatures } from "../../../lib/train/critic/text_features.ts";
import {
  NO_TRUST,
  trustOf,
  updateTrust,
} from "../../../lib/train/critic/trust.ts";
import type { Trajectory } from "../../../lib/trajectory.ts";

/** The two models of values. */
const MODELS: Readonly<Record<string, () => ValueModel>> = {
  linear: () => createLinearCritic({ maxTurns: 3 }),
  network: () => createNetworkCritic({ maxTurns: 3, seed: 1 }),
};

/** An episode whose observation names its fate where `telling`. */
function episode(
  id: number,
  options: { group: string; rewards: readonly number[]; text: string },
): Trajectory {
  const { group, rewards, text } = options;
  return {
    id: `e${id}`,
    task: "leave",
    group,
    turns: rewards.map((reward, t) => ({
      observation: { text, admissibleActions: ["go"], stateKey: "" },
      decision: {
        switched: t % 2 === 0,
        subgoal: "leave",
        action: "go",
        valid: true,
        trace: { kind: "untrainable" },
        values: { switching: 0.3 + t, planning: 0.2 - t, execution: 0.1 * t },
      },
      reward,
    })),
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: { switching: 0, planning: 0, execution: 0 },
    seed: 0,
  };
}

/** Episodes of tasks whose text tells the return. */
function tellingBatch(seed: number) {
  const random = createRandom(seed);
  return toEpisodeBatch(Array.from({ length: 80 }, (_, i) => {
    const won = random.uniform() < 0.5;
    return episode(i, {
      group: `g${i >> 1}`,
      rewards: [0, 0, won ? 1 : 0],
      text: won ? "the door is open" : "the door is locked",
    });
  }));
}

Deno.test("trustedCredit() with a trust of 1 is hierarchical advantage estimation", () => {
  const batch = tellingBatch(1);
  const settings = { gamma: 0.9, lambdaTurn: 0.8, lambdaSegment: 0.7 };
  deepStrictEqual(
    trustedCredit(batch, settings, 1),
    creditBatch(batch, { name: "hae", ...settings }),
  );
});

Deno.test("trustedCredit() with a trust of 0 is the return minus each decision's own value, whatever the values", () => {
  fc.assert(fc.property(
    fc.array(fc.double({ min: -3, max: 3, noNaN: true }), {
      minLength: 1,
      maxLength: 7,
    }),
    fc.double({ min: 0.5, max: 1, noNaN: true }),
    (rewards, gamma) => {
      const batch = toEpisodeBatch([
        episode(0, { group: "g", rewards, text: "" }),
      ]);
      const { advantages } = trustedCredit(batch, { gamma }, 0);
      const returns = returnsToGo(batch, { gamma });
      for (let t = 0; t < rewards.length; t++) {
        for (const name of ["switching", "execution"] as const) {
          const expected = returns[t]! - batch.values[name][t]!;
          ok(Math.abs(advantages[name][t]! - expected) < 1e-9);
        }
        if (batch.switched[t] !== 1) continue;
        const expected = returns[t]! - batch.values.planning[t]!;
        ok(Math.abs(advantages.planning[t]! - expected) < 1e-9);
      }
    },
  ));
  const batch = tellingBatch(1);
  throws(() => trustedCredit(batch, {}, 1.5), /"trust" must be in \[0, 1\]/);
  throws(() => trustedCredit(batch, { heads: 2 }, 0.5), /"estimator.heads"/);
});

Deno.test("groupBaselines() compares with mates at the same turn; an own return is never part of it", () => {
  const batch = toEpisodeBatch([
    episode(0, { group: "a", rewards: [0, 4], text: "" }),
    episode(1, { group: "a", rewards: [2], text: "" }),
    episode(2, { group: "b", rewards: [6], text: "" }),
  ]);
  const returns = returnsToGo(batch, { gamma: 1 });
  const { turns, tails } = groupBaselines(batch, returns);
  deepStrictEqual([...turns], [2, 2, 4, 3]); // alone: the mean over the batch
  deepStrictEqual([...tails], [2, 4, 3]);
});

Deno.test("fitRidge() solves the normal equations", () => {
  const texts = ["red door", "blue door", "red box"].map((observation) => ({
    task: "",
    observation,
    lastAction: "",
    held: "",
    chosen: "",
    dense: [1],
  }));
  const features = headFeatures(texts, "planning");
  const targets = Float64Array.of(1, 0, 2), weights = Float64Array.of(1, 1, 1);
  const size = 2 ** 15 + 6;
  const w = fitRidge([{ features, targets, weights }], {
    size,
    alpha: 0.5,
    steps: 100,
  });
  // The gradient of the objective is 0: X'(Xw - y) + alpha w = 0.
  const gradient = w.map((one) => 0.5 * one);
  for (let row = 0; row < 3; row++) {
    const error = dotRow(features, row, w) - targets[row]!;
    for (let k = features.offsets[row]!; k < features.offsets[row + 1]!; k++) {
      gradient[features.indices[k]!]! += features.values[k]! * error;
    }
  }
  ok(gradient.every((one) => Math.abs(one) < 1e-9));
});

for (const [name, make] of Object.entries(MODELS)) {
  Deno.test(`a ${name} critic explains what the text tells, and is trusted from the third iteration on`, async () => {
    const critic = new LocalCritic(
      { name: "hae", gamma: 1 },
      make(),
    );
    const trusts: number[] = [];
    let explained = 0;
    for (let iteration = 0; iteration < 4; iteration++) {
      const { metrics } = await critic.credit(tellingBatch(iteration));
      trusts.push(metrics["critic_trust"]!);
      explained = metrics["critic_explained_variance"]!;
    }
    deepStrictEqual(trusts.slice(0, 2), [0, 0]);
    ok(trusts[3]! > 0.2, `${trusts}`);
    ok(explained > 0.4, `${explained}`);
  });

  Deno.test(`a ${name} critic of texts that tell nothing is not trusted, and credit is that of the group`, async () => {
    const blind = (seed: number) => {
      const random = createRandom(seed);
      return toEpisodeBatch(Array.from({ length: 80 }, (_, i) =>
        episode(i, {
          group: `g${i >> 1}`,
          rewards: [0, random.uniform() < 0.5 ? 1 : 0],
          text: "a door",
        })));
    };
    const critic = new LocalCritic(
      { name: "hae", gamma: 1, normalize: "none" },
      make(),
    );
    for (let iteration = 0; iteration < 3; iteration++) {
      await critic.credit(blind(iteration));
    }
    ok(critic.trust < 0.1, `${critic.trust}`);
    const group = new LocalCritic(
      { name: "hae", gamma: 1, normalize: "none" },
      undefined,
    );
    const batch = blind(9);
    const { credit } = await group.credit(batch);
    const returns = returnsToGo(batch, { gamma: 1 });
    const { turns } = groupBaselines(batch, returns);
    deepStrictEqual(
      credit.advantages.execution,
      returns.map((g, t) => g - turns[t]!),
    );
  });

  Deno.test(`cross-fitting: changing a task's returns changes no value of that task by a ${name} critic`, async () => {
    const values = async (bonus: number) => {
      const { episodes, ...batch } = tellingBatch(3);
      const rewards = batch.rewards.slice();
      const mine = episodes.findIndex(({ group }) => group === "g0");
      rewards[batch.offsets[mine]!]! += bonus;
      const changed = { ...batch, episodes, rewards };
      const returns = returnsToGo(changed, { gamma: 1 });
      const baselines = {
        turns: new Float64Array(returns.length),
        tails: new Float64Array(episodes.length),
      };
      const found = await make()
        .evaluate(changed, { returns, baselines });
      return found.turns.planning.slice(
        batch.offsets[mine],
        batch.offsets[mine + 1],
      );
    };
    deepStrictEqual(await values(100), await values(0));
  });

  Deno.test(`a ${name} critic goes on to the same numbers after it was saved and loaded`, async () => {
    const directory = await Deno.makeTempDir();
    const open = () =>
      new LocalCritic(
        { name: "hae", gamma: 1 },
        make(),
      );
    const one = open(), other = open();
    for (const seed of [1, 2, 3]) await one.credit(tellingBatch(seed));
    await one.save(directory);
    await other.load(directory);
    deepStrictEqual(
      await other.credit(tellingBatch(4)),
      await one.credit(tellingBatch(4)),
    );
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("a network explains what no linear model can: whether two words agree", async () => {
  const words = (one: boolean) => one ? "red" : "blue";
  const batch = (seed: number) => {
    const random = createRandom(seed);
    return toEpisodeBatch(Array.from({ length: 80 }, (_, i) => {
      const sign = random.uniform() < 0.5, door = random.uniform() < 0.5;
      return {
        ...episode(i, {
          group: `g${i >> 1}`,
          rewards: [sign === door ? 1 : 0],
          text: words(sign),
        }),
        task: words(door),
      };
    }));
  };
  const explained = async (model: ValueModel) => {
    const critic = new LocalCritic({ name: "hae", gamma: 1 }, model);
    let found = 0;
    for (let iteration = 0; iteration < 5; iteration++) {
      const { metrics } = await critic.credit(batch(iteration));
      found = metrics["critic_explained_variance"]!;
    }
    return found;
  };
  const linear = await explained(MODELS["linear"]!());
  const network = await explained(MODELS["network"]!());
  ok(linear < 0.2, `linear ${linear}`);
  ok(network > 0.4, `network ${network}`);
});

Deno.test("a critic's file is refused by another kind of critic", async () => {
  const directory = await Deno.makeTempDir();
  await MODELS["network"]!().save(directory);
  await rejects(
    MODELS["linear"]!().load(directory),
    /must be of the critic "linear": current value is "network"/,
  );
  await Deno.remove(directory, { recursive: true });
});

Deno.test("trust is a moving average of what is explained, never outside [0, 1]", () => {
  let trust = NO_TRUST;
  for (const explained of [-5, 2, 0.5]) trust = updateTrust(trust, explained);
  strictEqual(trust.measured, 3);
  ok(Math.abs(trustOf(trust) - (0.8 * 0.2 + 0.2 * 0.5)) < 1e-12);
});
