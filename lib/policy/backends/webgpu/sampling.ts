/**
 * Drawing tokens where their logits are.
 *
 * @module
 */

import { DECODE } from "../wasm/kernel_names.ts";
import { reduction, rowsOf, type RunKernel, runShader } from "./program.ts";

/** Threads that share a row of logits. */
const ROW_THREADS = 256;

/** Kernels by name. */
export const SAMPLING: Readonly<Record<string, RunKernel>> = {
  /**
   * Draws a token of each row: the likeliest at temperature 0, else the first at which the sum of
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
