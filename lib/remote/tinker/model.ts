/**
 * A model on an engine: passes over data, steps of its optimizer, and its checkpoints, in one order.
 *
 * @module
 */

import {
  type Datum,
  decodePassResult,
  encodePassRequest,
  type PassResult,
} from "./codec.ts";
import { checkData, estimateBytes } from "./data.ts";
import type { AdamSettings, LossName } from "./dialects.ts";
import { TinkerError } from "./errors.ts";
import { createSampler, TinkerSampler } from "./sampler.ts";
import { listCheckpoints } from "./checkpoints.ts";
import { decodeReply, readObject, readText } from "./replies.ts";
import type { Transport } from "./transport.ts";

/** How a pass is computed. */
export interface PassOptions {
  /** The loss. @default {"cross_entropy"} */
  readonly loss?: LossName;
  /** Settings of the loss: `clip_low_threshold` and `clip_high_threshold` bound the ratio itself. @default {{}} */
  readonly settings?: Readonly<Record<string, number>>;
  /** One more than the largest token id that the model knows. @default {not checked} */
  readonly vocabSize?: number;
  /** Most positions of a datum. @default {not checked} */
  readonly maxLength?: number;
  /** Stops waiting, not the work. */
  readonly signal?: AbortSignal | undefined;
}

/** An operation that was submitted; its result comes later. */
export interface Submitted<T> {
  /** Resolves to the result. */
  readonly result: Promise<T>;
}

/** A model: adapters, optimizer state, and gradients that accumulate until the next step. */
export class TinkerModel {
  /** Its id on the server. */
  readonly id: string;
  /** The model that the adapters are of. */
  readonly baseModel: string;
  /** Rank of the adapters. */
  readonly rank: number;
  readonly #transport: Transport;
  readonly #sessionId: string;
  readonly #onUnload: (model: TinkerModel) => void;
  #seqId = 1;
  /** The newest submission; the next one waits for it. */
  #order: Promise<unknown> = Promise.resolve();

  /** Makes a handle onto a model that the server has created. */
  constructor(
    transport: Transport,
    options: {
      sessionId: string;
      id: string;
      baseModel: string;
      rank: number;
      onUnload?: (model: TinkerModel) => void;
    },
  ) {
    this.#transport = transport;
    this.#sessionId = options.sessionId;
    this.id = options.id;
    this.baseModel = options.baseModel;
    this.rank = options.rank;
    this.#onUnload = options.onUnload ?? (() => {});
  }

  /** Log-probabilities of targets under the present weights; no gradient. */
  async forward(
    data: readonly Datum[],
    options: PassOptions = {},
  ): Promise<PassResult> {
    return await (await this.submitPass(data, {
      ...options,
      forwardOnly: true,
    })).result;
  }

  /** Adds gradients of a loss; log-probabilities are those before any step. */
  async forwardBackward(
    data: readonly Datum[],
    options: PassOptions = {},
  ): Promise<PassResult> {
    return await (await this.submitPass(data, options)).result;
  }

