/** A policy on an OpenAI-compatible server, against a fake one. */

import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { createRandom } from "../../lib/random.ts";
import { blocksGrammar } from "../../lib/remote/openai/servers.ts";
import {
  createServedPolicy,
  type ServedPolicySettings,
} from "../../lib/remote/openai/policy.ts";
import { evaluatePolicy } from "../../lib/train/evaluation.ts";
import { assembleTraining } from "../../lib/train/assemble.ts";
import { defineConfig } from "../../lib/train/config/config.ts";
import type { Situation } from "../../lib/trajectory.ts";

type Body = Record<string, unknown> & {
  readonly messages: readonly { role: string; content: string }[];
};

const SETS = {
  open: [{ kind: "corridor", length: 5, doors: 0, exit: "right" }],
};
const BLOCKS =
  "<switch>SWITCH</switch>\n<subgoal>leave</subgoal>\n<action>go right</action>";

const choice = (content: unknown, more = {}) => ({
  choices: [{
    index: 0,
    message: { role: "assistant", content },
    finish_reason: "stop",
    ...more,
  }],
  usage: { prompt_tokens: 100, completion_tokens: 10 },
});

/** A server whose replies are made by a function of the request and how many there were. */
function fakeServer(
  answer: (body: Body, count: number) => unknown | Promise<unknown>,
  models: unknown = { data: [{ id: "m" }] },
) {
  const asked: Body[] = [];
  const keys: (string | null)[] = [];
  let now = 0, most = 0;
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, async (request) => {
    keys.push(request.headers.get("authorization"));
    if (new URL(request.url).pathname === "/v1/models") {
      return models instanceof Response ? models : Response.json(models);
    }
    const body = await request.json();
    asked.push(body);
    most = Math.max(most, ++now);
    const reply = await answer(body, asked.length);
    now--;
    return reply instanceof Response ? reply : Response.json(reply);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/v1`,
    asked,
    keys,
    get most() {
      return most;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const play = async (
  url: string,
  more: Partial<ServedPolicySettings> = {},
  tasks = 2,
) => {
  const settings = { url, model: "m", attempts: 3, ...more };
  const policy = await createServedPolicy(settings, { firstDelay: 5 });
  const random = createRandom(1);
  const evaluation = await evaluatePolicy(policy, SETS, {
    random,
    tasks,
    maxTurns: 6,
  });
  return { ...evaluation, usage: policy.usage };
};

Deno.test("a served model plays; every sampling field is sent; tokens and cost are counted", async () => {
  await using server = fakeServer(() => choice(BLOCKS));
  const { metrics, usage, trajectories } = await play(server.url, {
    temperature: 0.4,
    promptPrice: 1,
    replyPrice: 10,
  });
  strictEqual(metrics["open/success_rate"], 1);
  strictEqual(metrics["open/valid_rate"], 1);
  const [first] = server.asked;
  const { messages, seed, ...fields } = first!;
  deepStrictEqual(fields, {
    model: "m",
    temperature: 0.4,
    top_p: 1,
    n: 1,
    max_completion_tokens: 512,
    presence_penalty: 0,
    frequency_penalty: 0,
  });
  ok(Number.isInteger(seed));
  match(messages[0]!.content, /Subgoal in force: None/);
  strictEqual(usage.requests, 6);
  strictEqual(usage.promptTokens, 600);
  ok(Math.abs(usage.cost! - (600 + 600) / 1e6) < 1e-12);
  ok(
    trajectories.every(({ turns }) =>
      turns.every(({ decision }) => decision.trace.kind === "untrainable")
    ),
  );
});

Deno.test("the same seed asks with the same seeds", async () => {
  await using server = fakeServer(() => choice(BLOCKS));
  await play(server.url);
  const once = server.asked.splice(0).map(({ seed }) => seed);
  await play(server.url);
  const again = server.asked.map(({ seed }) => seed);
  deepStrictEqual(again.toSorted(), once.toSorted()); // requests run side by side
  ok(new Set(once).size > 1);
});

Deno.test("overload, proxies' pages and empty replies are tried again, at most so often", async () => {
  const faults = [
    () =>
      new Response("slow", { status: 429, headers: { "retry-after-ms": "1" } }),
    () => new Response("<html>502</html>", { status: 502 }),
    () => choice(null),
    () => choice("", {}),
    () => choice(BLOCKS, { finish_reason: null }),
  ];
  await using server = fakeServer((_, count) =>
    count % 2 === 1 ? faults[(count >> 1) % faults.length]!() : choice(BLOCKS)
  );
  const { metrics, usage } = await play(server.url, {}, 1);
  strictEqual(metrics["open/success_rate"], 1);
  strictEqual(usage.repeated, 3);
});

Deno.test("a turn without a reply loses its episode, and no other", async () => {
  let failing: string | undefined;
  await using server = fakeServer(({ seed }) => {
    failing ??= String(seed);
    return String(seed) === failing
      ? new Response("down", { status: 500 })
      : choice(BLOCKS);
  });
  const { metrics, usage } = await play(server.url, {}, 3);
  strictEqual(metrics["open/lost_episodes"], 1);
  strictEqual(metrics["open/episodes"], 2);
  strictEqual(metrics["open/success_rate"], 1);
  strictEqual(usage.failed, 1);
});

Deno.test("no more requests run at once than are allowed", async () => {
  await using server = fakeServer(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return choice(BLOCKS);
  });
  await play(server.url, { concurrency: 3 }, 12);
  strictEqual(server.most, 3);
});

Deno.test("a key that is refused, a model that is not there and a wrong field end the run; the key is not shown", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/key`, "sk-secret\n");
  const keyFile = `${folder}/key`;
  await using closed = fakeServer(
    () => choice(BLOCKS),
    new Response('{"error":{"message":"bad key sk-secret"}}', { status: 401 }),
  );
  const refused = await play(closed.url, { keyFile }).catch((e) => e);
  match(refused.message, /answered 401, bad key \*\*\*/);
  strictEqual(closed.keys[0], "Bearer sk-secret");
  await using server = fakeServer(() =>
    Response.json({ object: "error", message: "no field top_q" }, {
      status: 400,
    })
  );
  await rejects(play(server.url, { model: "n" }), /"model".*"m"/);
  await rejects(play(server.url), /no field top_q/);
  await rejects(
    createServedPolicy({ url: "ftp://x", model: "m" }),
    /"url" must be the address/,
  );
});

