/** Every protobuf message of the recorded exchanges, byte for byte in both directions. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  decodePassRequest,
  decodePassResult,
  decodeSampleResult,
  encodePassRequest,
  encodePassResult,
  encodeSampleResult,
} from "../../lib/remote/tinker/codec.ts";

interface Exchange {
  readonly path: string;
  readonly request_base64?: string;
  readonly request_decoded?: {
    readonly model_id: string;
    readonly seq_id: number;
    readonly loss_fn: string;
    readonly loss_fn_config: Record<string, number>;
    readonly forward_only: boolean;
    readonly data: readonly Record<string, number[]>[];
  };
  readonly reply_base64?: string;
  readonly reply_decoded?: {
    readonly sequences?: readonly {
      readonly stop_reason: string;
      readonly tokens: number[];
      readonly logprobs: number[];
    }[];
    readonly loss_fn_output_type?: string;
    readonly loss_fn_outputs?: readonly Record<string, number[]>[];
  };
}

function read<T>(name: string): T {
  const url = new URL(`../vectors/tinker/${name}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

const { exchanges } = read<{ exchanges: Exchange[] }>("skyrl_040.json");
const golden = read<{ protobuf: { name: string; bytes_base64: string }[] }>(
  "skyrl_a9564572.json",
).protobuf;

const bytes = (text: string) => Uint8Array.fromBase64(text);

function near(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  strictEqual(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    ok(Math.abs(found[i]! - expected[i]!) < 1e-5, `${found[i]}`);
  }
}

Deno.test("every recorded pass is decoded, and coded again to the same bytes", () => {
  let count = 0;
  for (const { request_base64, request_decoded } of exchanges) {
    if (request_base64 === undefined) continue;
    const recorded = bytes(request_base64);
    const request = decodePassRequest(recorded);
    deepStrictEqual(encodePassRequest(request), recorded);
    strictEqual(request.modelId, request_decoded!.model_id);
    strictEqual(request.seqId, request_decoded!.seq_id);
    strictEqual(request.loss, request_decoded!.loss_fn);
    strictEqual(request.forwardOnly, request_decoded!.forward_only);
    deepStrictEqual({ ...request.settings }, request_decoded!.loss_fn_config);
    for (const [d, datum] of request_decoded!.data.entries()) {
      const { tokens, targets, arrays } = request.data[d]!;
      deepStrictEqual([...tokens], datum["tokens"]);
      deepStrictEqual([...targets], datum["target_tokens"]);
      for (const [name, values] of Object.entries(arrays)) {
        near(values, datum[name]!);
      }
    }
    count++;
  }
  strictEqual(count, 13);
});

Deno.test("every recorded result is decoded, and coded again to the same bytes", () => {
  let samples = 0, passes = 0;
  for (const { reply_base64, reply_decoded } of exchanges) {
    if (reply_base64 === undefined) continue;
    const recorded = bytes(reply_base64);
    if (reply_decoded!.sequences) {
      const result = decodeSampleResult(recorded);
      deepStrictEqual(encodeSampleResult(result), recorded);
      for (const [i, one] of reply_decoded!.sequences.entries()) {
        const { stopReason, tokens, logProbs } = result.sequences[i]!;
        strictEqual(stopReason, one.stop_reason);
        deepStrictEqual([...tokens], one.tokens);
        near(logProbs, one.logprobs);
      }
      samples++;
      continue;
    }
    const result = decodePassResult(recorded);
    deepStrictEqual(encodePassResult(result), recorded);
    strictEqual(result.outputType, reply_decoded!.loss_fn_output_type);
    for (const [d, one] of reply_decoded!.loss_fn_outputs!.entries()) {
      for (const [name, values] of Object.entries(one)) {
        near(result.outputs[d]![name]!, values);
      }
    }
    passes++;
  }
  deepStrictEqual({ samples, passes }, { samples: 5, passes: 6 });
});

Deno.test("the golden messages keep their bytes; a prompt's log-probabilities are read", () => {
  const [request, reply, sample] = golden.map(({ bytes_base64 }) =>
    bytes(bytes_base64)
  );
  deepStrictEqual(encodePassRequest(decodePassRequest(request!)), request);
  deepStrictEqual(encodePassResult(decodePassResult(reply!)), reply);
  deepStrictEqual(encodeSampleResult(decodeSampleResult(sample!)), sample);
  near(decodeSampleResult(sample!).promptLogProbs!, [
    -6.355877,
    -6.359981,
    -6.244646,
    -6.434497,
    -6.247333,
  ]);
});
