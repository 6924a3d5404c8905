/**
 * The laws of a world, as one test that every world takes.
 *
 * @module
 */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createRandom, type Random } from "../../lib/random.ts";
import type { Observation } from "../../lib/trajectory.ts";
import type {
  EnvSpec,
  EnvStart,
  EnvStep,
  OpenEnv,
} from "../../lib/envs/text_env.ts";

/** How thoroughly a world is examined. */
export interface ConformanceOptions {
  /** Seeds of the episodes. @default {[1, 2, 3]} */
  readonly seeds?: readonly number[];
  /** Turns after which an episode is left alone. @default {25} */
  readonly turns?: number;
  /** An action that the world never accepts. @default {"dance with the walls"} */
  readonly inadmissible?: string;
  /** Whether what is read after an inadmissible action may differ from before. @default {true} */
  readonly complains?: boolean;
  /** Whether processes of the opener live from one test to the next. @default {false} */
  readonly outlives?: boolean;
}

/** One episode as it was played. */
interface Played {
  readonly start: EnvStart;
  readonly actions: readonly string[];
  readonly steps: readonly EnvStep[];
}

/**
 * Holds a world to its five laws.
 *
 * @param name What is tested, for the names of the tests.
 * @param open Opens the world.
 * @param spec Which world.
 * @param options Seeds and length.
 */
export function conformance(
  name: string,
  open: OpenEnv,
  spec: EnvSpec,
  options: ConformanceOptions = {},
): void {
  const {
    seeds = [1, 2, 3],
    turns = 25,
    inadmissible = "dance with the walls",
    complains = true,
    outlives = false,
  } = options;
  const test = (title: string, fn: () => Promise<void>) =>
    Deno.test({
      name: `${name}: ${title}`,
      fn,
      sanitizeOps: !outlives,
      sanitizeResources: !outlives,
    });

  test(`the same seed and actions give the same episode`, async () => {
    for (const seed of seeds) {
      const once = await playAtRandom(open, spec, seed, turns);
      const again = await replay(open, spec, seed, once.actions);
      deepStrictEqual(again, once);
    }
  });

  test(`what it shows can be stored and sent`, async () => {
    for (const seed of seeds) {
      const { start, steps } = await playAtRandom(open, spec, seed, turns);
      deepStrictEqual(structuredClone({ start, steps }), { start, steps });
      ok(start.task.length > 0);
    }
  });

  test(`an open episode offers actions, each once`, async () => {
    for (const seed of seeds) {
      const { start, steps } = await playAtRandom(open, spec, seed, turns);
      const shown = [start.observation, ...unfinished(steps)];
      for (const { admissibleActions } of shown) {
        ok(admissibleActions.length > 0);
        strictEqual(new Set(admissibleActions).size, admissibleActions.length);
      }
    }
  });

  test(`every admissible action is accepted`, async () => {
    for (const seed of seeds) {
      const { start } = await playAtRandom(open, spec, seed, 0);
      for (const action of start.observation.admissibleActions) {
        const { steps } = await replay(open, spec, seed, [action]);
        ok(Number.isFinite(steps[0]!.reward));
      }
    }
  });

  test(`an inadmissible action changes nothing`, async () => {
    for (const seed of seeds) {
      const played = await playAtRandom(open, spec, seed, turns);
      const at = Math.floor(unfinished(played.steps).length / 2);
      const actions = played.actions.slice(0, at);
      const shown = at === 0 ? played.start : played.steps[at - 1]!;
      const before = shown.observation;
      ok(!before.admissibleActions.includes(inadmissible));
      const { steps } = await replay(open, spec, seed, [
        ...actions,
        inadmissible,
      ]);
      const after = steps[at]!;
      strictEqual(after.observation.stateKey, before.stateKey);
      deepStrictEqual(
        after.observation.admissibleActions,
        before.admissibleActions,
      );
      strictEqual(after.success, false);
      if (!complains) strictEqual(after.observation.text, before.text);
    }
  });

  test(`an ended world refuses to step`, async () => {
    let ended = 0;
    for (const seed of seeds) {
      const env = await open(spec, seed);
      const start = await env.start();
      let shown: Observation = start.observation;
      for (let turn = 0; turn < 200; turn++) {
        const action = env.hint?.()?.action ?? shown.admissibleActions[0]!;
        const step = await env.step(action);
        shown = step.observation;
        if (step.ending === undefined) continue;
        ended++;
        await rejects(async () => await env.step(action), /ended/);
        break;
      }
      await env[Symbol.asyncDispose]?.();
    }
    const env = await open(spec, seeds[0]!);
    ok(ended > 0 || !("hint" in env), "no episode ended");
    await env[Symbol.asyncDispose]?.();
  });

  test(`equal state keys mean equal states`, async () => {
    for (const seed of seeds) await checkStateKeys(open, spec, seed, turns);
  });
}

/** Observations of steps after which the episode goes on. */
function unfinished(steps: readonly EnvStep[]): Observation[] {
  return steps.filter(({ ending }) => ending === undefined)
    .map(({ observation }) => observation);
}

async function playAtRandom(
  open: OpenEnv,
  spec: EnvSpec,
  seed: number,
  turns: number,
): Promise<Played> {
  const random: Random = createRandom(seed).fork("conformance");
  const env = await open(spec, seed);
  const start = await env.start();
  const actions: string[] = [], steps: EnvStep[] = [];
  let shown = start.observation;
  while (actions.length < turns) {
    const { admissibleActions } = shown;
    const action = admissibleActions[random.integer(admissibleActions.length)]!;
    const step = await env.step(action);
    actions.push(action);
    steps.push(step);
    shown = step.observation;
    if (step.ending !== undefined) break;
  }
  await env[Symbol.asyncDispose]?.();
  return { start, actions, steps };
}

async function replay(
  open: OpenEnv,
  spec: EnvSpec,
  seed: number,
  actions: readonly string[],
): Promise<Played> {
  const env = await open(spec, seed);
  const start = await env.start();
  const steps: EnvStep[] = [];
  for (const action of actions) steps.push(await env.step(action));
  await env[Symbol.asyncDispose]?.();
  return { start, actions, steps };
}

/** States with one key offer the same actions and answer them alike. */
async function checkStateKeys(
  open: OpenEnv,
  spec: EnvSpec,
  seed: number,
  turns: number,
): Promise<void> {
  const { start, actions, steps } = await playAtRandom(open, spec, seed, turns);
  const first = new Map<string, number>([[start.observation.stateKey, 0]]);
  const actionsAt = [start.observation.admissibleActions];
  for (const [i, { observation, ending }] of steps.entries()) {
    if (ending !== undefined) break;
    actionsAt.push(observation.admissibleActions);
    const earlier = first.get(observation.stateKey);
    if (earlier === undefined) {
      first.set(observation.stateKey, i + 1);
      continue;
    }
    deepStrictEqual(observation.admissibleActions, actionsAt[earlier]);
    for (const action of observation.admissibleActions.slice(0, 4)) {
      const here = await replay(open, spec, seed, [
        ...actions.slice(0, i + 1),
        action,
      ]);
      const there = await replay(open, spec, seed, [
        ...actions.slice(0, earlier),
        action,
      ]);
      deepStrictEqual(here.steps.at(-1), there.steps.at(-1));
    }
  }
}
