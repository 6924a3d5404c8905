/** Worlds on AgentGym servers, against fake servers that answer as the real ones do. */

import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { createEnvOpener, listEnvs } from "../../lib/envs/open_env.ts";
import { EpisodeLostError } from "../../lib/envs/text_env.ts";

type Body = Record<string, unknown>;
type Route = (body: Body) => unknown;

/** A server of routes; what a route throws becomes HTTP 500, a `Response` is sent as it is. */
function fakeServer(routes: Record<string, Route>) {
  const asked: [string, Body][] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response("Internal Server Error", { status: 500 }),
  }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const text = await request.text();
    const body = text === ""
      ? Object.fromEntries(searchParams)
      : JSON.parse(text);
    asked.push([pathname, body]);
    const route = routes[pathname];
    if (!route) return new Response("{}", { status: 404 });
    const reply = await route(body);
    return reply instanceof Response ? reply : Response.json(reply);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    count: (path: string) => asked.filter(([one]) => one === path).length,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const spec = (url: string, environment: string, more = {}) => ({
  kind: "agentgym",
  url,
  environment,
  task: 3,
  ...more,
});

Deno.test("ALFWorld: a win terminates, the engine's limit truncates, environments are used again", async () => {
  let reward = 0;
  await using server = fakeServer({
    "/create": () => ({ id: 0 }),
    "/reset": () => ({
      id: 0,
      observation:
        "You are in the middle of a room.\nYour task is to: put some mug on desk.",
      available_actions: ["go to desk 1", "help", "look"],
      task_type: "pick_and_place_simple-Mug-None-Desk-308/trial_T1",
    }),
    "/step": () => ({
      observation: "Nothing happens.",
      reward,
      available_actions: ["help", "look"],
      done: true,
    }),
  });
  const open = createEnvOpener();
  for (const [paid, ending] of [[0, "truncated"], [1, "terminated"]] as const) {
    reward = paid;
    const env = await open(spec(server.url, "alfworld"), 0);
    const start = await env.start();
    strictEqual(start.task, "put some mug on desk.");
    strictEqual(start.taskType, "pick_and_place_simple");
    deepStrictEqual(start.observation.admissibleActions, [
      "go to desk 1",
      "look",
    ]);
    const step = await env.step(" Go to Desk 1 ");
    deepStrictEqual([step.ending, step.success], [ending, paid === 1]);
    await rejects(async () => await env.step("look"), /has ended/);
    await env[Symbol.asyncDispose]!();
  }
  deepStrictEqual(server.asked.map(([path]) => path), [
    "/create",
    "/reset",
    "/step",
    "/reset",
    "/step",
  ]);
  deepStrictEqual(server.asked[1]![1], { id: 0, game: 3, world_type: "Text" });
  strictEqual(server.asked[2]![1].action, "go to desk 1");
});

Deno.test("WebShop: bare numbers, arrays, two requests a turn, a failure loses the episode", async () => {
  let broken = false;
  await using server = fakeServer({
    "/create": () => 31415926,
    "/reset": () => [
      "WebShop [SEP] Instruction: [SEP] find a red mug [SEP] Search",
      null,
    ],
    "/step": ({ action }) => {
      if (broken) throw new Error("broken");
      const bought = action === "click[buy now]";
      return {
        state: "Instruction: [SEP] find a red mug",
        reward: bought ? 0.5 : 0,
        done: bought,
        info: null,
      };
    },
    "/available_actions": () => ({
      has_search_bar: true,
      clickables: ["search", "back to search"],
    }),
  });
  const open = createEnvOpener();
  const env = await open(spec(server.url, "webshop"), 0);
  const start = await env.start();
  strictEqual(start.task, "find a red mug");
  deepStrictEqual(start.observation.admissibleActions, [
    "search[<your query>]",
    "click[back to search]",
  ]);
  await env.step("search[Red Mug]");
  const { reward, success, ending, score } = await env.step("click[Buy Now]");
  deepStrictEqual([reward, success, ending, score], [
    0.5,
    false,
    "terminated",
    0.5,
  ]);
  await env[Symbol.asyncDispose]!();
  const again = await open(spec(server.url, "webshop"), 0);
  await again.start();
  strictEqual(server.count("/create"), 1);
  broken = true;
  const before = server.count("/step");
  await rejects(async () => await again.step("search[mug]"), EpisodeLostError);
  strictEqual(server.count("/step"), before + 1);
  await again[Symbol.asyncDispose]!();
  const fresh = await open(spec(server.url, "webshop"), 0);
  await fresh.start();
  strictEqual(server.count("/create"), 2); // the one that failed serves no more
  await fresh[Symbol.asyncDispose]!();
});

