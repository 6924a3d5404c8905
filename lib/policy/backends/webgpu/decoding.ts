/**
 * Shaders for decoding: appending to a KV cache, attending to it, and sampling tokens from logits.
 *
 * A cache holds the keys of a layer, rotated, and its values: shape
 * `(batch, 2, kvHeads, room, size)`.
 *
 * @module
 */

import { DECODE } from "../wasm/kernel_names.ts";
import {
  reduction,
  rowsOf,
  type RunKernel,
  runShader,
  THREADS,
} from "./program.ts";

/** Kernels by name. */
export const DECODING: Readonly<Record<string, RunKernel>> = {
  /** Writes keys and values of new tokens into the cache, from each sequence's place on. */
  [DECODE.append]: (backend, inputs, a) => {
    const { qkv, cos, sin, places, cache } = inputs;
    const { fresh, heads, kvHeads, size, room } = a;
    const batch = places!.shape[0]!;
    const count = batch * fresh! * 2 * kvHeads! * size!;
    runShader(backend, {
      name: `append_${size}`,
      inputs: { qkv: qkv!, cosines: cos!, sines: sin!, places: places! },
      shape: cache!.shape,
      output: cache!,
      groups: Math.ceil(count / THREADS),
      integers: {
        count,
        fresh: fresh!,
        heads: heads!,
        kvHeads: kvHeads!,
        room: room!,
      },
      declarations: () => rotation(size!),
      body: `
        let i = group * ${THREADS} + lane;
        if (i >= uniforms.count) { return; }
        let d = i % ${size};
        let kind = i / ${size} / uniforms.kvHeads % 2;
        let head = i / ${size} % uniforms.kvHeads;
        let row = i / (2 * uniforms.kvHeads * ${size});
        let sequence = row / uniforms.fresh;
        let place = places[sequence] + row % uniforms.fresh;
        if (place >= uniforms.room) { return; }
        let base = row * (uniforms.heads + 2 * uniforms.kvHeads) * ${size} +
          (uniforms.heads + kind * uniforms.kvHeads + head) * ${size};
        var number = qkv[base + d];
        if (kind == 0) { number = rotated(base, place, d); }
        result[(((sequence * 2 + kind) * uniforms.kvHeads + head) *
          uniforms.room + place) * ${size} + d] = number;`,
    });
    return [];
  },
  /** Attends with new tokens to all that came before them, themselves included. */
  [DECODE.attend]: (backend, inputs, a) => {
    const { qkv, cos, sin, places, cache } = inputs;
    const { fresh, heads, kvHeads, size, room } = a;
    const rows = places!.shape[0]! * fresh!;
    return runShader(backend, {
      name: `attend_cached_${size}`,
      inputs: {
        qkv: qkv!,
        cosines: cos!,
        sines: sin!,
        places: places!,
        cache: cache!,
      },
      shape: [rows, heads! * size!],
      groups: rows * heads!,
      integers: {
        rows,
        fresh: fresh!,
        heads: heads!,
        kvHeads: kvHeads!,
        room: room!,
      },
      reals: { scale: 1 / Math.sqrt(size!) },
      declarations: () => `
        var<workgroup> query : array<f32, ${size}>;
        var<workgroup> weights : array<f32, ${THREADS}>;
        ${rotation(size!)}
        ${reduction({ name: "sumOf" })}
        ${reduction({ name: "topOf", join: "max(a, b)" })}`,
      body: () => attendCached(size!),
    });
  },
};

/** One number of a rotated head that starts at `base` and stands at position `t`. */
function rotation(size: number): string {
  const half = size / 2;
  return `
    fn rotated(base : i32, t : i32, d : i32) -> f32 {
      let at = t * ${half} + d % ${half};
      if (d < ${half}) {
        return qkv[base + d] * cosines[at] - qkv[base + d + ${half}] * sines[at];
      }
      return qkv[base + d] * cosines[at] + qkv[base + d - ${half}] * sines[at];
    }`;
}

/** A workgroup takes one head of one token: a thread for each key, then for each number. */
function attendCached(size: number): string {
  const own = Math.ceil(size / THREADS);
  return `
    let row = group / uniforms.heads;
    if (row >= uniforms.rows) { return; }
    let head = group % uniforms.heads;
    let sequence = row / uniforms.fresh;
    let place = min(places[sequence] + row % uniforms.fresh, uniforms.room - 1);
    let base = row * (uniforms.heads + 2 * uniforms.kvHeads) * ${size} + head * ${size};
    for (var d = lane; d < ${size}; d += ${THREADS}) {
      query[d] = rotated(base, place, d) * uniforms.scale;
    }
    let shared_head = head / (uniforms.heads / uniforms.kvHeads);
    let keys = (sequence * 2 * uniforms.kvHeads + shared_head) * uniforms.room * ${size};
    let values = keys + uniforms.kvHeads * uniforms.room * ${size};
    var top = -1.0e30;
    var total = 0.0;
    var sums = array<f32, ${own}>();
    for (var start = 0; start <= place; start += ${THREADS}) {
      workgroupBarrier();
      var score = -1.0e30;
      if (start + lane <= place) {
        score = 0.0;
        let key = keys + (start + lane) * ${size};
        for (var d = 0; d < ${size}; d++) { score += query[d] * cache[key + d]; }
      }
      let best = max(top, topOf(lane, score));
      let fade = exp(top - best);
      let weight = select(0.0, exp(score - best), start + lane <= place);
      weights[lane] = weight;
      total = total * fade + sumOf(lane, weight);
      top = best;
      let count = min(${THREADS}, place - start + 1);
      for (var c = 0; c < ${own}; c++) {
        let d = lane + ${THREADS} * c;
        if (d < ${size}) {
          var sum = sums[c] * fade;
          for (var k = 0; k < count; k++) {
            sum += weights[k] * cache[values + (start + k) * ${size} + d];
          }
          sums[c] = sum;
        }
      }
    }
    for (var c = 0; c < ${own}; c++) {
      let d = lane + ${THREADS} * c;
      if (d < ${size}) {
        result[(row * uniforms.heads + head) * ${size} + d] = sums[c] / total;
      }
    }`;
}

