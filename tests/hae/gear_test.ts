import fc from "fast-check";
import { deepStrictEqual, ok, throws } from "node:assert/strict";
import {
  gearSegments,
  gearThreshold,
  gearWeights,
} from "../../lib/hae/gear.ts";
import { assertClose } from "../_vectors.ts";

const column = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), {
  minLength: 1,
  maxLength: 80,
});
const reply = column.chain((divergence) =>
  fc.record({
    divergence: fc.constant(Float64Array.from(divergence)),
    entropy: fc.array(fc.double({ min: 0, max: 3, noNaN: true }), {
      minLength: divergence.length,
      maxLength: divergence.length,
    }).map((e) => Float64Array.from(e)),
    sign: fc.constantFrom(1 as const, -1 as const),
  })
);

Deno.test("gearSegments() tiles the reply; only departures last longer than one unit", () => {
  fc.assert(fc.property(reply, ({ divergence, entropy }) => {
    const threshold = gearThreshold(divergence);
    let end = 0;
    for (
      const segment of gearSegments(divergence, entropy, { maximumLength: 9 })
    ) {
      deepStrictEqual(segment.start, end);
      ok(segment.end > segment.start && segment.end - segment.start <= 9);
      deepStrictEqual(segment.divergence, divergence[segment.start]);
      if (segment.end - segment.start > 1) ok(segment.divergence > threshold);
      end = segment.end;
    }
    deepStrictEqual(end, divergence.length);
  }));
});

Deno.test("gearWeights() are positive and bounded, and average 1 when nothing is clipped", () => {
  fc.assert(fc.property(reply, ({ divergence, entropy, sign }) => {
    const weights = gearWeights(divergence, entropy, { sign });
    ok(weights.every((w) => w >= 0.25 && w <= 4));
    const free = gearWeights(divergence, entropy, {
      sign,
      bounds: [1e-9, 1e9],
    });
    const mean = free.reduce((a, b) => a + b, 0) / free.length;
    assertClose(mean, 1, { tolerance: 1e-9, what: "mean weight" });
    const again = gearWeights(divergence, entropy, { sign, renormalize: true });
    const level = again.reduce((a, b) => a + b, 0) / again.length;
    assertClose(level, 1, {
      tolerance: 1e-9,
      what: "mean renormalized weight",
    });
  }));
});

Deno.test("gearWeights() are all 1 for a constant divergence, so that GRPO remains", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 4, noNaN: true }),
      fc.integer({ min: 1, max: 30 }),
      (d, n) => {
        const weights = gearWeights(
          new Float64Array(n).fill(d),
          new Float64Array(n),
        );
        assertClose(weights, new Array<number>(n).fill(1), {
          tolerance: 1e-12,
          what: "weights",
        });
      },
    ),
  );
});

Deno.test("gearWeights() follow the calculation by hand", () => {
  const divergence = Float64Array.of(0.2, 2, 0.1, 0.3, 0.2);
  const weights = gearWeights(divergence, new Float64Array(5), {
    threshold: 1,
    maximumLength: 3,
    minimumLength: 1,
  });
  assertClose(weights, [1.5529, 0.6314, 0.6314, 0.6314, 1.5529], {
    tolerance: 1e-4,
    what: "weights",
  });
});

Deno.test("gearSegments() ends segments at high entropy and at boundaries", () => {
  const divergence = Float64Array.of(9, 0, 0, 0, 0, 0);
  const entropy = Float64Array.of(0, 0, 2, 0, 0, 0);
  const ends = (options: object) =>
    gearSegments(divergence, entropy, { threshold: 1, ...options })[0]!.end;
  deepStrictEqual(ends({ minimumLength: 1 }), 2);
  deepStrictEqual(ends({ minimumLength: 4 }), 6);
  deepStrictEqual(ends({ boundaries: Uint8Array.of(0, 0, 0, 0, 1, 0) }), 4);
});

Deno.test("gearWeights() refuse columns and settings that make no sense", () => {
  throws(() => gearWeights(new Float64Array(2), new Float64Array(1)), {
    name: "RangeError",
    message: /must have 2 elements/,
  });
  throws(() => gearWeights(Float64Array.of(-1), new Float64Array(1)), {
    message: /divergence must be finite and not negative: unit 0 has -1/,
  });
  throws(
    () =>
      gearWeights(Float64Array.of(1), new Float64Array(1), { strength: -1 }),
    {
      message: /"strength" is out of range: current value is -1/,
    },
  );
});

Deno.test("gearWeights() refuses signs it does not know", () => {
  const units = Float64Array.of(1);
  for (const text of ['{"sign":0}', '{"signMode":"sym"}']) {
    const options: { sign?: 1; signMode?: "signed" } = JSON.parse(text);
    throws(() => gearWeights(units, units, options), {
      name: "RangeError",
      message: /"sign(Mode)?" is out of range: current value is/,
    });
  }
});
