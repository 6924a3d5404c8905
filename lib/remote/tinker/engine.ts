/**
 * The engine of a run: one session, one model, the sampler of its present weights, and the way back after the server
 * has lost them.
 *
 * @module
 */

import type { DecisionTrace } from "../../trajectory.ts";
import { TinkerError } from "./errors.ts";
import type { TinkerModel } from "./model.ts";
import type { TinkerSampler } from "./sampler.ts";
import { openTinker, type TinkerOptions, TinkerSession } from "./session.ts";
import type { EngineCosts } from "./transport.ts";

/** How an engine is opened. */
export interface EngineOptions extends TinkerOptions {
  /** The model that adapters are trained for. */
  readonly baseModel: string;
  /** Rank of the adapters. */
  readonly rank: number;
  /** Seed of the adapters. */
  readonly seed: number;
  /** Stops waiting, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Times in a row that a lost model is restored before the failure is passed on. */
const RESTORATIONS = 3;

/**
 * The engine of a run.
 *
 * Work on it goes on after a restart of the server: session and model are made anew, weights and optimizer state are
 * loaded from the newest checkpoint, and the work is done again from there. No step of unknown outcome is repeated on
 * weights that may hold it.
 */
export class TinkerEngine implements AsyncDisposable {
  readonly #options: EngineOptions;
  /** Updates that each trace is older than the newest weights by. */
  readonly #versions = new WeakMap<DecisionTrace, number>();
  readonly #past: EngineCosts[] = [];
  #session: TinkerSession;
  #model: TinkerModel;
  #sampler: Promise<TinkerSampler> | undefined;
  #base: Promise<TinkerSampler> | undefined;
  /** Newest checkpoint, and the ones that a run's folder refers to, oldest first. */
  #checkpoint: string | undefined;
  #pinned: string[] = [];
  #version = 0;
  #generation = 0;
  #restoring: Promise<void> | undefined;

  private constructor(
    options: EngineOptions,
    opened: { session: TinkerSession; model: TinkerModel },
  ) {
    this.#options = options;
    this.#session = opened.session;
    this.#model = opened.model;
  }

  /** Opens a session with a new model. Caller disposes. */
  static async open(options: EngineOptions): Promise<TinkerEngine> {
    return new TinkerEngine(options, await openModel(options, undefined));
  }

  /** The session. */
  get session(): TinkerSession {
    return this.#session;
  }

  /** The model, as long as the server does not lose it. */
  get model(): TinkerModel {
    return this.#model;
  }

  /** Number of updates so far, in this process. */
  get version(): number {
    return this.#version;
  }

  /** Path of the newest checkpoint on the server. */
  get checkpoint(): string | undefined {
    return this.#checkpoint;
  }

