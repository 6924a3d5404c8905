import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import type { LanguagePolicy } from "../../../lib/policy/language/policy.ts";
import { strategicDecision } from "../../../lib/policy/language/strategic_replies.ts";
import { formatStrategic } from "../../../lib/policy/language/strategy_prompts.ts";
import type { LanguageContext } from "../../../lib/policy/language/replies.ts";
import { createRandom } from "../../../lib/random.ts";
import type { Decision, TokenTrace } from "../../../lib/trajectory.ts";
import { situationOf, smallPolicy } from "../_small_policy.ts";

await selectBackend("wasm");

const LISTED = ["leave by the left end", "leave by the right end", "wait"];
const START = situationOf("A sign says left.");
const THEN = situationOf("Now what?");
const random = createRandom(5);

const strategic = (
  decoding: "free" | "skeleton" | "admissible",
  listed = true,
) =>
  smallPolicy({
    ...{ strategies: true, decoding, maxReplyTokens: 60, maxContentTokens: 8 },
    ...(listed && decoding !== "free" && { listSubgoals: () => LISTED }),
  });

const traceOf = ({ trace }: Decision): TokenTrace => {
  if (trace.kind === "tokens") return trace;
  throw new TypeError(`a trace of ${trace.kind}`);
};

/** Plays two turns of some episodes. */
async function play(policy: LanguagePolicy, episodes = 4) {
  const drawn = await policy.drawStrategies!(
    Array(episodes).fill(START),
    Array.from({ length: episodes }, (_, i) => random.fork(i)),
  );
  const session = policy.open(
    drawn.map(({ strategy }) => ({ task: "leave", strategy })),
  );
  const rows = drawn.map((_, i) => i);
  const turns: Decision[][] = [];
  for (const [t, { observation }] of [START, THEN].entries()) {
    turns.push(
      await session.decide(
        rows,
        rows.map(() => observation),
        rows.map((i) => random.fork("turn", t, i)),
      ),
    );
  }
  session[Symbol.dispose]();
  return { strategies: drawn.map(({ strategy }) => strategy), turns };
}

Deno.test("a strategy stands in the first reply alone, and every unit scores as it was drawn", async () => {
  for (const decoding of ["free", "skeleton", "admissible"] as const) {
    const policy = strategic(decoding);
    const { strategies, turns } = await play(policy);
    for (const [t, decisions] of turns.entries()) {
      const scores = await policy.scoreSamples(
        decisions.map((decision) => ({ decision })),
      );
      for (const [i, decision] of decisions.entries()) {
        const { text, written } = strategies[i]!;
        const { spans, reply, logProbs, action } = traceOf(decision);
        strictEqual(decision.subgoal, text);
        strictEqual(decision.switched, t === 0);
        strictEqual(decision.strategy, t === 0 ? text : undefined);
        strictEqual(spans.switching, undefined);
        const length = written!.reply.length;
        deepStrictEqual(
          spans.planning,
          t === 0 ? { start: 0, end: length } : undefined,
        );
        strictEqual(action?.start, t === 0 ? length : undefined);
        ok(spans.execution!.end <= reply.length);
        const own = scores[i]!.logProbs;
        strictEqual(own.length, reply.length);
        own.forEach((score, j) =>
          ok(Math.abs(score - logProbs[j]!) < 1e-4, `${decoding} ${j}`)
        );
      }
    }
    policy.dispose();
  }
});

Deno.test("listed strategies are those of the world, free ones anything else than a tag", async () => {
  const listed = strategic("admissible"), free = strategic("skeleton", false);
  for (const { text } of (await play(listed)).strategies) {
    ok(LISTED.includes(text), text);
  }
  for (const { text } of (await play(free)).strategies) {
    ok(!text.includes("<") && !LISTED.includes(text), text);
  }
  listed.dispose();
  free.dispose();
});

