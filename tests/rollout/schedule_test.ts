import fc from "fast-check";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { EnvSpec } from "../../lib/envs/text_env.ts";
import { createRandom } from "../../lib/random.ts";
import { scheduleEpisodes, scheduleEvery } from "../../lib/rollout/schedule.ts";

const worlds = (count: number, types = 1): EnvSpec[] =>
  Array.from(
    { length: count },
    (_, i) => ({ kind: "corridor", taskType: `type ${i % types}`, index: i }),
  );

Deno.test("scheduleEpisodes() draws every world once before any again", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 30 }),
    fc.integer(),
    (count, tasks, seed) => {
      const episodes = scheduleEpisodes(worlds(count), {
        random: createRandom(seed),
        tasks,
      });
      strictEqual(episodes.length, tasks);
      strictEqual(new Set(episodes.map(({ id }) => id)).size, tasks);
      const drawn = new Map<unknown, number>();
      for (const { spec } of episodes) {
        drawn.set(spec.index, (drawn.get(spec.index) ?? 0) + 1);
      }
      const counts = [...drawn.values()];
      strictEqual(Math.max(...counts), Math.ceil(tasks / count));
      strictEqual(drawn.size, Math.min(count, tasks));
    },
  ));
});

Deno.test("scheduleEpisodes() gives a group one world and one seed, and every replica its number", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 1, max: 5 }),
    (tasks, groupSize) => {
      const options = { random: createRandom(3), tasks, groupSize };
      const episodes = scheduleEpisodes(worlds(4), options);
      strictEqual(episodes.length, tasks * groupSize);
      const groups = Map.groupBy(episodes, ({ group }) => group);
      strictEqual(groups.size, tasks);
      for (const group of groups.values()) {
        strictEqual(new Set(group.map(({ seed }) => seed)).size, 1);
        strictEqual(new Set(group.map(({ spec }) => spec)).size, 1);
        deepStrictEqual(
          group.map(({ replica }) => replica),
          group.map((_, i) => i),
        );
      }
      const seeds = [...groups.values()].map((group) => group[0]!.seed);
      strictEqual(new Set(seeds).size, tasks);
    },
  ));
});

Deno.test("scheduleEpisodes() spreads tasks evenly over the values of a setting", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), (tasks) => {
    const uneven = [...worlds(9, 9), ...worlds(20)]; // type 0 is everywhere
    const episodes = scheduleEpisodes(uneven, {
      random: createRandom(tasks),
      tasks,
      balanceBy: "taskType",
    });
    const counts = Map.groupBy(episodes, ({ spec }) => spec.taskType);
    const sizes = [...counts.values()].map((group) => group.length);
    strictEqual(Math.max(...sizes), Math.ceil(tasks / 9));
  }));
});

Deno.test("scheduleEpisodes() repeats itself for one seed and differs for another", () => {
  const draw = (seed: number) =>
    scheduleEpisodes(worlds(50), { random: createRandom(seed), tasks: 10 });
  deepStrictEqual(draw(1), draw(1));
  strictEqual(JSON.stringify(draw(1)) === JSON.stringify(draw(2)), false);
});

Deno.test("scheduleEvery() plays every world once, in order", () => {
  const specs = worlds(13);
  const episodes = scheduleEvery(specs, {
    random: createRandom(1),
    groupSize: 2,
  });
  deepStrictEqual(
    episodes.map(({ spec }) => spec),
    specs.flatMap((spec) => [spec, spec]),
  );
});

Deno.test("scheduleEpisodes() says which count or setting is wrong", () => {
  const random = createRandom(1);
  throws(() => scheduleEpisodes([], { random, tasks: 1 }), {
    name: "RangeError",
    message:
      "Cannot schedule episodes as there must be a world to play: current count is 0",
  });
  throws(() => scheduleEpisodes(worlds(1), { random, tasks: 0 }), {
    name: "RangeError",
    message:
      'Cannot schedule episodes as "tasks" must be a positive integer: current value is 0',
  });
  throws(
    () => scheduleEpisodes(worlds(1), { random, tasks: 1, balanceBy: "room" }),
    {
      name: "TypeError",
      message:
        'Cannot balance a schedule as every world must have "room": world 0 has none',
    },
  );
});
