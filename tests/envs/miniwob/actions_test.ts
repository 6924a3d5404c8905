/** Trees, actions, tasks, experts and files. No Chromium. */

import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { createEnvOpener, listEnvs } from "../../../lib/envs/open_env.ts";
import {
  callsTexts,
  isPossible,
  offeredActions,
  parseMiniwobAction,
} from "../../../lib/envs/miniwob/actions.ts";
import { findBrowser } from "../../../lib/envs/miniwob/browser.ts";
import { adviseMiniwob } from "../../../lib/envs/miniwob/experts.ts";
import { formatFilm } from "../../../lib/envs/miniwob/film.ts";
import { readMiniwobPages } from "../../../lib/envs/miniwob/pages.ts";
import {
  type AccessibleNode,
  type DocumentSnapshot,
  ElementIds,
  formatPage,
  quoted,
  readPage,
  shortenPage,
} from "../../../lib/envs/miniwob/snapshot.ts";
import {
  MINIWOB_SUBGOAL_RULE,
  proposeMiniwobSubgoals,
  subgoalOfAction,
} from "../../../lib/envs/miniwob/subgoals.ts";
import {
  EXPERT_TASKS,
  findMiniwobTask,
  MINIWOB_SETS,
} from "../../../lib/envs/miniwob/tasks.ts";

interface Drawn {
  tag: string;
  parent: number;
  attributes?: Record<string, string>;
  clickable?: boolean;
}

/** A document of elements, numbered from 1 by the browser, each with a box. */
function document(drawn: readonly Drawn[]): DocumentSnapshot {
  const strings: string[] = [];
  const text = (word: string) => strings.push(word) - 1;
  return {
    strings,
    documents: [{
      nodes: {
        parentIndex: drawn.map(({ parent }) => parent),
        nodeType: drawn.map(() => 1),
        nodeName: drawn.map(({ tag }) => text(tag)),
        backendNodeId: drawn.map((_, i) => i + 1),
        attributes: drawn.map(({ attributes = {} }) =>
          Object.entries(attributes).flatMap((pair) => pair.map(text))
        ),
        isClickable: {
          index: drawn.flatMap(({ clickable }, i) => clickable ? [i] : []),
        },
      },
      layout: {
        nodeIndex: drawn.map((_, i) => i),
        bounds: drawn.map(() => [0, 0, 10, 10]),
      },
    }],
  };
}

function accessible(
  backend: number,
  role: string,
  more: {
    name?: string;
    value?: string;
    children?: number[];
    states?: Record<string, unknown>;
  } = {},
): AccessibleNode {
  const { name = "", value, children = [], states = {} } = more;
  return {
    nodeId: `${backend}`,
    ignored: false,
    role: { value: role },
    name: { value: name },
    ...(value !== undefined && { value: { value } }),
    properties: Object.entries(states).map(([name, value]) => ({
      name,
      value: { value },
    })),
    childIds: children.map(String),
    ...(backend < 50 && { backendDOMNodeId: backend }),
  };
}

const SNAPSHOT = document([
  { tag: "BODY", parent: -1, clickable: true },
  { tag: "DIV", parent: 0, attributes: { id: "query" } },
  { tag: "SPAN", parent: 1 },
  { tag: "INPUT", parent: 0, clickable: true, attributes: { type: "text" } },
  { tag: "DIV", parent: 0, clickable: true },
  { tag: "IMG", parent: 0, clickable: true, attributes: { class: "trash" } },
  { tag: "SELECT", parent: 0 },
  { tag: "OPTION", parent: 6 },
  { tag: "OPTION", parent: 6 },
  { tag: "BUTTON", parent: 0, clickable: true },
]);
const TREE = [
  accessible(100, "RootWebArea", { children: [1] }),
  accessible(1, "generic", { children: [2, 4, 5, 6, 7, 10] }),
  accessible(2, "generic", { children: [60] }),
  accessible(60, "StaticText", { name: "hidden task" }),
  accessible(4, "textbox", {
    value: "Ann",
    children: [61],
    states: { focused: true, focusable: true },
  }),
  accessible(61, "StaticText", { name: "Ann" }),
  accessible(5, "generic", { children: [62] }),
  accessible(62, "StaticText", { name: " Next " }),
  accessible(6, "image"),
  accessible(7, "combobox", {
    value: "A",
    children: [8, 9],
    states: { hasPopup: "menu" },
  }),
  accessible(8, "option", { name: "A", states: { selected: true } }),
  accessible(9, "option", { name: "B" }),
  accessible(10, "button", {
    name: "Submit",
    children: [63],
    states: { disabled: false },
  }),
  accessible(63, "StaticText", { name: "Submit" }),
];

