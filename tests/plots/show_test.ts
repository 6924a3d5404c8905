import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import * as aq from "arquero";
import { figureBundle, show, showLive } from "../../lib/plots/show.ts";
import {
  htmlReport,
  scriptJson,
  spelledOut,
  tableHtml,
} from "../../lib/plots/report.ts";
import { staticSvg } from "../../lib/plots/static_svg.ts";
import { houseLayout, translucent } from "../../lib/plots/theme.ts";

const hostile = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "\u2028<!--",
  ),
);

Deno.test("figureBundle() lets no text of a figure open an element", () => {
  fc.assert(fc.property(hostile, hostile, (title, name) => {
    const figure = {
      data: [{
        type: "scatter",
        name,
        x: [1, 2],
        y: [1, 2],
        mode: "lines+text",
        text: name,
      }, {
        type: "bar",
        name: title,
        x: [title, name],
        y: [1, 2],
      }],
      layout: houseLayout({ title, x: name, y: name }),
    };
    const { "image/svg+xml": svg, "text/html": html } = figureBundle(figure);
    ok(!/<(script|img|svg onload)/i.test(String(svg).slice(4)), String(svg));
    strictEqual([...String(html).matchAll(/<script/gi)].length, 1);
    strictEqual([...String(html).matchAll(/<\/script/gi)].length, 1);
    strictEqual([...String(html).matchAll(/<img/gi)].length, 1);
  }));
});

Deno.test("spelledOut() leaves Plotly no tag to read, and only texts are changed", () => {
  fc.assert(fc.property(hostile, fc.array(fc.double()), (text, numbers) => {
    const figure = {
      data: [{ name: text, x: numbers, y: [text], marker: { size: 3 } }],
      layout: { title: { text }, shapes: [], dragmode: false, range: null },
    };
    const shown = spelledOut(figure);
    ok(!JSON.stringify(shown).replaceAll("<br>", "").includes("<"));
    const read = (spelled: string) =>
      spelled.replaceAll("<br>", "\n").replaceAll("&lt;", "<")
        .replaceAll("&amp;", "&");
    const { name, y, ...rest } = shown.data[0]!;
    deepStrictEqual([read(String(name)), read((y as string[])[0]!)], [
      text,
      text,
    ]);
    deepStrictEqual(rest, { x: numbers, marker: { size: 3 } });
  }));
});

Deno.test("scriptJson() writes JSON that reads back and holds no angle bracket", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const source = scriptJson(value);
    ok(!source.includes("<"));
    strictEqual(JSON.stringify(JSON.parse(source)), JSON.stringify(value));
  }));
});

Deno.test("tableHtml() escapes names and cells", () => {
  const html = tableHtml(aq.table({ "<a>": ["<b>"] }));
  ok(html.includes("&lt;a&gt;") && html.includes("&lt;b&gt;"));
});

Deno.test("staticSvg() draws a band between a trace and the one before it", () => {
  const svg = staticSvg({
    data: [
      { type: "scatter", x: [0, 1], y: [0, 0], line: { width: 0 } },
      {
        type: "scatter",
        x: [0, 1],
        y: [1, 1],
        fill: "tonexty",
        fillcolor: translucent("#0072B2", 0.2),
      },
    ],
    layout: houseLayout({ title: "band", x: "turn", y: "value" }),
  });
  match(svg, /<path d="M[^"]+Z" fill="rgba\(0,114,178,0.2\)"/);
});

Deno.test("staticSvg() leaves the room above and to the left that a layout asks for", () => {
  const data = [{ type: "scatter", mode: "markers", x: [0, 1], y: [0, 1] }];
  const layout = houseLayout({ title: "room", x: "turn", y: "value" });
  const margin = { l: 200, t: 120, r: 24, b: 56 };
  const svg = staticSvg({ data, layout: { ...layout, margin } });
  const centers = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)];
  strictEqual(centers.length, 2);
  for (const [, x, y] of centers) {
    ok(Number(x) >= margin.l && Number(y) >= margin.t);
  }
});

Deno.test("staticSvg() finds room for every name on the vertical axis and in the legend", () => {
  const long = "a name of forty letters, give or take one";
  const data = ["one", "two", long].map((name) => ({
    type: "bar",
    orientation: "h",
    name,
    x: [1, 2],
    y: ["short", long],
  }));
  const layout = houseLayout({ title: "names", x: "share", y: "" });
  const svg = staticSvg({ data, layout });
  const places = [
    ...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)</g),
  ]
    .map(([, x, y, text]) => ({ x: Number(x), y: Number(y), text }));
  const label = places.find(({ text }) => text === long)!;
  ok(
    label.x >= 6 * long.length,
    "the label ends there and begins on the picture",
  );
  const [first, second] = ["one", "two"].map((text) =>
    places.findLast((place) => place.text === text)!
  );
  ok(second!.y > first!.y || second!.x - first!.x > 6 * long.length);
});

Deno.test("staticSvg() places points in the order of their values", () => {
  const svg = staticSvg({
    data: [{ type: "scatter", mode: "markers", x: [0, 1, 2], y: [3, 5, 4] }],
    layout: houseLayout({ title: "points", x: "turn", y: "value" }),
  });
  const centers = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)]
    .map(([, x, y]) => [Number(x), Number(y)] as const);
  strictEqual(centers.length, 3);
  ok(centers[0]![0] < centers[1]![0] && centers[1]![0] < centers[2]![0]);
  ok(centers[1]![1] < centers[2]![1] && centers[2]![1] < centers[0]![1]);
});

Deno.test("show() writes a page outside a notebook", async () => {
  const directory = await Deno.makeTempDir();
  const log = console.log;
  const lines: string[] = [];
  console.log = (line: string) => lines.push(line);
  try {
    await show({
      data: [],
      layout: houseLayout({ title: "A question?", x: "x", y: "y" }),
    }, { directory });
  } finally {
    console.log = log;
  }
  strictEqual(lines[0], `A question?: ${directory}/a-question.html`);
  const page = await Deno.readTextFile(`${directory}/a-question.html`);
  ok(page.includes("Plotly.newPlot") && page.includes("<h1>A question?</h1>"));
  await showLive("x").update({ data: [], layout: {} }); // outside a notebook: nothing to draw on
  await Deno.remove(directory, { recursive: true });
});

Deno.test("htmlReport() opens without a network", () => {
  const page = htmlReport({
    title: "t",
    sections: [{ heading: "h", prose: "a < b\n\nc" }],
  });
  ok(!/(src|href)="https?:/.test(page));
  ok(page.includes("<p>a &lt; b</p>"));
});

Deno.test("spelledOut() keeps new lines and spells every other tag out", () => {
  const { data } = spelledOut({ data: [{ x: ["a\nb", "<br>"] }], layout: {} });
  deepStrictEqual(data[0]!["x"], ["a<br>b", "&lt;br>"]);
});
