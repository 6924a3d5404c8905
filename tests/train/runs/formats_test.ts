import * as aq from "arquero";
import fc from "fast-check";
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { readParquet, writeParquet } from "../../../lib/train/runs/parquet.ts";
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
    message: `Cannot read "${path}" as it must be Parquet`,
  });
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
