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
  ropeBase: 1e6,
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
    vocabulary: 151936,
    width: 896,
    innerWidth: 4864,
    layers: 24,
    heads: 14,
    groups: 2,
    tied: true,
  },
  "1.5B": {
    ...SHARED,
    vocabulary: 151936,
    width: 1536,
    innerWidth: 8960,
    layers: 28,
    heads: 12,
    groups: 2,
    tied: true,
  },
  "3B": {
    ...SHARED,
    vocabulary: 151936,
    width: 2048,
    innerWidth: 11008,
    layers: 36,
    heads: 16,
    groups: 2,
    tied: true,
  },
  "7B": {
    ...SHARED,
    vocabulary: 152064,
    width: 3584,
    innerWidth: 18944,
    layers: 28,
    heads: 28,
    groups: 4,
    tied: false,
  },
  "14B": {
    ...SHARED,
    vocabulary: 152064,
    width: 5120,
    innerWidth: 13824,
    layers: 48,
    heads: 40,
    groups: 8,
    tied: false,
  },
  "32B": {
    ...SHARED,
    vocabulary: 152064,
    width: 5120,
    innerWidth: 27648,
    layers: 64,
    heads: 40,
    groups: 8,
    tied: false,
  },
} as const satisfies Record<string, Qwen2Config>;
