/**
 * Sampling from frozen weights on an engine.
 *
 * @module
 */

import { Gate } from "../../gate.ts";
import {
  decodeSampleResult,
  type SampledSequence,
  type SampleResult,
} from "./codec.ts";
import { TinkerError } from "./errors.ts";
import { decodeReply, readObject, readText } from "./replies.ts";
import type { Transport } from "./transport.ts";

/** What is sampled. */
export interface SampleRequest {
  /** Token ids of the prompt. Shape `(tokens,)`. */
  readonly prompt: Int32Array;
  /** Sequences. @default {1} */
  readonly count?: number;
  /** Most tokens of a sequence. */
  readonly maxTokens: number;
  /** Sampling temperature; log-probabilities are always those at 1. @default {1} */
  readonly temperature?: number;
  /** Nucleus; 1 turns it off. @default {1} */
  readonly topP?: number;
  /** Seed of the sequences; sequence `i` has `seed + i` on SkyRL. */
  readonly seed: number;
  /** Tokens that end a sequence. */
  readonly stop: readonly number[];
  /** Whether log-probabilities of the prompt are wanted. @default {false} */
  readonly promptLogProbs?: boolean;
  /** Number of the request in its sampling session; requests of one episode may share one. @default {0} */
  readonly seqId?: number;
  /** Stops waiting, not the work. */
  readonly signal?: AbortSignal | undefined;
}

/** Bounds of what is sampled at once, one for each connection. */
const GATES = new WeakMap<Transport, Gate>();

/** A frozen policy. */
export class TinkerSampler {
  /** Its id on the server. */
  readonly id: string;
  readonly #transport: Transport;

  /** Makes a handle onto a sampling session. */
  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.id = id;
  }

  /**
   * Samples sequences. At most as many requests as the dialect allows are under way; the rest wait here.
   *
   * @throws {RangeError} Before anything is sent, if the prompt is empty or a number is out of range.
   * @throws {TinkerError} If the server refuses or fails, or gives no log-probabilities.
   */
  async sample(request: SampleRequest): Promise<readonly SampledSequence[]> {
    return (await this.#ask(request)).sequences;
  }

  /** Log-probability of each token of a text given those before it; `NaN` for the first. Shape `(tokens,)`. */
  async logProbs(
    tokens: Int32Array,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array> {
    const { promptLogProbs } = await this.#ask({
      prompt: tokens,
      maxTokens: 1,
      seed: 0,
      stop: [],
      promptLogProbs: true,
      signal: options.signal,
    });
    return wholeLength(promptLogProbs ?? new Float32Array(0), tokens.length);
  }

  async #ask(request: SampleRequest): Promise<SampleResult> {
    checkRequest(request);
    const transport = this.#transport;
    let gate = GATES.get(transport);
    if (!gate) {
      gate = new Gate(transport.dialect.samplesInFlight);
      GATES.set(transport, gate);
    }
    return await gate.run(() => this.#askNow(request));
  }

  async #askNow(request: SampleRequest): Promise<SampleResult> {
    const { prompt, count = 1, maxTokens, temperature = 1, topP = 1 } = request;
    const { seed, stop, promptLogProbs = false, seqId = 0, signal } = request;
    const transport = this.#transport;
    const operation = "sample";
    const body = {
      type: "sample",
      sampling_session_id: this.id,
      seq_id: seqId,
      num_samples: count,
      prompt: {
        chunks: [{ type: "encoded_text", tokens: Array.from(prompt) }],
      },
      sampling_params: {
        max_tokens: maxTokens,
        seed,
        temperature,
        top_k: -1,
        top_p: topP,
        stop: [...stop],
      },
      prompt_logprobs: promptLogProbs,
      topk_prompt_logprobs: 0,
    };
    const submit = async () =>
      readText(
        readObject(
          await transport.submit({
            path: "/asample",
            body,
            operation,
            repeatable: true, // costs a second generation, changes nothing
            headers: { "X-Tinker-Sampling-Backpressure": "1" },
            signal,
          }),
          operation,
        ),
        "request_id",
        operation,
      );
    const reply = await transport.result(await submit(), {
      type: "Sample",
      operation,
      signal,
      resubmit: submit,
    });
    const result = decodeReply(reply, operation, decodeSampleResult);
    checkSampled(result, count);
    transport.count({
      tokensPrompted: prompt.length,
      tokensSampled: result.sequences.reduce((n, s) => n + s.tokens.length, 0),
    });
    return result;
  }
}