Deno.test("demonstrations are encoded as they would have been written", async () => {
  for (const decoding of ["skeleton", "admissible"] as const) {
    const policy = strategic(decoding);
    const { strategies, turns } = await play(policy);
    using session = policy.open(
      strategies.map(({ text }) => ({
        ...{ task: "leave", strategy: { text, steps: [text] } },
      })),
    );
    const rows = strategies.map((_, i) => i);
    for (const [t, { observation }] of [START, THEN].entries()) {
      const encoded = await session.encode(
        rows,
        rows.map(() => observation),
        turns[t]!.map(({ action, switched, valid }) => ({
          ...{ action, switched, valid, subgoal: "another" },
          trace: { kind: "untrainable" },
        })),
      );
      for (const [i, decision] of encoded.entries()) {
        const said = traceOf(turns[t]![i]!), read = traceOf(decision);
        if (!turns[t]![i]!.valid) continue; // cut off, or not as it is tokenized
        deepStrictEqual(read.prompt, said.prompt);
        deepStrictEqual(read.action, said.action);
        if (decoding === "skeleton") continue; // free contents have several tokenizations
        deepStrictEqual(read.reply, said.reply);
        deepStrictEqual(read.sampled, said.sampled);
        deepStrictEqual(read.allowed, said.allowed);
        read.logProbs.forEach((one, j) =>
          ok(Math.abs(one - said.logProbs[j]!) < 1e-4)
        );
      }
    }
    policy.dispose();
  }
});

Deno.test("an episode that starts without a strategy writes its own", async () => {
  const policy = strategic("admissible");
  using session = policy.atTemperature(0).open([{ task: "leave" }]);
  const [decision] = await session.decide([0], [START.observation], [random]);
  ok(LISTED.includes(decision!.strategy!));
  const [{ switching, planning, execution }] = await session.values(
    [0],
    [THEN.observation],
  ) as [Record<"switching" | "planning" | "execution", number>];
  deepStrictEqual([switching, planning, execution], [0, 0, 0]);
  policy.dispose();
});

Deno.test("a reply is valid if it is one admissible action in its tag", () => {
  const context = {
    tokenizer: {
      replyText: (tokens: Int32Array) => SAID[tokens[0]!]!,
      opensThought: false,
    },
    settings: { skipThinking: true },
  } as Partial<LanguageContext> as LanguageContext;
  const SAID = [
    "<action>go left</action>",
    "<think>left?</think>\n<action> go left </action>",
    "so <action>go left</action>",
    "<action>fly</action>",
    "go left",
  ];
  const read = SAID.map((text, i) => {
    const { action, valid } = strategicDecision(
      context,
      { ...START, past: [], subgoal: "wait" },
      {
        prompt: new Int32Array(1),
        allowed: undefined,
        reply: {
          tokens: Int32Array.of(i),
          pieces: [text],
          logProbs: new Float32Array(1),
          sampled: new Uint8Array(1),
          states: [],
        },
      },
      { text: "wait", steps: ["wait"] },
    );
    return { action, valid };
  });
  deepStrictEqual(read, [
    { action: "go left", valid: true },
    { action: "go left", valid: true },
    { action: "go left", valid: false },
    { action: "fly", valid: false },
    { action: "go left", valid: false },
  ]);
});

Deno.test("a policy answers questions, each as if it were alone", async () => {
  const policy = strategic("admissible");
  const questions = ["Which turns?", "A much longer question, in bytes."].map(
    (content) => [{ role: "user", content } as const],
  );
  const randoms = [random, random];
  const both = await policy.answer(questions, randoms, { maxTokens: 5 });
  strictEqual(both.length, 2);
  const alone = await policy.answer([questions[1]!], [random], {
    maxTokens: 5,
  });
  strictEqual(alone[0], both[1]);
  throws(() => policy.intervened(() => ""), /it follows a strategy/);
  policy.dispose();
  const turnwise = smallPolicy();
  strictEqual(turnwise.drawStrategies, undefined);
  turnwise.dispose();
});

Deno.test("prompts ask for a strategy at the start, and name it on every turn", () => {
  const asked = formatStrategic(START).map(({ content }) => content);
  ok(asked.at(-1)!.endsWith("Strategy: none"));
  ok(asked[2]!.startsWith("<strategy>"));
  const turn = formatStrategic({ ...START, subgoal: "keep left" });
  ok(turn.at(-1)!.content.endsWith("Strategy: keep left"));
  ok(turn[2]!.content.startsWith("<action>"));
});
