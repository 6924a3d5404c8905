/**
 * How kernels are cut into parts that threads compute side by side.
 *
 * A part is a run of rows, columns or sequences. Where a kernel is cut follows from the sizes of its matrices, never from
 * the number of threads, on which no number depends therefore.
 *
 * @module
 */

/** Kernels that are cut, in the order of the numbers that stand for them in {@linkcode JobMemory}. */
export const CUT_KERNELS = [
  "matmul",
  "matmulHalves",
  "matmulWidened",
  "attention",
  "attentionGrad",
  "attendNext",
  "attendRest",
  "rmsNorm",
  "rmsNormGradX",
  "swiGlu",
  "swiGluGradGate",
  "addBias",
  "rotaryRows",
  "tokenLogProbs",
  "tokenLogProbsGrad",
] as const;

/** Name of one of the {@linkcode CUT_KERNELS}. */
export type CutKernel = typeof CUT_KERNELS[number];

/** How the parts of a kernel follow from its parameters. */
export interface Cut {
  /** Whether sums are taken in the same order whatever the parts are. */
  readonly exact: boolean;
  /** The parameter that counts what is shared. */
  readonly counter: number;
  /** Parts start at multiples of it. */
  readonly grain: number;
  /** Number of parts; 1 if it is not worth cutting. */
  readonly parts: number;
  /** Bytes by which each parameter moves from one unit to the next; what is not named stays. */
  readonly moves: Readonly<Record<number, number>>;
}

/** Most parts. */
const MOST = 32;
/** Work from which on a product is worth cutting, and that of a part: numbers of the matrix, more for many rows. */
const WORTHWHILE = 2 ** 18, PART = 2 ** 17;
/** Exponentials and the like from which on a kernel is worth cutting. */
const ELEMENTS = 2 ** 15;
/** Columns of a part where many rows are multiplied, which have to be packed anew for each part. */
const WIDE = 224;
/** Rows of a part that is cut along rows: more than those of the kernels for few rows. */
const TALL = 128;
/**
 * Rows up to which a product with a transposed matrix stays inside where another library multiplies: it is limited by
 * reading the matrix, which the library would read, write in its own order and read again.
 */
export const FEW_INSIDE = 4;
/** The same where no other library multiplies; see `matmul.as.ts`. */
export const FEW = 24;

const share = (work: number, most: number) =>
  Math.max(1, Math.min(MOST, Math.floor(work / PART), Math.floor(most)));

/** Cuts C (m, n) along columns, or along rows where there are few columns and many rows. */
function cutProduct(
  { m, n, k, exact = false }: {
    readonly m: number;
    readonly n: number;
    readonly k: number;
    readonly exact?: boolean;
  },
  strides: {
    /** Place of `m` and of `n` among the parameters. */
    readonly rows: number;
    readonly columns: number;
    readonly alongRows: Readonly<Record<number, number>>;
    readonly alongColumns: Readonly<Record<number, number>>;
  },
): Cut {
  const { rows, columns, alongRows, alongColumns } = strides;
  const along = { exact, counter: columns, grain: 16, moves: alongColumns };
  const work = n * k * Math.max(1, m / 4);
  if (work < WORTHWHILE) return { ...along, parts: 1 };
  if (m <= FEW) return { ...along, grain: 64, parts: share(work, n / 64) };
  const parts = share(work, n / WIDE);
  if (parts >= 4 || m < 2 * TALL) return { ...along, parts };
  return {
    ...{ exact, counter: rows, grain: 6, moves: alongRows },
    parts: share(work, m / TALL),
  };
}

/** Cuts along the first parameter. */
function cutRows(
  [rows]: readonly number[],
  work: number,
  moves: Cut["moves"],
  grain = 1,
): Cut {
  const parts = work < ELEMENTS ? 1 : Math.min(MOST, Math.ceil(rows! / grain));
  return { exact: true, counter: 0, grain, parts, moves };
}

/** Cuts of each kernel, by its parameters. */
export const CUTS: Readonly<
  Record<CutKernel, (parameters: readonly number[]) => Cut>
