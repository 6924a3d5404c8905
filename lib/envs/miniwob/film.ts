/**
 * Pictures of an episode, turn by turn: the recorded actions are played again, as pages are deterministic.
 *
 * @module
 */

import { markup } from "../../html.ts";
import type { EnvSpec, OpenEnv } from "../text_env.ts";
import { createMiniwobOpener } from "./spec.ts";

/** One turn of a film. */
export interface MiniwobFrame {
  /** The page before the action, PNG in base64; empty where there is none. */
  readonly picture: string;
  /** What the policy read. */
  readonly text: string;
  /** The action. */
  readonly action: string;
  /** The subgoal that was held; empty where there was none. */
  readonly subgoal: string;
  /** What the world paid. */
  readonly reward: number;
}

/** A recorded episode. */
export interface FilmOptions {
  /** Its seed. */
  readonly seed: number;
  /** Its turns: action, and subgoal where there was one. */
  readonly turns: readonly {
    readonly action: string;
    readonly subgoal?: string;
  }[];
  /** Opens the world. @default {in a browser of its own} */
  readonly open?: OpenEnv;
}

/** An episode in pictures. */
export interface MiniwobFilm {
  /** The task in words. */
  readonly task: string;
  /** Whether it was accomplished. */
  readonly success: boolean;
  /** A frame for each action that was played. */
  readonly frames: readonly MiniwobFrame[];
}

/**
 * Plays an episode again and takes a picture before each action.
 *
 * @param spec Specification of kind `miniwob`.
 * @param options Seed and actions.
 * @returns The film.
 * @throws {TypeError} If browser or pages are missing, with the command that brings them.
 */
export async function filmMiniwob(
  spec: EnvSpec,
  options: FilmOptions,
): Promise<MiniwobFilm> {
  const { seed, turns } = options;
  await using opener = createMiniwobOpener();
  const { open = opener.open } = options;
  const env = await open(spec, seed);
  const { task, observation } = await env.start();
  const frames: MiniwobFrame[] = [];
  let { text } = observation, success = false;
  for (const { action, subgoal = "" } of turns) {
    const picture = await env.picture?.() ?? "";
    const step = await env.step(action);
    frames.push({ picture, text, action, subgoal, reward: step.reward });
    ({ observation: { text }, success } = step);
    if (step.ending !== undefined) break;
  }
  await env[Symbol.asyncDispose]?.();
  return { task, success, frames };
}

/**
 * Formats a film as HTML: a picture a turn, framed by segments of one subgoal.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { formatFilm } from "@hiper/lab/envs/miniwob";
 *
 * const frame = { picture: "", text: "", action: "wait", subgoal: "", reward: 1 };
 * const film = { task: "Click <b>", success: true, frames: [frame] };
 * ok(formatFilm(film).includes("Click &lt;b&gt;"));
 * ```
 *
 * @param film The film.
 * @returns HTML without scripts; every text is escaped.
 */
export function formatFilm({ task, success, frames }: MiniwobFilm): string {
  const segments: { subgoal: string; frames: MiniwobFrame[] }[] = [];
  for (const frame of frames) {
    const last = segments.at(-1);
    if (last && last.subgoal === frame.subgoal) last.frames.push(frame);
    else segments.push({ subgoal: frame.subgoal, frames: [frame] });
  }
  const parts = segments.map(({ subgoal, frames }) =>
    markup`<section style="display:inline-block;vertical-align:top;border:1px solid #888;border-radius:6px;padding:6px;margin:4px">${
      subgoal === "" ? undefined : markup`<div><b>${subgoal}</b></div>`
    }${frames.map(figure)}</section>`
  );
  const end = success ? "accomplished" : "not accomplished";
  return String(
    markup`<div style="font:13px sans-serif"><p>${task} (${end})</p>${parts}</div>`,
  );
}

function figure({ picture, action, reward, text }: MiniwobFrame) {
  const image = picture === ""
    ? undefined
    : markup`<img alt="${text}" style="width:160px;display:block" src="data:image/png;base64,${picture}">`;
  const paid = reward === 0 ? "" : ` (${reward})`;
  return markup`<figure style="display:inline-block;margin:4px;max-width:170px;vertical-align:top">${image}<figcaption>${action}${paid}</figcaption></figure>`;
}
