/**
 * The shop in a browser: who may look, and that buying works.
 *
 * @module
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { serveWebshop } from "../../../lib/envs/webshop/site/server.ts";
import { generateWebshop } from "../../../lib/envs/webshop/shop.ts";

const shop = generateWebshop({ size: 100, seed: 7 });

/** Sends a form without following where it leads. */
async function send(url: string, fields: Record<string, string>) {
  const body = new URLSearchParams(fields);
  const reply = await fetch(url, { method: "POST", body, redirect: "manual" });
  await reply.body?.cancel();
  return reply.status;
}

Deno.test("a visitor searches, opens an item and buys it", async () => {
  await using server = serveWebshop(shop, { port: 0 });
  const url = `${server.url}goal/1`;
  const look = async () => await (await fetch(url)).text();
  const first = await fetch(server.url);
  ok(
    first.headers.get("content-security-policy")?.includes(
      "default-src 'none'",
    ),
  );
  ok((await first.text()).includes('id="search_input"'));
  strictEqual(await send(url, { query: `[${shop.goals[1]!.query}]` }), 303);
  const results = await look();
  const [, asin] = /click\[(b0[a-z0-9]+)\]/.exec(results) ?? [];
  ok(asin && results.includes("product-link"));
  await send(url, { action: `click[${asin}]` });
  ok((await look()).includes("Buy Now"));
  await send(url, { action: "click[buy now]" });
  ok((await look()).includes('id="reward"'));
  await send(url, { action: "again" });
  ok((await look()).includes('id="search_input"'));
});

Deno.test("a watched expert wins, one turn a page, and then the page rests", async () => {
  await using server = serveWebshop(shop, { port: 0 });
  const url = `${server.url}watch/0`;
  let page = "";
  for (let turn = 0; turn < 12 && !page.includes('id="reward"'); turn++) {
    page = await (await fetch(url)).text();
    strictEqual(page.includes("refresh"), !page.includes('id="reward"'));
  }
  ok(page.includes("<pre>1.0</pre>") && page.includes("buy this item now"));
});

Deno.test("an agent of one's own is shown what an agent sees", async () => {
  const tasks: string[] = [];
  await using server = serveWebshop(shop, {
    port: 0,
    agent: ({ task, observation }) => {
      tasks.push(task);
      return { subgoal: "look", action: observation.admissibleActions[0]! };
    },
  });
  for (let turn = 0; turn < 2; turn++) {
    await (await fetch(`${server.url}watch/2`)).body?.cancel();
  }
  deepStrictEqual(tasks, [shop.goals[2]!.instruction]);
});

Deno.test("other hosts, other sites, large forms and unknown pages are refused", async () => {
  await using server = serveWebshop(shop, { port: 0 });
  const status = async (path: string, init: RequestInit = {}) => {
    const reply = await fetch(new URL(path, server.url), init);
    await reply.body?.cancel();
    return reply.status;
  };
  strictEqual(await status("goal/0"), 200);
  strictEqual(await status("goal/99999999"), 404);
  strictEqual(await status("../etc/passwd"), 404);
  strictEqual(await status("goal/0", { method: "DELETE" }), 405);
  const headers = { origin: "http://evil.example" };
  strictEqual(
    await status("goal/0", { method: "POST", headers, body: "" }),
    403,
  );
  const body = "x".repeat(100_000);
  strictEqual(await status("goal/0", { method: "POST", body }), 400);
  const port = Number(new URL(server.url).port);
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await socket.write(
    new TextEncoder().encode(
      "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ),
  );
  const reply = await new Response(socket.readable).text();
  ok(reply.startsWith("HTTP/1.1 403"), reply.slice(0, 40));
});
