/**
 * Passes over data and samples, as typed arrays on one side and protobuf on the other.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "npm:@bufbuild/protobuf@2.17.0";
import {
  ArrayRecordSchema,
  type BatchedTensor,
  BatchedTensorSchema,
  ChunkSchema,
  DatumSchema,
  NumberKind,
  PassRequestSchema,
  PassResultSchema,
  SampledSequenceSchema,
  SampleResultSchema,
  StopReason,
  type Tensor,
  TensorSchema,
  TextChunkSchema,
} from "./tinker_pb.ts";

/** One sequence and what is learned of it. All arrays have the length of `tokens`; element `i` is about token `i + 1`. */
export interface Datum {
  /** Token ids that are read. Shape `(positions,)`. */
  readonly tokens: Int32Array;
  /** Token id that follows each position. Shape `(positions,)`. */
  readonly targets: Int32Array;
  /** Arrays of the loss, by the protocol's names: `weights`, `logprobs`, `advantages`. Shape `(positions,)` each. */
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

/** A pass over data, forward alone or with gradients. */
export interface PassRequest {
  readonly modelId: string;
  /** Number of the request in its model's order, from 1. */
  readonly seqId: number;
  readonly data: readonly Datum[];
  readonly loss: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly forwardOnly: boolean;
}

/** What a pass gives for each datum, by name: `logprobs`, `elementwise_loss`. Shape `(positions,)` each. */
export type DatumOutputs = Readonly<Record<string, Float32Array>>;

/** Result of a pass. */
export interface PassResult {
  /** Kind of the outputs, by the server's name. */
  readonly outputType: string;
  /** One for each datum, in order. */
  readonly outputs: readonly DatumOutputs[];
  /** What the server measured, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** One sampled sequence. */
export interface SampledSequence {
  /** Whether a stop ended it, or the limit of tokens. */
  readonly stopReason: "stop" | "length";
  /** Token ids; a stop token is the last of them. Shape `(tokens,)`. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** Log-probability of each token at temperature 1. Shape `(tokens,)`. */
  readonly logProbs: Float32Array<ArrayBuffer>;
}

/** Result of a sampling request. */
export interface SampleResult {
  readonly sequences: readonly SampledSequence[];
  /** Log-probabilities of the prompt's tokens as the server sent them; `NaN` is undefined. */
  readonly promptLogProbs?: Float32Array<ArrayBuffer>;
}

/** Content type of protobuf. */
export const PROTOBUF = "application/x-protobuf";

/** Writes a pass; arrays stand in the order of their names. */
export function encodePassRequest(
  request: PassRequest,
): Uint8Array<ArrayBuffer> {
  const { modelId, seqId, data, loss, settings, forwardOnly } = request;
  const bytes = toBinary(
    PassRequestSchema,
    create(PassRequestSchema, {
      modelId,
      seqId,
      data: data.map((datum) => datumMessage(datum)),
      loss,
      lossSettings: Object.fromEntries(Object.entries(settings).sort(byName)),
      forwardOnly,
    }),
  );
  return bytes as Uint8Array<ArrayBuffer>;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function datumMessage({ tokens, targets, arrays }: Datum) {
  const shape = [BigInt(targets.length)];
  const tensors: [string, Tensor][] = Object.entries(arrays).map((
    [name, values],
  ) => [
    name,
    create(TensorSchema, {
      content: { case: "dense", value: bytesOf(values) },
      kind: NumberKind.FLOAT32,
      shape,
    }),
  ]);
  const wide = BigInt64Array.from(targets, BigInt);
  tensors.push([
    "target_tokens",
    create(TensorSchema, {
      content: { case: "dense", value: bytesOf(wide) },
      kind: NumberKind.INT64,
      shape,
    }),
  ]);
  const text = create(TextChunkSchema, { tokens: bytesOf(tokens) });
  return create(DatumSchema, {
    input: [create(ChunkSchema, { content: { case: "text", value: text } })],
    arrays: Object.fromEntries(tensors.sort(byName)),
  });
}

/** Reads a pass as a server would; the inverse of {@linkcode encodePassRequest}. */
export function decodePassRequest(bytes: Uint8Array): PassRequest {
  const message = fromBinary(PassRequestSchema, bytes);
  return {
    modelId: message.modelId,
    seqId: message.seqId,
    loss: message.loss,
    settings: message.lossSettings,
    forwardOnly: message.forwardOnly,
    data: message.data.map(({ input, arrays }) => {
      const tokens = joinInts(
        input.map(({ content }) =>
          content.case === "text"
            ? intsOf(content.value.tokens)
            : new Int32Array(0)
        ),
      );
      const floats: Record<string, Float32Array> = {};
      let targets = new Int32Array(0);
      for (const [name, { content, kind }] of Object.entries(arrays)) {
        const dense = content.case === "dense"
          ? content.value
          : new Uint8Array(0);
        if (kind === NumberKind.INT64) {
          targets = Int32Array.from(
            new BigInt64Array(aligned(dense)),
            Number,
          );
        } else floats[name] = floatsOf(dense);
      }
      return { tokens, targets, arrays: floats };
    }),
  };
}

/** Reads the result of a pass. */
export function decodePassResult(bytes: Uint8Array): PassResult {
  const { outputType, outputs, metrics } = fromBinary(PassResultSchema, bytes);
  return {
    outputType,
    metrics,
    outputs: outputs.flatMap(({ count, fields }) => {
      const rows: Record<string, Float32Array>[] = Array.from(
        { length: Number(count) },
        () => ({}),
      );
      for (const [name, tensor] of Object.entries(fields)) {
        splitRows(tensor).forEach((values, i) => {
          const row = rows[i];
          if (row) row[name] = values;
        });
      }
      return rows;
    }),
  };
}

/** Writes the result of a pass, as a server would; one record for all data. */
export function encodePassResult(result: PassResult): Uint8Array<ArrayBuffer> {
  const { outputType, outputs, metrics } = result;
  const names = Object.keys(outputs[0] ?? {});
  const fields = Object.fromEntries(names.map((name) => {
    const rows = outputs.map((one) => one[name] ?? new Float32Array(0));
    const offsets = new BigInt64Array(rows.length + 1);
    rows.forEach(({ byteLength }, i) => {
      offsets[i + 1] = offsets[i]! + BigInt(byteLength);
    });
    const data = new Uint8Array(Number(offsets[rows.length]));
    rows.forEach((row, i) => data.set(bytesOf(row), Number(offsets[i])));
    return [
      name,
      create(BatchedTensorSchema, {
        data,
        offsets: bytesOf(offsets),
        kind: NumberKind.FLOAT32,
      }),
    ];
  }));
  const bytes = toBinary(
    PassResultSchema,
    create(PassResultSchema, {
      outputType,
      metrics: { ...metrics },
      outputs: outputs.length === 0 ? [] : [
        create(ArrayRecordSchema, { fields, count: BigInt(outputs.length) }),
      ],
    }),
  );
  return bytes as Uint8Array<ArrayBuffer>;
}

/** Reads sampled sequences. */
export function decodeSampleResult(bytes: Uint8Array): SampleResult {
  const { sequences, promptLogProbs } = fromBinary(SampleResultSchema, bytes);
  return {
    sequences: sequences.map(({ stopReason, tokens, logProbs }) => ({
      stopReason: stopReason === StopReason.LENGTH ? "length" : "stop",
      tokens: intsOf(tokens),
      logProbs: floatsOf(logProbs ?? new Uint8Array(0)),
    })),
    ...(promptLogProbs && { promptLogProbs: floatsOf(promptLogProbs) }),
  };
}

/** Writes sampled sequences, as a server would. */
export function encodeSampleResult(
  result: SampleResult,
): Uint8Array<ArrayBuffer> {
  const { sequences, promptLogProbs } = result;
  const bytes = toBinary(
    SampleResultSchema,
    create(SampleResultSchema, {
      sequences: sequences.map(({ stopReason, tokens, logProbs }) =>
        create(SampledSequenceSchema, {
          stopReason: stopReason === "length"
            ? StopReason.LENGTH
            : StopReason.STOP,
          tokens: bytesOf(tokens),
          logProbs: bytesOf(logProbs),
        })
      ),
      ...(promptLogProbs && { promptLogProbs: bytesOf(promptLogProbs) }),
    }),
  );
  return bytes as Uint8Array<ArrayBuffer>;
}

/** The rows of a batched tensor. */
function splitRows(tensor: BatchedTensor): Float32Array<ArrayBuffer>[] {
  const { data, kind } = tensor;
  const offsets = new BigInt64Array(aligned(tensor.offsets));
  const rows: Float32Array<ArrayBuffer>[] = [];
  for (let i = 0; i + 1 < offsets.length; i++) {
    const part = data.subarray(Number(offsets[i]), Number(offsets[i + 1]));
    rows.push(numbersOf(part, kind));
  }
  return rows;
}

function numbersOf(
  bytes: Uint8Array,
  kind: NumberKind,
): Float32Array<ArrayBuffer> {
  switch (kind) {
    case NumberKind.INT32:
      return Float32Array.from(intsOf(bytes));
    case NumberKind.INT64:
      return Float32Array.from(new BigInt64Array(aligned(bytes)), Number);
    case NumberKind.BFLOAT16: {
      const halves = new Uint16Array(aligned(bytes));
      const words = Uint32Array.from(halves, (half) => half << 16);
      return new Float32Array(words.buffer);
    }
    default:
      return floatsOf(bytes);
  }
}

/** The bytes of numbers, little-endian as every machine that Deno runs on; a view, not a copy. */
function bytesOf(values: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    values.buffer as ArrayBuffer,
    values.byteOffset,
    values.byteLength,
  );
}

/** A copy of bytes that begins at a whole number of words. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

function intsOf(bytes: Uint8Array): Int32Array<ArrayBuffer> {
  return new Int32Array(aligned(bytes));
}

function floatsOf(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(aligned(bytes));
}

function joinInts(parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