/** Threads that share a row of logits. */
const ROW_THREADS = 256;

/** Kernels by name. */
export const SAMPLING: Readonly<Record<string, RunKernel>> = {
  /**
   * Samples a token of each row: the likeliest at temperature 0, else the first at which the sum of
   * probabilities passes the row's uniform number. `rules` says for each row how many of `lists`
   * it may take (0 for any), and which of `masks`, a bit for each token, forbids some (−1 for none).
   * The result has tokens, as numbers, and log-probabilities. Shape `(2, rows)`.
   */
  [DECODE.draw]: (backend, inputs, { temperature }) => {
    const { logits, uniforms, rules, lists, masks } = inputs;
    const { rows, width: words } = rowsOf(logits!);
    return runShader(backend, {
      name: "draw",
      inputs: {
        logits: logits!,
        draws: uniforms!,
        rules: rules!,
        lists: lists!,
        masks: masks!,
      },
      shape: [2, rows],
      groups: rows,
      threads: ROW_THREADS,
      integers: {
        rows,
        words,
        listed: lists!.shape[1]!,
        masked: masks!.shape[1]!,
        greedy: Number(temperature === 0),
      },
      reals: { sharpness: temperature === 0 ? 1 : 1 / temperature! },
      declarations: () => `
        ${reduction({ name: "topOf", threads: ROW_THREADS, join: "max(a, b)" })}
        ${
        reduction({ name: "firstOf", threads: ROW_THREADS, join: "min(a, b)" })
      }
        var<workgroup> parts : array<f32, ${ROW_THREADS}>;
        ${CHOICES}`,
      body: DRAW,
    });
  },
};

/** The `i`-th token that a row may take, and its logit. */
const CHOICES = `
  fn tokenAt(row : i32, i : i32) -> i32 {
    if (rules[2 * row] > 0) { return lists[row * uniforms.listed + i]; }
    return i;
  }
  fn logitAt(row : i32, i : i32) -> f32 {
    let token = tokenAt(row, i);
    let mask = rules[2 * row + 1];
    if (mask >= 0) {
      let bits = masks[mask * uniforms.masked + token / 32];
      if (((bits >> u32(token % 32)) & 1) == 1) { return -3.0e38; }
    }
    return logits[row * uniforms.words + token];
  }
  fn weightAt(row : i32, i : i32, top : f32) -> f32 {
    let logit = logitAt(row, i);
    return select(0.0, exp((logit - top) * uniforms.sharpness), logit > -1.0e38);
  }`;

/** Each thread adds up a stretch of the vocabulary; the first finds the stretch, then the token. */
const DRAW = `
  if (group >= uniforms.rows) { return; }
  let row = group;
  let count = select(uniforms.words, rules[2 * row], rules[2 * row] > 0);
  let stretch = (count + ${ROW_THREADS - 1}) / ${ROW_THREADS};
  let first = lane * stretch;
  let end = min(first + stretch, count);
  var best = -3.0e38;
  var at = count;
  for (var i = first; i < end; i++) {
    let logit = logitAt(row, i);
    if (logit > best) { best = logit; at = i; }
  }
  let top = topOf(lane, best);
  let likeliest = i32(firstOf(lane, f32(select(count, at, best == top))));
  if (uniforms.greedy == 1) {
    if (lane == 0) {
      result[row] = f32(tokenAt(row, min(likeliest, count - 1)));
      result[uniforms.rows + row] = 0.0;
    }
    return;
  }
  var part = 0.0;
  for (var i = first; i < end; i++) { part += weightAt(row, i, top); }
  parts[lane] = part;
  workgroupBarrier();
  if (lane > 0) { return; }
  var total = 0.0;
  for (var k = 0; k < ${ROW_THREADS}; k++) { total += parts[k]; }
  var rest = draws[row] * total;
  var chosen = 0;
  for (var k = 0; k < ${ROW_THREADS}; k++) {
    if (parts[k] > 0.0) {
      chosen = k;
      if (rest < parts[k]) { break; }
      rest -= parts[k];
    }
  }
  var token = likeliest;
  let last = min((chosen + 1) * stretch, count);
  for (var i = chosen * stretch; i < last; i++) {
    let weight = weightAt(row, i, top);
    if (weight > 0.0) {
      token = i;
      rest -= weight;
      if (rest < 0.0) { break; }
    }
  }
  result[row] = f32(tokenAt(row, token));
  result[uniforms.rows + row] = log(weightAt(row, token, top) / total);`;
