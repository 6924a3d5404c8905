import { strictEqual, throws } from "node:assert/strict";
import {
  checkChoice,
  checkFinite,
  checkLength,
  checkName,
  checkUnitInterval,
  nearestName,
  suggest,
} from "../lib/checks.ts";

Deno.test("checks name the task, the argument and its value", () => {
  const cases: [() => void, string][] = [
    [
      () => checkUnitInterval("discount", { gamma: 0.5, lambda: NaN }),
      'Cannot discount as "lambda" must be in [0, 1]: current value is NaN',
    ],
    [
      () => checkFinite("discount", { bias: -Infinity }),
      'Cannot discount as "bias" must be finite: current value is -Infinity',
    ],
    [
      () => checkLength("discount", { rewards: [1], values: undefined }, 2),
      'Cannot discount as "rewards" must have 2 elements: current value is 1',
    ],
    [
      () => checkChoice("discount", { heads: 4 }, [1, 2, 3]),
      'Cannot discount as "heads" must be one of 1, 2, 3: current value is 4',
    ],
    [
      () =>
        checkName("discount", "turnn", { what: "a clock", names: ["turn"] }),
      'Cannot discount as "turnn" is not a clock: did you mean "turn"?',
    ],
  ];
  for (const [call, message] of cases) {
    throws(call, { name: "RangeError", message });
  }
});

Deno.test("suggest() offers the nearest name, or all where none is near", () => {
  strictEqual(suggest("gama", ["gamma", "lambda"]), ': did you mean "gamma"?');
  strictEqual(suggest("x", ["gamma", "a"], "e."), ': did you mean "e.a"?');
  strictEqual(
    suggest("temperature", ["gamma", "lambda"]),
    ': known are "gamma", "lambda"',
  );
  strictEqual(suggest("gamma", []), "");
  strictEqual(nearestName("gamma", []), undefined);
});
