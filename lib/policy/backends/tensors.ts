/**
 * Names for the TensorFlow.js tensors in public signatures.
 *
 * They are the very types of `@tensorflow/tfjs-core`; only types are imported.
 *
 * @module
 */

import type * as tf from "npm:@tensorflow/tfjs-core@4.22.0";

/** A tensor of any rank. */
export type Tensor = InstanceType<(typeof tf)["Tensor"]>;

/** A tensor of rank 0. */
export type Scalar = ReturnType<(typeof tf)["scalar"]>;

/** A tensor of rank 1. */
export type Tensor1D = ReturnType<(typeof tf)["tensor1d"]>;

/** A tensor of rank 2. */
export type Tensor2D = ReturnType<(typeof tf)["tensor2d"]>;

/** A tensor that learning changes in place. */
export type Variable = InstanceType<(typeof tf)["Variable"]>;