  /**
   * Submits a pass in chunks; resolves when all are submitted, so that a step may follow at once.
   *
   * @throws {TypeError | RangeError} Before anything is sent, if the data would be refused or poison gradients.
   */
  async submitPass(
    data: readonly Datum[],
    options: PassOptions & { readonly forwardOnly?: boolean } = {},
  ): Promise<Submitted<PassResult>> {
    const { loss = "cross_entropy", settings = {}, forwardOnly = false } =
      options;
    const transport = this.#transport, { dialect } = transport;
    checkData(data, { ...options, loss, dialect });
    const operation = forwardOnly ? "forward" : "forward_backward";
    const results: Promise<PassResult>[] = [];
    for (const chunk of splitChunks(data, dialect.chunk)) {
      const { result } = await this.#submit({
        operation,
        type: forwardOnly ? "Forward" : "ForwardBackward",
        path: "/forward_backward",
        signal: options.signal,
        body: (seqId) =>
          encodePassRequest({
            modelId: this.id,
            seqId,
            data: chunk,
            loss,
            settings,
            forwardOnly,
          }),
      });
      const decoded = result.then((reply) => {
        transport.count({
          tokensTrained: chunk.reduce((n, one) => n + one.tokens.length, 0),
        });
        return readPass(decodeReply(reply, operation, decodePassResult), {
          operation,
          data: chunk.length,
        });
      });
      decoded.catch(() => {}); // it is awaited below, after later chunks were submitted
      results.push(decoded);
    }
    return { result: Promise.all(results).then(joinResults) };
  }

  /**
   * Submits a step of the optimizer, which clears the gradients.
   *
   * @throws {RangeError} Before anything is sent, if a setting is negative or not finite.
   */
  async submitStep(
    adam: AdamSettings,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Submitted<Record<string, number>>> {
    const { learningRate, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8 } = adam;
    const { weightDecay = 0, maxGradientNorm = 0 } = adam;
    const operation = "optim_step";
    for (const [name, value] of Object.entries(adam)) {
      if (Number.isFinite(value) && value >= 0) continue;
      throw new RangeError(
        `Cannot take a step as "${name}" must be finite and not negative: current value is ${value}`,
      );
    }
    const { result } = await this.#submit({
      operation,
      type: "OptimStep",
      path: "/optim_step",
      signal: options.signal,
      body: (seqId) => ({
        model_id: this.id,
        seq_id: seqId,
        adam_params: {
          learning_rate: learningRate,
          beta1,
          beta2,
          eps: epsilon,
          weight_decay: weightDecay,
          grad_clip_norm: maxGradientNorm,
        },
        type: "optim_step",
      }),
    });
    return {
      result: result.then((reply) => {
        this.#transport.count({ optimizerSteps: 1 });
        return numbersOf(readObject(reply, operation)["metrics"]);
      }),
    };
  }

  /** Takes a step of the optimizer; gives what the server measured. */
  async optimStep(adam: AdamSettings): Promise<Record<string, number>> {
    return await (await this.submitStep(adam)).result;
  }

  /**
   * Saves weights and optimizer state under a name. After a lost reply the name may be taken by this very request:
   * then it counts as saved once the server lists it.
   *
   * @returns The checkpoint's path.
   */
  async save(name: string): Promise<string> {
    checkName(name);
    const operation = "save_weights";
    try {
      const { result } = await this.#submit({
        operation,
        type: "SaveWeights",
        path: "/save_weights",
        body: (seqId) => ({
          model_id: this.id,
          path: name,
          seq_id: seqId,
          type: "save_weights",
        }),
      });
      await result;
    } catch (error) {
      if (!(error instanceof TinkerError && error.kind === "conflict")) {
        throw error;
      }
      if (!await this.#isListed(name)) throw error;
    }
    return `tinker://${this.id}/weights/${name}`;
  }

  async #isListed(name: string): Promise<boolean> {
    const listed = await listCheckpoints(this.#transport, this.id);
    return listed.some((one) => one.name === name && one.type === "training");
  }

  /** Loads a training checkpoint; servers allow it as a model's first operation alone. */
  async load(
    path: string,
    options: { optimizer?: boolean; signal?: AbortSignal } = {},
  ): Promise<void> {
    const { optimizer = true } = options;
    const { result } = await this.#submit({
      operation: "load_weights",
      type: "LoadWeights",
      path: "/load_weights",
      repeatable: false,
      signal: options.signal,
      body: (seqId) => ({
        model_id: this.id,
        path,
        optimizer,
        seq_id: seqId,
        type: "load_weights",
      }),
    });
    await result;
  }

  /** Freezes the present weights as a sampler; without a name it lasts as long as the session. */
  async sampler(name?: string): Promise<TinkerSampler> {
    const operation = "save_weights_for_sampler";
    if (name !== undefined) checkName(name);
    const samplingSeqId = name === undefined
      ? this.#transport.nextSamplingSeqId()
      : undefined;
    const { result } = await this.#submit({
      operation,
      type: "SaveWeightsForSampler",
      path: "/save_weights_for_sampler",
      body: (seqId) => ({
        model_id: this.id,
        ...(name === undefined
          ? { sampling_session_seq_id: samplingSeqId }
          : { path: name }),
        seq_id: seqId,
        type: "save_weights_for_sampler",
      }),
    });
    const saved = readObject(await result, operation);
    return name === undefined
      ? new TinkerSampler(
        this.#transport,
        readText(saved, "sampling_session_id", operation),
      )
      : await createSampler(this.#transport, {
        sessionId: this.#sessionId,
        source: { path: readText(saved, "path", operation) },
      });
  }

  /** Frees the model's slot on the server. */
  async unload(): Promise<void> {
    this.#onUnload(this);
    const transport = this.#transport;
    const operation = "unload a model";
    const submitted = readObject(
      await transport.submit({
        path: "/unload_model",
        body: { model_id: this.id, type: "unload_model" },
        operation,
        repeatable: true,
      }),
      operation,
    );
    await transport.result(readText(submitted, "request_id", operation), {
      type: "UnloadModel",
      operation,
    });
  }

  /** Takes the next sequence number and submits; operations reach the server in the order of the calls. */
  #submit(operation: Operation) {
    const turn = this.#order.then(() => this.#send(operation));
    this.#order = turn.catch(() => {});
    return turn;
  }

  async #send(
    { operation, type, path, repeatable = true, signal, body }: Operation,
  ) {
    const transport = this.#transport;
    const seqId = this.#seqId;
    const content = body(seqId); // the same bytes on every attempt
    const send = async () =>
      readText(
        readObject(
          await transport.submit({
            path,
            body: content,
            operation,
            repeatable,
            seqId,
            signal,
          }),
          operation,
        ),
        "request_id",
        operation,
      );
    try {
      const requestId = await send();
      this.#seqId++;
      const result = transport.result(requestId, {
        type,
        operation,
        seqId,
        signal,
        resubmit: send,
      });
      result.catch(() => {}); // whoever submitted awaits it
      return { result };
    } catch (error) {
      // A rejected request used up no number; after an unknown outcome it is never used for another payload.
      const unused = error instanceof TinkerError && error.kind === "rejected";
      if (!unused) this.#seqId++;
      throw error;
    }
  }
}

