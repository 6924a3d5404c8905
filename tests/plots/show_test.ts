import {
  deepStrictEqual,
  match,
  ok,
  strictEqual,
  throws,
} from "node:assert/strict";
import fc from "fast-check";
import * as aq from "arquero";
import { figureBundle, show, showLive } from "../../lib/plots/show.ts";
import { reportHtml, tableMarkup } from "../../lib/plots/report.ts";
import { staticSvg } from "../../lib/plots/static_svg.ts";
import {
  type Figure,
  figureLayout,
  plotlyFigure,
  translucent,
} from "../../lib/plots/figure.ts";

const hostile = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "\u2028<!--",
    "' onload='alert(1)",
    "\u0000\u001b[31m\ud800",
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
      layout: figureLayout({ title, x: name, y: name }),
    };
    const { "image/svg+xml": svg, "text/html": html } = figureBundle(figure);
    ok(!/<(script|img|svg onload)/i.test(String(svg).slice(4)), String(svg));
    strictEqual([...String(html).matchAll(/<script/gi)].length, 1);
    strictEqual([...String(html).matchAll(/<\/script/gi)].length, 1);
    strictEqual([...String(html).matchAll(/<img/gi)].length, 1);
  }));
});

Deno.test("plotlyFigure() leaves Plotly no tag to read, and changes texts alone", () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(fc.property(hostile, fc.array(number), (text, numbers) => {
    const { data, layout } = plotlyFigure({
      data: [{ name: text, x: numbers, y: [text], marker: { size: 3 } }],
      layout: { title: { text }, shapes: [], dragmode: false, range: null },
    });
    ok(!JSON.stringify({ data, layout }).replaceAll("<br>", "").includes("<"));
    const read = (quoted: unknown) =>
      String(quoted).replaceAll("<br>", "\n").replaceAll("&lt;", "<")
        .replaceAll("&amp;", "&");
    const { name, y, ...rest } = data[0]!;
    deepStrictEqual([read(name), read((y as string[])[0])], [text, text]);
    deepStrictEqual(rest, { x: numbers, marker: { size: 3 } });
  }));
  const { data } = plotlyFigure({
    data: [{ x: ["a\nb", "<br>"] }],
    layout: {},
  });
  deepStrictEqual(data[0]!["x"], ["a<br>b", "&lt;br>"]);
});

/** What a page shows: the figures that it hands to Plotly. */
function figuresOf(page: string): Figure[] {
  const [, json] = /const figures = (.*);\n/.exec(page)!;
  return JSON.parse(json!);
}

/** What the notebook's own script hands to Plotly. */
function figureOf(html: unknown): Figure {
  const [, json] = /const figure = (.*);\n/.exec(String(html))!;
  return JSON.parse(json!);
}

const COLUMNS: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  numbers: [[0, 1, 2], [4, 2, 3]],
  "text that counts": [["0", "1", "2"], ["4", "2", "3"]],
  categories: [["a", "b", "c"], [4, 2, 3]],
  gaps: [[0, 1, 2], [4, null, 3]],
  dates: [[
    "2026-11-28T00:00:00.000Z",
    "2026-11-29T12:00:00.000Z",
    "2026-12-01T00:00:00.000Z",
  ], [4, 2, 3]],
};

/** The same column in every form in which it may come. */
function formsOf(plain: readonly unknown[]): unknown[] {
  if (plain.every((one) => typeof one === "number")) {
    const numbers = plain as number[];
    return [
      Float64Array.from(numbers),
      Float32Array.from(numbers),
      Int32Array.from(numbers),
      Uint8Array.from(numbers),
      new Set(numbers),
    ];
  }
  if (plain.some((one) => one === null)) {
    const holes = (hole: unknown) => plain.map((one) => one ?? hole);
    return [
      holes(NaN),
      holes(Infinity),
      holes(undefined),
      Float64Array.from(holes(NaN) as number[]),
    ];
  }
  const texts = plain as string[];
  if (texts[0]!.includes("T")) return [texts.map((text) => new Date(text))];
  return /^\d$/.test(texts[0]!)
    ? [texts.map(BigInt), BigInt64Array.from(texts.map(BigInt))]
    : [new Set(texts)];
}

const KINDS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  lines: { type: "scatter", mode: "lines" },
  markers: { type: "scatter", mode: "markers", marker: { size: 9 } },
  text: { type: "scatter", mode: "text", text: ["p", "q", "r"] },
  band: { type: "scatter", mode: "lines", fill: "tozeroy" },
  bars: { type: "bar", name: "bars" },
};

for (const [kind, trace] of Object.entries(KINDS)) {
  Deno.test(`${kind} are the same in the notebook, the report and the picture, whatever their columns are made of`, () => {
    for (const [name, [x, y]] of Object.entries(COLUMNS)) {
      const layout = figureLayout({ title: name, x: "x", y: "y" });
      const draw = (x: unknown, y: unknown) => {
        const figure = { data: [{ ...trace, x, y }], layout };
        const bundle = figureBundle(figure);
        const json = bundle["application/vnd.plotly.v1+json"] as Figure;
        const sent: Figure["data"] = JSON.parse(JSON.stringify(json.data));
        const report = reportHtml({
          title: "",
          sections: [{ heading: "", figure }],
        });
        deepStrictEqual(sent, figureOf(bundle["text/html"]).data);
        deepStrictEqual(sent, figuresOf(report)[0]!.data);
        return { sent, svg: bundle["image/svg+xml"] };
      };
      const expected = draw(x, y);
      deepStrictEqual(expected.sent[0]!["x"], x);
      deepStrictEqual(expected.sent[0]!["y"], y);
      for (const form of formsOf(x!)) deepStrictEqual(draw(form, y), expected);
      for (const form of formsOf(y!)) deepStrictEqual(draw(x, form), expected);
    }
  });
}

