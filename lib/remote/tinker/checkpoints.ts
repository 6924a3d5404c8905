/**
 * Checkpoints on a server: their paths, lists, and removal.
 *
 * @module
 */

import { readObject } from "./replies.ts";
import type { Transport } from "./transport.ts";

/** One entry of a model's list of checkpoints. */
export interface ServerCheckpoint {
  /** Name among the model's checkpoints. */
  readonly name: string;
  /** Weights with the optimizer's state, or weights to sample from. */
  readonly type: "training" | "sampler";
}

/** Lists the checkpoints of a model. */
export async function listCheckpoints(
  transport: Transport,
  modelId: string,
): Promise<ServerCheckpoint[]> {
  const operation = "list checkpoints";
  const { checkpoints } = readObject(
    await transport.submit({
      path: `/training_runs/${encodeURIComponent(modelId)}/checkpoints`,
      method: "GET",
      operation,
      repeatable: true,
    }),
    operation,
  );
  return Array.isArray(checkpoints)
    ? checkpoints.map((one: Record<string, unknown>) => ({
      name: String(one["checkpoint_id"]).replace(/^.*\//, ""),
      type: one["checkpoint_type"] === "training" ? "training" : "sampler",
    }))
    : [];
}

/** Deletes a checkpoint, by its path; one that is not there counts as deleted. */
export async function deleteCheckpoint(
  transport: Transport,
  path: string,
): Promise<void> {
  const { modelId, kind, name } = parsePath(path);
  await transport.submit({
    path: `/training_runs/${
      encodeURIComponent(modelId)
    }/checkpoints/${kind}/${name}`,
    method: "DELETE",
    operation: "delete a checkpoint",
    repeatable: true,
    accept: [404],
  });
}

/**
 * Parts of a checkpoint's path, `tinker://<model>/[weights/|sampler_weights/]<name>`.
 *
 * @throws {SyntaxError} If it has another form.
 */
export function parsePath(
  path: string,
): { modelId: string; kind: "weights" | "sampler_weights"; name: string } {
  const match = /^tinker:\/\/([^/]+)\/(?:(weights|sampler_weights)\/)?([\w-]+)$/
    .exec(path);
  if (!match) {
    throw new SyntaxError(
      `Cannot read a checkpoint's path as it must have the form tinker://<model>/<kind>/<name>: current value is "${path}"`,
    );
  }
  return {
    modelId: match[1]!,
    kind: match[2] === "weights" ? "weights" : "sampler_weights",
    name: match[3]!,
  };
}
