import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { markup, scriptJson, trusted } from "../lib/html.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "</script><script>alert(1)</script>",
    `" onload="alert(1)`,
    "' onload='alert(1)",
    "<!-- ]]> -->",
    "&lt;b&gt;",
    "\u0000\u0008\u001b[31m\u007f\u0085\uffff\ud800",
  ),
);

/** What a browser reads back from escaped content. */
const read = (source: string) =>
  source.replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"').replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

Deno.test("markup`` keeps a text inside its quotes and its element, whatever it holds", () => {
  fc.assert(fc.property(hostile, (text) => {
    const { text: page } = markup`<p title="${text}">${text}</p>`;
    const [, title, content] = /^<p title="([^"]*)">([^<]*)<\/p>$/u.exec(page)!;
    strictEqual(title, content);
    ok(!/['>]/.test(content!));
    // deno-lint-ignore no-control-regex -- neither HTML nor XML can quote them
    ok(!/[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]/.test(page));
    ok(page.isWellFormed());
    strictEqual(
      read(content!),
      text.toWellFormed().replace(/[^\P{Cc}\t\n]|[\ufffe\uffff]/gu, "\ufffd"),
    );
  }));
});

Deno.test("markup`` escapes once: markup inside markup is kept, lists are joined, undefined is empty", () => {
  const cells = ["<a>", "b"].map((cell) => markup`<td>${cell}</td>`);
  strictEqual(
    String(markup`<tr>${cells}${undefined}${3}${["<", trusted("<br>")]}</tr>`),
    "<tr><td>&lt;a&gt;</td><td>b</td>3&lt;<br></tr>",
  );
});

Deno.test("scriptJson() writes JSON that reads back and holds no angle bracket", () => {
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), hostile), (value) => {
    const { text } = scriptJson(value);
    ok(!/[<\u2028\u2029]/.test(text));
    deepStrictEqual(JSON.stringify(JSON.parse(text)), JSON.stringify(value));
  }));
});
