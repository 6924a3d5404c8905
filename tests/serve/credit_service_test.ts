/** Credit as a service gives the digits of credit in process, and refuses what is wrong by its place. */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { toEpisodeBatch } from "../../lib/episode_batch.ts";
import {
  creditBatch,
  ESTIMATOR_NAMES,
  type EstimatorConfig,
} from "../../lib/hae/credit.ts";
import { createRandom } from "../../lib/random.ts";
import {
  answerCredit,
  creditEpisodes,
} from "../../lib/serve/credit/credit_service.ts";
import type { CreditRequest } from "../../lib/serve/credit/request.ts";
import { serveCredit } from "../../lib/serve/credit/server.ts";
import { byDecision, type Trajectory } from "../../lib/trajectory.ts";

/** Episodes with values, in groups of four; every third is truncated. */
function drawTrajectories(count: number, turns: number): Trajectory[] {
  const random = createRandom(11);
  return Array.from({ length: count }, (_, i): Trajectory => {
    const truncated = i % 3 === 2;
    let subgoal = 0;
    const last = random.normal();
    return {
      id: `e${i}`,
      task: "",
      group: `g${i >> 2}`,
      strategy: `s${i >> 1}`,
      turns: Array.from({ length: turns }, (_, t) => {
        const switched = t === 0 || random.uniform() < 0.3;
        if (switched) subgoal++;
        return {
          observation: {
            text: `room ${random.integer(3)}`,
            admissibleActions: [],
            stateKey: "",
          },
          decision: {
            switched,
            subgoal: `subgoal ${subgoal}`,
            action: "",
            valid: true,
            trace: { kind: "untrainable" as const },
            values: byDecision(() => random.normal()),
            switchProbability: random.uniform(),
            heldSubgoalValue: random.normal(),
          },
          reward: random.normal(),
        };
      }).map((turn) => ({
        ...turn,
        observation: { ...turn.observation, stateKey: turn.observation.text },
      })),
      ending: truncated ? "truncated" : "terminated",
      success: true,
      score: 1,
      bootstrap: byDecision(() => truncated ? last : 0),
      seed: 0,
    };
  });
}

function requestOf(trajectories: readonly Trajectory[]): CreditRequest {
  return {
    version: 1,
    episodes: trajectories.map(({ id, group, strategy, ...one }) => ({
      id,
      group,
      strategy: strategy!,
      terminated: one.ending === "terminated",
      truncated: one.ending === "truncated",
      bootstrap_value: one.ending === "truncated"
        ? one.bootstrap.execution
        : null,
      turns: one.turns.map(({ observation, decision, reward }) => ({
        reward,
        kind: "execute",
        subgoal: decision.subgoal,
        value: decision.values!.execution,
        value_plan: decision.values!.planning,
        value_switch: decision.values!.switching,
        switch_probability: decision.switchProbability!,
        held_value: decision.heldSubgoalValue!,
        observation: observation.text,
      })),
    })),
  };
}

const SETTINGS: Readonly<Record<string, Record<string, unknown>>> = {
  remax: { baselines: { g0: 0.5, g1: 0.25, g2: 1 } },
  hae: { lambdaBoundary: 0.5, truncation: "bootstrap" },
};

const trajectories = drawTrajectories(12, 9);

for (const name of ESTIMATOR_NAMES) {
  Deno.test(`credit of ${name} has the digits of the estimator in process`, () => {
    const settings = SETTINGS[name] ?? {};
    const batch = toEpisodeBatch(trajectories);
    const estimator = { name, ...settings } as EstimatorConfig;
    const wanted = creditBatch(batch, estimator);
    const { ok: fine, json } = answerCredit(JSON.stringify({
      ...requestOf(trajectories),
      algorithm: name,
      settings,
    }));
    ok(fine, json);
    const reply = JSON.parse(json);
    const got = reply.episodes.flatMap((one: { advantages: number[] }) =>
      one.advantages
    );
    deepStrictEqual(got, [...wanted.advantages.execution]);
    for (const [i, one] of reply.episodes.entries()) {
      for (const { turn, role, advantage, target } of one.spans) {
        const decision = ({
          switch: "switching",
          plan: "planning",
          execute: "execution",
        } as const)[role as "switch"];
        const at = batch.offsets[i]! + turn;
        strictEqual(advantage, wanted.advantages[decision][at]);
        const taught = wanted.targets?.[decision][at] ?? NaN;
        strictEqual(target, Number.isFinite(taught) ? taught : null);
      }
    }
  });
}