Deno.test("ScienceWorld: changes of the score are paid, a fatal mistake ends", async () => {
  const steps = [
    { observation: "A kitchen.", reward: 3, score: 3, done: false },
    { observation: "You died.", reward: -103, score: -100, done: true },
  ];
  await using server = fakeServer({
    "/create": () => ({ id: 4 }),
    "/reset": () => ({
      task_name: "boil",
      task_description: "Boil water.",
      observation: "A hall.",
      reward: 0,
      score: 0,
      done: false,
    }),
    "/step": () => steps.shift(),
    "/close": () => true,
  });
  const env = await createEnvOpener()(spec(server.url, "sciworld"), 0);
  const start = await env.start();
  deepStrictEqual([start.task, start.taskType], ["Boil water.", "boil"]);
  strictEqual(start.observation.text, "Boil water.\nA hall.");
  const first = await env.step("go to kitchen");
  deepStrictEqual([first.reward, first.score], [0.03, 0.03]);
  const last = await env.step("drink acid");
  deepStrictEqual([last.ending, last.success, last.score], [
    "terminated",
    false,
    0,
  ]);
  await env[Symbol.asyncDispose]!();
  strictEqual(server.count("/close"), 1);
});

Deno.test("BabyAI: any reward wins, goals are remembered, actions stand in the text", async () => {
  await using server = fakeServer({
    "/create": () => ({ id: 0 }),
    "/reset": () => ({
      observation:
        'Your goal: go to the red ball\nAvailable actions: ["turn left", "go to red ball 1", "check available actions"]',
      reward: 0,
      score: 0,
      done: false,
    }),
    "/step": () => ({
      observation: 'There.\nAvailable actions: ["turn left"',
      reward: 0.4,
      score: 0.4,
      done: false,
    }),
    "/close": () => true,
  });
  const env = await createEnvOpener()(spec(server.url, "babyai"), 0);
  const start = await env.start();
  strictEqual(start.task, "go to the red ball");
  deepStrictEqual(start.observation.admissibleActions, [
    "turn left",
    "go to red ball 1",
  ]);
  const { success, ending, reward, observation } = await env.step("go");
  deepStrictEqual([success, ending, reward], [true, "terminated", 0.4]);
  deepStrictEqual(observation.admissibleActions, ["turn left"]);
  await env[Symbol.asyncDispose]!();
});

Deno.test("TextCraft: create has a body, a won episode is over, errors inside 200 count", async () => {
  await using server = fakeServer({
    "/create": (body) =>
      Object.keys(body).length === 0
        ? { id: 0, observation: "", done: false, reward: 0 }
        : new Response("{}", { status: 422 }),
    "/reset": ({ data_idx }) =>
      data_idx === 3
        ? {
          id: 0,
          observation:
            "Crafting commands:\ncraft 4 stick using 2 oak planks\n\nGoal: craft stick.",
          done: false,
          reward: 0,
        }
        : { error: "no such task" },
    "/step": () => ({ observation: "Crafted", reward: 1, done: true }),
    "/close": () => true,
  });
  const open = createEnvOpener();
  const env = await open(spec(server.url, "textcraft"), 0);
  strictEqual((await env.start()).task, "craft stick");
  strictEqual((await env.step("craft 4 stick")).ending, "terminated");
  await rejects(async () => await env.step("inventory"), /has ended/);
  await env[Symbol.asyncDispose]!();
  strictEqual(server.count("/step"), 1);
  const none = await open(spec(server.url, "textcraft", { task: 9 }), 0);
  await rejects(async () => await none.start(), /no such task/);
});

Deno.test("a step that is cut is not repeated, a reset is", async () => {
  let resets = 0;
  const late = () => new Promise((resolve) => setTimeout(resolve, 400));
  await using server = fakeServer({
    "/create": () => ({ id: 0 }),
    "/reset": async () => {
      if (resets++ === 0) await late();
      return { observation: "Goal: craft stick.", reward: 0, done: false };
    },
    "/step": async () => {
      await late();
      return { observation: "", reward: 0, done: false };
    },
    "/close": () => true,
  });
  const times = { resetSeconds: 0.3, stepSeconds: 0.1 };
  const env = await createEnvOpener()(
    spec(server.url, "textcraft", times),
    0,
  );
  await env.start();
  strictEqual(resets, 2);
  await rejects(async () => await env.step("get 1 log"), EpisodeLostError);
  await new Promise((resolve) => setTimeout(resolve, 500));
  strictEqual(server.count("/step"), 1);
  await env[Symbol.asyncDispose]!();
});

Deno.test("a dataset numbers tasks; servers take turns", async () => {
  const specs = await listEnvs({
    dataset: "agentgym",
    url: ["http://127.0.0.1:1", "http://127.0.0.1:2"],
    environment: "babyai",
    first: 5,
    count: 2,
  });
  deepStrictEqual(specs.map(({ task }) => task), [5, 6]);
  await rejects(
    listEnvs({
      dataset: "agentgym",
      url: "x",
      environment: "babyia",
      count: 1,
    }),
    /did you mean "babyai"/,
  );
});
