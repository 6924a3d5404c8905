/**
 * A session with an engine: its heartbeat, its models, its samplers, and checkpoints on the server.
 *
 * @module
 */

import { readKey } from "../http.ts";
import { isUnlistened } from "../local.ts";
import {
  deleteCheckpoint,
  listCheckpoints,
  type ServerCheckpoint,
} from "./checkpoints.ts";
import { type Dialect, type DialectName, dialectOf } from "./dialects.ts";
import { TinkerError } from "./errors.ts";
import type { HeartbeatNews, HeartbeatOrder } from "./heartbeat_worker.ts";
import { TinkerModel } from "./model.ts";
import { createSampler, type TinkerSampler } from "./sampler.ts";
import { readObject, readText } from "./replies.ts";
import {
  type EngineCosts,
  type RequestRecord,
  Transport,
} from "./transport.ts";

/** Environment variable with the key of a hosted account. */
export const KEY_VARIABLE = "TINKER_API_KEY";

/** How a session is opened. */
export interface TinkerOptions {
  /** Address of the server, without `/api/v1`. */
  readonly url: string;
  /** How the server behaves. @default {"hosted" for the hosted service's own address, else "skyrl-jax"} */
  readonly dialect?: DialectName;
  /** File that holds the key. @default {the environment variable `TINKER_API_KEY`} */
  readonly keyFile?: string;
  /** What the session is for; shown by servers that list sessions. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Time without any reply after which an operation is given up, in milliseconds. @default {300000} */
  readonly patience?: number;
  /** Delay before the first repetition of a request, in milliseconds. @default {500} */
  readonly firstDelay?: number;
  /** Time between heartbeats, in milliseconds. @default {10000} */
  readonly heartbeat?: number;
  /** Is called after each request. */
  readonly onRequest?: (record: RequestRecord) => void;
  /** Is called with what the server says to the person at the keyboard, and when heartbeats fail for long. */
  readonly onNotice?: (message: string) => void;
}

/** Version of the protocol's own client that the requests follow. */
const PROTOCOL_VERSION = "0.25.0";

/** Time of failing heartbeats after which the caller is told, in milliseconds. */
const LONG_SILENCE = 120_000;

/**
 * Opens a session and keeps it alive until it is disposed.
 *
 * @throws {TinkerError} If the server cannot be reached or refuses.
 * @throws {TypeError} If the address is none, the key cannot be read, or the hosted service has no key.
 */
export async function openTinker(
  options: TinkerOptions,
): Promise<TinkerSession> {
  const { url, keyFile, metadata = {}, onNotice = () => {} } = options;
  const dialect = dialectOf(url, options.dialect);
  const key = await readKey({
    variable: KEY_VARIABLE,
    ...(keyFile !== undefined && { file: keyFile }),
  });
  if (dialect.name === "hosted" && key === undefined) {
    throw new TypeError(
      `Cannot reach "${url}" as it asks for a key: set ${KEY_VARIABLE}, or name a file by "policy.keyFile"`,
    );
  }
  const transport = new Transport({
    ...options,
    dialect,
    ...(key !== undefined && { key }),
  });
  const reply = readObject(
    await transport.submit({
      path: "/create_session",
      body: {
        tags: ["hiper"],
        user_metadata: metadata,
        sdk_version: PROTOCOL_VERSION,
        type: "create_session",
      },
      operation: "open a session",
      repeatable: true, // a second session has no models and ends by itself
    }),
    "open a session",
  );
  for (const name of ["info_message", "warning_message"]) {
    if (typeof reply[name] === "string") onNotice(reply[name]);
  }
  if (typeof reply["error_message"] === "string") {
    throw new TinkerError({
      operation: "open a session",
      kind: "rejected",
      must: "the server must have no objection",
      detail: reply["error_message"],
    });
  }
  const session = new TinkerSession(transport, {
    id: readText(reply, "session_id", "open a session"),
    ...options,
  });
  await session.beat();
  return session;
}

/** A session with an engine. */
export class TinkerSession implements AsyncDisposable {
  /** Its id on the server. */
  readonly id: string;
  /** The connection. */
  readonly transport: Transport;
  readonly #heartbeat: Disposable;
  readonly #models = new Set<TinkerModel>();
  #modelSeqId = 0;
  #silentSince: number | undefined;
  #told = false;
  #gone = false;

  /** Takes over a session that the server has opened, and starts its heartbeat. */
  constructor(
    transport: Transport,
    options: {
      id: string;
      heartbeat?: number;
      onNotice?: (message: string) => void;
    },
  ) {
    this.transport = transport;
    this.id = options.id;
    const order: HeartbeatOrder = {
      url: transport.address("/session_heartbeat"),
      headers: transport.headers(),
      sessionId: this.id,
      every: options.heartbeat ?? 10_000,
    };
    this.#heartbeat = isUnlistened(order.url)
      // A server of this thread lives as long as the thread; it needs no beats.
      ? { [Symbol.dispose]() {} }
      : startHeartbeat(order, (news) => this.#hear(news, options.onNotice));
  }

  /** How the server behaves. */
  get dialect(): Dialect {
    return this.transport.options.dialect;
  }

  /** What was asked of the engine so far. */
  get costs(): EngineCosts {
    return this.transport.costs;
  }

  /** Whether the server no longer knows the session. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Sends one heartbeat from this thread. */
  async beat(): Promise<void> {
    await this.transport.submit({
      path: "/session_heartbeat",
      body: { session_id: this.id, type: "session_heartbeat" },
      operation: "keep a session",
      repeatable: true,
      timeout: 10_000,
    });
  }

  #hear({ status }: HeartbeatNews, notice?: (message: string) => void): void {
    if (status === 404) this.#gone = true;
    if (status >= 200 && status < 300) {
      this.#silentSince = undefined;
      this.#told = false;
      return;
    }
    this.#silentSince ??= performance.now();
    if (this.#told || performance.now() - this.#silentSince < LONG_SILENCE) {
      return;
    }
    this.#told = true;
    notice?.(
      `no heartbeat has reached ${this.transport.options.url} for ${
        LONG_SILENCE / 1000
      } s; the server unloads models of silent sessions`,
    );
  }

