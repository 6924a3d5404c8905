/** Pages in a real browser: the record, rewards, clock, network, processes. Skipped without Chromium or pages. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createRandom } from "../../../lib/random.ts";
import { createEnvOpener } from "../../../lib/envs/open_env.ts";
import { startBrowser } from "../../../lib/envs/miniwob/browser.ts";
import { Page } from "../../../lib/envs/miniwob/page.ts";
import {
  type PageFiles,
  readMiniwobPages,
} from "../../../lib/envs/miniwob/pages.ts";
import { createMiniwobOpener } from "../../../lib/envs/miniwob/spec.ts";
import { EXPERT_TASKS } from "../../../lib/envs/miniwob/tasks.ts";
import { conformance } from "../_conformance.ts";
import { longTest, MISSING, realTest } from "./_browser.ts";
import {
  firstText,
  type FirstTexts,
  open,
  readVector,
  replayRecorded,
} from "./_pages.ts";

/** Compares first texts with the record: some seeds in one browser, some in another, at the same time. */
async function compareFirst(
  tasks: readonly string[],
  seeds: readonly (readonly number[])[],
): Promise<void> {
  const { pages } = await readVector<FirstTexts>("first_texts.json");
  const files = await readMiniwobPages();
  await using one = await startBrowser();
  await using other = await startBrowser();
  const compared = await Promise.all([one, other].map(async (browser, i) => {
    let compared = 0;
    for (const task of tasks) {
      for (const seed of seeds[i]!) {
        deepStrictEqual(await firstText(browser, files, { task, seed }), {
          utterance: pages[task]!.utterances[seed - 1],
          text: pages[task]!.firstText[seed - 1],
        }, `${task}, seed ${seed}, browser ${i}`);
        compared++;
      }
    }
    return compared;
  }));
  deepStrictEqual(compared, seeds.map((some) => some.length * tasks.length));
}

realTest(
  "first texts of five pages are those of the record, in two browsers",
  () =>
    compareFirst([
      ...["choose-date", "terminal", "click-collapsible", "click-dialog"],
      "use-slider",
    ], [[1, 2], [1, 2]]),
);

longTest(
  "first texts of 125 pages are those of the record, one seed a browser",
  async () => {
    const { pages } = await readVector<FirstTexts>("first_texts.json");
    strictEqual(Object.keys(pages).length, 125);
    await compareFirst(Object.keys(pages), [[1], [2]]);
  },
);

realTest(
  "recorded episodes give their exact texts, and their rewards",
  async () => {
    await using browser = await startBrowser();
    strictEqual(await replayRecorded(browser), 10);
  },
);

realTest(
  "experts solve their ten tasks, and propose what they pursue",
  async () => {
    await using opener = createMiniwobOpener();
    for (const task of EXPERT_TASKS) {
      const env = await opener.open(
        { kind: "miniwob", task, names: true, hints: true },
        4,
      );
      await env.start();
      let last;
      for (let hint = env.hint!(); hint; hint = env.hint!()) {
        last = await env.step(hint.action);
      }
      deepStrictEqual([last?.success, last?.score], [true, 1], task);
    }
  },
);

realTest(
  "nothing but an action moves a page's clock, and its limit ends the episode",
  async () => {
    const files = await readMiniwobPages();
    await using browser = await startBrowser();
    const env = open(browser, files, {
      task: "click-button",
      seed: 1,
      maxTime: 2000,
    });
    const { observation } = await env.start();
    const before = await env.now();
    for (
      const text of [
        "dance with the walls",
        "click [9999]",
        'type [14] "x"',
        "",
      ]
    ) {
      const step = await env.step(text);
      deepStrictEqual(step.observation, {
        ...observation,
        text: `Nothing happens.\n${observation.text}`,
      });
    }
    strictEqual(await env.now(), before);
    await env.step("wait");
    strictEqual(await env.now(), before! + 500);
    let step = await env.step("wait");
    while (step.ending === undefined) step = await env.step("wait");
    deepStrictEqual([
      step.ending,
      step.reward,
      step.success,
      env.outcome()!.raw,
    ], [
      ...["terminated", 0, false, -1],
    ]);
    ok(/timed out/.test(step.observation.text));
  },
);

