/** Worlds on OpenEnv servers: canned peers of two versions, faults, and a served world through the wire. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createEnvOpener, listEnvs, openEnv } from "../../lib/envs/open_env.ts";
import { EpisodeLostError } from "../../lib/envs/text_env.ts";
import { createServedWorld } from "../../lib/serve/openenv/served_world.ts";
import { serveOpenEnv } from "../../lib/serve/openenv/server.ts";
import { expertPolicy } from "../../lib/policy/plan_execute.ts";
import { createRandom } from "../../lib/random.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";
import peers from "../vectors/openenv/peers.json" with { type: "json" };
import { MINI_HOUSE, PLAN } from "../serve/_mini_house.ts";
import { conformance } from "./_conformance.ts";

type Frames = readonly { dir: string; raw?: string; code?: number }[];
type Answer = (frame: { type: string; data?: unknown }) =>
  | string
  | undefined
  | "close"
  | "abort";

/** A server that answers by a function; `sent` counts steps. */
function fakeServer(options: {
  answer: Answer;
  schema?: unknown;
  greeting?: string;
}) {
  const steps: unknown[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, (request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      return new URL(request.url).pathname === "/schema" && options.schema
        ? Response.json(options.schema)
        : new Response("", { status: 404 });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      if (options.greeting === undefined) return;
      socket.send(options.greeting);
      socket.close(1000);
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "close") return socket.close(1000);
      if (frame.type === "step") steps.push(frame.data);
      const reply = options.answer(frame);
      if (reply === "close") socket.close(1000);
      else if (reply !== undefined) socket.send(reply);
    };
    return response;
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    steps,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Plays a recorded session back: resets begin it, steps go on with it. */
function replay(frames: Frames): Answer {
  let at = 0;
  return ({ type, data }) => {
    const { command } = (data ?? {}) as { command?: string };
    if (type !== "step") {
      const found = frames.findIndex(({ dir, raw }) =>
        dir === "c2s" && JSON.parse(raw!).type === type
      );
      if (type === "reset") at = found + 1;
      return frames[found + 1]?.raw ??
        '{"type":"state","data":{"step_count":0}}';
    }
    const next = frames.findIndex(({ dir, raw }, i) =>
      i >= at && dir === "c2s" && JSON.parse(raw!).data?.command === command
    );
    at = next + 1;
    return frames[next + 1]!.raw;
  };
}

const serve = (options = {}) =>
  serveOpenEnv(MINI_HOUSE, { port: 0, maxSteps: 5, ...options });

for (const { label, schema, sessions } of peers) {
  Deno.test(`a server of openenv ${label} is won, and says so`, async () => {
    await using server = fakeServer({
      answer: replay(sessions["happy path"]),
      schema,
    });
    const env = await openEnv({ kind: "openenv", url: server.url }, 7);
    const start = await env.start();
    strictEqual(start.task, "put the apple on the table");
    deepStrictEqual(start.observation.admissibleActions, [
      "look",
      "open fridge",
      "wait",
    ]);
    const steps = [];
    for (const command of ["wait", ...PLAN]) {
      steps.push(await env.step(command));
    }
    deepStrictEqual(steps.map(({ reward }) => reward), [0, 0, 0, 1]);
    const { ending, success, score } = steps.at(-1)!;
    deepStrictEqual([ending, success, score], ["terminated", true, 1]);
    await rejects(async () => await env.step("look"), /has ended/);
    await env[Symbol.asyncDispose]!();
    strictEqual(server.steps.length, 4);
  });

  Deno.test(`a limit of openenv ${label} truncates`, async () => {
    await using server = fakeServer({
      answer: replay(sessions.truncation),
      schema,
    });
    const env = await openEnv({ kind: "openenv", url: server.url }, 0);
    await env.start();
    let last;
    for (let t = 0; t < 5; t++) last = await env.step("wait");
    strictEqual(last!.ending, "truncated");
    strictEqual(last!.success, false);
    await env[Symbol.asyncDispose]!();
  });

  Deno.test(`a full server of openenv ${label} is refused with its number of sessions`, async () => {
    const greeting = sessions["capacity reached (4th of 3)"]
      .find(({ dir }: { dir: string }) => dir === "s2c") as { raw: string };
    await using server = fakeServer({
      answer: () => undefined,
      greeting: greeting.raw,
      schema,
    });
    const spec = { kind: "openenv", url: server.url, connectSeconds: 0.3 };
    await rejects(
      async () => await (await openEnv(spec, 0)).start(),
      /admits 3 sessions/,
    );
  });
}

Deno.test("a step without an answer loses the episode, and is sent once", async () => {
  for (const fault of [undefined, "close"] as const) {
    await using server = fakeServer({
      answer: ({ type }) =>
        type === "step"
          ? fault
          : '{"type":"observation","data":{"observation":{"text":"A hall."},"done":false}}',
    });
    const spec = {
      kind: "openenv",
      url: server.url,
      actionField: "command",
      stepSeconds: 0.2,
    };
    const env = await openEnv(spec, 0);
    await env.start();
    await rejects(async () => await env.step("go"), EpisodeLostError);
    await rejects(async () => await env.step("go"), /has ended/);
    await env[Symbol.asyncDispose]!();
    strictEqual(server.steps.length, 1);
  }
});

Deno.test("a batch is without the episodes that were lost, and counts them", async () => {
  let steps = 0;
  await using server = fakeServer({
    answer: ({ type }) =>
      type === "step" && ++steps === 2
        ? "close"
        : '{"type":"observation","data":{"observation":{"text":"A hall.","success":true},"reward":1,"done":' +
          `${type === "step"}}}`,
  });
  const spec = { kind: "openenv", url: server.url, actionField: "command" };
  const policy = expertPolicy(() => ({ subgoal: "leave", action: "go" }));
  const schedule = { random: createRandom(1), tasks: 1, groupSize: 3 };
  const lost: string[] = [];
  const played = await collectTrajectories(
    policy,
    scheduleEpisodes([spec], schedule),
    { onLost: ({ id }) => lost.push(id) },
  );
  strictEqual(played.length, 2);
  strictEqual(lost.length, 1);
  ok(!played.some(({ id }) => id === lost[0]));
  steps = 0;
  await rejects(
    collectTrajectories(policy, scheduleEpisodes([spec], schedule)),
    /world failed/,
  );
});

Deno.test("errors of the world are observations, errors of the mapping are the caller's", async () => {
  await using server = serve();
  const env = await openEnv({ kind: "openenv", url: server.url }, 3);
  await env.start();
  const broken = await env.step("boom");
  strictEqual(broken.observation.text, "the world broke");
  strictEqual(broken.reward, 0);
  const next = await env.step(PLAN[0]!);
  strictEqual(next.observation.text, "OK: open fridge.");
  await env[Symbol.asyncDispose]!();
  const wrong = await openEnv({
    kind: "openenv",
    url: server.url,
    actionField: "text",
  }, 3);
  await wrong.start();
  await rejects(async () => await wrong.step("look"), /"actionField".*command/);
  await wrong[Symbol.asyncDispose]!();
});

Deno.test("one slot serves fifty episodes, one after the other", async () => {
  await using server = serve({ sessions: 1 });
  const open = createEnvOpener();
  for (let seed = 0; seed < 50; seed++) {
    const env = await open({
      kind: "openenv",
      url: server.url,
      connectSeconds: 2,
    }, seed);
    await env.start();
    await env.step(PLAN[0]!);
    await env[Symbol.asyncDispose]!();
  }
});

Deno.test("a server with tools is played through the one that takes a text", async () => {
  const tools = [
    {
      name: "act",
      input_schema: {
        required: ["command"],
        properties: { command: { type: "string" } },
      },
    },
    { name: "look", input_schema: { properties: {} } },
  ];
  await using server = fakeServer({
    schema: { action: { title: "CallToolAction" } },
    answer: ({ type, data }) => {
      const { type: kind, tool_name: tool, arguments: given } =
        (data ?? {}) as Record<string, unknown>;
      const observation = kind === "list_tools"
        ? { tools }
        : type === "step"
        ? {
          tool_name: tool,
          result: { data: `You ${(given as { command: string }).command}.` },
          error: null,
        }
        : { metadata: { status: "ready" } };
      return JSON.stringify({
        type: "observation",
        data: { observation, done: false },
      });
    },
  });
  const env = await openEnv({ kind: "openenv", url: server.url }, 0);
  await env.start();
  strictEqual((await env.step("wait")).observation.text, "You wait.");
  await env[Symbol.asyncDispose]!();
});

Deno.test("tokens, unknown servers, wrong addresses", async () => {
  await using server = serve({ token: "sesame" });
  Deno.env.set("HIPER_TEST_TOKEN", "sesame");
  const spec = { kind: "openenv", url: server.url };
  const env = await openEnv({ ...spec, tokenVariable: "HIPER_TEST_TOKEN" }, 0);
  await env.start();
  await env[Symbol.asyncDispose]!();
  Deno.env.delete("HIPER_TEST_TOKEN");
  await rejects(
    async () =>
      await (await openEnv({ ...spec, tokenVariable: "HIPER_TEST_TOKEN" }, 0))
        .start(),
    /"tokenVariable"/,
  );
  await rejects(async () =>
    await (await openEnv(
      { ...spec, actionField: "command", connectSeconds: 1 },
      0,
    )).start()
  );
  await rejects(
    async () => await openEnv({ kind: "openenv", url: "ftp://x" }, 0),
    /"url"/,
  );
  const none = { kind: "openenv", url: "http://127.0.0.1:9", actionField: "a" };
  await rejects(
    async () => await (await openEnv(none, 0)).start(),
    EpisodeLostError,
  );
});

Deno.test("the tasks of a server are a dataset", async () => {
  await using server = serve();
  const specs = await listEnvs({
    dataset: "openenv",
    url: server.url,
    split: "train",
    count: 2,
    settings: { stepSeconds: 5 },
  });
  strictEqual(specs.length, 2);
  const env = await openEnv(specs[1]!, 0);
  strictEqual((await env.start()).task, "cool the apple");
  await env[Symbol.asyncDispose]!();
  await rejects(
    listEnvs({ dataset: "openenv", url: server.url, split: "nope" }),
    /must list the tasks/,
  );
});

const corridor = serveOpenEnv(
  await createServedWorld("corridor", { settings: { length: 5 } }),
  { port: 0, reward: "world" },
);
addEventListener("unload", () => void corridor[Symbol.asyncDispose]());

conformance(
  "a corridor through the wire",
  createEnvOpener(),
  { kind: "openenv", url: corridor.url },
  { seeds: [1], turns: 8 },
);
