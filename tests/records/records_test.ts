/** Episodes in the forms of other projects: what is written is read back, what others write is read. */

import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createEnvOpener } from "../../lib/envs/open_env.ts";
import { expertPolicy } from "../../lib/policy/plan_execute.ts";
import { createRandom } from "../../lib/random.ts";
import {
  readConversation,
  writeConversation,
} from "../../lib/records/conversations.ts";
import { readMessages, writeMessages } from "../../lib/records/messages.ts";
import { collectTrajectories } from "../../lib/rollout/collect.ts";
import { withHints } from "../../lib/rollout/hints.ts";
import { scheduleEpisodes } from "../../lib/rollout/schedule.ts";

const schedule = scheduleEpisodes([
  { kind: "household", difficulty: "easy", hints: true },
  { kind: "corridor", length: 5 },
], { random: createRandom(1), tasks: 4, maxTurns: 12 });
const episodes = (await collectTrajectories(expertPolicy(), schedule, {
  open: withHints(createEnvOpener()),
})).map((episode) => ({
  ...episode,
  finalObservation: withoutHint(episode.finalObservation!),
  turns: episode.turns.map((turn) => ({
    ...turn,
    observation: withoutHint(turn.observation),
  })),
}));

function withoutHint<T extends { hint?: unknown }>(one: T) {
  const { hint: _, ...rest } = one;
  return rest;
}

for (const form of ["tools", "blocks"] as const) {
  Deno.test(`rows of ${form} are read back as they were written, through JSON`, () => {
    for (const episode of episodes) {
      const line = JSON.stringify(writeMessages(episode, { form }));
      deepStrictEqual(readMessages(JSON.parse(line)), episode);
    }
  });

  Deno.test(`rows of ${form} without extras keep texts, actions, plans and rewards`, () => {
    for (const episode of episodes) {
      const row = writeMessages(episode, { form, complete: false });
      const read = readMessages(row);
      const plain = ({ decision, reward }: typeof read.turns[number]) => [
        decision.action,
        decision.subgoal,
        decision.switched,
        reward,
      ];
      deepStrictEqual(read.turns.map(plain), episode.turns.map(plain));
      strictEqual(
        read.turns[1]?.observation.text,
        episode.turns[1]?.observation.text,
      );
      strictEqual(read.success, episode.success);
    }
  });
}

Deno.test("rows of other projects: JSON text as arguments, other tools, ReAct, a reward for the row", () => {
  const { turns, task } = readMessages({
    prompt: [
      { role: "system", content: "You act." },
      { role: "user", content: "Find a mug." },
    ],
    completion: [
      {
        role: "assistant",
        content: null,
        tool_calls: [{
          id: "c1",
          type: "function",
          function: { name: "move", arguments: '{"place":"desk"}' },
        }],
      },
      { role: "tool", tool_call_id: "c1", content: "A desk." },
      { role: "assistant", content: "Thought: there.\nAction: take mug" },
      { role: "user", content: "Taken." },
      { role: "assistant", content: "done" },
    ],
    reward: 0.5,
    metrics: { any: 1 },
  });
  deepStrictEqual(turns.map(({ decision }) => decision.action), [
    "desk",
    "take mug",
    "done",
  ]);
  deepStrictEqual(turns.map(({ reward }) => reward), [0, 0, 0.5]);
  strictEqual(task, "You act.\n\nFind a mug.");
  strictEqual(turns[1]!.observation.text, "A desk.");
});

Deno.test("what does not fit is named by its place", () => {
  const said = { role: "assistant", content: "look" };
  throws(() => readMessages({ prompt: [], completion: [] }), /"completion"/);
  throws(
    () => readMessages({ prompt: [], completion: [{ role: "robot" }] }),
    /"completion.0.role"/,
  );
  throws(
    () =>
      readMessages({
        prompt: [],
        completion: [{ role: "user", content: "" }, said],
      }),
    /"completion.0.role" must be assistant/,
  );
  throws(
    () =>
      readMessages({ prompt: [], completion: [said], turn_rewards: [1, 2] }, {
        name: "line 3",
      }),
    /"line 3".*"turn_rewards" must have one element for each of 1/,
  );
  throws(
    () =>
      readConversation({
        item_id: "a",
        conversations: [{ from: "human", value: "" }, {
          from: "gpt",
          value: "OK.",
        }],
      }),
    /"a" has none/,
  );
});

Deno.test("AgentGym's conversations are written and read", () => {
  const [episode] = episodes;
  const row = JSON.parse(JSON.stringify(writeConversation(episode!)));
  strictEqual(row.conversations[1].loss, false);
  match(row.conversations[3].value, /^Thought:\n.+\n\nAction:\n/);
  const read = readConversation(row, {
    thoughtsAsSubgoals: true,
    reward: episode!.turns.at(-1)!.reward,
  });
  const plain = (
    { decision: { action, subgoal, switched } }: typeof read.turns[number],
  ) => [action, subgoal, switched];
  deepStrictEqual(read.turns.map(plain), episode!.turns.map(plain));
  strictEqual(read.finalObservation?.text, episode!.finalObservation?.text);
  const flat = readConversation(row);
  strictEqual(flat.turns[0]!.decision.subgoal, "");
  strictEqual(flat.turns.at(-1)!.reward, 1);
});

Deno.test("deno task records writes lines that are read", async () => {
  const out = `${await Deno.makeTempDir()}/demos.jsonl`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "task",
      "--quiet",
      "records",
      "--world",
      "corridor",
      "--episodes",
      "3",
      "--out",
      out,
    ],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const lines = (await Deno.readTextFile(out)).trim().split("\n");
  strictEqual(lines.length, 3);
  for (const line of lines) {
    strictEqual(readMessages(JSON.parse(line)).success, true);
  }
  await rejects(Deno.readTextFile(`${out}.none`));
});