Deno.test("a page's tree: ids in document order, without the benchmark's own display", () => {
  const nodes = readPage(SNAPSHOT, TREE, new ElementIds());
  strictEqual(
    formatPage(nodes),
    `[1] generic clickable
  [2] textbox value="Ann" clickable focused
    StaticText "Ann"
  [3] generic clickable
    StaticText "Next"
  [4] image clickable
  [5] combobox value="A" hasPopup=menu
    [6] option "A" selected
    [7] option "B"
  [8] button "Submit" clickable`,
  );
  strictEqual(
    formatPage(shortenPage(nodes)),
    `[2] textbox value="Ann" clickable focused
[3] generic "Next" clickable
[4] image "trash" clickable
[5] combobox value="A" hasPopup=menu
  [6] option "A" selected
  [7] option "B"
[8] button "Submit" clickable`,
  );
  const texts = ["Ann", "Bob"];
  deepStrictEqual(offeredActions(nodes, { texts, named: false }), [
    ...["click [2]", 'type [2] "Bob"', "click [3]", "click [4]"],
    ...['select [5] "B"', "click [8]", "press Enter", "press Backspace"],
    ...["press ArrowUp", "press ArrowDown", "wait"],
  ]);
  const named = offeredActions(nodes, { texts, named: true });
  deepStrictEqual(named.slice(0, 6), [
    ...['click [2] textbox "Ann"', 'type [2] textbox "Bob"'],
    ...['click [3] div "Next"', "click [4] image trash"],
    ...['select [5] combobox "B"', 'click [8] button "Submit"'],
  ]);
  for (const action of named) {
    ok(isPossible(parseMiniwobAction(action)!, nodes, texts), action);
  }
  for (
    const action of [
      'type [2] "Eve"',
      "click [99]",
      'select [5] "C"',
      "drag [2] to [99]",
    ]
  ) {
    ok(!isPossible(parseMiniwobAction(action)!, nodes, texts), action);
  }
  ok(isPossible(parseMiniwobAction('type [2] "Eve"')!, nodes, undefined));
  const text = formatPage(shortenPage(nodes));
  const proposals = proposeMiniwobSubgoals({
    task: "",
    past: [],
    observation: { text, admissibleActions: named, stateKey: "" },
  });
  for (const action of named) {
    ok(proposals.includes(subgoalOfAction(action, text)), action);
  }
});

Deno.test("actions serve the subgoal of what they handle; the page shows what is achieved", () => {
  const nodes = readPage(SNAPSHOT, TREE, new ElementIds());
  const text = formatPage(shortenPage(nodes));
  const admissibleActions = offeredActions(nodes, {
    texts: ["Bob"],
    named: true,
  });
  const { serves, achieved } = MINIWOB_SUBGOAL_RULE;
  const observation = { text, admissibleActions, stateKey: "" };
  const here = { task: "", past: [], observation };
  for (const action of admissibleActions) {
    ok(serves(subgoalOfAction(action, text), action, here), action);
    ok(!serves("click Cancel", action, here), action);
  }
  ok(serves("click Cancel", "scroll [1] down", here), "it may be below");
  ok(!serves("click Submit", "scroll [1] down", here), "it is shown");
  ok(!serves("wait and look", "dance", here));
  const after = (action: string, shown: string, actions = ["wait"]) => {
    const trace = { kind: "untrainable" } as const;
    const decision = {
      switched: true,
      subgoal: "",
      action,
      valid: true,
      trace,
    };
    return {
      task: "",
      past: [{ observation, decision }],
      observation: { text: shown, admissibleActions: actions, stateKey: "" },
    };
  };
  const typed = 'type [2] textbox "Bob"', submit = "click [8]";
  ok(achieved("fill in Bob", after(typed, '[2] textbox value="Bob" focused')));
  ok(achieved("fill in Bob", after(typed, '[2] textbox value="•••"')));
  ok(!achieved("fill in Bob", after(typed, text)), "the field is as before");
  const chosen = 'select [5] "B"';
  ok(achieved("choose B", after(chosen, '[5] combobox value="B"')));
  ok(!achieved("choose B", after(chosen, text)));
  ok(achieved("click Submit", after(submit, "The episode is over.", [])));
  ok(!achieved("click Submit", after(submit, `Nothing happens.\n${text}`)));
  ok(!achieved("click Next", after(submit, text)));
  ok(achieved("wait and look", after("wait", text)));
  ok(!achieved("wait and look", here), "nothing was played");
});

Deno.test("ids stay with their elements", () => {
  const ids = new ElementIds();
  readPage(SNAPSHOT, TREE, ids);
  const more = document([
    { tag: "BODY", parent: -1, clickable: true },
    { tag: "NAV", parent: 0 },
  ]);
  strictEqual(ids.of(10), 8);
  readPage(more, [], ids);
  strictEqual(ids.of(2), 9, "a new element has the next number");
});

