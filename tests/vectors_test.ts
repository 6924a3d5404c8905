/** No recorded vector goes unread: files, settings and outputs that the replays do not know are failures. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { unreadFiles, watchReads } from "./_vectors.ts";

/** The text of every test below a folder. */
function testTexts(folder: URL): string {
  return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) =>
    isDirectory
      ? testTexts(new URL(`${name}/`, folder))
      : name.endsWith("_test.ts")
      ? Deno.readTextFileSync(new URL(name, folder))
      : ""
  ).join("\n");
}

Deno.test("vectors of every file are read by some test", () => {
  const texts = testTexts(new URL(".", import.meta.url));
  const unread = unreadFiles(
    ["hae", "baselines", "losses", "masks", "webshop"],
    (path) =>
      path.startsWith("hae/") || // all of hae/ is listed and replayed
      texts.includes(`"${path.replace(/^webshop\//, "")}"`),
  );
  deepStrictEqual(unread, []);
});

Deno.test("watchReads() says which settings and outputs a replay left out", () => {
  const { watched, unread } = watchReads({
    cfg: { gamma: 1, surprise: 2 },
    outputs: { returns: [1] },
    name: "one",
  });
  strictEqual(watched.cfg.gamma + watched.outputs.returns[0]!, 2);
  deepStrictEqual([...unread], ["cfg.surprise"]);
});
