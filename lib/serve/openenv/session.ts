/**
 * A session of an OpenEnv server: one world at a time, reset as often as wanted.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { EnvStep, TextEnv } from "../../envs/text_env.ts";
import type { Observation } from "../../trajectory.ts";
import {
  type ActionRequest,
  FrameError,
  type JsonObject,
  type ObservationReply,
  reason,
  type ResetRequest,
} from "./frames.ts";
import type { ServedWorld } from "./served_world.ts";
import { toolResult, TOOLS } from "./tools.ts";

/** How sessions play. */
export interface SessionOptions {
  /** Steps after which an episode is truncated, unless `reset` says otherwise. */
  readonly maxSteps: number;
  /** Whether observations list admissible actions, unless `reset` says otherwise. */
  readonly admissible: boolean;
  /**
   * What a step pays: `score` pays the world's score in `[0, 1]` once, when the episode ends; `world` pays what
   * the world pays.
   */
  readonly reward: "score" | "world";
  /** Seed of an episode whose `reset` names none. */
  readonly nextSeed: () => number;
  /** Told of every episode when it ends, or is left. */
  readonly onEpisode?: (record: EpisodeLog) => void;
}

/** One line of the log of episodes. */
export interface EpisodeLog {
  /** Session that played it. */
  readonly session: string;
  /** Name that `reset` gave, or a random one. */
  readonly episode_id: string;
  /** Task, where the world lists tasks. */
  readonly task_id: string | null;
  /** Seed of the episode. */
  readonly seed: number;
  /** Steps taken. */
  readonly steps: number;
  /** Sum of rewards. */
  readonly reward: number;
  /** Whether the task was accomplished. */
  readonly success: boolean;
  /** `terminated` and `truncated` by the world or the limit; `left` by another reset or the end of the session. */
  readonly ending: "terminated" | "truncated" | "left";
  /** Wall-clock seconds from reset to end. */
  readonly seconds: number;
}

/** An episode in progress or just ended. */
interface Episode {
  readonly env: TextEnv;
  readonly id: string;
  readonly taskId: string | undefined;
  readonly goal: string;
  readonly taskType: string | undefined;
  readonly seed: number;
  readonly maxSteps: number;
  readonly admissible: boolean;
  readonly started: number;
  steps: number;
  reward: number;
  last: Observation;
  ending: "terminated" | "truncated" | undefined;
  success: boolean;
}

/** One session; its calls must be made one after the other. */
export class Session {
  /** Name of the session. */
  readonly id: string = crypto.randomUUID();
  readonly #world: ServedWorld;
  readonly #options: SessionOptions;
  #episode: Episode | undefined;

  constructor(world: ServedWorld, options: SessionOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Whether an episode is in progress. */
  get playing(): boolean {
    return this.#episode !== undefined && this.#episode.ending === undefined;
  }

  /**
   * Begins an episode; one in progress is left.
   *
   * @throws {FrameError} If the world cannot be opened so.
   */
  async reset(request: ResetRequest): Promise<ObservationReply> {
    await this.#leave();
    const { taskId, taskIndex, split } = request;
    const seed = request.seed ?? this.#options.nextSeed();
    const asked = {
      seed,
      ...(taskId !== undefined && { taskId }),
      ...(taskIndex !== undefined && { taskIndex }),
      ...(split !== undefined && { split }),
    };
    return await guarded(async () => {
      const opened = await this.#world.open(asked);
      const { env } = opened;
      const { task, taskType, observation } = await env.start();
      this.#episode = {
        env,
        id: request.episodeId ?? crypto.randomUUID(),
        taskId: opened.taskId,
        goal: task,
        taskType,
        seed,
        maxSteps: request.maxSteps ?? this.#options.maxSteps,
        admissible: request.admissible ?? this.#options.admissible,
        started: performance.now(),
        steps: 0,
        reward: 0,
        last: observation,
        ending: undefined,
        success: false,
      };
      return this.#reply(this.#episode, { reward: null, score: 0 });
    });
  }

  /**
   * Takes an action.
   *
   * @throws {FrameError} If there is no episode, it is over, or the world fails.
   */
  async step(action: ActionRequest): Promise<ObservationReply> {
    if (action.kind === "list_tools") {
      return {
        observation: { metadata: {}, tools: TOOLS.map(describeTool) },
        reward: null,
        done: this.#episode !== undefined && !this.playing,
      };
    }
    if (action.kind === "command") return await this.#command(action.command);
    const { name, arguments: given } = action;
    const answer = await toolResult(this, name, given);
    return {
      observation: {
        metadata: {},
        tool_name: name,
        result: answer.result ?? null,
        error: answer.error ?? null,
      },
      reward: answer.step?.reward ?? null,
      done: answer.step?.done ?? !this.playing,
    };
  }