/** A sampler of a base model, or of a sampler checkpoint, in a session. */
export async function createSampler(
  transport: Transport,
  options: {
    sessionId: string;
    source: { baseModel: string } | { path: string };
  },
): Promise<TinkerSampler> {
  const { sessionId, source } = options;
  const operation = "open a sampler";
  const opened = readObject(
    await transport.submit({
      path: "/create_sampling_session",
      body: {
        session_id: sessionId,
        sampling_session_seq_id: transport.nextSamplingSeqId(),
        ...("path" in source
          ? { model_path: source.path }
          : { base_model: source.baseModel }),
        type: "create_sampling_session",
      },
      operation,
      repeatable: true, // a second handle onto the same weights
    }),
    operation,
  );
  const id = readText(opened, "sampling_session_id", operation);
  return new TinkerSampler(transport, id);
}

/** Throws unless a request can be sampled: JSON turns what is not finite into null, which servers read as absent. */
function checkRequest(request: SampleRequest): void {
  const { prompt, count = 1, maxTokens, temperature = 1, topP = 1 } = request;
  const { seed, stop } = request;
  const whole = (value: number, least: number) =>
    Number.isSafeInteger(value) && value >= least;
  const checks: readonly [name: string, holds: boolean, must: string][] = [
    ["prompt.length", prompt.length > 0, "be at least 1"],
    ["count", whole(count, 1), "be a whole number of at least 1"],
    ["maxTokens", whole(maxTokens, 1), "be a whole number of at least 1"],
    ["seed", whole(seed, 0), "be a whole number of at least 0"],
    [
      "temperature",
      Number.isFinite(temperature) && temperature >= 0,
      "be finite and not negative",
    ],
    ["topP", topP > 0 && topP <= 1, "be in (0, 1]"],
  ];
  const values = { "prompt.length": prompt.length, count, maxTokens, seed };
  for (const [name, holds, must] of checks) {
    if (holds) continue;
    const value = { ...values, temperature, topP }[name];
    throw new RangeError(
      `Cannot sample as "${name}" must ${must}: current value is ${value}`,
    );
  }
  const bad = [...prompt, ...stop].find((token) => !whole(token, 0));
  if (bad === undefined) return;
  throw new RangeError(
    `Cannot sample as token ids must be whole numbers of at least 0: current value is ${bad}`,
  );
}

/** Throws unless sequences have log-probabilities; some engines fill in zeros where they are missing. */
function checkSampled({ sequences }: SampleResult, count: number): void {
  const fail = (must: string, detail: string) =>
    new TinkerError({ operation: "sample", kind: "failed", must, detail });
  if (sequences.length !== count) {
    throw fail(`${count} sequences must come back`, String(sequences.length));
  }
  for (const { tokens, logProbs } of sequences) {
    if (logProbs.length !== tokens.length) {
      throw fail(
        "each token must have a log-probability",
        `${logProbs.length} for ${tokens.length} tokens`,
      );
    }
    const missing = tokens.length > 2 && logProbs.every((one) => one === 0);
    const broken = logProbs.find((one) => !Number.isFinite(one));
    if (missing || broken !== undefined) {
      throw fail(
        "log-probabilities of sampled tokens must be known and finite",
        missing ? "all are 0" : String(broken),
      );
    }
  }
}

/** Log-probabilities of `length` tokens, the first undefined: some dialects leave that one out. */
export function wholeLength(
  logProbs: Float32Array,
  length: number,
): Float32Array {
  if (logProbs.length === length) return logProbs;
  if (logProbs.length === length - 1) {
    const whole = new Float32Array(length);
    whole[0] = NaN;
    whole.set(logProbs, 1);
    return whole;
  }
  throw new RangeError(
    `Cannot read log-probabilities of a prompt as there must be ${length} or ${
      length - 1
    }: current value is ${logProbs.length}`,
  );
}