Deno.test("the words of the contract are those of the estimator", () => {
  const asked = {
    ...requestOf(trajectories),
    gamma: 0.99,
    lambda: 0.95,
    gamma_plan: 1,
    lambda_plan: 0.9,
  };
  const same = {
    ...requestOf(trajectories),
    settings: { gamma: 0.99, lambdaTurn: 0.95, lambdaSegment: 0.9 },
  };
  deepStrictEqual(creditEpisodes(asked), creditEpisodes(same));
  const { stats } = creditEpisodes({ ...asked, normalize: "batch" });
  ok(Math.abs(stats.mean) < 1e-12 && Math.abs(stats.std - 1) < 1e-12);
  const grouped = creditEpisodes({ ...asked, normalize: "group" });
  for (let g = 0; g < 3; g++) {
    const all = grouped.episodes.slice(4 * g, 4 * g + 4)
      .flatMap(({ advantages }) => advantages);
    ok(Math.abs(all.reduce((a, b) => a + b, 0)) < 1e-9);
  }
});

Deno.test("without values a critic's estimator takes returns, normalized within the group", () => {
  const turns = (last: number) => [
    { reward: 0, subgoal: "a" },
    { reward: 0, subgoal: "b" },
    { reward: last, subgoal: "b" },
  ];
  const { variant, episodes } = creditEpisodes({
    gamma: 0.5,
    episodes: [
      { id: "won", group: "g", turns: turns(1) },
      { id: "lost", group: "g", turns: turns(0) },
    ],
  });
  strictEqual(variant, "value-free");
  deepStrictEqual(episodes[0]!.returns, [0.25, 0.5, 1]);
  ok(episodes[0]!.advantages[2]! > episodes[0]!.advantages[0]!);
  ok(episodes[1]!.advantages.every((one) => one < 0));
  const plain = creditEpisodes({
    gamma: 0.5,
    normalize: "none",
    episodes: [{ id: "won", turns: turns(1) }],
  });
  deepStrictEqual(plain.episodes[0]!.advantages, [0.25, 0.5, 1]);
});

Deno.test("turns that only plan have planning's credit, and segments one number each", () => {
  const { episodes: [credit] } = creditEpisodes({
    settings: { lambdaSegment: 1, lambdaTurn: 1 },
    episodes: [{
      id: "e",
      turns: [
        { reward: 0, kind: "plan", subgoal: "a", value_plan: 0.5 },
        {
          reward: 0,
          subgoal: "a",
          value: 0.25,
          segments: [{ role: "execute", start: 0, end: 4 }],
        },
        {
          reward: 1,
          subgoal: "a",
          value: 0.75,
          segments: [
            { role: "execute", start: 0, end: 2 },
            { role: "plan", start: 2, end: 3 },
          ],
        },
      ],
    }],
  });
  deepStrictEqual(credit!.advantages, [0.5, 0.75, 0.25]);
  deepStrictEqual(credit!.segments, [[], [0.75], [0.25, 0]]);
  deepStrictEqual(credit!.spans.map(({ turn, role }) => [turn, role]), [
    [0, "plan"],
    [1, "execute"],
    [2, "execute"],
  ]);
});

