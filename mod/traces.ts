/**
 * `@hiper/lab/traces`: recorded plays of any world, and their comparison with a replay.
 *
 * @module
 */

export {
  readWorldTrace,
  recordWorldTrace,
  replayWorldTrace,
  traceStep,
  type WorldTrace,
  type WorldTraceMismatch,
  type WorldTraceStep,
} from "../lib/envs/world_trace.ts";
