import {
  deepStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { selectBackend } from "../../../lib/policy/backends/select.ts";
import {
  ATTRIBUTE,
  checkVersion,
  openTensorflow,
} from "../../../lib/policy/backends/native/tensorflow_library.ts";
import { TensorflowBinding } from "../../../lib/policy/backends/native/tensorflow_binding.ts";
import { NATIVE, NEEDS, TENSORFLOW } from "./_native.ts";

/** A test that needs the library. */
function testNative(name: string, fn: () => Promise<void>): void {
  const title = name + NEEDS.TENSORFLOW;
  Deno.test({ name: title, ignore: TENSORFLOW === undefined, fn });
}

/** Makes TensorFlow the backend; the binding under it. */
async function open(): Promise<TensorflowBinding> {
  await selectBackend("tfjs-node");
  const backend = tf.backend();
  ok("binding" in backend && backend.binding instanceof TensorflowBinding);
  return backend.binding;
}

/** Operations of every type, with every kind of attribute and one output or several. */
const OPERATIONS: Record<string, () => tf.Tensor[]> = {
  "products in all orientations": () => {
    const a = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    return [
      tf.matMul(a, a, true),
      tf.matMul(a, a, false, true),
      tf.matMul(tf.reshape(a, [2, 1, 3]), tf.reshape(a, [2, 3, 1])),
    ];
  },
  "truth values": () => {
    const x = tf.tensor1d([1, -2, 3]);
    const positive = tf.greater(x, 0);
    return [
      positive,
      tf.logicalNot(positive),
      tf.where(positive, x, tf.neg(x)),
    ];
  },
  "integers": () => {
    const ids = tf.tensor1d([2, 0, 2], "int32");
    return [
      tf.mul(ids, ids),
      tf.oneHot(ids, 3),
      tf.gather(tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]), ids),
      tf.cast(ids, "float32"),
      tf.argMax(tf.tensor2d([1, 2, 3, 4, 9, 6], [2, 3]), 1),
    ];
  },
  "several outputs": () => {
    const x = tf.tensor2d([4, 2, 3, 1, 5, 6], [2, 3]);
    const { values, indices } = tf.topk(x, 2);
    return [...tf.split(x, [1, 2], 1), ...tf.unstack(x), values, indices];
  },
  "settings that are lists, texts and floats": () => {
    const image = tf.reshape(tf.range(0, 50), [1, 5, 5, 2]) as tf.Tensor4D;
    const filter = tf.ones([3, 3, 2, 1]) as tf.Tensor4D;
    return [
      tf.conv2d(image, filter, [2, 1], "same"),
      tf.leakyRelu(tf.tensor1d([-1, 2]), 0.3),
      tf.cumsum(tf.tensor1d([1, 2, 3]), 0, true, true),
    ];
  },
  "scalars and nothing": () => [
    tf.add(tf.scalar(2), 3),
    tf.tensor2d([], [0, 4]),
    tf.concat([tf.tensor2d([], [0, 2]), tf.ones([1, 2])]),
  ],
};

for (const [name, compute] of Object.entries(OPERATIONS)) {
  testNative(
    `native TensorFlow computes ${name} as the plain backend does`,
    async () => {
      const read = () =>
        tf.tidy(() =>
          compute().map((x) => ({
            dtype: x.dtype,
            shape: x.shape,
            values: Array.from(x.dataSync(), (v) => Number(v.toPrecision(5))),
          }))
        );
      const binding = await open();
      const before = binding.getNumOfTensors();
      const native = read();
      strictEqual(binding.getNumOfTensors(), before);
      await selectBackend("cpu");
      deepStrictEqual(native, read());
    },
  );
}

testNative(
  "native TensorFlow says what it refuses, and keeps nothing of it",
  async () => {
    const binding = await open();
    const type = { name: "T", type: ATTRIBUTE.type, value: binding.TF_FLOAT };
    const a = binding.createTensor([1, 2], binding.TF_FLOAT, [1, 2]);
    const before = binding.getNumOfTensors();
    throws(() => binding.executeOp("MatMul", [type], [a, a], 1), {
      name: "TypeError",
      message: /Cannot execute "MatMul" .*Matrix size-incompatible/,
    });
    throws(() => binding.executeOp("Abacus", [], [], 1), {
      message: /Cannot prepare "Abacus" .*Abacus/,
    });
    throws(() => binding.executeOp("AddV2", [], [a], 1), {
      message: /Cannot execute "AddV2"/,
    });
    const odd = { name: "T", type: 99, value: 1 };
    throws(() => binding.executeOp("AddV2", [odd], [a, a], 1), {
      message: /current value is kind 99/,
    });
    strictEqual(binding.getNumOfTensors(), before);
    binding.deleteTensor(a);
    throws(() => binding.tensorDataSync(a), { name: "RangeError" });
    throws(() => binding.createTensor([3], binding.TF_FLOAT, [1, 2]), {
      name: "RangeError",
      message: /its shape \(3\) must hold its numbers: there are 2/,
    });
    throws(() => binding.createTensor([1], binding.TF_STRING, ["text"]), {
      name: "TypeError",
      message: /its type must be float32, int32 or bool/,
    });
  },
);

