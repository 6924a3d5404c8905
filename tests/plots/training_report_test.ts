import * as aq from "arquero";
import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { episodeHtml } from "../../lib/plots/episode_figures.ts";
import { intervalCurve } from "../../lib/plots/learning_figures.ts";
import { strategyTable } from "../../lib/plots/strategy_table.ts";
import { trainingReport } from "../../lib/plots/training_report.ts";
import {
  byDecision,
  type Credit,
  type Trajectory,
} from "../../lib/trajectory.ts";

function episode(texts: readonly string[]): Trajectory {
  return {
    id: "e<0>",
    task: texts[0] ?? "task",
    group: "g",
    turns: texts.map((text, t) => ({
      observation: { text, admissibleActions: [text], stateKey: "" },
      decision: {
        switched: t % 2 === 0,
        subgoal: text,
        action: text,
        valid: t !== 1,
        trace: { kind: "untrainable" },
        values: byDecision(() => 0.5),
      },
      reward: 0.25,
    })),
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: byDecision(() => 0),
    seed: 0,
  };
}

const credit = (turns: number): Credit => ({
  advantages: byDecision((name) =>
    Float64Array.from({ length: turns }, (_, t) => (t - 1) * name.length)
  ),
});

/** The tags of a piece of markup, in order. */
const tags = (html: string) => html.match(/<[^>]*>/g) ?? [];

Deno.test("episodeHtml() never lets a text become markup", () => {
  const hostile = fc.array(
    fc.oneof(
      fc.constantFrom(
        "<script>alert(1)</script>",
        "</table>",
        '" onload="x',
        "' onload='x",
        "</script><script>alert(1)</script>",
        "\u0000\u001b[31m",
        "&amp;",
      ),
      fc.string(),
    ),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(fc.property(hostile, (texts) => {
    const plain = episodeHtml(
      episode(texts.map(() => "x")),
      credit(texts.length),
    );
    const html = episodeHtml(episode(texts), credit(texts.length));
    deepStrictEqual(tags(html), tags(plain));
  }));
});

Deno.test("episodeHtml() names each segment once, and draws a bar for each decision taken", () => {
  const html = episodeHtml(episode(["a", "b", "c"]), credit(3));
  strictEqual(html.match(/<tr style/g)!.length, 3);
  deepStrictEqual(html.match(/<b>[abc]<\/b>/g), ["<b>a</b>", "<b>c</b>"]);
  strictEqual(html.match(/title="planning/g)!.length, 2); // where segments start
  strictEqual(html.match(/title="execution/g)!.length, 3);
  strictEqual(html.match(/\(invalid\)/g)!.length, 1);
  // the largest advantage fills its half: (2 - 1) · 9 letters of "switching" and "execution"
  strictEqual(html.match(/width:50\.0%/g)!.length, 4);
  strictEqual(episodeHtml(episode(["a"])).includes("title="), false);
});

Deno.test("intervalCurve() draws a band exactly where an interval has width", () => {
  const row = (series: string, iteration: number, width: number) => ({
    series,
    iteration,
    mean: iteration,
    low: iteration - width,
    high: iteration + width,
  });
  const table = aq.from([
    row("wide", 1, 0.5),
    row("wide", 0, 0.5),
    row("thin", 0, 0),
    row("thin", 1, 0),
  ]);
  const { data, layout } = intervalCurve(table, {
    title: "?",
    y: "y",
    share: true,
  });
  strictEqual(data.length, 4);
  deepStrictEqual(data[2]!["x"], [0, 1]); // sorted
  strictEqual(data[1]!["fill"], "tonexty");
  deepStrictEqual((layout["yaxis"] as { range: number[] }).range, [
    -0.03,
    1.03,
  ]);
});

Deno.test("trainingReport() leaves out what has no data", () => {
  const empty = { split: [], task_type: [], success_rate: [], episodes: [] };
  const curve = (metric: string) => ({
    metric,
    series: "",
    iteration: 0,
    mean: 0.5,
    low: 0.4,
    high: 0.6,
  });
  const parts = {
    summary: "one run",
    headlines: [{ value: "<50 %>", label: "of everything" }],
    runs: aq.table({ run: ["a"] }),
    curves: aq.from([curve("success_rate")]),
    success: aq.table(empty),
    comparison: aq.table({}),
    comparisonNote: "",
    trajectories: [],
    gamma: 1,
    replays: [],
  };
  deepStrictEqual(trainingReport(parts).map(({ heading }) => heading), [
    "At a glance",
    "Success while learning",
    "Runs",
  ]);
  ok(trainingReport(parts)[0]!.html!.includes("<b>&lt;50 %&gt;</b>"));
  const full = trainingReport({
    ...parts,
    curves: aq.from([
      curve("success_rate"),
      curve("seen/success_rate"),
      curve("unseen/success_rate"),
      curve("explained_variance/planning"),
    ]),
    success: aq.table({
      split: ["unseen"],
      task_type: ["heat"],
      success_rate: [0.5],
      episodes: [4],
    }),
    comparison: aq.table({
      player: ["unseen", "others"],
      All: ["50 %", "9 %"],
    }),
    comparisonNote: "others had it harder",
    trajectories: [episode(["a", "b"])],
    replays: [{ trajectory: episode(["a"]), credit: credit(1) }],
  });
  const aside = full.find(({ heading }) => /held-out/.test(heading))!;
  deepStrictEqual(
    aside.figure!.data.filter(({ name }) => name).map(({ name }) => name),
    ["seen", "unseen"],
  );
  ok(full.at(-2)!.html!.includes("e&lt;0&gt;"));
  const kinds = full.find(({ heading }) =>
    heading === "Success by kind of task"
  )!;
  strictEqual(kinds.table!.numRows(), 2);
  strictEqual(kinds.caption, "others had it harder");
  strictEqual(full.length, 9);
});

Deno.test("strategyTable() ranks strategies by episodes, and those of a task by success", () => {
  const played = (strategy: string, group: string, success: boolean) => ({
    ...episode([strategy]),
    ...{ strategy, group, task: group, success },
  });
  const trajectories = [
    ...[played("a", "x", false), played("a", "x", false)],
    ...[played("b", "x", true), played("b", "x", false)],
    ...[played("a", "y", true), played("a", "y", true)],
    episode(["none"]),
  ];
  const all = strategyTable(trajectories);
  deepStrictEqual(all.array("strategy"), ["a", "b"]);
  deepStrictEqual(all.array("tasks"), [2, 1]);
  deepStrictEqual(all.array("won"), [2, 1]);
  strictEqual(all.get("success", 0), "50 % [15 %, 85 %]");
  const tasks = strategyTable(trajectories, { byTask: true });
  deepStrictEqual(tasks.array("task"), ["x", "x", "y"]);
  deepStrictEqual(tasks.array("strategy"), ["b", "a", "a"]);
  strictEqual(strategyTable(trajectories, { limit: 1 }).numRows(), 1);
});
