/**
 * Registers the shaders of a language model for the `webgpu` backend.
 *
 * @module
 */

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { registerFusedGradients } from "../wasm/gradients.ts";
import { FUSED } from "../wasm/kernel_names.ts";
import { ATTENTION } from "./attention.ts";
import { ATTENTION_GRADIENT } from "./attention_gradient.ts";
import { DECODING } from "./decoding.ts";
import { SAMPLING } from "./sampling.ts";
import { ELEMENTS } from "./elements.ts";
import { FLOAT16 } from "./fp16.ts";
import { NORMALIZATION } from "./normalization.ts";
import { registerKernels } from "./program.ts";
import { PROJECTION } from "./projection.ts";
import { VOCABULARY } from "./vocabulary.ts";

/** Makes the `webgpu` backend run the fused path. Does nothing when that was done before. */
export function installShaders(): void {
  if (tf.getKernel(FUSED.linear, "webgpu")) return;
  registerKernels({
    ...PROJECTION,
    ...NORMALIZATION,
    ...ELEMENTS,
    ...ATTENTION,
    ...ATTENTION_GRADIENT,
    ...VOCABULARY,
    ...DECODING,
    ...FLOAT16,
    ...SAMPLING,
  });
  registerFusedGradients();
}