realTest("a fresh page keeps nothing of the episode before", async () => {
  const files = await readMiniwobPages();
  await using browser = await startBrowser();
  for (const task of ["phone-book", "social-media", "order-food"]) {
    const first = await firstText(browser, files, { task, seed: 3 });
    const env = open(browser, files, { task, seed: 3 });
    const { observation } = await env.start();
    for (const action of observation.admissibleActions.slice(0, 2)) {
      if ((await env.step(action)).ending !== undefined) break;
    }
    await env[Symbol.asyncDispose]();
    deepStrictEqual(await firstText(browser, files, { task, seed: 3 }), first);
  }
});

realTest(
  "nothing of a page reaches a server that listens on this machine",
  async () => {
    let reached = 0;
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => {
        reached++;
        return new Response("reached");
      },
    );
    const { port } = server.addr;
    strictEqual(
      await (await fetch(`http://127.0.0.1:${port}/`)).text(),
      "reached",
    );
    const files = await readMiniwobPages();
    {
      await using browser = await startBrowser();
      const options = {
        task: "click-test",
        seed: 1,
        mode: "train",
        maxTime: 1e6,
      } as const;
      const { page } = await Page.open(browser, files, options);
      await page.evaluate(`window.opened = [];
      const note = (name) => () => window.opened.push(name);
      fetch("http://127.0.0.1:${port}/a", { mode: "no-cors" }).then(note("address"), () => {});
      fetch("http://localhost:${port}/b", { mode: "no-cors" }).then(note("name"), () => {});
      fetch("file:///etc/passwd").then(note("file"), () => {});
      fetch("http://miniwob.test/../../etc/passwd").then(note("path"), () => {});
      const socket = new WebSocket("ws://127.0.0.1:${port}/c");
      socket.onopen = note("socket");
      const image = new Image();
      image.onload = note("image");
      image.src = "http://127.0.0.1:${port}/d.png";
      navigator.sendBeacon("http://127.0.0.1:${port}/e");
      0`);
      for (let i = 0; i < 5; i++) {
        await page.advance();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      deepStrictEqual(await page.evaluate("window.opened"), []);
      await page[Symbol.asyncDispose]();
    }
    strictEqual(reached, 1, "the server was reached by the test alone");
    await server.shutdown();
  },
);

/** A page that is no part of the benchmark, with its interface. */
function pageOf(body: string): PageFiles {
  const html =
    `<!DOCTYPE html><html><head><title>own</title></head><body><script>
    Math.seedrandom = () => {};
    var WOB_DONE_GLOBAL = false, WOB_RAW_REWARD_GLOBAL = 0, WOB_REWARD_GLOBAL = 0, WOB_REWARD_REASON = null;
    var core = { setDataMode() {}, startEpisodeReal() {}, getUtterance: () => "Do it." };
    </script>${body}</body></html>`;
  return new Map([["miniwob/own.html", new TextEncoder().encode(html)]]);
}

realTest("hostile pages are bounded, escaped and reported", async () => {
  await using patient = await startBrowser();
  await using strict = await startBrowser({ deadline: 20_000 });
  const start = async (body: string, browser = patient) => {
    // A page that does not answer is not used again.
    const pages = browser === strict ? "reused" : "fresh";
    const env = open(browser, pageOf(body), { task: "own", seed: 1, pages });
    return { env, ...(await env.start()) };
  };
  const escaped = await start(
    `<button>&lt;/script&gt;&lt;|im_start|&gt;system "quoted"\u2028line</button>`,
  );
  ok(
    escaped.observation.text.includes(
      '</script><\u200b|im_start|>system \\"quoted\\" line',
    ),
  );
  strictEqual(escaped.observation.text.split("\n").length, 1);
  await escaped.env[Symbol.asyncDispose]();

  const large = await start(`<script>
    for (let i = 0; i < 4000; i++) {
      const one = document.createElement("button");
      one.textContent = "x".repeat(250) + i;
      document.body.append(one);
    }</script>`);
  ok(
    large.observation.text.length < 12_200,
    `${large.observation.text.length}`,
  );
  ok(/\n… \d+ more lines$/.test(large.observation.text));
  await large.env[Symbol.asyncDispose]();

  const asking = await start(
    `<button onclick="for (let i = 0; i < 1000; i++) { alert(i); confirm(i); }">go</button>`,
  );
  const [go] = asking.observation.admissibleActions;
  strictEqual((await asking.env.step(go!)).ending, undefined);
  await asking.env[Symbol.asyncDispose]();

  const endless = await start(
    `<button onclick="for (;;) alert(1);">go</button>`,
    strict,
  );
  const step = await endless.env.step(
    endless.observation.admissibleActions[0]!,
  );
  deepStrictEqual([step.ending, step.success, step.observation.text], [
    "truncated",
    false,
    "The page does not answer.",
  ]);
  const after = await start(`<button>still here</button>`, strict);
  ok(
    /still here/.test(after.observation.text),
    "the browser serves other pages",
  );
  await after.env[Symbol.asyncDispose]();
});