/** An operation with a place in the model's order. */
interface Operation {
  readonly operation: string;
  readonly type: string;
  readonly path: string;
  readonly repeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly body: (seqId: number) => object | Uint8Array<ArrayBuffer>;
}

/** Checks that a pass has outputs for each datum. */
function readPass(
  result: PassResult,
  { operation, data }: { operation: string; data: number },
): PassResult {
  if (result.outputs.length === data) return result;
  throw new TinkerError({
    operation,
    kind: "failed",
    must: `there must be outputs for each of ${data} data`,
    detail: String(result.outputs.length),
  });
}

/** Splits data in order, by number and estimated bytes. */
function splitChunks(
  data: readonly Datum[],
  limit: { data: number; bytes: number },
): Datum[][] {
  const chunks: Datum[][] = [];
  let bytes = 0;
  for (const datum of data) {
    const size = estimateBytes(datum);
    const last = chunks.at(-1);
    if (last && last.length < limit.data && bytes + size <= limit.bytes) {
      last.push(datum);
      bytes += size;
    } else {
      chunks.push([datum]);
      bytes = size;
    }
  }
  return chunks;
}

/** Puts results of chunks together; metrics by the suffix of their names, where every chunk has them. */
function joinResults(results: readonly PassResult[]): PassResult {
  const [first] = results;
  if (results.length === 1) return first!;
  const metrics: Record<string, number> = {};
  const total = results.reduce((sum, { outputs }) => sum + outputs.length, 0);
  for (const name of Object.keys(first!.metrics)) {
    if (!results.every((one) => name in one.metrics)) continue;
    const values = results.map((one) => one.metrics[name]!);
    const suffix = name.slice(name.lastIndexOf(":") + 1);
    if (suffix === "sum") metrics[name] = values.reduce((a, b) => a + b, 0);
    else if (suffix === "min") metrics[name] = Math.min(...values);
    else if (suffix === "max") metrics[name] = Math.max(...values);
    else if (suffix === "last") metrics[name] = values.at(-1)!;
    else if (suffix === "mean") {
      metrics[name] = results.reduce(
        (sum, one, i) => sum + values[i]! * one.outputs.length / total,
        0,
      );
    }
  }
  return {
    outputType: first!.outputType,
    outputs: results.flatMap(({ outputs }) => outputs),
    metrics,
  };
}

function numbersOf(value: unknown): Record<string, number> {
  return Object.fromEntries(
    Object.entries(value ?? {}).filter(([, one]) => typeof one === "number"),
  );
}

/** Names that every dialect takes. */
function checkName(name: string): void {
  if (/^[\w-]{1,255}$/.test(name)) return;
  throw new TypeError(
    `Cannot save weights as their name must have letters, digits, "_" and "-" alone, at most 255: current value is "${name}"`,
  );
}
