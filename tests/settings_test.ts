import { deepStrictEqual, throws } from "node:assert/strict";
import { z } from "zod";
import { readSettings } from "../lib/settings.ts";

const SCHEMA = z.strictObject({
  rate: z.number().min(0).max(1).default(0.5),
  count: z.int().positive().default(1),
  mode: z.enum(["slow", "fast"]).default("slow"),
  names: z.array(z.string()).nonempty().default(["a"]),
  tasks: z.union([z.int().positive(), z.literal("every")]).default(1),
  part: z.discriminatedUnion("name", [
    z.strictObject({ name: z.literal("small"), size: z.int().default(1) }),
    z.strictObject({ name: z.literal("large"), weight: z.number() }),
  ]).exactOptional(),
});

Deno.test("readSettings() fills in defaults", () => {
  deepStrictEqual(
    readSettings(SCHEMA, { part: { name: "small" } }, "read it"),
    {
      rate: 0.5,
      count: 1,
      mode: "slow",
      names: ["a"],
      tasks: 1,
      part: { name: "small", size: 1 },
    },
  );
});

Deno.test("readSettings() says which setting must be what", () => {
  const cases: [unknown, string][] = [
    [3, "it must be an object: current value is 3"],
    [{ rate: "x" }, '"rate" must be a number: current value is "x"'],
    [{ rate: 2 }, '"rate" must be at most 1: current value is 2'],
    [{ count: 0 }, '"count" must be more than 0: current value is 0'],
    [{ count: 1.5 }, '"count" must be a whole number: current value is 1.5'],
    [
      { mode: "fats" },
      '"mode" must be one of "slow", "fast": current value is "fats" (did you mean "fast"?)',
    ],
    [{ names: [] }, '"names" must not be empty: current value is []'],
    [{ names: [1] }, '"names.0" must be text: current value is 1'],
    [
      { tasks: "all" },
      '"tasks" must be a number, or "every": current value is "all"',
    ],
    [
      { part: { name: "big" } },
      '"part.name" must be one of "small", "large": current value is "big"',
    ],
    [
      { part: { name: "large" } },
      '"part.weight" must be a number: current value is absent',
    ],
    [{ rte: 1 }, '"rte" is not a setting: did you mean "rate"?'],
    [
      { part: { name: "small", sise: 1 } },
      '"part.sise" is not a setting: did you mean "part.size"?',
    ],
  ];
  for (const [settings, message] of cases) {
    throws(() => readSettings(SCHEMA, settings, "read it"), {
      name: "TypeError",
      message: `Cannot read it as ${message}`,
    });
  }
});
