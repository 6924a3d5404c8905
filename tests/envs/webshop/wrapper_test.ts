/**
 * The reference trainer's wrapper: its recordings, and laws that hold for any response.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  formatReply,
  parseReply,
} from "../../../lib/policy/language/blocks.ts";
import {
  formatWebshopObservation,
  webshopTrainerReward,
} from "../../../lib/envs/webshop/webshop.ts";
import {
  createWebshopTrainerGoals,
  extractWebshopTask,
  formatWebshopActions,
  formatWebshopHistory,
  webshopActionBlock,
} from "../../reference/webshop/wrapper.ts";
import { readVectors } from "./_vectors.ts";

type WrapperCase =
  | {
    readonly fn: "projection";
    readonly response: string;
    readonly action: string;
    readonly valid: number;
  }
  | {
    readonly fn: "projection_options";
    readonly response: string;
    readonly action: string;
    readonly subgoal: string;
    readonly switch: string;
    readonly valid: number;
  }
  | {
    readonly fn: "format_obs";
    readonly observation: string;
    readonly task: string;
    readonly expected: string;
  }
  | {
    readonly fn: "extract_task";
    readonly observation: string;
    readonly expected: string;
  }
  | {
    readonly fn: "format_avail_actions";
    readonly available: {
      readonly has_search_bar: boolean;
      readonly clickables: readonly string[];
    };
    readonly expected: readonly string[];
    readonly prompt_block: string;
  }
  | {
    readonly fn: "history";
    readonly history_length: number;
    readonly records: readonly (readonly [string, string])[];
    readonly expected: string;
    readonly valid_len: number;
    readonly step_count: number;
    readonly current_step: number;
  };

/** Replays one recorded case. */
function replay(vector: WrapperCase): void {
  switch (vector.fn) {
    case "projection": {
      const { action, valid } = parseReply(vector.response, {
        mode: "webshop-flat",
      });
      deepStrictEqual([action, valid], [vector.action, vector.valid === 1]);
      break;
    }
    case "projection_options": {
      deepStrictEqual(parseReply(vector.response, { mode: "webshop" }), {
        action: vector.action,
        subgoal: vector.subgoal,
        switching: vector.switch,
        valid: vector.valid === 1,
        problems: [],
      });
      break;
    }
    case "format_obs": {
      const { observation, task, expected } = vector;
      strictEqual(formatWebshopObservation(observation, task), expected);
      break;
    }
    case "extract_task":
      strictEqual(extractWebshopTask(vector.observation), vector.expected);
      break;
    case "format_avail_actions": {
      const { has_search_bar, clickables } = vector.available;
      const actions = formatWebshopActions({
        hasSearchBar: has_search_bar,
        clickables,
      });
      deepStrictEqual(actions, vector.expected);
      strictEqual(webshopActionBlock(actions), vector.prompt_block);
      break;
    }
    case "history": {
      const records = vector.records
        .map(([observation, action]) => ({ observation, action }));
      deepStrictEqual(formatWebshopHistory(records, vector.history_length), {
        text: vector.expected,
        shown: vector.valid_len,
        taken: vector.step_count,
        current: vector.current_step,
      });
      break;
    }
    default:
      throw new TypeError(`no such case: ${JSON.stringify(vector)}`);
  }
}

const file = readVectors<{ cases: readonly WrapperCase[] }>("wrapper.json");
Deno.test({
  name:
    "vectors webshop/wrapper.json are reproduced: the reference trainer's wrapper [needs a file of HIPER_VECTORS]",
  ignore: file === undefined,
  fn: () => {
    ok(file!.cases.length > 0);
    file!.cases.forEach(replay);
  },
});

Deno.test("the wrapper's modes read back what was written in the agreed form", () => {
  const line = fc.stringMatching(/^[a-z][a-z \[\]]{0,20}[a-z]$/);
  const decision = fc.constantFrom("KEEP" as const, "SWITCH" as const);
  fc.assert(
    fc.property(decision, line, line, (switching, subgoal, action) => {
      const written = { switching, subgoal, action };
      deepStrictEqual(
        parseReply(formatReply(written), { mode: "webshop" }),
        { ...written, valid: true, problems: [] },
      );
    }),
  );
});

Deno.test("the wrapper's modes never throw and find no valid action without tags", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (response) => {
      fc.pre(!response.includes("<"));
      for (const mode of ["webshop", "webshop-flat"] as const) {
        strictEqual(parseReply(response, { mode }).valid, false);
      }
    }),
  );
});

Deno.test("webshopTrainerReward() pays 10 for a perfect purchase and nothing else", () => {
  deepStrictEqual(webshopTrainerReward(1, true), { reward: 10, won: true });
  deepStrictEqual(webshopTrainerReward(0.99, true), { reward: 0, won: false });
  deepStrictEqual(webshopTrainerReward(1, false), { reward: 0, won: false });
  deepStrictEqual(webshopTrainerReward(0.5, true, -1), {
    reward: -1,
    won: false,
  });
});

Deno.test("createWebshopTrainerGoals() repeats distinct goals of its range for each group", () => {
  const goals = createWebshopTrainerGoals({
    seed: 3,
    start: 500,
    end: 600,
    tasks: 8,
    groupSize: 4,
  });
  for (let batch = 0; batch < 3; batch++) {
    const drawn = goals.next();
    strictEqual(drawn.length, 32);
    strictEqual(new Set(drawn).size, 8);
    ok(drawn.every((goal) => goal >= 500 && goal < 600));
    for (let i = 0; i < 32; i++) strictEqual(drawn[i], drawn[i - i % 4]);
  }
  throws(
    () => createWebshopTrainerGoals({ seed: 0, start: 0, end: 3, tasks: 4 }),
    RangeError,
  );
});
