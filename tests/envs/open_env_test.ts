import {
  deepStrictEqual,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createEnvOpener, listEnvs, openEnv } from "../../lib/envs/open_env.ts";
import type { TextEnv } from "../../lib/envs/text_env.ts";
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

Deno.test("openEnv() opens worlds of somebody else's module", async () => {
  const source = `export const openEnv = (spec, seed) => ({
    start: () => ({ task: spec.word + seed, observation: { text: "", admissibleActions: ["go"], stateKey: "" } }),
    step: () => ({ observation: { text: "", admissibleActions: [], stateKey: "" }, reward: 1, success: true, ending: "terminated" }),
  });`;
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  const env = await openEnv({ kind: "module", url, word: "hello" }, 7);
  strictEqual((await env.start()).task, "hello7");
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
