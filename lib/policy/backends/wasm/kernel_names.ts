/**
 * Names under which the project registers its kernels.
 *
 * @module
 */

/** Names of the kernels; a backend that has them runs the fused path. */
export const FUSED = {
  linear: "HiperLinear",
  linearHalf: "HiperLinearHalf",
  linearHalfGradX: "HiperLinearHalfGradX",
  lookUpHalf: "HiperLookUpHalf",
  addLowRank: "HiperAddLowRank",
  sumRows: "HiperSumRows",
  rmsNorm: "HiperRmsNorm",
  rmsNormGradX: "HiperRmsNormGradX",
  rmsNormGradGain: "HiperRmsNormGradGain",
  swiGlu: "HiperSwiGlu",
  swiGluGradGate: "HiperSwiGluGradGate",
  attention: "HiperAttention",
  attentionGrad: "HiperAttentionGrad",
  tokenLogProbs: "HiperTokenLogProbs",
  tokenLogProbsGradHidden: "HiperTokenLogProbsGradHidden",
  tokenLogProbsGradEmbedding: "HiperTokenLogProbsGradEmbedding",
} as const;

/** Names of the kernels that decode with a KV cache. */
export const DECODE = {
  step: "HiperDecodeStep",
  fillCache: "HiperFillCache",
  append: "HiperAppend",
  attend: "HiperAttendCached",
  draw: "HiperDraw",
} as const;
