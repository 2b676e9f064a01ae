// The kernels in machine code against the sums they stand for, rounded as they round.
import { describe, expect, it } from 'vitest';
import { endOf, Heap } from '../../../../lib/lab/students/kernels/heap';
import { products } from '../../../../lib/lab/students/kernels/products';
import { Random } from '../../../../lib/lab/training/random';

const f = Math.fround;

/** A heap with a table of random numbers, and a way to put others there. */
function drawTable(random: Random, rows: number, width: number) {
  const heap = new Heap();
  const floats = (values: ArrayLike<number>) => {
    const out = heap.floats(values.length);
    out.set(values);
    return out;
  };
  const draw = (length: number) => floats(Float32Array.from({ length }, () => random.normal()));
  return { heap, floats, draw, table: draw(rows * width) };
}

describe('Heap', () => {
  it('keeps arrays where they are when it grows, and gives zeros where scratch was', () => {
    const heap = new Heap();
    const kept = heap.floats(3);
    kept.set([1, 2, 3]);
    heap.scratch().floats(300_000).fill(7);
    // More than scratch took, so that the heap grows again.
    const fresh = heap.floats(400_000);
    expect(fresh.every((value) => value === 0)).toBe(true);
    fresh[0] = 5;
    const scratch = heap.scratch();
    const [a, b] = [scratch.floats(5), scratch.rest().integers(5)];
    b.fill(9);
    expect(a.byteOffset).toBeGreaterThanOrEqual(endOf(fresh));
    expect(b.byteOffset).toBeGreaterThanOrEqual(endOf(a));
    expect([...kept, fresh[0]]).toEqual([1, 2, 3, 5]);
  });
});

it('a heap that would be too large is refused in words', () => {
  expect(() => new Heap().floats(2 ** 30 + 1)).toThrow(/more than 4 GiB: take shorter vectors/);
});

// 36 columns are a block of 32 and four more.
describe.each([4, 32, 36])('rows of %i numbers', (width) => {
  it('are summed in their order, and multiples added to them', () => {
    const random = new Random(width);
    const { heap, draw, table } = drawTable(random, 9, width);
    const rows = heap.integers([3, 8, 3, 0]);
    const factors = draw(4);
    const out = draw(width);
    const expected = out.slice();
    rows.forEach((row, i) =>
      expected.forEach((sum, k) => (expected[k] = sum + f(factors[i] * table[row * width + k]))),
    );
    const [from, end, factorsAt] = [rows.byteOffset, endOf(rows), factors.byteOffset];
    heap.kernels.sumRows(table.byteOffset, from, end, factorsAt, out.byteOffset, 4 * width);
    expect(out).toEqual(expected);

    const added = table.slice();
    rows.forEach((row, i) => out.forEach((value, k) => (added[row * width + k] += f(factors[i] * value))));
    heap.kernels.addToRows(table.byteOffset, from, end, factorsAt, out.byteOffset, 4 * width);
    expect(table.slice()).toEqual(added);

    heap.kernels.sumRows(table.byteOffset, from, from, factorsAt, out.byteOffset, 4 * width);
    expect(out).toEqual(expected);
  });

  it('have dot products with those of another table', () => {
    const { heap, draw, table } = drawTable(new Random(width + 1), 5, width);
    const other = draw(5 * width);
    const rows = heap.integers([4, 1]);
    const out = heap.floats(3);
    const [a, b] = [table.byteOffset, other.byteOffset];
    heap.kernels.dotRows(a, b, rows.byteOffset, endOf(rows), out.byteOffset, 4 * width);
    rows.forEach((row, i) => {
      let expected = 0;
      for (let k = 0; k < width; k++) expected += table[row * width + k] * other[row * width + k];
      expect(out[i]).toBeCloseTo(expected, 4);
    });
    expect(out[2]).toBe(0);
  });
});