Deno.test("a prompt that is too long is asked again without its history", async () => {
  await using server = fakeServer(({ messages }) =>
    messages[0]!.content.includes("Turns taken so far")
      ? Response.json({
        error: {
          message: "This model's maximum context length is 4096 tokens",
          code: "context_length_exceeded",
        },
      }, { status: 400 })
      : choice(BLOCKS)
  );
  const { metrics } = await play(server.url, {}, 1);
  strictEqual(metrics["open/success_rate"], 1);
  strictEqual(server.asked.length, 5); // two of three turns have a history
});

Deno.test("unreadable replies are invalid decisions, thoughts are left out", async () => {
  await using server = fakeServer((_, count) =>
    choice(
      count === 1
        ? "I go right."
        : `<think>The sign says right.</think>\n\n${BLOCKS}`,
    )
  );
  const { trajectories: [episode] } = await play(server.url, {}, 1);
  deepStrictEqual(
    episode!.turns.map(({ decision }) => decision.valid),
    [false, true, true, true],
  );
});

Deno.test("log-probabilities are recorded only with token ids and without a constraint", async () => {
  const pieces = [BLOCKS.slice(0, 30), BLOCKS.slice(30)];
  const logprobs = {
    content: pieces.map((token, i) => ({ token, logprob: -0.5 * i })),
  };
  for (const ids of [true, false]) {
    await using server = fakeServer(() => ({
      ...choice(BLOCKS, { logprobs, ...(ids && { token_ids: [1, 2] }) }),
      ...(ids && { prompt_token_ids: [7, 8, 9] }),
    }));
    const { trajectories: [episode] } = await play(server.url, {
      server: "vllm",
      logProbs: true,
    }, 1);
    const { trace } = episode!.turns[0]!.decision;
    strictEqual(server.asked[0]!.return_token_ids, true);
    if (!ids) {
      strictEqual(trace.kind, "untrainable");
      continue;
    }
    ok(trace.kind === "tokens");
    deepStrictEqual(trace.reply, new Int32Array([1, 2]));
    deepStrictEqual(trace.logProbs, new Float32Array([0, -0.5]));
    ok(trace.spans.execution);
  }
});

