/**
 * An engine in this process: the Tinker protocol as SkyRL 0.4 speaks it, over tables in place of networks. For tests,
 * notebooks, and rehearsals of a run; it can be told to fail.
 *
 * @module
 */

import { listenLocally, serveUnlistened } from "../../local.ts";
import {
  decodePassRequest,
  encodePassResult,
  encodeSampleResult,
  PROTOBUF,
} from "../codec.ts";
import {
  sampleTable,
  scoreTable,
  TableModel,
  type TableStep,
  type TableWeights,
} from "./table_model.ts";

/** One request that reached the engine. */
export interface EngineCall {
  /** Method and path below `/api/v1`. */
  readonly path: string;
  /** Which request of this path it is, from 0. */
  readonly count: number;
  /** Headers in lower case. */
  readonly headers: Headers;
  /** Body. */
  readonly body: Uint8Array;
}

/**
 * A failure: the connection is lost before or after the request was carried out, or a status is given; some
 * servers close the connection after a 500.
 */
export type EngineFault =
  | "lost-before"
  | "lost-after"
  | { readonly status: number; readonly detail?: string };

/** How the engine is made. */
export interface TableEngineOptions {
  /** Name of its base model. @default {"table"} */
  readonly baseModel?: string;
  /** Tokens of the vocabulary. */
  readonly vocabSize: number;
  /** Whether it listens on a port; otherwise this thread alone reaches it, without the network. @default {true} */
  readonly listen?: boolean;
  /** Port; 0 takes a free one. @default {0} */
  readonly port?: number;
  /** Most models at once. @default {7} */
  readonly maxModels?: number;
  /** How gradients are reduced. @default {"mean-of-means"} */
  readonly reduction?: "sum" | "mean-of-means";
  /** Decides for each request whether it fails. @default {none does} */
  readonly fault?: (call: EngineCall) => EngineFault | undefined;
  /** Added to the log-probabilities that samples report, as where sampler and trainer compute differently. @default {0} */
  readonly samplerGap?: number;
  /** Milliseconds until a sample's reply is sent, by the number of the request. @default {0} */
  readonly sampleDelay?: (count: number) => number;
}

/** The engine, listening on this machine alone. */
export interface TableEngine extends AsyncDisposable {
  /** Address for `policy.url`. */
  readonly url: string;
  /** Requests by path, in order of arrival; bodies of the newest 1000. */
  readonly calls: readonly EngineCall[];
  /** Number of samples that were under way at once, at most. */
  readonly mostSamples: number;
  /** Models that are loaded. */
  readonly models: number;
  /** Forgets sessions, models and futures, as a restart does; checkpoints stay. */
  restart(): void;
}

interface LiveModel {
  readonly table: TableModel;
  readonly sessionId: string;
  readonly rank: number;
  /** Payload and future of each sequence number. */
  readonly submitted: Map<number, { payload: string; requestId: string }>;
}

interface Result {
  readonly status: number;
  readonly body: Uint8Array<ArrayBuffer> | object;
  readonly delay?: number;
}

type Json = Record<string, unknown>;

/** Calls whose bodies are kept. */
const KEPT_CALLS = 1000;

