import { strictEqual } from "node:assert/strict";
import { WEBSHOP_SUBGOAL_RULE } from "../../../lib/envs/webshop/subgoal_rule.ts";
import { webshopSubgoal } from "../../../lib/envs/webshop/subgoals.ts";
import type { AnsweredTurn, Observation } from "../../../lib/trajectory.ts";

const { serves, achieved } = WEBSHOP_SUBGOAL_RULE;
const task = "i need a red mug, size large";

function page(...labels: readonly string[]): Observation {
  return {
    text: "",
    admissibleActions: labels.map((label) => `click[${label}]`),
    stateKey: "",
  };
}

function turn(observation: Observation, action: string): AnsweredTurn {
  const trace = { kind: "untrainable" } as const;
  const decision = { switched: false, subgoal: "", action, valid: true, trace };
  return { observation, decision };
}

const product = page("red", "blue", "large", "buy now", "description");

Deno.test("one click serves and achieves a shop's subgoal", () => {
  const now = { task, past: [], observation: product };
  const buy = webshopSubgoal.purchase();
  strictEqual(serves(buy, "click[buy now]", now), true);
  strictEqual(serves(buy, "click[red]", now), false);
  strictEqual(
    serves(webshopSubgoal.search("red mug"), "search[red mug]", now),
    true,
  );
  strictEqual(
    serves(webshopSubgoal.search("red mug"), "search[mug]", now),
    false,
  );
  const bought = {
    task,
    past: [turn(product, "click[buy now]")],
    observation: page(),
  };
  strictEqual(achieved(buy, bought), true);
  strictEqual(achieved(webshopSubgoal.chooseOption("red"), bought), false);
});

Deno.test("choosing what is asked for is achieved with the last option that the wish names", () => {
  const choose = webshopSubgoal.chooseOptions();
  const now = { task, past: [], observation: product };
  strictEqual(serves(choose, "click[blue]", now), false);
  strictEqual(serves(choose, "click[red]", now), true);
  const one = [turn(product, "click[red]")];
  strictEqual(
    achieved(choose, { task, past: one, observation: product }),
    false,
  );
  const both = [...one, turn(product, "click[large]")];
  strictEqual(
    achieved(choose, { task, past: both, observation: product }),
    true,
  );
});
