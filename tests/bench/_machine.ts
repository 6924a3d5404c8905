/**
 * What a measurement was taken on.
 *
 * @module
 */

import { cpus } from "node:os";

/** Processor, threads and runtime in one line. */
export function describeMachine(): string {
  const all = cpus();
  const model = all[0]?.model.trim() || "an unnamed processor";
  return `${model}, ${all.length} threads, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`;
}

/** Memory that the process holds now, in MB of 2²⁰ bytes. */
export function residentMegabytes(): number {
  return Math.round(Deno.memoryUsage().rss / 2 ** 20);
}
