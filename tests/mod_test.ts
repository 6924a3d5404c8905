import { deepStrictEqual, ok } from "node:assert/strict";
import * as lab from "../mod.ts";

const PINNED = new URL("./vectors/mod_names.json", import.meta.url);

Deno.test("mod.ts shows the names it is known for, no more and no fewer", async () => {
  // A name added on purpose is added to the list; a name that vanished breaks somebody.
  const pinned = JSON.parse(await Deno.readTextFile(PINNED)) as string[];
  deepStrictEqual(Object.keys(lab).toSorted(), pinned);
});

Deno.test("mod.ts names no tensor library: its values are functions and plain data", () => {
  for (const [name, value] of Object.entries(lab)) {
    ok(["function", "object", "string"].includes(typeof value), name);
  }
});
