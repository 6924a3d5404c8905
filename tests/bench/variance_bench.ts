/**
 * Speed of the variance study: episodes a second played, and judged by each estimator.
 *
 * Each iteration handles 512 episodes; divide 512 by the time for episodes a second.
 *
 * @module
 */

import { exactGradient, exactValues } from "../../lib/hae/study/exact.ts";
import { createChainSmdp } from "../../lib/hae/study/variance_study.ts";
import {
  studyEpisodes,
  tabularCredit,
} from "../../lib/hae/study/tabular_credit.ts";
import { gradientVariance } from "../../lib/hae/study/variance.ts";
import { createRandom } from "../../lib/random.ts";
import {
  randomTabularPolicy,
  sampleTabular,
} from "../../lib/hae/study/tabular.ts";

const EPISODES = 512;
const world = createChainSmdp();
const policy = randomTabularPolicy(world, { random: createRandom(1) });
const critic = exactValues(world, policy);
const random = createRandom(2);
const study = { smdp: world, policy, critic, groupSize: 8 };
const episodes = sampleTabular(world, policy, { episodes: EPISODES, random });
const batch = studyEpisodes(study, episodes);

Deno.bench("play 512 episodes", { group: "episodes", baseline: true }, () => {
  sampleTabular(world, policy, { episodes: EPISODES, random });
});

Deno.bench("write them as trajectories", { group: "episodes" }, () => {
  studyEpisodes(study, episodes);
});

for (
  const estimator of [
    { name: "hae" },
    { name: "gae" },
    { name: "token-gae" },
    { name: "rloo" },
    { name: "gigpo" },
  ] as const
) {
  Deno.bench(
    `credit of 512 episodes: ${estimator.name}`,
    { group: "credit", baseline: estimator.name === "hae" },
    () => {
      tabularCredit(study, batch, estimator);
    },
  );
}

Deno.bench(
  "gradients and moments of 512 episodes, HAE, all in",
  { group: "study", baseline: true },
  () => {
    gradientVariance(world, policy, {
      estimators: [{ name: "hae" }],
      critic,
      episodes: EPISODES,
      random,
      blocks: 2,
    });
  },
);

Deno.bench("exact values and gradient", { group: "study" }, () => {
  exactGradient(world, policy);
});
