import { ok } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import { onWebGpu } from "./_webgpu.ts";

onWebGpu(
  "on WebGPU the memory of what was freed is used again before a thousand commands have passed",
  async () => {
    await selectBackend("webgpu");
    const one = tf.fill([2 ** 21], 1); // 8 MiB
    const sum = tf.tidy(() => {
      let x: tf.Tensor = one;
      for (let i = 0; i < 60; i++) {
        const before = x;
        x = tf.add(before, one);
        if (i > 0) before.dispose();
      }
      return tf.max(x);
    });
    const { numBytesAllocatedInGPU } = (tf.backend() as WebGPUBackend).memory();
    ok(numBytesAllocatedInGPU < 2 ** 28, `${numBytesAllocatedInGPU} bytes`); // 60 would be 2 ** 29
    const [value] = await sum.data();
    ok(value === 61);
    tf.dispose([one, sum]);
  },
);
