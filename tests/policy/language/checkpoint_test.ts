import { ok } from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { openLanguagePolicy } from "../../../lib/policy/language/loading.ts";
import { decideAt } from "../_sessions.ts";

/** Folder of a Qwen2 model as published: config, weights, tokenizer. */
const FOLDER = Deno.env.get("HIPER_QWEN2");

Deno.test({
  name: "a published Qwen2 model plays and rescores its reply, with an adapter",
  ignore: FOLDER === undefined, // set HIPER_QWEN2 to a model's folder
  fn: async () => {
    await selectBackend("wasm");
    const policy = await openLanguagePolicy(FOLDER!, {
      seed: 1,
      lora: { rank: 4 },
      maxLength: 1024,
      maxReplyTokens: 8,
    });
    const observation = {
      text: "You are in a hall.",
      admissibleActions: ["go north", "go south"],
      stateKey: "hall",
    };
    const situation = { task: "leave the house", past: [], observation };
    const [decision] = await decideAt(policy, [situation], [createRandom(1)]);
    const { trace } = decision!;
    ok(trace.kind === "tokens" && trace.reply.length > 0);
    const [scores] = await policy.scoreSamples([{ decision: decision! }]);
    for (const [i, logProb] of scores!.logProbs.entries()) {
      ok(Math.abs(logProb - trace.logProbs[i]!) < 1e-3, `token ${i}`);
    }
    policy.dispose();
  },
});
