/**
 * A compact network on shared memory: reads plans and actions for a session, and scores recorded turns.
 *
 * @module
 */

import { Arena, SharedMemory } from "../../backends/wasm/shared_memory.ts";
import { DECISIONS } from "../../../trajectory.ts";
import type { CompactInputs } from "../batch.ts";
import type { ActionNumbers, CompactReader, PlanReading } from "../choice.ts";
import type { Workspace } from "./layers.ts";
import { forward, type PassOptions } from "./network.ts";
import { readSwitching, readValues } from "./scores.ts";
import { gatherTurns, storeTurns } from "./turns.ts";
import type { WeightLayout } from "./weights.ts";

/** A network on shared memory, as a message can carry it to another thread. */
export interface KernelNetworkHandle {
  readonly memory: WebAssembly.Memory;
  readonly weights: WeightLayout;
  /** Units of return that a value head's output of 1 stands for. */
  readonly valueScale: number;
}

/** A network on one thread. */
export class KernelNetwork implements CompactReader {
  readonly handle: KernelNetworkHandle;
  readonly shared: SharedMemory;
  /** For one pass at a time. */
  readonly arena: Arena;

  /** Opens the network of another thread, or that of `shared`. */
  constructor(
    handle: KernelNetworkHandle,
    shared = new SharedMemory(handle.memory),
  ) {
    this.handle = handle;
    this.shared = shared;
    this.arena = new Arena(shared);
  }

  readPlans(inputs: readonly CompactInputs[]): PlanReading {
    const { space, pass } = this.#forward(inputs, {
      plans: true,
      actions: false,
    });
    const { size, starts } = pass.batch;
    const value = (output: number, head: number) =>
      Float32Array.from(
        readValues(space, pass, {
          output,
          head,
          scale: this.handle.valueScale,
        }),
      );
    return {
      switching: readSwitching(space, pass),
      planning: this.shared.floats(pass.planning, starts.subgoal[size]!)
        .slice(),
      rows: { starts: starts.subgoal },
      values: {
        switching: value(pass.values.switching, 0),
        planning: value(pass.values.planning, 1),
        execution: value(pass.heldValue, 2),
      },
      readActions: (acting) => this.#readActions(acting),
      [Symbol.dispose]: () => {},
    };
  }

  #readActions(inputs: readonly CompactInputs[]): ActionNumbers {
    const { space, pass } = this.#forward(inputs, {
      plans: false,
      actions: true,
    });
    const { size, starts, fields } = pass.batch;
    const logits = this.shared.floats(pass.execution, starts.row[size]!);
    const rows = this.shared.integers(fields.actionRows, starts.action[size]!);
    const execution = new Float32Array(rows.length);
    for (let i = 0; i < size; i++) {
      for (let j = starts.action[i]!; j < starts.action[i + 1]!; j++) {
        execution[j] = logits[starts.row[i]! + rows[j]!]!;
      }
    }
    return {
      execution,
      rows: { starts: starts.action },
      value: Float32Array.from(readValues(space, pass, {
        output: pass.values.execution,
        head: DECISIONS.indexOf("execution"),
        scale: this.handle.valueScale,
      })),
    };
  }

  #forward(inputs: readonly CompactInputs[], options: PassOptions) {
    const { arena, handle: { weights } } = this;
    arena.clear();
    const [buckets] = weights.places["embedding"]!.shape;
    const store = storeTurns(arena, inputs, buckets!);
    const batch = gatherTurns(arena, store, inputs.map((_, i) => i));
    const space: Workspace = { arena, weights, gradient: 0 };
    return { space, pass: forward(space, batch, options) };
  }
}
