import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { selectBackend } from "../../lib/policy/backends/select.ts";
import { createRandom } from "../../lib/random.ts";
import { createPpoLearner } from "../../lib/train/ppo/learner.ts";
import {
  type IterationProgress,
  withProgress,
} from "../../lib/train/progress.ts";
import { fromRows } from "../_samples.ts";
import {
  sampleOf,
  SITUATIONS,
  smallPolicy,
  streams,
} from "../policy/_small_policy.ts";

Deno.test("withProgress() counts episodes that end, turns that are learned from, and tokens, and changes no number", async () => {
  await selectBackend("wasm");
  const told: IterationProgress[] = [];
  const options = { decoding: "admissible", microbatchTokens: 200 } as const;
  const results = [];
  for (const watched of [false, true]) {
    const plain = smallPolicy(options);
    const policy = watched
      ? withProgress(plain, {
        passes: 2,
        onProgress: (one) => void told.push(one),
      })
      : plain;
    const rows = SITUATIONS.map((_, i) => i);
    using session = policy.open(SITUATIONS);
    const seen = SITUATIONS.map(({ observation }) => observation);
    const decisions = await session.decide(rows, seen, streams(4));
    session.end?.(rows.slice(0, 3));
    const samples = decisions.map((one, i) => sampleOf(SITUATIONS[i]!, one));
    const row = await createPpoLearner(policy).update(fromRows(samples), {
      ...{ epochs: 2, minibatchSize: 4, random: createRandom(1) },
    });
    results.push({ row, tokens: decisions.map(({ action }) => action) });
    policy.dispose();
  }
  deepStrictEqual(results[1], results[0]);
  const playing = told.filter(({ stage }) => stage === "playing");
  const learning = told.filter(({ stage }) => stage === "learning");
  deepStrictEqual(
    playing.map(({ done, total }) => [done, total]),
    [[0, 4], [3, 4]],
  );
  ok(playing[0]!.tokens > 4 * 20);
  ok(learning.length >= 4, `${learning.length} microbatches`);
  strictEqual(learning.at(-1)!.done, 8); // each of 4 turns twice
  strictEqual(learning.at(-1)!.total, 8);
});
