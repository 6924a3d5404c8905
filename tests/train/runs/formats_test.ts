import * as aq from "arquero";
import fc from "fast-check";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { readParquet, writeParquet } from "../../../lib/train/runs/parquet.ts";
import {
  readEpisodes,
  turnsTable,
} from "../../../lib/train/runs/turns_table.ts";
import {
  crc32c,
  encodeFileVersion,
  encodeScalars,
} from "../../../lib/train/runs/tensorboard.ts";

Deno.test("writeParquet() and readParquet() give back every cell", async () => {
  const path = `${await Deno.makeTempDir()}/table.parquet`;
  const cell = {
    number: fc.option(fc.double({ noNaN: true }), { nil: null }),
    text: fc.option(fc.string({ unit: "grapheme" }), { nil: null }),
    truth: fc.boolean(),
  };
  const rows = fc.array(fc.record(cell, { noNullPrototype: true }), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(rows, async (table) => {
      await writeParquet(aq.from(table), path);
      deepStrictEqual((await readParquet(path)).objects(), table);
    }),
    { numRuns: 50 },
  );
});

Deno.test("writeParquet() refuses a column of mixed kinds, readParquet() what is not Parquet", async () => {
  const path = `${await Deno.makeTempDir()}/table.parquet`;
  await rejects(writeParquet(aq.table({ a: [1, "x"] }), path), {
    name: "TypeError",
    message:
      'Cannot write Parquet as a column must hold one kind of cell: "a" holds number and string',
  });
  await Deno.writeTextFile(path, "hello");
  await rejects(readParquet(path), {
    name: "SyntaxError",
    message:
      `Cannot read "${path}" as it must be Parquet: the file does not end like one`,
  });
});

// Written by PyArrow 26.0.1: `pyarrow.parquet.write_table(table, path, compression=codec)`.
const PYARROW = new URL("../../vectors/parquet/", import.meta.url);

Deno.test("readParquet() reads every common compression, as PyArrow writes it", async () => {
  for (const codec of ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]) {
    const table = await readParquet(
      new URL(`${codec}.parquet`, PYARROW).pathname,
    );
    deepStrictEqual(table.objects(), [
      { turn: 0, reward: 0.5, action: "go to desk 1", valid: true },
      { turn: 1, reward: null, action: "look", valid: false },
      { turn: 2, reward: 1, action: null, valid: true },
    ], codec);
  }
});

Deno.test("a table without rows keeps its columns", async () => {
  const columns = ["turn", "reward", "action", "valid"];
  const read = await readParquet(
    new URL("no_rows.parquet", PYARROW).pathname,
  );
  deepStrictEqual([read.numRows(), read.columnNames()], [0, columns]);
  const path = `${await Deno.makeTempDir()}/table.parquet`;
  await writeParquet(read, path);
  deepStrictEqual((await readParquet(path)).columnNames(), columns);
  const turns = turnsTable([]);
  ok(turns.columnNames().includes("advantage_execution"));
  strictEqual(readEpisodes(turns).length, 0);
});

Deno.test("writeParquet() takes typed arrays, big integers and dates", async () => {
  const path = `${await Deno.makeTempDir()}/table.parquet`;
  const day = new Date("2026-11-29T12:00:00Z");
  await writeParquet(
    aq.table({ a: Float32Array.of(0.5, 2), b: [1n, 2n], c: [day, null] }),
    path,
  );
  deepStrictEqual((await readParquet(path)).objects(), [
    { a: 0.5, b: 1, c: "2026-11-29T12:00:00.000Z" },
    { a: 2, b: 2, c: null },
  ]);
});

Deno.test("readParquet() names the codec that it cannot read, and says when a file is cut", async () => {
  const path = `${await Deno.makeTempDir()}/table.parquet`;
  const bytes = await Deno.readFile(new URL("gzip.parquet", PYARROW));
  // A column's metadata names its codec in one byte: 2 is gzip, 3 is LZO (as a zigzag number: 4, 6).
  const marks = [...bytes.keys()].filter((i) =>
    bytes[i] === 0x15 && bytes[i + 1] === 4 && bytes[i + 2] === 0x16
  );
  ok(marks.length >= 4);
  const other = bytes.slice();
  for (const i of marks) other[i + 1] = 6;
  await Deno.writeFile(path, other);
  await rejects(
    readParquet(path),
    (error) =>
      error instanceof SyntaxError && error.message.includes(path) &&
      /LZO/.test(error.message),
  );
  await Deno.writeFile(path, bytes.slice(0, -20));
  await rejects(readParquet(path), /does not end like one/);
});

Deno.test("crc32c() agrees with the published test vectors", () => {
  // RFC 3720, appendix B.4
  strictEqual(crc32c(new Uint8Array(32)), 0x8a9136aa);
  strictEqual(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  strictEqual(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  strictEqual(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("encodeScalars() frames a record by its length", () => {
  const record = encodeScalars({
    step: 300,
    wallTime: 1.5,
    scalars: { "success_rate/exit left": 0.25, turns: 12 },
  });
  const length = new DataView(record.buffer).getBigUint64(0, true);
  strictEqual(record.length, 12 + Number(length) + 4);
  strictEqual(encodeFileVersion(0).length, 12 + 9 + 2 + 13 + 4);
});

// Set HIPER_PYTHON to a Python that has the tensorboard package to run this.
const python = Deno.env.get("HIPER_PYTHON");

Deno.test({
  name: "TensorBoard's own reader reads what was written [needs HIPER_PYTHON]",
  ignore: python === undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    const parts = [
      encodeFileVersion(1),
      encodeScalars({ step: 0, wallTime: 1, scalars: { a: 0.5, "b/c": -2 } }),
      encodeScalars({ step: 1000, wallTime: 2, scalars: { a: 1e-9 } }),
    ];
    await Deno.writeFile(
      `${folder}/events.out.tfevents.0.test`,
      await new Blob(parts).bytes(),
    );
    const script = `
import sys, json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]); events.Reload()
tags = events.Tags()["scalars"]
print(json.dumps({t: [[e.step, e.wall_time, e.value] for e in events.Scalars(t)] for t in tags}))`;
    const { stdout } = await new Deno.Command(python!, {
      args: ["-c", script, folder],
      stderr: "null",
    }).output();
    deepStrictEqual(JSON.parse(new TextDecoder().decode(stdout)), {
      a: [[0, 1, 0.5], [1000, 2, Math.fround(1e-9)]],
      "b/c": [[0, 1, -2]],
    });
  },
});