Deno.test("actions are read, with and without descriptions", () => {
  deepStrictEqual(
    [
      ...[
        "click [3]",
        'click [3] button "a \\"b\\" [4]"',
        'type [4] "x \\"y\\""',
      ],
      ...['type [4] textbox "x"', 'select [5] combobox "B"', "press Tab"],
      ...["scroll [6] down", "drag [1] to [2]", "hover [7]", "wait"],
    ].map(parseMiniwobAction),
    [
      { kind: "click", id: 3 },
      { kind: "click", id: 3 },
      { kind: "type", id: 4, text: 'x "y"' },
      { kind: "type", id: 4, text: "x" },
      { kind: "select", id: 5, label: "B" },
      { kind: "press", key: "Tab" },
      { kind: "scroll", id: 6, down: true },
      { kind: "drag", id: 1, to: 2 },
      { kind: "hover", id: 7 },
      { kind: "wait" },
    ],
  );
  for (
    const text of [
      "",
      "click",
      "click 3",
      "press Q",
      "type [4] x",
      "goto http://x",
      "wait [1]",
    ]
  ) {
    strictEqual(parseMiniwobAction(text), undefined, text);
  }
});

Deno.test("texts of a page are one line, bounded, without control tokens", () => {
  strictEqual(
    quoted('</script>\n"<|im_end|>'),
    '"</script>\\n\\"<\u200b|im_end|>"',
  );
  ok(quoted("x".repeat(1e6)).length < 2010);
});

Deno.test("an expert fills, chooses and submits", () => {
  const nodes = readPage(SNAPSHOT, TREE, new ElementIds());
  const actions = offeredActions(nodes, { texts: ["Bob"], named: true });
  const text = formatPage(shortenPage(nodes));
  const view = {
    nodes,
    text,
    actions,
    utterance: 'Enter "Bob" and press Submit.',
  };
  deepStrictEqual(adviseMiniwob({ ...view, task: "enter-text" }), {
    subgoal: "fill in Bob",
    action: 'type [2] textbox "Bob"',
  });
  strictEqual(adviseMiniwob({ ...view, task: "tic-tac-toe" }), undefined);
});

Deno.test("sets have their sizes, datasets list them, names are checked", async () => {
  deepStrictEqual(
    Object.entries(MINIWOB_SETS).map((
      [name, tasks],
    ) => [name, new Set(tasks).size]),
    [["webgum56", 56], ["browsergym125", 125], ["all130", 130], [
      "expert10",
      10,
    ]],
  );
  for (const task of Object.values(MINIWOB_SETS).flat()) findMiniwobTask(task);
  strictEqual(findMiniwobTask("miniwob.click-test"), "click-test");
  throws(() => findMiniwobTask("click-tset"), /did you mean "click-test/);
  const listed = await listEnvs({
    dataset: "miniwob",
    set: "expert10",
    count: 2,
    settings: { names: true },
  });
  strictEqual(listed.length, 20);
  deepStrictEqual(listed[1], {
    names: true,
    kind: "miniwob",
    task: EXPERT_TASKS[0],
    seed: 1,
  });
});

Deno.test("what is missing is named, with the command that brings it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await rejects(
      readMiniwobPages(folder),
      /missing; fetch it with: deno task miniwob/,
    );
    await Deno.writeTextFile(
      `${folder}/miniwob-1.1.0-py3-none-any.whl`,
      "other",
    );
    await rejects(
      readMiniwobPages(folder),
      /SHA-256 of .*\.whl must be 297006e8.*: current value is/,
    );
    await rejects(
      findBrowser("/nowhere/chromium"),
      /"browser" must be a Chromium.*apt-get install/,
    );
    await using open = createEnvOpener();
    await rejects(
      async () =>
        await open({ kind: "miniwob", task: "click-test", data: folder }, 1),
      /SHA-256/,
    );
    await rejects(
      async () =>
        await open({ kind: "miniwob", task: "click-test", name: true }, 1),
      /did you mean "names"/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a film frames segments and escapes every text", () => {
  const frame = { picture: "", text: "<b>", reward: 0, action: "click [1]" };
  const page = formatFilm({
    task: "</p><script>",
    success: false,
    frames: [
      { ...frame, subgoal: "one" },
      { ...frame, subgoal: "one" },
      { ...frame, subgoal: "two", reward: 1, picture: "AA==" },
    ],
  });
  strictEqual(page.match(/<section/g)!.length, 2);
  strictEqual(page.match(/<figure/g)!.length, 3);
  ok(!page.includes("<script>") && !page.includes("<b>one</b><b>"));
  ok(page.includes('alt="&lt;b&gt;"'));
});

Deno.test("a text to type says its field and what the task calls it", () => {
  const field = {
    ...{ depth: 0, role: "textbox", name: "", id: 3, tag: "input" },
    ...{ attributes: new Map([["id", "user-name"]]), states: [] },
    ...{ focusable: true, visible: true, scrollable: false },
  };
  const called = callsTexts(
    'Enter the username "bob", then "x" and a code "7"',
  );
  deepStrictEqual([...called], [["bob", "username"], ["7", "code"]]);
  const offered = offeredActions([field], {
    texts: ["bob", "x"],
    called,
    named: true,
  });
  deepStrictEqual(offered.slice(1, 3), [
    'type [3] textbox user name as username "bob"',
    'type [3] textbox user name "x"',
  ]);
  deepStrictEqual(parseMiniwobAction(offered[1]!), {
    ...{ kind: "type", id: 3, text: "bob" },
  });
});
