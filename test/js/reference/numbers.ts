// Sums and bounds that the reference of all losses needs.

/** The distance of 1 from the next float32. */
export const epsilon = 2 ** -23;

export function sum(values: number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Not Math.max(...values): a row may have a million documents. NaN if one is. */
export function largest(values: number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}