describe('products', () => {
  it.each([
    [0, 5],
    [1, 5],
    [5, 3],
    [6, 12],
    [2, 0],
  ])('of %i chosen rows with %i vectors are rounded as float32 is', (chosen, count) => {
    const random = new Random(8);
    const width = 8;
    const { heap, table } = drawTable(random, 6, width);
    const few = Float32Array.from({ length: count * width }, () => random.normal());
    const rows = Int32Array.from({ length: chosen }, () => random.below(6));
    const { values, stride } = products(heap, table, width, few, rows);
    expect(stride).toBe(Math.ceil(count / 4) * 4);
    expect(values.length).toBe(Math.ceil(chosen / 4) * 4 * stride);
    rows.forEach((row, i) => {
      for (let t = 0; t < count; t++) {
        let expected = 0;
        for (let k = 0; k < width; k++)
          expected = f(expected + f(few[t * width + k] * table[row * width + k]));
        expect(values[i * stride + t]).toBe(expected);
      }
    });
  });
});

describe('matches', () => {
  const documents = [[0, 2], [], [1], [2, 1, 0, 2], []];
  const strengths = [0.5, 1, 2, 0];

  function draw() {
    const random = new Random(10);
    const { heap, floats, draw: numbers } = drawTable(random, 1, 4);
    const cosines = numbers(4 * 8);
    const before = cosines.slice();
    const places = heap.integers(documents.flat());
    const factors = floats(Float32Array.from(places, () => random.next()));
    let end = 0;
    const ends = heap.integers(documents.map(({ length }) => (end += length)));
    const strengthsAt = floats(strengths).byteOffset;
    heap.kernels.worth(cosines.byteOffset, endOf(cosines), strengthsAt, 32);
    const tokens = [cosines.byteOffset, places.byteOffset, factors.byteOffset];
    return { heap, before, cosines, factors, parameters: [...tokens, ends.byteOffset, endOf(ends), 32] };
  }

  it('turns cosines into worth', () => {
    const { before, cosines } = draw();
    cosines.forEach((value, i) =>
      expect(value).toBeCloseTo(strengths[i >> 3] * Math.max(0, before[i]) ** 2, 5),
    );
  });

  it('finds the best match of each document, and which word it is', () => {
    const { heap, cosines, factors, parameters } = draw();
    const [values, again, which] = [heap.floats(40), heap.floats(40), heap.integers(new Array(40).fill(7))];
    heap.kernels.matches(...parameters, values.byteOffset);
    heap.kernels.bestMatches(...parameters, again.byteOffset, which.byteOffset);
    let first = 0;
    let found = 0;
    documents.forEach((document, d) => {
      for (let t = 0; t < 8; t++) {
        const worth = document.map((place, i) => f(factors[first + i] * cosines[place * 8 + t]));
        const best = Math.max(0, ...worth);
        expect(values[d * 8 + t]).toBe(best);
        expect(again[d * 8 + t]).toBe(best);
        expect(which[d * 8 + t]).toBe(best > 0 ? worth.indexOf(best) : -1);
        if (best > 0) found++;
      }
      first += document.length;
    });
    expect(found).toBeGreaterThan(5);
  });
});

describe('expansions', () => {
  it('sum what is over the threshold', () => {
    const { heap, floats, draw } = drawTable(new Random(11), 1, 4);
    const cosines = draw(3 * 8);
    const strengths = floats([1, 2, 0.5, 1, 1, 3, 0, 0]);
    const out = heap.floats(4);
    const [tau, slope] = [0.3, 2];
    const [from, end] = [cosines.byteOffset, endOf(cosines)];
    heap.kernels.expansions(from, end, strengths.byteOffset, 32, out.byteOffset, tau, slope);
    for (let j = 0; j < 3; j++) {
      const expected = strengths.reduce(
        (sum, strength, t) => sum + strength * (slope * Math.max(0, cosines[j * 8 + t] - tau)) ** 2,
        0,
      );
      expect(out[j]).toBeCloseTo(expected, 3);
      expect(expected).toBeGreaterThan(0.01);
    }
    expect(out[3]).toBe(0);
  });
});