/** Starts an engine. */
export function startTableEngine(options: TableEngineOptions): TableEngine {
  const engine = new Tables(options);
  const answer = (request: Request) => engine.answer(request);
  const server = options.listen ?? true
    ? listenLocally(answer, options.port ?? 0)
    : serveUnlistened(answer);
  return {
    url: server.url,
    calls: engine.calls,
    get mostSamples() {
      return engine.mostSamples;
    },
    get models() {
      return engine.models.size;
    },
    restart: () => engine.restart(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** A refusal by status. */
class Refusal extends Error {
  constructor(readonly status: number, readonly detail: string) {
    super(detail);
  }
}

class Tables {
  readonly calls: EngineCall[] = [];
  readonly models = new Map<string, LiveModel>();
  mostSamples = 0;
  readonly #options: TableEngineOptions;
  readonly #sessions = new Set<string>();
  readonly #samplers = new Map<string, TableWeights>();
  readonly #futures = new Map<string, Result>();
  readonly #checkpoints = new Map<string, TableWeights & { rank: number }>();
  readonly #counts = new Map<string, number>();
  #ids = 0;
  #samples = 0;
  #sampling = 0;

  constructor(options: TableEngineOptions) {
    this.#options = options;
  }

  restart(): void {
    this.#sessions.clear();
    this.#samplers.clear();
    this.#futures.clear();
    this.models.clear();
  }

  async answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname.replace("/api/v1", "");
    const name = `${request.method} ${path}`;
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    const body = new Uint8Array(await request.arrayBuffer());
    const call = { path: name, count, headers: request.headers, body };
    this.calls.push(call);
    if (this.calls.length > KEPT_CALLS) this.calls.shift();
    const fault = this.#options.fault?.(call);
    if (fault === "lost-before") return lost();
    if (typeof fault === "object") {
      const { status, detail = "told to fail" } = fault;
      return status === 500
        ? new Response("Internal Server Error", {
          status,
          headers: { connection: "close" },
        })
        : Response.json({ detail }, { status });
    }
    const result = this.#carryOut(request.method, path, body);
    if (fault === "lost-after") return lost();
    if (result.delay) {
      await new Promise((resolve) => setTimeout(resolve, result.delay));
    }
    if (path === "/retrieve_future" && result.body instanceof Uint8Array) {
      this.#sampling = Math.max(0, this.#sampling - 1);
    }
    const { status } = result;
    if (result.body instanceof Uint8Array) {
      return new Response(result.body, {
        status,
        headers: { "content-type": PROTOBUF },
      });
    }
    return status === 204
      ? new Response(undefined, { status })
      : Response.json(result.body, { status });
  }

  #carryOut(method: string, path: string, body: Uint8Array): Result {
    try {
      if (path === "/forward_backward") return this.#pass(body);
      const json: Json = body.length === 0
        ? {}
        : JSON.parse(new TextDecoder().decode(body));
      return this.#route(method, path, json);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: { detail: error.detail } };
    }
  }

  #route(method: string, path: string, json: Json): Result {
    const checkpoint = /^\/training_runs\/([^/]+)\/checkpoints(?:\/(.*))?$/
      .exec(path);
    if (checkpoint) {
      return this.#checkpointRoute(method, checkpoint[1]!, checkpoint[2]);
    }
    switch (path) {
      case "/healthz":
        return ok({ status: "ok" });
      case "/get_server_capabilities":
        return ok({
          supported_models: [{ model_name: this.#baseModel }],
        });
      case "/create_session": {
        const session_id = `session_${++this.#ids}`;
        this.#sessions.add(session_id);
        return ok({
          type: "create_session",
          info_message: null,
          warning_message: null,
          error_message: null,
          session_id,
        });
      }
      case "/session_heartbeat":
        this.#session(json);
        return ok({ type: "session_heartbeat" });
      case "/create_model":
        return this.#createModel(json);
      case "/create_sampling_session":
        return this.#createSampler(json);
      case "/asample":
        return this.#sample(json);
      case "/retrieve_future": {
        const result = this.#futures.get(String(json["request_id"]));
        if (!result) throw new Refusal(404, "Future not found");
        return result;
      }
      case "/weights_info": {
        const saved = this.#saved(String(json["tinker_path"]));
        return ok({
          base_model: this.#baseModel,
          is_lora: true,
          lora_rank: saved.rank,
        });
      }
      case "/unload_model": {
        const id = String(json["model_id"]);
        this.models.delete(id);
        const request_id = this.#future(ok({
          model_id: id,
          status: "unloaded",
          type: "unload_model",
        }));
        return ok({ request_id, model_id: id });
      }
      default:
        return this.#ordered(path, json);
    }
  }

  /** Operations with a place in a model's order. */
  #ordered(path: string, json: Json): Result {
    const operation = this.#operations[path];
    if (!operation) throw new Refusal(404, "Not Found");
    const id = String(json["model_id"]), seqId = Number(json["seq_id"]);
    return this.#once(id, seqId, {
      payload: path + JSON.stringify(json),
      work: (model) => operation(id, model, json),
    });
  }

  readonly #operations: Readonly<
    Record<string, (id: string, model: LiveModel, json: Json) => Json>
  > = {
    "/optim_step": (_id, { table }, json) => {
      const adam = json["adam_params"] as TableStep;
      return {
        metrics: {
          "skyrl.ai/grad_norm": table.step(adam),
          "skyrl.ai/learning_rate": adam.learning_rate,
        },
      };
    },
    "/save_weights": (id, { table, rank }, json) => {
      const path = `tinker://${id}/weights/${json["path"]}`;
      if (this.#checkpoints.has(path)) {
        throw new Refusal(
          409,
          `Checkpoint '${json["path"]}' already exists for model '${id}'`,
        );
      }
      this.#checkpoints.set(path, { ...table.weights, rank });
      return { path, type: "save_weights" };
    },
    "/save_weights_for_sampler": (id, { table, rank }, json) => {
      const type = "save_weights_for_sampler";
      if (json["path"] === undefined) {
        const sampling_session_id = `sampling_${++this.#ids}`;
        this.#samplers.set(sampling_session_id, table.weights);
        return { path: null, type, sampling_session_id };
      }
      const path = `tinker://${id}/${json["path"]}`;
      this.#checkpoints.set(path, { ...table.weights, rank });
      return { path, type, sampling_session_id: null };
    },
    "/load_weights": (_id, model, json) => {
      const seqId = Number(json["seq_id"]);
      if (model.submitted.size > 0) {
        throw new Refusal(
          400,
          `LoadWeights is not permitted with seq_id ${seqId}`,
        );
      }
      const saved = this.#saved(String(json["path"]));
      model.table.load(saved, json["optimizer"] === true);
      return { type: "load_weights" };
    },
  };

  get #baseModel(): string {
    return this.#options.baseModel ?? "table";
  }

  #session(json: Json): string {
    const id = String(json["session_id"]);
    if (!this.#sessions.has(id)) throw new Refusal(404, "Session not found");
    return id;
  }

  #saved(path: string): TableWeights & { rank: number } {
    const saved = this.#checkpoints.get(path);
    if (!saved) throw new Refusal(404, `Checkpoint not found: ${path}`);
    return saved;
  }

  #future(result: Result): string {
    const id = String(++this.#ids);
    this.#futures.set(id, result);
    return id;
  }

  /** Carries out an operation once for each sequence number; the same payload again gives the same future. */
  #once(
    id: string,
    seqId: number,
    job: { payload: string; work: (model: LiveModel) => Json | Uint8Array },
  ): Result {
    const model = this.models.get(id);
    if (!model) {
      return pending(this.#future({
        status: 400,
        body: { detail: `Model ${id} not loaded` },
      }));
    }
    const before = model.submitted.get(seqId);
    if (before) {
      if (before.payload !== job.payload) {
        throw new Refusal(409, "Training request sequence number was reused");
      }
      return pending(before.requestId);
    }
    const body = job.work(model) as Json | Uint8Array<ArrayBuffer>;
    const requestId = this.#future({ status: 200, body });
    model.submitted.set(seqId, { payload: job.payload, requestId });
    return pending(requestId);
  }

  #pass(body: Uint8Array): Result {
    const request = decodePassRequest(body);
    return this.#once(request.modelId, request.seqId, {
      payload: body.toBase64(),
      work: ({ table }) => encodePassResult(table.pass(request)),
    });
  }

  #createModel(json: Json): Result {
    const sessionId = this.#session(json);
    const { rank } = json["lora_config"] as { rank: number };
    const model_id = `model_${++this.#ids}`;
    const full = this.models.size >= (this.#options.maxModels ?? 7);
    if (!full) {
      this.models.set(model_id, {
        table: new TableModel(this.#options.vocabSize, this.#options.reduction),
        sessionId,
        rank,
        submitted: new Map(),
      });
    }
    const lora_config = { rank, alpha: 32 };
    const base = { model_id, base_model: this.#baseModel, lora_config };
    const request_id = this.#future(
      full
        ? {
          status: 400,
          body: { detail: "Maximum number of LoRA adapters reached" },
        }
        : ok(base),
    );
    return ok({ ...base, status: "created", request_id });
  }

  #createSampler(json: Json): Result {
    this.#session(json);
    const sampling_session_id = `sampling_${++this.#ids}`;
    const path = json["model_path"];
    this.#samplers.set(
      sampling_session_id,
      path === undefined
        ? { rows: new Map(), step: 0 }
        : this.#saved(String(path)),
    );
    return ok({ type: "create_sampling_session", sampling_session_id });
  }

  #sample(json: Json): Result {
    const id = String(json["sampling_session_id"]);
    const weights = this.#samplers.get(id);
    if (!weights) throw new Refusal(404, `Sampling session not found: ${id}`);
    const params = json["sampling_params"] as Record<string, number> & {
      stop?: number[];
    };
    const prompt = (json["prompt"] as { chunks: { tokens: number[] }[] })
      .chunks.flatMap(({ tokens }) => tokens);
    const { vocabSize, samplerGap = 0 } = this.#options;
    const sequences = Array.from(
      { length: Number(json["num_samples"]) },
      (_, i) =>
        sampleTable(weights, {
          vocabSize,
          prompt,
          maxTokens: params["max_tokens"]!,
          temperature: params["temperature"] ?? 1,
          seed: (params["seed"] ?? 0) + i,
          stop: params.stop ?? [],
          gap: samplerGap,
        }),
    );
    const count = this.#samples++;
    this.#sampling++;
    this.mostSamples = Math.max(this.mostSamples, this.#sampling);
    return pending(this.#future({
      status: 200,
      body: encodeSampleResult({
        sequences,
        ...(json["prompt_logprobs"] === true && {
          promptLogProbs: scoreTable(weights, { vocabSize, prompt }),
        }),
      }),
      delay: this.#options.sampleDelay?.(count) ?? 0,
    }));
  }

  #checkpointRoute(
    method: string,
    id: string,
    rest: string | undefined,
  ): Result {
    if (method === "DELETE") {
      if (!this.#checkpoints.delete(`tinker://${id}/${rest}`)) {
        throw new Refusal(404, "Checkpoint not found");
      }
      return { status: 204, body: {} };
    }
    const prefix = `tinker://${id}/`;
    const checkpoints = [...this.#checkpoints.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => ({
        checkpoint_id: path.replace(/^.*\//, ""),
        checkpoint_type: path.includes("/weights/") ? "training" : "sampler",
        tinker_path: path,
      }));
    return ok({ checkpoints });
  }
}

function ok(body: Json): Result {
  return { status: 200, body };
}

function pending(request_id: string): Result {
  return ok({ future_id: request_id, status: "pending", request_id });
}

/** A reply whose connection breaks before its body is whole. */
function lost(): Response {
  const broken = new ReadableStream({
    start(controller) {
      const reason = new Error("the connection is lost, as it was told to");
      reason.stack = ""; // the server prints it
      controller.error(reason);
    },
  });
  return new Response(broken, { headers: { "content-length": "1000000" } });
}