  /** Takes a command, beginning an episode if there is none yet: tools have no reset of their own. */
  async act(command: string): Promise<ObservationReply> {
    if (this.#episode === undefined) await this.reset({});
    return await this.#command(command);
  }

  /** Admissible actions of the episode, which is begun if there is none yet. */
  async actions(): Promise<readonly string[]> {
    if (this.#episode === undefined) await this.reset({});
    const { ending, last } = this.#episode!;
    return ending === undefined ? last.admissibleActions : [];
  }

  /** The state of the session, as `state` replies it. */
  state(): JsonObject {
    const episode = this.#episode;
    return {
      episode_id: episode?.id ?? null,
      step_count: episode?.steps ?? 0,
      goal: episode?.goal ?? "",
      seed: episode?.seed ?? null,
      max_steps: episode?.maxSteps ?? this.#options.maxSteps,
      task_id: episode?.taskId ?? null,
      cumulative_reward: finite(episode?.reward ?? 0),
    };
  }

  /** Leaves the episode in progress and frees its world. */
  async close(): Promise<void> {
    await this.#leave();
    this.#episode = undefined;
  }

  async #command(command: string): Promise<ObservationReply> {
    const episode = this.#episode;
    if (episode === undefined) {
      throw new FrameError("EXECUTION_ERROR", "call reset first");
    }
    if (episode.ending !== undefined) {
      throw new FrameError(
        "EXECUTION_ERROR",
        "episode is over; call reset first",
      );
    }
    return await guarded(async () => {
      const step = await episode.env.step(command);
      return await this.#record(episode, step);
    });
  }

  async #record(episode: Episode, step: EnvStep): Promise<ObservationReply> {
    episode.steps++;
    episode.last = step.observation;
    episode.success = step.success;
    episode.ending = step.ending ??
      (episode.steps >= episode.maxSteps ? "truncated" : undefined);
    const score = step.score ?? (step.success ? 1 : 0);
    const over = episode.ending !== undefined;
    const reward = this.#options.reward === "world"
      ? step.reward
      : over
      ? score
      : 0;
    episode.reward += reward;
    const reply = this.#reply(episode, { reward, score });
    if (over) {
      this.#log(episode, episode.ending!);
      await episode.env[Symbol.asyncDispose]?.();
    }
    return reply;
  }

  #reply(
    episode: Episode,
    numbers: { reward: number | null; score: number },
  ): ObservationReply {
    const { last, ending, goal, taskType, admissible } = episode;
    const done = ending !== undefined;
    const metadata = {
      ...(taskType !== undefined && { task_type: taskType }),
      ...(episode.taskId !== undefined && { task_id: episode.taskId }),
      state_key: digest(last.stateKey),
    };
    const { reward } = numbers;
    return {
      observation: {
        metadata,
        text: last.text,
        admissible: done || !admissible ? [] : last.admissibleActions,
        goal,
        score: finite(numbers.score),
        success: done ? episode.success : null,
        truncated: ending === "truncated",
      },
      reward: reward === null ? null : finite(reward),
      done,
      metadata,
    };
  }

  async #leave(): Promise<void> {
    const episode = this.#episode;
    if (episode === undefined || episode.ending !== undefined) return;
    episode.ending = "truncated";
    this.#log(episode, "left");
    await episode.env[Symbol.asyncDispose]?.();
  }

  #log(episode: Episode, ending: EpisodeLog["ending"]): void {
    this.#options.onEpisode?.({
      session: this.id,
      episode_id: episode.id,
      task_id: episode.taskId ?? null,
      seed: episode.seed,
      steps: episode.steps,
      reward: episode.reward,
      success: episode.success,
      ending,
      seconds: Math.round(performance.now() - episode.started) / 1000,
    });
  }
}

function describeTool(
  { name, description, inputSchema }: typeof TOOLS[number],
): JsonObject {
  return { name, description, input_schema: inputSchema };
}

/** Equal digests mean equal states, and tell nothing else of them. */
function digest(stateKey: string): string {
  return createHash("sha256").update(stateKey).digest("base64url").slice(0, 22);
}

/** JSON has no word for what is not finite. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Errors of a world become error frames. */
async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof FrameError) throw error;
    throw new FrameError("EXECUTION_ERROR", reason(error));
  }
}