  /** Names of the models that the server offers. */
  async baseModels(): Promise<string[]> {
    const operation = "list models";
    const { supported_models: models } = readObject(
      await this.transport.submit({
        path: "/get_server_capabilities",
        method: "GET",
        operation,
        repeatable: true,
      }),
      operation,
    );
    return Array.isArray(models)
      ? models.map((one: { model_name?: unknown }) => String(one.model_name))
      : [];
  }

  /**
   * Creates a model: adapters of a base model, with an optimizer.
   *
   * @throws {TypeError} If the server does not offer the base model; some accept any name and train another.
   */
  async createModel(
    options: {
      baseModel: string;
      rank: number;
      seed: number;
      signal?: AbortSignal;
    },
  ): Promise<TinkerModel> {
    const { baseModel, rank, seed, signal } = options;
    const offered = await this.baseModels();
    if (!offered.includes(baseModel)) {
      throw new TypeError(
        `Cannot create a model as "baseModel" must be one that the server offers, ${
          offered.map((name) => `"${name}"`).join(", ") || "none"
        }: current value is "${baseModel}"`,
      );
    }
    const operation = "create a model";
    const submitted = readObject(
      await this.transport.submit({
        path: "/create_model",
        body: {
          session_id: this.id,
          model_seq_id: this.#modelSeqId++,
          base_model: baseModel,
          user_metadata: {},
          lora_config: {
            rank,
            seed,
            train_unembed: true,
            train_mlp: true,
            train_attn: true,
          },
          type: "create_model",
        },
        operation,
        repeatable: this.dialect.deduplicatesModels,
        signal,
      }),
      operation,
    );
    const created = readObject(
      await this.transport.result(
        readText(submitted, "request_id", operation),
        {
          type: "CreateModel",
          operation,
          signal,
        },
      ),
      operation,
    );
    const model = new TinkerModel(this.transport, {
      sessionId: this.id,
      id: readText({ ...submitted, ...created }, "model_id", operation),
      baseModel,
      rank,
      onUnload: (gone) => this.#models.delete(gone),
    });
    this.#models.add(model);
    return model;
  }

  /** Creates a model with the weights of a training checkpoint, and by default with its optimizer's state. */
  async loadModel(
    path: string,
    options: {
      baseModel: string;
      rank: number;
      seed: number;
      optimizer?: boolean;
      signal?: AbortSignal;
    },
  ): Promise<TinkerModel> {
    const operation = "read a checkpoint";
    const info = readObject(
      await this.transport.submit({
        path: "/weights_info",
        body: { tinker_path: path },
        operation,
        repeatable: true,
        signal: options.signal,
      }),
      operation,
    );
    const { baseModel, rank } = options;
    if (info["base_model"] !== baseModel || info["lora_rank"] !== rank) {
      throw new TypeError(
        `Cannot load checkpoint "${path}" as it must be of "${baseModel}" with rank ${rank}: current values are "${
          String(info["base_model"])
        }" and ${String(info["lora_rank"])}`,
      );
    }
    const model = await this.createModel(options);
    await model.load(path, options);
    return model;
  }

  /** A sampler of a base model, or of a sampler checkpoint. */
  async createSampler(
    source: { baseModel: string } | { path: string },
  ): Promise<TinkerSampler> {
    return await createSampler(this.transport, { sessionId: this.id, source });
  }

  /** Lists the checkpoints of a model. */
  async checkpoints(modelId: string): Promise<ServerCheckpoint[]> {
    return await listCheckpoints(this.transport, modelId);
  }

  /** Deletes a checkpoint, by its path; one that is not there counts as deleted. */
  async deleteCheckpoint(path: string): Promise<void> {
    await deleteCheckpoint(this.transport, path);
  }

  /** Unloads the session's models and stops its heartbeat. Models that the server has lost are let go. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const model of [...this.#models]) {
        try {
          await model.unload();
        } catch (error) {
          if (!(error instanceof TinkerError)) throw error;
        }
      }
    } finally {
      this.#heartbeat[Symbol.dispose]();
    }
  }
}

function startHeartbeat(
  order: HeartbeatOrder,
  hear: (news: HeartbeatNews) => void,
): Disposable {
  const worker = new Worker(
    new URL("./heartbeat_worker.ts", import.meta.url),
    { type: "module" },
  );
  worker.onmessage = ({ data }: MessageEvent<HeartbeatNews>) => hear(data);
  worker.postMessage(order);
  return { [Symbol.dispose]: () => worker.terminate() };
}