> = {
  matmul(p) {
    const [m, n, k, , lda, ta, , ldb, tb, , ldc] = p as Tuple;
    return cutProduct({ m, n, k }, {
      ...{ rows: 0, columns: 1 },
      alongRows: { 3: 4 * (ta ? 1 : lda), 9: 4 * ldc },
      alongColumns: { 6: 4 * (tb ? ldb : 1), 9: 4 },
    });
  },
  matmulHalves(p) {
    const [m, n, k, , lda, , , ldc] = p as Tuple;
    return cutProduct({ m, n, k, exact: true }, {
      ...{ rows: 0, columns: 1 },
      alongRows: { 3: 4 * lda, 6: 4 * ldc },
      alongColumns: { 5: 2 * k, 6: 4 },
    });
  },
  matmulWidened(p) {
    const [m, n, k, , lda, , ldb, tb, , ldc] = p as Tuple;
    return cutProduct({ m, n, k }, {
      ...{ rows: 0, columns: 1 },
      alongRows: { 3: 4 * lda, 8: 4 * ldc },
      alongColumns: { 5: 2 * (tb ? ldb : 1), 8: 4 },
    });
  },
  attention(p) {
    const [batch, length, heads, groups, size] = p as Tuple;
    const stride = 4 * length * size;
    const moves = { 5: stride * (heads + 2 * groups), 6: stride * heads };
    return cutRows(p, batch * heads * length * length, moves);
  },
  attentionGrad(p) {
    const [batch, length, heads, groups, size] = p as Tuple;
    const stride = 4 * length * size, qkv = stride * (heads + 2 * groups);
    const moves = { 5: qkv, 6: stride * heads, 7: qkv };
    return cutRows(p, batch * heads * length * length, moves);
  },
  attendNext(p) {
    const [batch, heads, groups, size, , , , , room] = p as Tuple;
    const cache = 4 * groups * room * size;
    return cutRows(p, batch * heads * room, {
      ...{ 4: 4 * (heads + 2 * groups) * size, 5: cache, 6: cache, 7: 4 },
      9: 4 * heads * size,
    });
  },
  attendRest(p) {
    const [batch, count, heads, groups, size, , , , , , room] = p as Tuple;
    const cache = 4 * groups * room * size, rows = 4 * count * size;
    return cutRows(p, batch * count * heads * room, {
      ...{ 5: rows * (heads + 2 * groups), 6: cache, 7: cache, 8: 4, 9: 4 },
      11: rows * heads,
    });
  },
  rmsNorm(p) {
    const [rows, d] = p as Tuple;
    return cutRows(p, rows * d, { 2: 4 * d, 4: 4 * d });
  },
  rmsNormGradX(p) {
    const [rows, d] = p as Tuple;
    return cutRows(p, rows * d, { 2: 4 * d, 4: 4 * d, 5: 4 * d });
  },
  swiGlu: (p) => cutRows(p, p[0]!, { 1: 4, 2: 4, 3: 4 }, 4096),
  swiGluGradGate: (p) => cutRows(p, p[0]!, { 1: 4, 2: 4, 3: 4, 4: 4 }, 4096),
  addBias(p) {
    const [rows, d] = p as Tuple;
    return cutRows(p, rows * d, { 2: 4 * d });
  },
  rotaryRows(p) {
    const [batch, length, stride] = p as Tuple;
    return cutRows(p, batch * length * stride, { 5: 4 * length * stride });
  },
  tokenLogProbs(p) {
    const [rows, n] = p as Tuple;
    return cutRows(p, rows * n, { 2: 4 * n, 3: 4, 5: 4, 6: 4, 7: 4 });
  },
  tokenLogProbsGrad(p) {
    const [rows, n] = p as Tuple;
    return cutRows(p, rows * n, {
      ...{ 2: 4 * n, 3: 4, 5: 4, 6: 4, 7: 4, 8: 4 },
    });
  },
};

/** Parameters, of which a kernel reads those that it has. */
type Tuple = readonly [
  ...[number, number, number, number, number, number],
  ...[number, number, number, number, number, number],
];
