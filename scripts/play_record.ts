/**
 * Keeps an episode that is played in the terminal: as a trace that replays, or as a page with a picture of each turn.
 *
 * @module
 */

import type { EnvSpec, EnvStart, EnvStep, TextEnv } from "../mod.ts";
import { formatFilm, type MiniwobFrame } from "../mod/miniwob.ts";
import { reportHtml } from "../mod/plots.ts";
import { traceStep, type WorldTraceStep } from "../mod/traces.ts";

/** A record of an episode, written anew after every turn. */
export interface PlayRecord {
  /** Notes the start. */
  begin(start: EnvStart): Promise<void>;
  /** Notes what is seen before an action: its picture. */
  look(): Promise<void>;
  /** Notes an action and the world's answer. */
  note(action: string, step: EnvStep): Promise<void>;
}

/**
 * Opens a record.
 *
 * @param path A file ending in `.jsonl` (a trace for `deno task traces`) or `.html` (pictures).
 * @param played The world, its specification and seed.
 * @returns The record.
 * @throws {TypeError} If the file's name ends otherwise, or the world has no pictures.
 */
export function openPlayRecord(
  path: string,
  played: {
    readonly env: TextEnv;
    readonly spec: EnvSpec;
    readonly seed: number;
  },
): PlayRecord {
  if (path.endsWith(".jsonl")) return traceRecord(path, played);
  if (!path.endsWith(".html")) {
    throw new TypeError(
      `Cannot record an episode as "--out" must end in .jsonl (a trace) or .html (pictures): current value is ${path}`,
    );
  }
  if (played.env.picture === undefined) {
    throw new TypeError(
      `Cannot record pictures as the world must have some: current value is ${played.spec.kind}; a trace ends in .jsonl`,
    );
  }
  return pictureRecord(path, played.env);
}

function traceRecord(
  path: string,
  { spec, seed }: { readonly spec: EnvSpec; readonly seed: number },
): PlayRecord {
  const steps: WorldTraceStep[] = [];
  let task = "";
  const save = () =>
    writeWhole(path, `${JSON.stringify({ spec, seed, task, steps })}\n`);
  return {
    begin(start) {
      task = start.task;
      steps.push(traceStep(null, start));
      return save();
    },
    look: () => Promise.resolve(),
    note(action, step) {
      steps.push(traceStep(action, step));
      return save();
    },
  };
}

function pictureRecord(path: string, env: TextEnv): PlayRecord {
  const frames: MiniwobFrame[] = [];
  let task = "", text = "", picture = "", success = false;
  const save = () => {
    const html = formatFilm({ task, success, frames });
    const sections = [{ heading: "Turn by turn", html }];
    return writeWhole(path, reportHtml({ title: "Episode", sections }));
  };
  return {
    begin(start) {
      ({ task, observation: { text } } = start);
      return Promise.resolve();
    },
    async look() {
      picture = await env.picture?.() ?? "";
    },
    note(action, step) {
      frames.push({ picture, text, action, subgoal: "", reward: step.reward });
      ({ success, observation: { text } } = step);
      return save();
    },
  };
}

/** Writes a text whole or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.partial`;
  await Deno.writeTextFile(draft, text);
  await Deno.rename(draft, path);
}
