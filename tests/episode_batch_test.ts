import { deepStrictEqual, throws } from "node:assert/strict";
import {
  createRandom,
  toEpisodeBatch,
  trajectoriesOf,
  type Trajectory,
  trajectoryAt,
} from "../mod.ts";
import {
  createChainSmdp,
  randomTabularPolicy,
  sampleTabular,
  tabularTrajectories,
} from "../mod/studies.ts";

function episodes(): Trajectory[] {
  const world = createChainSmdp();
  const policy = randomTabularPolicy(world, { random: createRandom(1) });
  const played = sampleTabular(world, policy, {
    episodes: 5,
    random: createRandom(2),
  });
  return tabularTrajectories(world, played, { policy, groupSize: 2 });
}

Deno.test("trajectoriesOf() gives back what toEpisodeBatch() was given", () => {
  const trajectories = episodes();
  deepStrictEqual(trajectoriesOf(toEpisodeBatch(trajectories)), trajectories);
});

Deno.test("trajectoryAt() reads rewards from the column", () => {
  const batch = toEpisodeBatch(episodes());
  const doubled = { ...batch, rewards: batch.rewards.map((r) => 2 * r + 1) };
  deepStrictEqual(
    trajectoryAt(doubled, 1).turns.map((turn) => turn.reward),
    trajectoryAt(batch, 1).turns.map((turn) => 2 * turn.reward + 1),
  );
});

Deno.test("toEpisodeBatch() marks unknown numbers as NaN", () => {
  const { values, heldSubgoalValues } = toEpisodeBatch(episodes());
  deepStrictEqual(values.planning[0], NaN);
  deepStrictEqual(heldSubgoalValues[0], NaN);
});

Deno.test("trajectoryAt() says how many episodes there are", () => {
  throws(
    () => trajectoryAt(toEpisodeBatch(episodes()), 5),
    /"index" must be below 5: current value is 5/,
  );
});
