import { ok, strictEqual, throws } from "node:assert/strict";
import { QWEN2_SIZES } from "../../lib/policy/decoder/config.ts";
import { languageMemory } from "../../lib/train/language_memory.ts";
import { type MemoryWishes, planMemory } from "../../lib/train/memory_plan.ts";

const LIMIT = { place: "WebAssembly", bytes: 2 ** 32 };
const WISHES: MemoryWishes = {
  ...{ lora: { rank: 8 }, recompute: true, frozenBytes: 2 },
  ...{ usualContext: 4096, maxReplyTokens: 128 },
};
const plan = (
  size: keyof typeof QWEN2_SIZES,
  wishes: Partial<MemoryWishes> = {},
) =>
  planMemory(QWEN2_SIZES[size], {
    ...{ name: "a model", limit: LIMIT },
    wishes: { ...WISHES, ...wishes },
  });

Deno.test("planMemory() chooses sizes whose peak fits, by the formula", () => {
  for (const size of ["0.5B", "1.5B"] as const) {
    const { contextLength, microbatchTokens = 0, readTokens = 0 } = plan(size);
    const { learning, writing } = languageMemory(
      { ...QWEN2_SIZES[size], maxLength: contextLength },
      {
        ...WISHES,
        batch: Math.max(1, Math.floor(microbatchTokens / contextLength)),
        ...{ length: contextLength, replyLength: 128 },
        batchSize: Math.floor(readTokens / contextLength),
        microbatchTokens,
      },
    );
    ok(learning.bytes < LIMIT.bytes && writing.bytes < LIMIT.bytes, size);
    ok(contextLength >= 512 && readTokens >= contextLength, size);
  }
  strictEqual(plan("0.5B").contextLength, 4096);
});

Deno.test("planMemory() says what it chose, and keeps what was given", () => {
  const { notice, contextLength } = plan("1.5B");
  ok(contextLength < 4096);
  ok(notice?.includes(`policy.contextLength=${contextLength}`), notice);
  const given = plan("0.5B", { contextLength: 512, microbatchTokens: 1024 });
  strictEqual(given.contextLength, 512);
  strictEqual(given.microbatchTokens, 1024);
  const all = plan("0.5B", {
    ...{ contextLength: 512, batchSize: 4, microbatchTokens: 2048 },
  });
  strictEqual(all.readTokens, undefined);
  strictEqual(all.notice, undefined);
});

Deno.test("planMemory() refuses what cannot fit, with numbers and with what to change", () => {
  throws(() => plan("7B"), /needs less|7B|14\.\d+ GiB of weights/);
  throws(
    () => plan("1.5B", { frozenBytes: 4 }),
    /5\.7\d GiB of weights.*frozenPrecision="bfloat16".*tfjs-node/,
  );
  throws(
    () => plan("1.5B", { contextLength: 4096 }),
    /3\.86? GiB.*policy\.contextLength=2048|policy\.contextLength=2048/,
  );
  const { lora: _, ...all } = WISHES;
  throws(
    () =>
      planMemory(QWEN2_SIZES["0.5B"], {
        ...{ name: "a model", limit: LIMIT, wishes: all },
      }),
    /policy\.loraRank=8/,
  );
});

Deno.test("planMemory() refuses a matrix that a graphics processor cannot hold as one tensor", () => {
  const limit = { place: "a card", tensorBytes: 2 ** 27 };
  throws(
    () =>
      planMemory(QWEN2_SIZES["0.5B"], {
        ...{ name: "a model", limit },
        wishes: { ...WISHES, frozenBytes: 4 },
      }),
    /at most 0\.13 GiB: current value is 0\.51 GiB for "model\.embed_tokens\.weight"/,
  );
});
