/**
 * Layers of the compact network on shared memory: each a forward pass and its gradient, a few kernels each.
 *
 * A gradient adds to what is there. Rows of a result depend on their own inputs alone.
 *
 * @module
 */

import type { Arena } from "../../backends/wasm/shared_memory.ts";
import type { SharedTexts } from "./turns.ts";
import type { WeightLayout } from "./weights.ts";

/** Where a pass takes memory and weights, and where it leaves gradients. */
export interface Workspace {
  readonly arena: Arena;
  readonly weights: WeightLayout;
  /** Pointer to the column of gradients. */
  readonly gradient: number;
}

/** Rows of numbers: pointer, numbers in a row, numbers from one row to the next. */
export interface Rows {
  readonly at: number;
  readonly columns: number;
  readonly stride: number;
}

/** Rows that follow each other. */
export function dense(at: number, columns: number): Rows {
  return { at, columns, stride: columns };
}

/** Pointers to a weight, to it transposed, and to its gradient. */
export function weightAt({ weights, gradient }: Workspace, name: string) {
  const place = weights.places[name]!;
  const at = 4 * place.offset;
  return {
    value: weights.column + at,
    transposed: weights.transposed + at,
    gradient: gradient + at,
    rows: place.shape[0]!,
  };
}

/** out += inputs · weight, the inputs side by side. */
export function linear(
  space: Workspace,
  name: string,
  rows: number,
  inputs: readonly Rows[],
  out: Rows,
): void {
  const { kernels } = space.arena.shared;
  let { value } = weightAt(space, name);
  for (const { at, columns, stride } of inputs) {
    kernels.addProduct(
      ...[rows, out.columns, columns, at, stride, 1],
      ...[value, out.columns, out.at, out.stride],
    );
    value += 4 * columns * out.columns;
  }
}

/** The gradient of {@linkcode linear} with respect to weight and inputs; `dInputs` lacks those that are given. */
export function linearGradient(
  space: Workspace,
  name: string,
  rows: number,
  inputs: readonly Rows[],
  d: Rows,
  dInputs: readonly (Rows | undefined)[],
): void {
  const { kernels } = space.arena.shared;
  const weight = weightAt(space, name);
  let first = 0;
  inputs.forEach(({ at, columns, stride }, i) => {
    kernels.addProduct(
      ...[columns, d.columns, rows, at, 1, stride],
      ...[d.at, d.stride, weight.gradient + 4 * first * d.columns, d.columns],
    );
    const into = dInputs[i];
    if (into) {
      kernels.addProduct(
        ...[rows, columns, d.columns, d.at, d.stride, 1],
        ...[weight.transposed + 4 * first, weight.rows, into.at, into.stride],
      );
    }
    first += columns;
  });
}

/** Rows that begin with a bias. Shape `(rows, width)`. */
export function biased(
  space: Workspace,
  name: string,
  rows: number,
  width: number,
): Rows {
  const { arena } = space;
  const out = arena.take(rows * width);
  arena.shared.kernels.fillRows(rows, width, weightAt(space, name).value, out);
  return dense(out, width);
}

/** The gradient of {@linkcode biased}. */
export function biasGradient(
  space: Workspace,
  name: string,
  rows: number,
  d: Rows,
): void {
  const { gradient } = weightAt(space, name);
  space.arena.shared.kernels.addRows(rows, d.columns, d.at, gradient);
}

/** Mean embeddings of texts. Shape `(count, embedding)`. */
export function embedTexts(
  { arena, weights }: Workspace,
  texts: SharedTexts,
  list: number,
  count: number,
): Rows {
  const width = weights.places["embedding"]!.shape[1]!;
  const out = arena.take(count * width);
  arena.shared.kernels.embed(
    ...[count, list, texts.starts, texts.words, weights.column, width, out],
  );
  return dense(out, width);
}

/** The gradient of {@linkcode embedTexts}; `d` is changed. */
export function embedGradient(
  { arena, gradient }: Workspace,
  texts: SharedTexts,
  list: number,
  count: number,
  d: Rows,
): void {
  arena.shared.kernels.embedGradient(
    ...[count, list, texts.starts, texts.words, d.at, gradient, d.columns],
  );
}

/** Candidates of a batch. */
export interface Candidates {
  readonly count: number;
  /** Texts of each candidate; become places in the scorer's own lists. Shape `(candidates, texts)`. */
  readonly texts: Rows;
  readonly relations: Rows;
  /** Turn of each candidate. */
  readonly owners: number;
}

/** Distinct texts in one column of candidates, and their projections. */
interface ProjectedTexts {
  readonly names: readonly string[];
  readonly list: number;
  readonly count: number;
  readonly embedded: Rows;
  readonly projected: Rows;
}

/** What the gradient of a scorer needs of its forward pass. */
export interface ScoredCandidates {
  /** Pointer to the logits. Shape `(candidates,)`. */
  readonly logits: number;
  readonly name: string;
  readonly turns: number;
  readonly candidates: Candidates;
  readonly texts: SharedTexts;
  /** Hidden states of the turns. */
  readonly hidden: Rows;
  /** Sum and factor that each turn's state gives. Shape `(turns, 2 · width)`. */
  readonly states: Rows;
  readonly projections: readonly ProjectedTexts[];
  /** Hidden layer of the candidates. Shape `(candidates, width)`. */
  readonly features: Rows;
}