const SITUATION: Situation = {
  task: "find a mug",
  past: [],
  subgoal: "find mug",
  observation: {
    text: "",
    admissibleActions: [
      "go to desk 1",
      'say "a\\b"',
      "search[<your query>]",
      "look",
      "look",
    ],
    stateKey: "",
  },
};

Deno.test("the grammar of the three blocks", () => {
  strictEqual(
    blocksGrammar(SITUATION),
    `root ::= keep | change
keep ::= "<switch>KEEP</switch>\\n<subgoal>find mug" "</subgoal>\\n<action>" act "</action>"
change ::= "<switch>SWITCH</switch>\\n<subgoal>" goal "</subgoal>\\n<action>" act "</action>"
goal ::= [^<>\\n]{1,120}
act ::= "go to desk 1" | "say \\"a\\\\b\\"" | "search[" [^\\[\\]<>\\n]{1,100} "]" | "look"`,
  );
  const { subgoal: _, ...first } = SITUATION;
  match(blocksGrammar(first), /^root ::= change\n/);
});

Deno.test("constrained replies: each server's own field, JSON where there are no grammars, and a server that ignored it", async () => {
  for (
    const [server, field] of [
      ["vllm", "structured_outputs"],
      ["sglang", "ebnf"],
      ["llama.cpp", "grammar"],
      ["ollama", "response_format"],
      ["openai", "response_format"],
    ] as const
  ) {
    await using peer = fakeServer(() =>
      choice(
        field === "response_format"
          ? '{"switch":"SWITCH","subgoal":"leave","action":"go right"}'
          : BLOCKS,
      )
    );
    const { metrics } = await play(peer.url, { server, form: "blocks" }, 1);
    strictEqual(metrics["open/valid_rate"], 1);
    ok(field in peer.asked[0]!);
  }
  await using deaf = fakeServer(() => choice("I go right."));
  await rejects(
    play(deaf.url, { server: "vllm", form: "blocks" }, 1),
    /Cannot constrain replies/,
  );
});

Deno.test("a config can name a served model: it is evaluated, and refuses to learn", async () => {
  await using server = fakeServer(() => choice(BLOCKS));
  const config = defineConfig({
    policy: { name: "openai", url: server.url, model: "m" },
    worlds: SETS.open,
    backend: "cpu",
    estimator: { name: "reinforce" },
    rollout: { tasks: 2, maxTurns: 6 },
    evaluation: { sets: SETS, tasks: 2, maxTurns: 6 },
  });
  await using training = await assembleTraining(config);
  const { metrics } = await training.evaluate();
  strictEqual(metrics["open/success_rate"], 1);
  await rejects(async () => {
    for await (const _ of training) break;
  }, /deno task evaluate judges/);
});

Deno.test("deno task evaluate --url --served-model", async () => {
  await using server = fakeServer(() => choice(BLOCKS));
  const out = `${await Deno.makeTempDir()}/results.json`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "task",
      "--quiet",
      "evaluate",
      "--preset",
      "corridor",
      "--url",
      server.url,
      "--served-model",
      "m",
      "--tasks",
      "2",
      "backend=cpu",
      "policy.concurrency=2",
      "--out",
      out,
    ],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  strictEqual(code, 0, decode(stderr));
  match(decode(stdout), /promptTokens/);
  const { source, environment } = JSON.parse(await Deno.readTextFile(out));
  strictEqual(source.servedModel, "m");
  ok(environment.served.requests > 0);
});
