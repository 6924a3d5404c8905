import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createCache } from "../../lib/envs/cache.ts";
import {
  createEnvOpener,
  findWorld,
  listEnvs,
  openEnv,
  WORLDS,
} from "../../lib/envs/open_env.ts";
import { proposerOf } from "../../lib/train/assemble_policy.ts";
import type { TextEnv } from "../../lib/envs/text_env.ts";
import { z } from "zod";
import { conformance } from "./_conformance.ts";
import { miniatureHouse } from "./pddl/_miniature.ts";

/** A game file in a folder of its own, for as long as a test runs. */
async function withGame(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/game.tw-pddl`;
    await Deno.writeTextFile(path, JSON.stringify(miniatureHouse("simple")));
    await run(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function solve(
  env: TextEnv,
): Promise<{ rewards: number[]; ending: string | undefined }> {
  await env.start();
  const rewards: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const step = await env.step(env.hint!()!.action);
    rewards.push(step.reward);
    if (step.ending !== undefined) return { rewards, ending: step.ending };
  }
  return { rewards, ending: undefined };
}

conformance("the corridor", openEnv, { kind: "corridor", length: 5 });

Deno.test("openEnv() opens a game file with its expert", async () => {
  await withGame(async (path) => {
    const { taskType } = await (await openEnv({ kind: "game", path }, 1))
      .start();
    strictEqual(taskType, "pick_and_place_simple");
    const { rewards, ending } = await solve(
      await openEnv({ kind: "game", path }, 1),
    );
    deepStrictEqual(rewards, [0, 0, 0, 0, 10]);
    strictEqual(ending, "terminated");
  });
});

Deno.test("openEnv() passes reward, limit and hints on", async () => {
  await withGame(async (path) => {
    const env = await openEnv({
      kind: "game",
      path,
      reward: 1,
      stepLimit: 2,
      hints: false,
    }, 1);
    await env.start();
    strictEqual(env.hint, undefined);
    strictEqual((await env.step("look")).ending, undefined);
    strictEqual((await env.step("look")).ending, "truncated");
  });
});

Deno.test("openEnv() knows the reference's choices by name", async () => {
  await withGame(async (path) => {
    const env = await openEnv({
      kind: "game",
      path,
      preset: "alfworld-reference",
    }, 1);
    await env.start();
    const endings: (string | undefined)[] = [];
    for (let turn = 0; turn < 50; turn++) {
      endings.push((await env.step("x")).ending);
    }
    deepStrictEqual([endings[48], endings[49]], [undefined, "terminated"]);
  });
});

Deno.test("an opener reads a file once and forgets what was not used for long", async () => {
  await withGame(async (path) => {
    const open = createEnvOpener({ games: 1 });
    await open({ kind: "game", path }, 1);
    await Deno.rename(path, `${path}.gone`);
    await (await open({ kind: "game", path }, 2)).start();
    await rejects(
      async () => await open({ kind: "game", path: `${path}.none` }, 1),
      Deno.errors.NotFound,
    );
    await rejects(
      async () => await open({ kind: "game", path }, 3),
      Deno.errors.NotFound,
    );
  });
});

Deno.test("openEnv() refuses kinds and settings it does not know", async () => {
  throws(() => openEnv({ kind: "gmae" }, 1), /did you mean "game"/);
  throws(() => openEnv({ kind: "constructor" }, 1), TypeError);
  await rejects(
    async () => await openEnv({ kind: "game" }, 1),
    /"path" must be text: current value is absent/,
  );
  await rejects(
    async () => await openEnv({ kind: "game", path: "x", rewrad: 1 }, 1),
    /"rewrad" is not a setting: did you mean "reward"/,
  );
  await rejects(
    async () => await openEnv({ kind: "game", path: "x", stepLimit: 0.5 }, 1),
    /"stepLimit"/,
  );
});

Deno.test("every setting of every world and dataset says what it means", () => {
  for (const [kind, { settings, datasets = {} }] of Object.entries(WORLDS)) {
    const families = Object.entries(datasets).map(([name, family]) =>
      [name, family.settings] as const
    );
    for (const [name, schema] of [[kind, settings] as const, ...families]) {
      const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
      for (const [setting, property] of Object.entries(properties)) {
        if (["kind", "dataset"].includes(setting)) continue;
        ok(
          typeof property === "object" && property.description,
          `${name}.${setting}`,
        );
      }
    }
  }
});

Deno.test("createCache() keeps what was used last, and no failures", async () => {
  const cache = createCache<number>(2);
  let made = 0;
  const make = () => ++made;
  cache.get("a", make);
  cache.get("b", make);
  cache.get("a", make);
  cache.get("c", make); // drops b
  strictEqual(cache.get("a", make), 1);
  strictEqual(cache.get("b", make), 4);
  const fails = () => Promise.reject(new Error("no"));
  await rejects(async () => await cache.get("d", fails), /no/);
  const later = cache.get("d", () => Promise.resolve(7));
  strictEqual(cache.get("d", make), later, "asked together, made once");
  await later;
  strictEqual(cache.get("d", make), 7);
});

Deno.test("a module's worlds bring their own subgoals and alternatives", async () => {
  const source = `export const openEnv = () => {};
    export const proposeSubgoals = ({ task }) => ["do " + task];
    export const alternatives = (_, { action }) => [action];`;
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  const spec = { kind: "module", url, size: 1 };
  const { alternatives } = await findWorld(spec);
  const observation = { text: "", admissibleActions: ["go"], stateKey: "" };
  const situation = { task: "it", past: [], observation };
  deepStrictEqual(
    alternatives!(situation, { subgoal: "", action: "go" }),
    ["go"],
  );
  const propose = await proposerOf([spec, { ...spec, size: 2 }]);
  deepStrictEqual(propose(situation), ["do it"]);
  await rejects(
    proposerOf([spec, { kind: "corridor" }]),
    /must share a list of subgoals.*"module" data.*"corridor"/,
  );
  const silent = "data:text/javascript,export const openEnv = () => {};";
  await rejects(
    proposerOf([{ kind: "module", url: silent }]),
    /must propose subgoals/,
  );
  const wrong =
    "data:text/javascript,export const openEnv = () => {}; export const proposeSubgoals = 1;";
  await rejects(
    findWorld({ kind: "module", url: wrong }),
    /"proposeSubgoals", "proposeSteps", "proposeStrategy" and "alternatives" must be functions/,
  );
  const half =
    "data:text/javascript,export const openEnv = () => {}; export const subgoalRule = { serves() {} };";
  await rejects(
    findWorld({ kind: "module", url: half }),
    /"subgoalRule" must have "serves" and "achieved"/,
  );
  const ruled =
    "data:text/javascript,export const openEnv = () => {}; export const proposeSteps = () => ['go']; export const subgoalRule = { serves: () => true, achieved: () => false };";
  const guide = await findWorld({ kind: "module", url: ruled });
  deepStrictEqual(Object.keys(guide.subgoalRule!), ["serves", "achieved"]);
  strictEqual(typeof guide.proposeSteps, "function");
});

Deno.test("openEnv() opens worlds of a module outside the project", async () => {
  const source = `export const openEnv = (spec, seed) => ({
    start: () => ({ task: spec.word + seed, observation: { text: "", admissibleActions: ["go"], stateKey: "" } }),
    step: () => ({ observation: { text: "", admissibleActions: [], stateKey: "" }, reward: 1, success: true, ending: "terminated" }),
  });`;
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  const env = await openEnv({ kind: "module", url, word: "hello" }, 7);
  strictEqual((await env.start()).task, "hello7");
  const path = "tests/docs/errand_world.ts";
  await (await openEnv({ kind: "module", url: path }, 1)).start();
  const empty = "data:text/javascript,export const other = 1;";
  await rejects(
    async () => await openEnv({ kind: "module", url: empty }, 1),
    /must export a function "openEnv"/,
  );
});

Deno.test("listEnvs() refuses datasets it does not know", async () => {
  await rejects(listEnvs({ dataset: "alfword" }), /did you mean "alfworld"/);
  await rejects(
    listEnvs({ dataset: "alfworld", directory: ".", split: "test" }),
    /"split"/,
  );
  await rejects(
    listEnvs({ dataset: "alfworld", directory: "/nowhere", split: "train" }),
    /"directory" must be a folder/,
  );
});
