import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  startReply,
  writeToken,
} from "../../../lib/policy/language/partial_reply.ts";
import { readReply } from "../../../lib/policy/language/prompts.ts";
import { createTokenizer } from "../../../lib/policy/language/tokenizer.ts";
import { createWordTokenizer } from "../../../lib/policy/language/word_tokenizer.ts";
import { createRandom } from "../../../lib/random.ts";
import { collectTrajectories } from "../../../lib/rollout/collect.ts";
import { situationOf, smallPolicy } from "../_small_policy.ts";
import { decideAt } from "../_sessions.ts";

const PLAN = "<switch>SWITCH</switch>\n<subgoal>left</subgoal>\n";
const THOUGHT = `<think>Maybe ${PLAN}<action>go right</action>? No.</think>\n`;

Deno.test("a thought is skipped up to its last end, in what is read and in the spans", () => {
  const pieces = [...`${THOUGHT}${PLAN}<action>go left</action>`];
  const admissibleActions = ["go left", "go right"];
  const plain = readReply(pieces, { admissibleActions });
  deepStrictEqual([plain.action, plain.valid], ["go right", false]);
  const read = readReply(pieces, { admissibleActions, skipThinking: true });
  deepStrictEqual([read.action, read.valid, read.switched], [
    "go left",
    true,
    true,
  ]);
  strictEqual(read.spans.switching!.start, THOUGHT.length);
  ok(read.spans.execution!.start > THOUGHT.length);
  // A thought that never ends says nothing.
  const open = [...`<think>${PLAN}<action>go right</action>`];
  const cut = readReply(open, { admissibleActions, skipThinking: true });
  deepStrictEqual([cut.action, cut.valid], ["", false]);
  // The same where the prompt opened it.
  const unopened = [...`${PLAN}<action>go right</action>`];
  for (
    const [skipThinking, valid] of [[true, true], ["opened", false]] as const
  ) {
    strictEqual(
      readReply(unopened, { admissibleActions, skipThinking }).valid,
      valid,
    );
  }
});

Deno.test("writing stops at an action, and within a thought only if thoughts are not skipped", () => {
  const files = createWordTokenizer(["go left"], {
    wholes: ["<action>", "</action>", "<think>", "</think>"],
  });
  const tokenizer = createTokenizer(files);
  const written = (skipThinking: boolean) => {
    const reply = startReply();
    const text = "<think><action>go</action></think><action>left</action>go";
    for (const token of tokenizer.encode(text)) {
      if (reply.done) break;
      writeToken(reply, { token, logProb: 0, forced: false }, {
        tokenizer,
        stop: ["</action>"],
        grammar: undefined,
        skipThinking,
      });
    }
    return reply.text;
  };
  strictEqual(written(false), "<think><action>go</action>");
  strictEqual(
    written(true),
    "<think><action>go</action></think><action>left</action>",
  );
  const opening = createTokenizer({
    ...files,
    template: "{{ messages[0].content }}<think>\n",
  });
  deepStrictEqual([tokenizer.opensThought, opening.opensThought], [
    false,
    true,
  ]);
});

Deno.test("a model with a weight that is no number is not played, at any temperature and in any decoding", async () => {
  await selectBackend("wasm");
  for (const decoding of ["free", "skeleton", "admissible"] as const) {
    for (const temperature of [0, 1]) {
      const policy = smallPolicy({ decoding, temperature });
      const name = Object.keys(policy.variables).find((x) =>
        x.includes("layers.0") && x.includes("down_proj")
      )!;
      const weight = policy.variables[name]!;
      tf.tidy(() => weight.assign(tf.fill(weight.shape, NaN)));
      await rejects(
        async () =>
          await decideAt(policy, [situationOf("A sign says left.")], [
            createRandom(1),
          ]),
        {
          name: "RangeError",
          message: /logits must be finite: current value is NaN for token \d+/,
        },
      );
      policy.dispose();
    }
  }
});

Deno.test("an episode that outgrows the context ends as truncated with its values; the others go on", async () => {
  await selectBackend("wasm");
  const policy = smallPolicy({
    prompt: ({ past, observation }) =>
      [...past.map((turn) => turn.observation.text), observation.text].join(
        " ",
      ),
    decoding: "admissible",
    maxReplyTokens: 60,
    maxContentTokens: 4,
    size: {
      hiddenSize: 16,
      intermediateSize: 24,
      layers: 1,
      heads: 2,
      kvHeads: 1,
      maxLength: 130,
    },
  });
  const long = "a much longer text, in bytes: élan ".repeat(2);
  const open = ({ kind }: { kind: string }) => ({
    start: () => ({
      task: "leave",
      observation: seen(kind === "long" ? long : "a"),
    }),
    step: () => ({
      observation: seen(kind === "long" ? long : "a"),
      reward: 0,
      success: false,
    }),
  });
  const seen = (text: string) => ({
    text,
    admissibleActions: ["wait"],
    stateKey: text,
  });
  const assignments = ["long", "short"].map((kind, i) => ({
    id: kind,
    spec: { kind },
    seed: i,
    replica: 0,
    group: kind,
    maxTurns: 5,
  }));
  const [cut, whole] = await collectTrajectories(policy, assignments, { open });
  ok(cut!.turns.length >= 1 && cut!.turns.length < 5, `${cut!.turns.length}`);
  strictEqual(cut!.ending, "truncated");
  const values = Object.values(cut!.bootstrap);
  ok(values.every((value) => Number.isFinite(value) && value !== 0));
  strictEqual(whole!.turns.length, 5);
  strictEqual(cut!.finalObservation!.text, long);
  policy.dispose();
});