  /** What was asked of the engine so far, sessions before a restart included. */
  get costs(): EngineCosts {
    const all = [...this.#past, this.#session.costs];
    const sum = (of: (one: EngineCosts) => number) =>
      all.reduce((total, one) => total + of(one), 0);
    return {
      requests: sum((one) => one.requests),
      repeats: sum((one) => one.repeats),
      bytesSent: sum((one) => one.bytesSent),
      waitingSeconds: sum((one) => one.waitingSeconds),
      tokensSampled: sum((one) => one.tokensSampled),
      tokensPrompted: sum((one) => one.tokensPrompted),
      tokensTrained: sum((one) => one.tokensTrained),
      optimizerSteps: sum((one) => one.optimizerSteps),
    };
  }

  /** The sampler of the present weights; made once for each update. */
  sampler(): Promise<TinkerSampler> {
    this.#sampler ??= this.#model.sampler();
    this.#sampler.catch(() => this.#sampler = undefined);
    return this.#sampler;
  }

  /** The sampler of the base model, without adapters. */
  baseSampler(): Promise<TinkerSampler> {
    const { baseModel } = this.#options;
    this.#base ??= this.#session.createSampler({ baseModel });
    return this.#base;
  }

  /** Notes that a decision was sampled from the present weights. */
  stamp(trace: DecisionTrace): void {
    this.#versions.set(trace, this.#version);
  }

  /**
   * Checks that a decision may be learned from.
   *
   * @throws {RangeError} If it was sampled from weights that are too old for this dialect, or by another policy.
   */
  checkFresh(trace: DecisionTrace, ratiosOfOne: boolean): void {
    const stamped = this.#versions.get(trace);
    if (stamped === undefined) {
      if (ratiosOfOne) return;
      throw new RangeError(
        "Cannot learn from a decision as it must be sampled by this engine in this process: it is of another policy",
      );
    }
    const { dialect } = this.#session;
    const age = this.#version - stamped;
    if (age <= dialect.maxStaleness) return;
    throw new RangeError(
      `Cannot learn from a decision as its weights must be at most ${dialect.maxStaleness} updates old on "${dialect.name}": current value is ${age}`,
    );
  }

  /**
   * Checks that a rollout still plays with the weights it began with.
   *
   * @throws {RangeError} If the weights were updated meanwhile and the dialect's samplers share their slot.
   */
  checkVersion(begun: number): void {
    const { dialect } = this.#session;
    if (this.#version - begun <= dialect.maxStaleness) return;
    throw new RangeError(
      `Cannot go on playing as the weights must be updated at most ${dialect.maxStaleness} times while episodes are under way on "${dialect.name}": current value is ${
        this.#version - begun
      }`,
    );
  }

  /** Notes that the weights were updated: samplers of the old ones are not used again. */
  updated(): void {
    this.#version++;
    this.#sampler = undefined;
  }

  /** Saves weights and optimizer state on the server under a name; the work that follows goes back to here if it must. */
  async save(name: string): Promise<void> {
    const before = this.#checkpoint;
    this.#checkpoint = await this.#model.save(name);
    if (before !== undefined && !this.#pinned.includes(before)) {
      await this.#session.deleteCheckpoint(before);
    }
  }

  /** Keeps the newest checkpoint for a run's folder, and deletes all but the newest `keep` that were kept before. */
  async pin(keep: number): Promise<string | undefined> {
    const path = this.#checkpoint;
    if (path === undefined || this.#pinned.at(-1) === path) return path;
    this.#pinned.push(path);
    // One more than the folder keeps: it drops its oldest only after the newest is whole.
    while (this.#pinned.length > keep + 1) {
      await this.#session.deleteCheckpoint(this.#pinned.shift()!);
    }
    return path;
  }

  /** Goes on from a checkpoint of an earlier process. */
  async load(
    path: string | undefined,
    pinned: readonly string[],
  ): Promise<void> {
    this.#checkpoint = path;
    this.#pinned = [...pinned];
    this.#version = 0;
    if (path !== undefined) await this.#restore();
  }

  /** Checkpoints that a run's folder refers to, oldest first. */
  get pinned(): readonly string[] {
    return this.#pinned;
  }

  /**
   * Does a piece of work; if the server loses session or model meanwhile, restores them from the newest checkpoint and
   * does it again.
   */
  async guarded<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0;; attempt++) {
      const generation = this.#generation;
      try {
        return await work();
      } catch (error) {
        if (!isLoss(error) || attempt >= RESTORATIONS) throw error;
        // Of many pieces of work that fail at once, the first restores.
        if (generation === this.#generation) {
          this.#restoring ??= this.#restore().finally(() =>
            this.#restoring = undefined
          );
        }
        await this.#restoring;
      }
    }
  }

  async #restore(): Promise<void> {
    const before = this.#session;
    this.#past.push(before.costs);
    const opened = await openModel(this.#options, this.#checkpoint);
    this.#session = opened.session;
    this.#model = opened.model;
    this.#sampler = undefined;
    this.#base = undefined;
    this.#generation++;
    await before[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** A session with a model: a new one, or one with the weights of a checkpoint. */
async function openModel(
  options: EngineOptions,
  checkpoint: string | undefined,
): Promise<{ session: TinkerSession; model: TinkerModel }> {
  const session = await openTinker(options);
  try {
    const model = checkpoint === undefined
      ? await session.createModel(options)
      : await session.loadModel(checkpoint, options);
    return { session, model };
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whether the server has lost session or model, or what it did is unknown. */
function isLoss(error: unknown): boolean {
  return error instanceof TinkerError &&
    (error.kind === "expired" || error.kind === "transport");
}
