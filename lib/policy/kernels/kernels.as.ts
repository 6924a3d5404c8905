// The kernel module: everything that is compiled to WebAssembly and run on the heap of the tensors.

export { matmul, matmulScratchBytes } from "./matmul.as";
