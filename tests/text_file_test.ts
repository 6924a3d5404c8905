import {
  deepStrictEqual,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import fc from "fast-check";
import { parseJson, readJson, textLines } from "../lib/text_file.ts";

Deno.test("parseJson() reads whatever JSON.parse reads, alike", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      deepStrictEqual(parseJson(text, "x"), JSON.parse(text));
    }),
  );
});

Deno.test("parseJson() takes what Python's json.dump writes of numbers that are not finite", () => {
  deepStrictEqual(
    parseJson(
      '{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \\" Infinity"}',
      "x",
    ),
    { a: NaN, b: [-Infinity, Infinity], c: 'NaN " Infinity' },
  );
});

Deno.test("parseJson() names the file, the line and the column", () => {
  const long = JSON.stringify({ a: Array(300).fill(1) }, null, 1);
  for (
    const [text, reason] of [
      ["", "it is empty"],
      [" \n", "it is empty"],
      ["hello", "Unexpected token 'h', line 1, column 1"],
      ["{bad", "Expected property name or '}', line 1, column 2"],
      [long.slice(0, 500), "Unexpected end of JSON input, line 101, column 1"],
      [
        `${long}}`,
        "Unexpected non-whitespace character after JSON, line 304, column 2",
      ],
      [
        '{"a": NaN,\n b}',
        "Expected double-quoted property name, line 2, column 2",
      ],
    ] as const
  ) {
    throws(() => parseJson(text, "f.json"), {
      name: "SyntaxError",
      message: `Cannot read "f.json" as it must hold JSON: ${reason}`,
    });
  }
});

Deno.test("readJson() and textLines() read UTF-8 and UTF-16 with marks, and ends of lines of any system", async () => {
  const path = await Deno.makeTempFile();
  const lines = ['{"a": "ü"}', "", '{"b": 2}', "[3]"];
  const texts = [lines.join("\n"), `\ufeff${lines.join("\r\n")}\r\n`];
  for (const text of texts) {
    const utf16 = new Uint8Array(
      Uint16Array.from(
        text.startsWith("\ufeff") ? text : `\ufeff${text}`,
        (c) => c.charCodeAt(0),
      ).buffer,
    );
    const swapped = utf16.map((_, i) => utf16[i ^ 1]!);
    for (const bytes of [new TextEncoder().encode(text), utf16, swapped]) {
      await Deno.writeFile(path, bytes);
      const read = await Array.fromAsync(textLines(path));
      deepStrictEqual(read, [
        { text: lines[0], line: 1 },
        { text: lines[2], line: 3 },
        { text: lines[3], line: 4 },
      ]);
    }
  }
  await Deno.writeFile(path, new Uint8Array([0xff, 0xfe, 0x37, 0]));
  strictEqual(await readJson(path), 7);
  await Deno.remove(path);
  await rejects(
    readJson(path),
    (error) =>
      error instanceof Deno.errors.NotFound && error.message.includes(path),
  );
});
