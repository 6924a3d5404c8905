/**
 * One kind of work of a published model, once for each line of standard input; see `published_speed.ts`.
 *
 * `_published_work.ts <root> <model> <work> <threads>`: `root` is the tree whose code works. Replies are written through the
 * public interface, which other revisions have too, under older names; the rest needs this tree's.
 *
 * @module
 */

import process from "node:process";

const [root, model, work, threads] = Deno.args;
const lab = await import(`${root}/mod.ts`);

/** Tokens, or replies, that one round makes. */
type Round = () => Promise<number>;

/** Prompts of random words, none of which begins as another. */
const ROWS = 8, PROMPT = 128, STEPS = 16, LEARNED = 256;

const backend = await lab.selectBackend("wasm", {
  threads: Number(threads),
});
const round = await prepare();
console.log(JSON.stringify({ ready: backend.reason }));
for await (const _ of Deno.stdin.readable) {
  const start = performance.now(), used = process.cpuUsage();
  const made = await round();
  const { user, system } = process.cpuUsage(used);
  console.log(JSON.stringify({
    made,
    seconds: (performance.now() - start) / 1000,
    cpu: (user + system) / 1e6,
    megabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }));
}

async function prepare(): Promise<Round> {
  if (work === "replies") return await prepareReplies();
  const decoders = await import(`${root}/lib/policy/decoder/qwen2.ts`);
  const { startDecoder } = await import(
    `${root}/lib/policy/decoder/decoder.ts`
  );
  if (work === "learn") return await prepareLearning();
  const decoder = await decoders.loadQwen2(model, {
    maxLength: 512,
    halves: true,
  });
  const prompts = (rows: number, length: number) =>
    Array.from({ length: rows }, (_, row) => tokensOf(row, length));
  if (work === "read") {
    return async () => {
      const options = { maxTokens: 1 };
      const read = await startDecoder(decoder, prompts(ROWS, PROMPT), options);
      read.decoder[Symbol.dispose]();
      return ROWS * PROMPT;
    };
  }
  const rows = work === "write-1" ? 1 : ROWS;
  const { decoder: writer } = await startDecoder(decoder, prompts(rows, 16), {
    maxTokens: 400,
  });
  return async () => {
    for (let k = 0; k < STEPS; k++) {
      await writer.next(Int32Array.from({ length: rows }, (_, row) => 7 + row));
    }
    return rows * STEPS;
  };
}

/** A LoRA step on all tokens of some sequences: gradients and AdamW, layers computed again. */
async function prepareLearning(): Promise<Round> {
  const tf = await import("@tensorflow/tfjs-core");
  const { openLanguagePolicy } = await import(`${root}/mod/language.ts`);
  const policy = await openLanguagePolicy(model, {
    ...{ seed: 1, maxLength: 512, recompute: true, lora: { rank: 8 } },
    microbatchTokens: ROWS * LEARNED,
  });
  const learner = lab.createPpoLearner(policy);
  const { fromRows } = await import(`${root}/tests/_samples.ts`);
  const samples = Array.from({ length: ROWS }, (_, row) => {
    const [first, ...rest] = tokensOf(row, LEARNED + 1);
    const reply = Int32Array.from(rest);
    return {
      observation: { text: "", admissibleActions: ["go"], stateKey: "" },
      decision: {
        ...{ switched: true, subgoal: "", action: "go", valid: true },
        values: { switching: 0, planning: 0, execution: 0 },
        trace: {
          kind: "tokens",
          prompt: Int32Array.of(first!),
          reply,
          logProbs: new Float32Array(LEARNED).fill(-10),
          spans: {
            switching: { start: 0, end: 1 },
            planning: { start: 1, end: 2 },
            execution: { start: 2, end: LEARNED },
          },
        },
      },
      advantages: { switching: 1, planning: -1, execution: 1 },
      trained: { switching: true, planning: true, execution: true },
    };
  });
  const random = lab.createRandom(1);
  void tf;
  return async () => {
    await learner.update(fromRows(samples), {
      ...{ epochs: 1, minibatchSize: ROWS, random },
    });
    return ROWS * LEARNED;
  };
}

/** Replies in three blocks, tags given, to prompts that begin alike. */
async function prepareReplies(): Promise<Round> {
  const { loadLanguagePolicy, openLanguagePolicy = loadLanguagePolicy } =
    "loadLanguagePolicy" in lab ? lab : await import(`${root}/mod/language.ts`);
  const rules = "You play a text game in a house. " +
    "Answer in three blocks: whether you keep or switch your subgoal, the subgoal, the action. "
      .repeat(5);
  const policy = await openLanguagePolicy(model, {
    ...{ seed: 1, maxLength: 512, lora: { rank: 8 } },
    ...{ decoding: "admissible", maxReplyTokens: 64, maxContentTokens: 4 },
    prompt: ({ observation: { text } }: { observation: { text: string } }) => [
      { role: "system", content: rules },
      { role: "user", content: text },
    ],
  });
  const actions = ["go to the desk", "open the drawer", "take the mug"];
  const situations = Array.from({ length: ROWS }, (_, row) => ({
    task: `put mug ${row} on desk ${row}`,
    past: [],
    observation: {
      text: `Room ${row}: you see a desk, a drawer and ${row} mugs.`,
      admissibleActions: actions,
      stateKey: "",
    },
  }));
  let count = 0;
  return async () => {
    const randoms = situations.map((_, row) => lab.createRandom(++count + row));
    if ("decide" in policy) await policy.decide(situations, randoms);
    else {
      using session = policy.open(situations);
      const rows = situations.map((_, row) => row);
      const seen = situations.map(({ observation }) => observation);
      await session.decide(rows, seen, randoms);
    }
    return ROWS;
  };
}

/** Token ids that no two rows share. */
function tokensOf(row: number, length: number): Int32Array {
  let state = 12345 + 7919 * row;
  return Int32Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return 1000 + state % 40000;
  });
}