Deno.test("error bars, colors and sizes of points may be typed arrays too", () => {
  const draw = (array: unknown, size: unknown) =>
    staticSvg({
      data: [{
        type: "scatter",
        mode: "markers",
        x: [0, 1],
        y: [1, 2],
        error_y: { array, arrayminus: array },
        marker: { size, color: ["#111111", "#222222"] },
      }],
      layout: {},
    });
  const svg = draw([0.5, 0.25], [10, 20]);
  strictEqual(draw(Float32Array.of(0.5, 0.25), Int32Array.of(10, 20)), svg);
  match(svg, /<circle[^>]*r="5" fill="#111111"/);
  match(svg, /<circle[^>]*r="10" fill="#222222"/);
  strictEqual(svg.match(/<line[^>]*stroke-width="1.5"/g)!.length, 2);
});

Deno.test("a figure that is no plain data is refused by place", () => {
  for (
    const [value, kind] of [[() => 1, "function"], [
      new (class Tensor {})(),
      "Tensor",
    ], [new ArrayBuffer(8), "ArrayBuffer"]] as const
  ) {
    throws(() => staticSvg({ data: [{ x: [value] }], layout: {} }), {
      name: "TypeError",
      message:
        `Cannot serialize a figure as "data[0].x[0]" must be plain data: current value is a ${kind}`,
    });
  }
});

Deno.test("staticSvg() draws dates along a time axis, and no missing value at 0", () => {
  const xs = (svg: string) =>
    [...svg.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  const draw = (x: unknown) =>
    staticSvg({
      data: [{ type: "scatter", mode: "markers", x, y: [1, 2, 3] }],
      layout: {},
    });
  const dates = draw([0, 1, 3].map((days) => new Date(days * 86_400_000)));
  const [first, second, third] = xs(dates);
  ok(Math.abs((third! - first!) - 3 * (second! - first!)) < 0.05);
  match(dates, />Fri 02</);
  strictEqual(xs(draw([100, null, 101])).length, 2);
  ok(!/<text[^>]*>0</.test(draw([100, null, 101])));
});

Deno.test("tableMarkup() escapes names and cells, and writes dates as text", () => {
  const { text } = tableMarkup(aq.table({ "<a>": ["<b>", new Date(0)] }));
  ok(text.includes("&lt;a&gt;") && text.includes("&lt;b&gt;"));
  ok(text.includes("<td>1970-01-01T00:00:00.000Z</td>"));
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
    layout: figureLayout({ title: "band", x: "turn", y: "value" }),
  });
  match(svg, /<path d="M[^"]+Z" fill="rgba\(0,114,178,0.2\)"/);
});

Deno.test("staticSvg() leaves the room above and to the left that a layout asks for", () => {
  const data = [{ type: "scatter", mode: "markers", x: [0, 1], y: [0, 1] }];
  const layout = figureLayout({ title: "room", x: "turn", y: "value" });
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
  const layout = figureLayout({ title: "names", x: "share", y: "" });
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
    layout: figureLayout({ title: "points", x: "turn", y: "value" }),
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
      layout: figureLayout({ title: "A question?", x: "x", y: "y" }),
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

Deno.test("reportHtml() opens without a network", () => {
  const page = reportHtml({
    title: "t",
    sections: [{ heading: "h", prose: "a < b\n\nc" }],
  });
  ok(!/(src|href)="https?:/.test(page));
  ok(page.includes("<p>a &lt; b</p>"));
});

Deno.test("staticSvg() places notes by shares of the whole plot or of one axis, or at values", () => {
  const note = (text: string, xref: string, yref: string) => ({
    ...{ text, xref, yref, x: 0.5, y: 0.5 },
  });
  const svg = staticSvg({
    data: [
      { x: [0, 1], y: [0, 1], mode: "markers" },
      { x: [0, 1], y: [0, 1], mode: "lines", xaxis: "x2", yaxis: "y2" },
    ],
    layout: {
      xaxis: { domain: [0, 0.4], range: [0, 1] },
      yaxis: { range: [0, 1] },
      xaxis2: { domain: [0.6, 1], range: [0, 1] },
      yaxis2: { range: [0, 1] },
      annotations: [
        note("whole", "paper", "paper"),
        note("first", "x domain", "y domain"),
        note("second", "x2", "y2"),
      ],
    },
  });
  const at = (text: string) =>
    Number(new RegExp(`<text x="([\\d.]+)"[^>]*>${text}<`).exec(svg)![1]);
  const [left, right] = [...svg.matchAll(/<circle cx="([\d.]+)"/g)]
    .map(([, x]) => Number(x)) as [number, number];
  ok(Math.abs(at("first") - (left + right) / 2) < 0.05);
  ok(Math.abs(at("whole") - (left + (right - left) / 0.8)) < 0.05);
  ok(Math.abs(at("second") - at("first") - 1.5 * (right - left)) < 0.05);
});

Deno.test("staticSvg() keeps bars at numbers inside their frame", () => {
  for (const orientation of ["v", "h"]) {
    const [x, y] = orientation === "v"
      ? [[0, 1, 2], [1, 2, 1]]
      : [[1, 2, 1], [0, 1, 2]];
    const svg = staticSvg({
      data: [{ type: "bar", orientation, x, y }],
      layout: {},
    });
    const numbers = (pattern: RegExp) =>
      [...svg.matchAll(pattern)].map((match) => match.slice(1).map(Number));
    const bars = numbers(
      /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g,
    );
    strictEqual(bars.length, 3);
    for (const [left, top, width, height] of bars) {
      ok(left! >= 78 && left! + width! <= 816, "between the margins");
      ok(top! >= 52 && top! + height! <= 358, "between the margins");
    }
  }
});
