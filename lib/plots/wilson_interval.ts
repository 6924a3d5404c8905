/**
 * The interval of a share that figures draw.
 *
 * @module
 */

/** Two-sided 95 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/**
 * Wilson's score interval of a share, 95 %; has a width at 0 and 1 too, and stays within them.
 *
 * @see {@link https://doi.org/10.1080/01621459.1927.10502953 | Wilson 1927}
 *
 * @param share Share found, in `[0, 1]`.
 * @param count Trials it was found in, at least 1.
 * @returns Low and high end; the share lies between them.
 */
export function wilsonInterval(
  share: number,
  count: number,
): [low: number, high: number] {
  const shrink = 1 + Z * Z / count;
  const center = (share + Z * Z / (2 * count)) / shrink;
  const half = Z / shrink *
    Math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count));
  return [Math.min(share, center - half), Math.max(share, center + half)];
}
