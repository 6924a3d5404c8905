/**
 * Replays the recorded episodes of the original environment.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createWebshop } from "../../../lib/envs/webshop/shop.ts";
import { createWebshopSession } from "../../reference/webshop/session.ts";
import {
  catalogOf,
  type LoaderVectors,
  readVectors,
  replay,
} from "./_vectors.ts";

interface Scenario {
  readonly name: string;
  readonly goals: "human" | "synthetic";
  readonly mode: "text" | "text_rich";
  readonly goal_index: number;
  readonly goal?: { readonly instruction_text: string };
  readonly show_attrs?: boolean;
  readonly num_prev_obs?: number;
  readonly num_prev_actions?: number;
  readonly steps: readonly {
    readonly action: string | null;
    readonly observation: string;
    readonly reward?: number;
    readonly done?: boolean;
    readonly url: string;
    readonly upstream_raises?: string;
    readonly available: {
      readonly has_search_bar: boolean;
      readonly clickables: readonly string[];
    };
  }[];
}

replay<{ scenarios: readonly Scenario[] }>("transcripts.json", (file) => {
  const catalog = catalogOf(readVectors<LoaderVectors>("loader.json")!);
  ok(file.scenarios.length > 0);
  for (const scenario of file.scenarios) {
    const shop = createWebshop(catalog, {
      kind: scenario.goals,
      priceSeed: 7,
      showAttributes: scenario.show_attrs ?? false,
    });
    const goal = shop.goals[scenario.goal_index]!;
    if (scenario.goal) {
      strictEqual(goal.instruction, scenario.goal.instruction_text);
    }
    const session = createWebshopSession(shop, {
      goal,
      id: String(scenario.goal_index),
      mode: scenario.mode,
      previousObservations: scenario.num_prev_obs ?? 0,
      previousActions: scenario.num_prev_actions ?? 0,
    });
    for (const [t, step] of scenario.steps.entries()) {
      const where = `${scenario.name}, ${scenario.mode}, step ${t}`;
      if (step.upstream_raises) {
        // Where the original crashes, a search has an ordinary page of results.
        session.step(step.action!);
        if (step.action!.startsWith("search[")) {
          strictEqual(session.state().page, "results", where);
        }
        break;
      }
      const { observation, reward, done } = step.action === null
        ? { observation: session.reset(), reward: undefined, done: undefined }
        : session.step(step.action);
      strictEqual(observation, step.observation, where);
      strictEqual(reward, step.reward, where);
      strictEqual(done, step.done, where);
      strictEqual(session.url(), step.url, where);
      const { hasSearchBar, clickables } = session.available();
      strictEqual(hasSearchBar, step.available.has_search_bar, where);
      deepStrictEqual(clickables, step.available.clickables, where);
    }
  }
});