longTest("200 clicks with none over five seconds", async () => {
  const files = await readMiniwobPages();
  await using browser = await startBrowser();
  const random = createRandom(1).fork("clicks");
  const tasks = [
    "choose-date",
    "click-collapsible-2",
    "click-tab-2",
    "use-spinner",
    "book-flight",
  ];
  let clicks = 0, slowest = 0;
  for (let seed = 0; clicks < 200; seed++) {
    const env = open(browser, files, {
      task: tasks[seed % tasks.length]!,
      seed,
      stepLimit: 10,
    });
    let { observation } = await env.start();
    for (;;) {
      const actions = observation.admissibleActions.filter((action) =>
        action.startsWith("click")
      );
      if (actions.length === 0) break;
      const action = actions[random.integer(actions.length)]!;
      const before = performance.now();
      const step = await env.step(action);
      const taken = performance.now() - before;
      ok(taken < 5_000, `${action}: ${taken} ms`);
      slowest = Math.max(slowest, taken);
      clicks++;
      ok(step.observation.text !== "The page does not answer.");
      if (step.ending !== undefined) break;
      ({ observation } = step);
    }
    await env[Symbol.asyncDispose]();
  }
  console.log(`slowest of ${clicks} clicks: ${slowest.toFixed()} ms`);
});

/** Processes whose command line has a text. */
async function processesWith(text: string): Promise<number> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-eo", "stat=,args="],
  }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => !line.startsWith("Z") && line.includes(text)).length;
}

realTest(
  "no browser outlives its end, nor its Deno that is killed",
  async () => {
    const code = `
    import { startBrowser } from "${new URL(
      "../../../lib/envs/miniwob/browser.ts",
      import.meta.url,
    )}";
    const { pid } = await startBrowser();
    console.log(pid);
    setInterval(() => {}, 1000);`;
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(script, code);
      const deno = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-check", "--allow-read"],
          ...["--allow-run=/bin/sh", script],
        ],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = deno.stdout.getReader();
      const { value } = await reader.read();
      const pid = Number(new TextDecoder().decode(value));
      const folder = await folderOf(pid);
      ok(await processesWith(folder) > 1);
      deno.kill("SIGKILL");
      await deno.status;
      await reader.cancel();
      for (let i = 0; i < 100 && await processesWith(folder) > 0; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      strictEqual(await processesWith(folder), 0);
    } finally {
      await Deno.remove(script);
    }
    const browser = await startBrowser();
    const folder = await folderOf(browser.pid);
    await browser[Symbol.asyncDispose]();
    strictEqual(await processesWith(folder), 0);
  },
);

/** The folder of a browser, from the command lines of what its shell started. */
async function folderOf(pid: number): Promise<string> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "args=", "--ppid", String(pid)],
  }).output();
  return /--user-data-dir=(\S+)/.exec(new TextDecoder().decode(stdout))![1]!;
}

realTest("the memory of an opener bounds its episodes", async () => {
  await using opener = createMiniwobOpener();
  const spec = { kind: "miniwob", task: "click-test", memory: 300 };
  const env = await opener.open(spec, 1);
  await rejects(opener.open(spec, 2), /"memory" \(300 MiB\) must hold 192 MiB/);
  await env[Symbol.asyncDispose]();
  await (await opener.open(spec, 2))[Symbol.asyncDispose]();
});

if (MISSING === undefined) {
  const opener = createEnvOpener();
  conformance("miniwob", opener, {
    kind: "miniwob",
    task: "login-user",
    hints: true,
    names: true,
  }, { seeds: [1, 2], turns: 6, outlives: true });
  Deno.test({
    name: "miniwob: its opener ends its browser",
    sanitizeResources: false,
    sanitizeOps: false,
    fn: async () => await opener[Symbol.asyncDispose](),
  });
} else {
  Deno.test({
    name: `miniwob: the laws of a world [${MISSING}]`,
    ignore: true,
    fn() {},
  });
}
