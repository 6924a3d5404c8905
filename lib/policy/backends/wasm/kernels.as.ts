// The kernel module: everything that is compiled to WebAssembly and run on the heap of the tensors.

export { attendNext, attendRest, attendRestBytes, attention, attentionGrad, attentionScratchBytes, fillCache, rotaryRows } from "./attention.as";
export {
  addBias,
  gatherRows,
  rmsNorm,
  rmsNormGradGain,
  rmsNormGradX,
  sumRows,
  swiGlu,
  swiGluGradGate,
} from "./elementwise.as";
export { matmulHalves, matmulWidened, widen, widenedBytes } from "./halves.as";
export { matmul, matmulScratchBytes, setLeastOutside } from "./matmul.as";
export { tokenLogProbs, tokenLogProbsGrad } from "./vocabulary.as";
