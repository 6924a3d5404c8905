/** Prints the heap in bytes after 100 and after 1,000 iterations; run with `--v8-flags=--expose-gc`. */

import { countingConfig, countingTraining } from "./_counting.ts";

const collect = (globalThis as { gc?: () => void }).gc!;
const config = countingConfig({ iterations: 1000, evaluation: { every: 0 } });
for await (const { iteration } of countingTraining(config)) {
  if (iteration !== 99 && iteration !== 999) continue;
  collect();
  console.log(Deno.memoryUsage().heapUsed);
}