/** The left or the right half of rows. */
function half({ at, columns, stride }: Rows, side: 0 | 1): Rows {
  return { at: at + 2 * side * columns, columns: columns / 2, stride };
}

/** Projects the distinct texts in a column of the candidates, once for each name, side by side. */
function projectTexts(
  space: Workspace,
  names: readonly string[],
  { texts, candidates: { count, texts: { at, stride } }, column, width }: {
    texts: SharedTexts;
    candidates: Candidates;
    column: number;
    width: number;
  },
): ProjectedTexts {
  const { arena } = space;
  const list = arena.take(count), marks = arena.zeros(texts.count);
  const distinct = arena.shared.kernels.listTexts(
    ...[count, at + 4 * column, stride, marks, list],
  );
  const embedded = embedTexts(space, texts, list, distinct);
  const columns = names.length * width;
  const projected = dense(arena.zeros(distinct * columns), columns);
  names.forEach((name, i) => {
    linear(space, name, distinct, [embedded], part(projected, i, width));
  });
  return { names, list, count: distinct, embedded, projected };
}

/** Some columns of rows. */
function part({ at, stride }: Rows, i: number, width: number): Rows {
  return { at: at + 4 * i * width, columns: width, stride };
}

/**
 * Scores candidates by a perceptron over state, texts and relations, with a skip connection from the relations.
 *
 * @param more Names of weights for the candidates' further texts, which are only added.
 */
export function scoreCandidates(
  space: Workspace,
  name: string,
  { turns, hidden, candidates, texts, more }: {
    turns: number;
    hidden: Rows;
    candidates: Candidates;
    texts: SharedTexts;
    more: readonly string[];
  },
): ScoredCandidates {
  const { arena } = space, { kernels } = arena.shared;
  const { count, relations, owners } = candidates, width = hidden.columns;
  const bias = arena.zeros(2 * width);
  kernels.add(width, weightAt(space, `${name}.bias`).value, bias);
  const states = dense(arena.take(2 * width * turns), 2 * width);
  kernels.fillRows(turns, 2 * width, bias, states.at);
  linear(space, `${name}.state`, turns, [hidden], half(states, 0));
  linear(space, `${name}.stateFactor`, turns, [hidden], half(states, 1));
  const own = [`${name}.words`, `${name}.wordsFactor`];
  const projections = [own, ...more.map((one) => [one])].map((names, column) =>
    projectTexts(space, names, { texts, candidates, column, width })
  );
  const features = dense(arena.zeros(count * width), width);
  linear(space, `${name}.relations`, count, [relations], features);
  const logits = arena.zeros(count);
  const [words, second, third] = projections;
  kernels.scoreRows(
    ...[count, width, owners, states.at, candidates.texts.at],
    ...[candidates.texts.stride, words!.projected.at],
    ...[second?.projected.at ?? 0, third?.projected.at ?? 0],
    ...[weightAt(space, `${name}.out`).value, features.at, logits],
  );
  const skip = weightAt(space, `${name}.skip`).value;
  kernels.addDots(
    ...[count, relations.columns, relations.at, relations.stride, skip, logits],
  );
  return {
    ...{ logits, name, turns, candidates, texts, hidden, states },
    ...{ projections, features },
  };
}

/** The gradient of {@linkcode scoreCandidates}; its features are overwritten, and `dHidden` is added to. */
export function scoreCandidatesGradient(
  space: Workspace,
  scored: ScoredCandidates,
  dLogits: number,
  dHidden: Rows,
): void {
  const { arena } = space, { kernels } = arena.shared;
  const { name, turns, candidates, texts, hidden, states, features } = scored;
  const { count, relations, owners } = candidates, width = hidden.columns;
  const dStates = { ...states, at: arena.zeros(turns * states.columns) };
  const dProjections = scored.projections.map(({ projected, count }) => ({
    ...projected,
    at: arena.zeros(count * projected.columns),
  }));
  const [words] = scored.projections, [dWords, second, third] = dProjections;
  const out = weightAt(space, `${name}.out`);
  kernels.scoreRowsGradient(
    ...[count, width, owners, states.at, candidates.texts.at],
    ...[candidates.texts.stride, words!.projected.at, out.value, dLogits],
    ...[features.at, dStates.at, dWords!.at, second?.at ?? 0, third?.at ?? 0],
    out.gradient,
  );
  const skip = weightAt(space, `${name}.skip`);
  kernels.addDotsGradient(
    ...[count, relations.columns, relations.at, relations.stride],
    ...[skip.value, dLogits, 0, skip.gradient],
  );
  linearGradient(space, `${name}.relations`, count, [relations], features, []);
  scored.projections.forEach(({ names, list, count, embedded }, i) => {
    const dEmbedded = dense(
      arena.zeros(count * embedded.columns),
      embedded.columns,
    );
    names.forEach((one, j) => {
      const d = part(dProjections[i]!, j, width);
      linearGradient(space, one, count, [embedded], d, [dEmbedded]);
    });
    embedGradient(space, texts, list, count, dEmbedded);
  });
  const dSum = half(dStates, 0), dFactor = half(dStates, 1);
  linearGradient(space, `${name}.state`, turns, [hidden], dSum, [dHidden]);
  linearGradient(space, `${name}.stateFactor`, turns, [hidden], dFactor, [
    dHidden,
  ]);
  const bias = arena.zeros(2 * width);
  kernels.addRows(turns, 2 * width, dStates.at, bias);
  kernels.add(width, bias, weightAt(space, `${name}.bias`).gradient);
}
