// Products of words that are asked for above a bound: those above it have the bits of all products, the others stay at or below it.
import { describe, expect, it } from 'vitest';
import { products } from '../../../../lib/lab/students/words/word-products';
import { Random } from '../../../../lib/lab/training/random';

const unit = (vector: readonly number[]) => vector.map((x) => x / Math.hypot(...vector));

/** Vectors of length 1, with less in later columns. */
function units(width: number, count: number, random: Random): number[][] {
  return Array.from({ length: count }, () =>
    unit(Array.from({ length: width }, (_, k) => random.normal() / (1 + (4 * k) / width))),
  );
}

/** Vectors near those, so that cosines are of every size up to 1. */
function near(vectors: readonly number[][], width: number, random: Random): number[][] {
  return units(width, vectors.length, random).map((other, i) =>
    unit(vectors[i].map((x, k) => x + ((i % 8) / 8) ** 3 * other[k])),
  );
}

describe.each([4, 8, 20, 128])('products of vectors of %i numbers above a bound', (width) => {
  const random = new Random(width);
  const rows = units(width, 200, random);
  const table = Float32Array.from([...rows, ...near(rows, width, random)].flat());
  const few = Float32Array.from(near(rows.slice(0, 21), width, random).flat());
  const chosen = Int32Array.from({ length: 555 }, () => random.below(400));
  const all = products(table, width, few, chosen).values.slice(0, 555 * 32);

  it.each([-0.5, 0, 0.5, 0.9, 0.99, 0.9999])('%f', (above) => {
    const { values, stride } = products(table, width, few, chosen, above);
    expect(stride).toBe(32);
    let [met, spared] = [0, 0];
    for (let i = 0; i < all.length; i++) {
      if (all[i] > above) {
        met++;
        expect(values[i]).toBe(all[i]);
      } else {
        expect(values[i]).toBeLessThanOrEqual(Math.fround(above));
        if (values[i] !== all[i]) spared++;
      }
    }
    expect(met).toBeGreaterThan(0);
    if (width === 128 && above >= 0.9) expect(spared).toBeGreaterThan(all.length / 4);
  });
});