Deno.test("what is wrong is named by its place, and nothing else is answered", () => {
  const turn = { reward: 0, value: 0 };
  const episode = { id: "a", turns: [turn] };
  const places: [unknown, string][] = [
    [[], ""],
    [{}, "episodes"],
    [{ episodes: {} }, "episodes"],
    [
      { episodes: [episode, { id: "b", turns: [turn, { reward: "1" }] }] },
      "episodes[1].turns[1].reward",
    ],
    [
      { episodes: [{ id: "b", turns: [{ reward: null }] }] },
      "episodes[0].turns[0].reward",
    ],
    [
      { episodes: [{ id: "b", turns: [{ reward: 0, vlaue: 1 }] }] },
      "episodes[0].turns[0].vlaue",
    ],
    [{ episodes: [episode, episode] }, "episodes[1].id"],
    [{ episodes: [{ id: "b", turns: [] }] }, "episodes[0].turns"],
    [
      { episodes: [{ ...episode, terminated: true, truncated: true }] },
      "episodes[0].truncated",
    ],
    [
      { episodes: [{ ...episode, truncated: true }] },
      "episodes[0].bootstrap_value",
    ],
    [
      { episodes: [episode, { id: "b", turns: [{ reward: 1 }] }] },
      "episodes[1].turns[0].value",
    ],
    [{ episodes: [episode], algorithm: "hea" }, "algorithm"],
    [{ episodes: [episode], gamma: 1.5 }, "gamma"],
    [{ episodes: [episode], gamma_plan: 0.9 }, "gamma_plan"],
    [{ episodes: [episode], algorithm: "rloo", gamma: 1 }, "gamma"],
    [{ episodes: [episode], settings: { lamdaTurn: 1 } }, "settings.lamdaTurn"],
    [
      { episodes: [episode], settings: { lambdaTurn: 7 } },
      "settings.lambdaTurn",
    ],
    [{ episodes: [episode], version: 2 }, "version"],
    [{ episodes: [episode], "__proto__x": 1 }, "__proto__x"],
    [{
      episodes: [{
        id: "a",
        turns: [{ ...turn, segments: [{ role: "plan", start: 2, end: 1 }] }],
      }],
    }, "episodes[0].turns[0].segments[0].end"],
    [{
      episodes: [{ id: "a", turns: [turn] }],
      algorithm: "remax",
      settings: { baselines: {} },
    }, "episodes"],
  ];
  for (const [request, place] of places) {
    const { ok: fine, json } = answerCredit(JSON.stringify(request));
    const reply = JSON.parse(json);
    ok(!fine, place);
    strictEqual(reply.errors[0].place, place);
    match(reply.errors[0].message, /^Cannot assign credit/);
    strictEqual(reply.episodes, undefined);
  }
  for (
    const text of [
      "",
      "{",
      '{"episodes":[{"id":"a","turns":[{"reward":NaN}]}]}',
    ]
  ) {
    ok(!answerCredit(text).ok);
  }
});

Deno.test("over HTTP: gzip, too long, too long once unpacked, wrong method, token", async () => {
  await using server = serveCredit({ port: 0, token: "sesame" });
  const url = `${server.url}/v1/credit`;
  const headers = { authorization: "Bearer sesame" };
  const gzip = (text: string) =>
    new Response(
      new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
  const post = async (body: BodyInit, more = {}) => {
    const answer = await fetch(url, {
      method: "POST",
      body,
      headers: { ...headers, ...more },
    });
    return { status: answer.status, json: await answer.json() };
  };
  const request = JSON.stringify(requestOf(trajectories));
  const plain = await post(request);
  strictEqual(plain.status, 200);
  const packed = { "content-encoding": "gzip" };
  deepStrictEqual(await post(await gzip(request), packed), plain);
  strictEqual((await post("{}")).status, 422);
  strictEqual((await post("no gzip", packed)).status, 400);
  const bomb = await gzip(" ".repeat(20_000_000));
  strictEqual((await post(bomb, packed)).status, 413);
  strictEqual((await post(" ".repeat(17_000_000))).status, 413);
  const get = await fetch(url, { headers });
  strictEqual(get.status, 405);
  await get.body?.cancel();
  const without = await fetch(url, { method: "POST", body: request });
  strictEqual(without.status, 401);
  await without.body?.cancel();
});
