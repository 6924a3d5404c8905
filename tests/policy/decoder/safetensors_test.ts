import fc from "fast-check";
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import {
  openSafetensors,
  type TensorValues,
  writeSafetensors,
} from "../../../lib/policy/decoder/safetensors.ts";
import {
  decodeValues,
  encodeValues,
} from "../../../lib/policy/decoder/number_formats.ts";

/** A folder that is gone when the test is over. */
async function temporaryFolder() {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });

Deno.test("openSafetensors() reads what writeSafetensors() wrote, whatever the names and shapes", async () => {
  await using folder = await temporaryFolder();
  const tensor = fc.record({ shape: shapes, whole: fc.boolean() }).chain(
    ({ shape, whole }): fc.Arbitrary<TensorValues> => {
      const length = shape.reduce((a, b) => a * b, 1);
      const bounds = { minLength: length, maxLength: length };
      return fc.record({
        shape: fc.constant(shape),
        values: whole ? fc.int32Array(bounds) : fc.float32Array(bounds),
      });
    },
  );
  const name = fc.string({ unit: "binary", minLength: 1 })
    .filter((text) => text !== "__metadata__" && text !== "__proto__");
  const file = fc.dictionary(name, tensor, { maxKeys: 5 });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(file, async (tensors) => {
      const path = `${folder.path}/${count++}.safetensors`;
      await writeSafetensors(path, tensors, { metadata: { made: "here" } });
      const checkpoint = await openSafetensors(path);
      deepStrictEqual(checkpoint.metadata, { made: "here" });
      deepStrictEqual(
        [...checkpoint.tensors.keys()].toSorted(),
        Object.keys(tensors).toSorted(),
      );
      for (const [name, { shape, values }] of Object.entries(tensors)) {
        deepStrictEqual(
          await checkpoint.read(name, shape),
          { shape: [...shape], values: values.slice() },
        );
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("bfloat16 rounds to the nearest of its neighbors, ties to even", () => {
  fc.assert(fc.property(
    fc.float({ noNaN: true, min: -(2 ** 120), max: 2 ** 120 }),
    (x) => {
      const { bytes, format } = encodeValues(new Float32Array([x]), "BF16");
      const [rounded] = decodeValues(bytes, format);
      ok(Math.abs(rounded! - x) <= Math.abs(x) * 2 ** -8 + 2 ** -133);
    },
  ));
  const ties = new Float32Array([1 + 2 ** -8, 1 + 3 * 2 ** -8, NaN, Infinity]);
  const { bytes, format } = encodeValues(ties, "BF16");
  deepStrictEqual(
    [...decodeValues(bytes, format)],
    [1, 1 + 2 ** -6, NaN, Infinity],
  );
});

Deno.test("half precision is read as it was written", () => {
  const values = new Float32Array([1, -2.5, 65504, 2 ** -24]);
  const { bytes, format } = encodeValues(values, "F16");
  deepStrictEqual(bytes.length, 8);
  deepStrictEqual(decodeValues(bytes, format), values);
});

Deno.test("openSafetensors() reads shards through their index", async () => {
  await using folder = await temporaryFolder();
  const one = { shape: [1], values: new Float32Array([1]) };
  const two = { shape: [2], values: new Float32Array([2, 3]) };
  await writeSafetensors(`${folder.path}/a.safetensors`, { one });
  await writeSafetensors(`${folder.path}/b.safetensors`, { two });
  const index = `${folder.path}/model.safetensors.index.json`;
  const places = { one: "a.safetensors", two: "b.safetensors" };
  await Deno.writeTextFile(index, JSON.stringify({ weight_map: places }));
  const checkpoint = await openSafetensors(folder.path);
  deepStrictEqual(await checkpoint.read("two", [2]), two);
  await Deno.writeTextFile(
    index,
    JSON.stringify({ weight_map: { ...places, three: "b.safetensors" } }),
  );
  await rejects(openSafetensors(index), {
    name: "SyntaxError",
    message: /shard ".*b\.safetensors" must hold tensor "three"/,
  });
});

Deno.test("errors name the file, the tensor and what was expected", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/model.safetensors`;
  const weight = { shape: [2, 2], values: new Float32Array(4) };
  await writeSafetensors(path, { weight });
  const checkpoint = await openSafetensors(folder.path);
  await rejects(checkpoint.read("bias", [2]), {
    name: "TypeError",
    message: /must hold tensor "bias" of shape \[2\]: it has 1 others/,
  });
  await rejects(checkpoint.read("weight", [4]), {
    name: "TypeError",
    message:
      /model\.safetensors" as tensor "weight" must have shape \[4\]: current value is \[2,2\]/,
  });
  const bytes = await Deno.readFile(path);
  const broken: readonly [Uint8Array, RegExp][] = [
    [bytes.subarray(0, 5), /at least 8 bytes: current value is 5/],
    [bytes.subarray(0, 30), /its header of \d+ bytes must fit/],
    [bytes.subarray(0, -4), /tensor "weight" \(F32 \[2,2\]\) must have 16/],
    [bytes.with(8, 0x21), /its header must be JSON/],
  ];
  for (const [contents, message] of broken) {
    await Deno.writeFile(path, contents);
    await rejects(openSafetensors(path), { name: "SyntaxError", message });
  }
  await rejects(
    writeSafetensors(path, { weight: { ...weight, shape: [3] } }),
    { name: "RangeError", message: /"weight" of shape \[3\] must have 3 num/ },
  );
});