testNative("native TensorFlow takes settings of every kind", async () => {
  const binding = await open();
  const { float, int, shape, type } = ATTRIBUTE;
  const x = binding.createTensor([1, 3], binding.TF_FLOAT, [5, 150, 10]);
  const ids = binding.createTensor([1], binding.TF_INT32, [0]);
  const run = (
    name: string,
    attributes: [string, number, unknown][],
    inputs: number[],
    outputs = 1,
  ) => {
    const settings = attributes.map(([name, type, value]) => ({
      name,
      type,
      value,
    }));
    const made = binding.executeOp(name, settings, inputs, outputs);
    const values = made.map(({ id }) => [...binding.tensorDataSync(id)]);
    made.forEach(({ id }) => binding.deleteTensor(id));
    return values;
  };
  const floats = ["T", type, binding.TF_FLOAT] as [string, number, unknown];
  const bounds = ["boundaries", float, [0, 10, 100]] as [
    string,
    number,
    unknown,
  ];
  deepStrictEqual(run("Bucketize", [floats, bounds], [x]), [[1, 3, 2]]);
  const types = [binding.TF_FLOAT, binding.TF_INT32];
  deepStrictEqual(run("IdentityN", [["T", type, types]], [x, ids], 2), [[
    5,
    150,
    10,
  ], [0]]);
  deepStrictEqual(run("Squeeze", [floats, ["squeeze_dims", int, [0]]], [x]), [[
    5,
    150,
    10,
  ]]);
  deepStrictEqual(run("EnsureShape", [floats, ["shape", shape, [1, 3]]], [x]), [
    [5, 150, 10],
  ]);
  throws(() => run("EnsureShape", [floats, ["shape", shape, [2, 3]]], [x]), {
    message: /is not compatible with expected shape \[2,3\]/,
  });
  const wide = ["DstT", type, binding.TF_INT64] as [string, number, unknown];
  const [long] = binding.executeOp(
    "Cast",
    [
      { name: "SrcT", type, value: binding.TF_FLOAT },
      { name: wide[0], type, value: wide[2] },
    ],
    [x],
    1,
  );
  deepStrictEqual([...binding.tensorDataSync(long!.id)], [5, 150, 10]);
  for (const id of [x, ids, long!.id]) binding.deleteTensor(id);
});

testNative("native TensorFlow frees what is disposed", async () => {
  const binding = await open();
  const before = binding.getNumOfTensors();
  const gigabyte = 2 ** 30;
  const resident = Deno.memoryUsage().rss;
  for (let i = 0; i < 24; i++) { // 256 MiB and its double each time: 12 GiB in all
    const x = tf.fill([2 ** 26], i);
    const twice = tf.mul(x, 2);
    tf.dispose([x, twice]);
  }
  ok(Deno.memoryUsage().rss < resident + 2 * gigabyte);
  strictEqual(binding.getNumOfTensors(), before);
});

testNative(
  "selectBackend() refuses a graphics processor that TensorFlow does not see",
  async () => {
    await rejects(selectBackend("tfjs-node-gpu"), {
      message: /must see a graphics processor: it sees \/job.*CPU:0/,
    });
  },
);

testNative(
  "selectBackend() says version and file of TensorFlow, once or twice",
  async () => {
    const { reason } = await selectBackend("tfjs-node");
    ok(
      /^tfjs-node: asked for, TensorFlow 2\.\d+\.\d+ .* on CPU, from ".+"$/
        .test(reason),
      reason,
    );
    await selectBackend("cpu");
    strictEqual((await selectBackend("tfjs-node")).reason, reason);
  },
);

Deno.test({
  name:
    "openTensorflow() says that native code is not allowed [needs native code to be refused]",
  ignore: NATIVE,
  fn: () => {
    throws(() => openTensorflow("/nowhere"), {
      name: "TypeError",
      message: /native code must be allowed \(deno run -P=native/,
    });
  },
});

Deno.test({
  name:
    "openTensorflow() says what is wrong with a library [needs native code: deno task test-native]",
  ignore: !NATIVE,
  fn: async () => {
    throws(() => openTensorflow("/nowhere"), {
      name: "TypeError",
      message:
        /"HIPER_TENSORFLOW" must name libtensorflow.* or a folder that holds it: current value is "\/nowhere"/,
    });
    const file = await Deno.makeTempFile({ suffix: ".so" });
    await Deno.writeTextFile(file, "no library");
    const message = /must name a library that loads here and has its functions/;
    throws(() => openTensorflow(file), { name: "TypeError", message });
    await Deno.remove(file);
  },
});

Deno.test("checkVersion() refuses what is older than TensorFlow.js's operations", () => {
  checkVersion("2.21.0", "");
  checkVersion("10.0.0", "");
  throws(() => checkVersion("1.15.5", "/a/lib.so"), {
    name: "TypeError",
    message:
      /must name version 2 or later: current value is version 1\.15\.5 \("\/a\/lib\.so"\)/,
  });
});
