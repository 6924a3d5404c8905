import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { openCorridorSpec } from "../../lib/envs/corridor.ts";
import { EpisodeLostError } from "../../lib/envs/text_env.ts";
import { statelessPolicy } from "../../lib/policy/session.ts";
import type { StrategicPolicy } from "../../lib/policy/policy.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import { embedTexts, meanDistance } from "../../lib/rollout/similarity.ts";
import { drawStrategies } from "../../lib/rollout/strategies.ts";

const WORDS = ["go left", "go left now", "go right", "wait and see"];
const SPEC = { kind: "corridor", length: 3, doors: 0 };

/** Writes strategies by drawing from a list; acts as its strategy says, as long as that is allowed. */
function listPolicy(words: readonly string[]): StrategicPolicy {
  return {
    open(starts) {
      const { open } = statelessPolicy({
        decide: (situations, _, rows) =>
          situations.map(({ observation, past }, i) => ({
            switched: past.length === 0,
            subgoal: "",
            action: observation.admissibleActions[0]!,
            valid: true,
            trace: { kind: "untrainable" },
            ...(past.length === 0 && {
              strategy: starts[rows[i]!]!.strategy!.text,
            }),
          })),
      });
      return open(starts);
    },
    drawStrategies: (situations, randoms) =>
      situations.map((_, i) => {
        const text = words[randoms[i]!.integer(words.length)]!;
        return { strategy: { text, steps: [text] }, choices: [] };
      }),
  };
}

const schedule = (tasks: number, groupSize: number, seed = 1) =>
  scheduleEpisodes([SPEC], { random: createRandom(seed), tasks, groupSize });

Deno.test("drawStrategies() divides the episodes of a group among its most different strategies", async () => {
  const { assignments, groups } = await drawStrategies(
    listPolicy(WORDS),
    schedule(3, 6),
    { drawn: 40, kept: 3, open: openCorridorSpec },
  );
  strictEqual(assignments.length, 18);
  for (const { group, kept, distinct, drawnDistance, keptDistance } of groups) {
    const own = assignments.filter((one) => one.group === group);
    deepStrictEqual(
      own.map(({ strategy }) => strategy!.text),
      kept.flatMap(({ strategy: { text } }) => [text, text]),
    );
    strictEqual(new Set(kept.map(({ strategy }) => strategy.text)).size, 3);
    strictEqual(distinct, WORDS.length);
    ok(keptDistance > drawnDistance);
  }
  // The second one shares no word with the first.
  for (const { kept: [first, second] } of groups) {
    const [a, b] = embedTexts(
      [first!.strategy.text, second!.strategy.text],
      "words",
    );
    ok(meanDistance([a!, b!]) >= 0.6);
  }
});

Deno.test("a strategy is kept twice where too few distinct ones were drawn, and is in the trajectory", async () => {
  const policy = listPolicy(["go left"]);
  const { assignments, groups } = await drawStrategies(policy, schedule(2, 4), {
    ...{ drawn: 5, kept: 2, open: openCorridorSpec },
  });
  for (const { kept, distinct } of groups) {
    strictEqual(kept.length, 2);
    strictEqual(distinct, 1);
  }
  const played = await collectTrajectories(
    policy,
    assignments.map((one) => ({
      ...one,
      maxTurns: 2,
    })),
  );
  ok(played.every(({ strategy }) => strategy === "go left"));
});

Deno.test("the same weights and schedule draw the same strategies, whatever stands beside a group", async () => {
  const texts = async (tasks: number) => {
    const { groups } = await drawStrategies(
      listPolicy(WORDS),
      schedule(tasks, 2),
      { drawn: 6, kept: 2, open: openCorridorSpec },
    );
    return groups.map(({ kept }) => kept.map(({ strategy }) => strategy.text));
  };
  deepStrictEqual((await texts(4)).slice(0, 2), await texts(2));
});

Deno.test("drawStrategies() refuses numbers that do not fit", async () => {
  const draw = (drawn: number, kept: number, groupSize: number) =>
    drawStrategies(listPolicy(WORDS), schedule(1, groupSize), {
      ...{ drawn, kept, open: openCorridorSpec },
    });
  await rejects(draw(1, 2, 4), /"drawn" must be at least "kept", which is 2/);
  await rejects(draw(4, 3, 4), /must be a multiple of "kept", which is 3/);
  await rejects(draw(4, 0, 4), /"kept" must be a positive integer/);
});

Deno.test("a group whose world is gone is lost, and the others are played", async () => {
  let opened = 0;
  const lost: string[] = [];
  const { assignments } = await drawStrategies(
    listPolicy(WORDS),
    schedule(2, 2),
    {
      ...{ drawn: 4, kept: 2 },
      open(spec, seed) {
        if (opened++ === 0) throw new EpisodeLostError("no answer");
        return openCorridorSpec(spec, seed);
      },
      onLost: ({ id }) => lost.push(id),
    },
  );
  strictEqual(assignments.length, 2);
  strictEqual(lost.length, 2);
  ok(assignments.every(({ id }) => !lost.includes(id)));
});

Deno.test("texts are 0 apart from themselves and 1 from those that share nothing", () => {
  for (const similarity of ["words", "characters"] as const) {
    const distance = (...texts: string[]) =>
      meanDistance(embedTexts(texts, similarity));
    fc.assert(fc.property(fc.string({ minLength: 1 }), (text) => {
      const word = `x${text}`;
      ok(Math.abs(distance(word, word)) < 1e-12);
    }));
    strictEqual(distance("abc def", "uvw xyz"), 1);
    ok(distance("go left", "left go") > 0, "order counts");
  }
  strictEqual(meanDistance([new Float64Array([1, 0])]), 0);
});
