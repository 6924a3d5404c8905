/**
 * The sizes of the published Qwen2.5 models.
 *
 * @module
 */

import type { Qwen2Config } from "./config.ts";

/** What all of them share. */
const SHARED = {
  maxLength: 32768,
  rmsEpsilon: 1e-6,
  ropeTheta: 1e6,
} as const;

/**
 * Sizes of the Qwen2.5 models, as their `config.json` states them.
 *
 * @see {@link https://huggingface.co/collections/Qwen/qwen25 | the models}
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { QWEN2_SIZES } from "@hiper/lab/language";
 *
 * strictEqual(QWEN2_SIZES["0.5B"].layers, 24);
 * ```
 */
export const QWEN2_SIZES = {
  "0.5B": {
    ...SHARED,
    vocabSize: 151936,
    hiddenSize: 896,
    intermediateSize: 4864,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    tieEmbeddings: true,
  },
  "1.5B": {
    ...SHARED,
    vocabSize: 151936,
    hiddenSize: 1536,
    intermediateSize: 8960,
    layers: 28,
    heads: 12,
    kvHeads: 2,
    tieEmbeddings: true,
  },
  "3B": {
    ...SHARED,
    vocabSize: 151936,
    hiddenSize: 2048,
    intermediateSize: 11008,
    layers: 36,
    heads: 16,
    kvHeads: 2,
    tieEmbeddings: true,
  },
  "7B": {
    ...SHARED,
    vocabSize: 152064,
    hiddenSize: 3584,
    intermediateSize: 18944,
    layers: 28,
    heads: 28,
    kvHeads: 4,
    tieEmbeddings: false,
  },
  "14B": {
    ...SHARED,
    vocabSize: 152064,
    hiddenSize: 5120,
    intermediateSize: 13824,
    layers: 48,
    heads: 40,
    kvHeads: 8,
    tieEmbeddings: false,
  },
  "32B": {
    ...SHARED,
    vocabSize: 152064,
    hiddenSize: 5120,
    intermediateSize: 27648,
    layers: 64,
    heads: 40,
    kvHeads: 8,
    tieEmbeddings: false,
  },
} as const satisfies Record<string, Qwen2Config>;
