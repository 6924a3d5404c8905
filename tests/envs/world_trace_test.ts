/** Traces of any world: what is kept, what differs, what is refused. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { openEnv } from "../../lib/envs/open_env.ts";
import {
  readWorldTrace,
  recordWorldTrace,
  replayWorldTrace,
} from "../../lib/envs/world_trace.ts";

const PLAY = {
  spec: { kind: "household", difficulty: "easy" },
  seed: 3,
  actions: ["look", "dance with the walls", "inventory"],
};

Deno.test("a trace survives its file and replays without a difference", async () => {
  const trace = await recordWorldTrace(openEnv, PLAY);
  strictEqual(trace.steps.length, 4);
  deepStrictEqual(readWorldTrace(JSON.stringify(trace), "line 1"), trace);
  deepStrictEqual(await replayWorldTrace(openEnv, trace), []);
});

Deno.test("every changed part of a trace is a difference", async () => {
  const trace = await recordWorldTrace(openEnv, PLAY);
  const changed = {
    obs: "",
    adm: [],
    reward: 5,
    won: true,
    score: 0.5,
    ending: "truncated",
  } as const;
  for (const [field, value] of Object.entries(changed)) {
    const steps = trace.steps.map((step, i) =>
      i === 2 ? { ...step, [field]: value } : step
    );
    const differences = await replayWorldTrace(openEnv, { ...trace, steps });
    deepStrictEqual(
      differences.map(({ step, field }) => [step, field]),
      [[2, field]],
    );
  }
});

Deno.test("long lists of actions are kept by number and digest", async () => {
  const spec = { kind: "long" };
  const actions = (last: string) => [
    ...Array.from({ length: 100 }, (_, i) => `go ${i}`),
    last,
  ];
  const open = (last: string) => () => ({
    start: () => ({
      task: "Go.",
      observation: {
        text: "Here.",
        admissibleActions: actions(last),
        stateKey: "",
      },
    }),
    step: () => {
      throw new Error("not played");
    },
  });
  const trace = await recordWorldTrace(open("wait"), {
    ...{ spec, seed: 1, actions: [] },
  });
  strictEqual(
    /^101 actions, SHA-1 [0-9a-f]{40}$/.test(String(trace.steps[0]!.adm)),
    true,
  );
  deepStrictEqual(await replayWorldTrace(open("wait"), trace), []);
  const [difference] = await replayWorldTrace(open("stay"), trace);
  strictEqual(difference!.field, "adm");
});

Deno.test("a line that is no trace of a world is left to others, or refused", () => {
  strictEqual(readWorldTrace('{"game":"a","steps":[]}', "line 1"), undefined);
  throws(
    () => readWorldTrace('{"spec":{"kind":"corridor"},"steps":[]}', "line 1"),
    /Cannot read "line 1" as it must be a trace with "spec"/,
  );
});
