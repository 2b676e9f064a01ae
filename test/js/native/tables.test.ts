// The addon's tables: each call against the sums it stands for, rounded as it rounds, on every instruction set of this machine.
import { describe, expect, it } from 'vitest';
import { native } from '../../../lib/native/native';
import { newTables, tables } from '../../../lib/native/tables';
import { Random } from '../../../lib/lab/training/random';

const f = Math.fround;
const { targets } = native.cpu();

const floats = (random: Random, length: number) => Float32Array.from({ length }, () => random.normal());
const places = (random: Random, length: number, below: number) =>
  Int32Array.from({ length }, () => random.below(below));
const offsets = (...lengths: number[]) => {
  let end = 0;
  return Int32Array.from([0, ...lengths], (n) => (end += n));
};
const row = (table: Float32Array, i: number, width: number) => table.subarray(i * width, (i + 1) * width);

/** Σ factor · row, each product and each sum rounded to float32. */
function sum(table: Float32Array, width: number, ids: Int32Array, factors: Float32Array): Float32Array {
  const out = new Float32Array(width);
  ids.forEach((id, i) => out.forEach((value, k) => (out[k] = value + f(factors[i] * table[id * width + k]))));
  return out;
}

// Widths below a vector of sixteen, of several blocks, and with what is left after them.
describe.each(targets.flatMap((target) => [4, 16, 36, 132].map((width) => [target, width] as const)))(
  'tables on %s, rows of %i numbers',
  (target, width) => {
    const all = newTables(target);
    const random = new Random(width);
    const table = floats(random, 9 * width);

    it('sums texts, each word with its factor and its importance', () => {
      const ids = places(random, 12, 9);
      const factors = floats(random, 12);
      const importances = floats(random, 9);
      const ends = offsets(3, 0, 9);
      const out = new Float32Array(3 * width);
      all.sum(table, width, ids, factors, null, ends, out);
      const weighed = factors.map((factor, i) => factor * importances[ids[i]]);
      const both = new Float32Array(3 * width);
      all.sum(table, width, ids, factors, importances, ends, both);
      for (let text = 0; text < 3; text++) {
        const own = ids.subarray(ends[text], ends[text + 1]);
        const part = (values: Float32Array) => values.subarray(ends[text], ends[text + 1]);
        expect(row(out, text, width)).toEqual(sum(table, width, own, part(factors)));
        expect(row(both, text, width)).toEqual(sum(table, width, own, part(weighed)));
      }
    });

    it('spreads rows of texts to their words, and learns from that', () => {
      const ids = Int32Array.of(7, 2, 7, 2, 5, 7);
      const factors = floats(random, 6);
      const importances = floats(random, 9);
      const ends = offsets(2, 3, 1);
      const from = floats(random, 3 * width);
      const gradient = new Float32Array(9 * width);
      const rows = new Int32Array(9);
      expect(all.spread(from, width, ids, factors, importances, ends, gradient, rows)).toBe(3);
      expect([...rows.subarray(0, 3)]).toEqual([2, 5, 7]);
      const text = Int32Array.of(0, 0, 1, 1, 1, 2);
      for (let word = 0; word < 9; word++) {
        const at = [...ids.keys()].filter((i) => ids[i] === word);
        const weighed = Float32Array.from(at, (i) => factors[i] * importances[word]);
        const own = Int32Array.from(at, (i) => text[i]);
        expect(row(gradient, word, width)).toEqual(sum(from, width, own, weighed));
      }

      const slopes = new Float32Array(3);
      all.dotPairs(table, width, gradient, rows, 3, slopes);
      const state = [table, floats(random, 9 * width), floats(random, 9 * width).map(Math.abs)];
      const [a, b] = [state.map((x) => x.slice()), state.map((x) => x.slice())];
      all.adam(a[0], width, gradient, a[1], a[2], rows, 3, 0.1, 1.5);
      expect(gradient.every((value) => value === 0)).toBe(true);
      const again = new Float32Array(9);
      const [parameters, first, second] = b;
      const adam = [parameters, first, second, 0.1, 1.5, rows, again] as const;
      expect(all.learn(from, width, ids, factors, importances, ends, ...adam)).toBe(3);
      expect(b).toEqual(a);
      expect(again.subarray(0, 3)).toEqual(slopes);
    });

    it('makes a step of Adam as float32 rounds it', () => {
      const [first, gradient] = [floats(random, 9 * width), floats(random, 9 * width)];
      const second = floats(random, 9 * width).map(Math.abs);
      const parameters = table.slice();
      const before = [parameters, first, second, gradient].map((x) => x.slice());
      all.adam(parameters, width, gradient, first, second, Int32Array.of(8, 3), 2, 0.05, 1.25);
      for (let i = 0; i < 9 * width; i++) {
        const [p, m, v, g] = before.map((x) => x[i]);
        const isTouched = [3, 8].includes(Math.floor(i / width));
        const mean = f(f(f(0.9) * m) + f(f(1 - 0.9) * g));
        const square = f(f(f(0.999) * v) + f(f(1 - 0.999) * f(g * g)));
        const root = f(f(Math.sqrt(f(square * 1.25))) + f(1e-8));
        const stepped = f(p - f(f(f(0.05) * mean) / root));
        expect(parameters[i]).toBe(isTouched ? stepped : p);
        expect(first[i]).toBe(isTouched ? mean : m);
        expect(second[i]).toBe(isTouched ? square : v);
        expect(gradient[i]).toBe(isTouched ? 0 : g);
      }
    });

    it.each([1, 16, 37])('multiplies chosen rows with %i columns', (stride) => {
      const columns = floats(random, width * stride);
      const chosen = places(random, 13, 9);
      const out = new Float32Array(13 * stride);
      all.product(table, width, chosen, 13, columns, stride, out);
      const plain = new Float32Array(9 * stride);
      all.product(table, width, null, 9, columns, stride, plain);
      chosen.forEach((id, i) => {
        for (let t = 0; t < stride; t++) {
          let expected = 0;
          for (let k = 0; k < width; k++)
            expected = f(expected + f(table[id * width + k] * columns[k * stride + t]));
          expect(out[i * stride + t]).toBe(expected);
          expect(plain[id * stride + t]).toBe(expected);
        }
      });
    });

    it.each([0, 4, width])('multiplies what may be above a bound after %i columns', (head) => {
      const stride = 32;
      // Columns shrink towards the last, so that the rest of most is short.
      const shrinking = floats(random, 40 * width).map((x, i) => x / (1 + (i % width)) ** 2);
      const columns = floats(random, width * stride).map((x, i) => x / (1 + Math.floor(i / stride)) ** 2);
      const restOf = (numbers: Float32Array, at: number, step: number) =>
        1.001 *
        Math.hypot(...Array.from({ length: width - head }, (_, k) => numbers[at + (head + k) * step]));
      const rests = Float32Array.from({ length: 40 }, (_, i) => restOf(shrinking, i * width, 1));
      const columnRests = Float32Array.from({ length: stride }, (_, t) => restOf(columns, t, stride));
      const chosen = places(random, 37, 40);
      const exact = new Float32Array(37 * stride);
      all.product(shrinking, width, chosen, 37, columns, stride, exact);
      const above = (least: number) => {
        const out = new Float32Array(37 * stride);
        all.productAbove(shrinking, width, chosen, 37, columns, stride, out, head, rests, columnRests, least);
        return out;
      };
      expect(above(-Infinity)).toEqual(exact);
      for (const least of [-0.5, 0.2, 1.5]) {
        const out = above(least);
        out.forEach((value, i) => {
          if (exact[i] > least) expect(value).toBe(exact[i]);
          else expect(value).toBeLessThanOrEqual(f(least));
        });
      }
      // Where nothing can be above, what was computed is the head alone.
      const heads = new Float32Array(37 * stride);
      const headOnly = shrinking.map((x, i) => (i % width < head ? x : 0));
      all.product(headOnly, width, chosen, 37, columns, stride, heads);
      expect(above(1e3)).toEqual(heads);
    });

    it('computes what is NaN, whatever the bound', () => {
      const columns = floats(random, width * 16);
      const rests = new Float32Array(9).fill(NaN);
      const columnRests = new Float32Array(16);
      const [out, exact] = [new Float32Array(9 * 16), new Float32Array(9 * 16)];
      all.product(table, width, null, 9, columns, 16, exact);
      all.productAbove(table, width, null, 9, columns, 16, out, 4, rests, columnRests, 1e9);
      expect(out).toEqual(exact);
    });

    it('adds outer products in the order of rows', () => {
      const [a, b, out] = [floats(random, 5 * 12), floats(random, 5 * width), floats(random, 12 * width)];
      const expected = out.slice();
      for (let i = 0; i < 5; i++)
        for (let j = 0; j < 12; j++)
          for (let k = 0; k < width; k++) expected[j * width + k] += f(a[i * 12 + j] * b[i * width + k]);
      all.addOuter(a, 12, b, width, 5, out);
      expect(out).toEqual(expected);
    });

    it('adds dot products in float64, and normalises rows there', () => {
      const vector = floats(random, width);
      const rows = places(random, 11, 9);
      const out = Float64Array.from(rows, () => random.normal());
      const expected = out.map((start, i) =>
        vector.reduce((total, x, k) => total + x * table[rows[i] * width + k], start),
      );
      all.addDots(vector, table, width, rows, 11, out);
      expect(out).toEqual(expected);

      const units = floats(random, 3 * width);
      units.fill(0, width, 2 * width);
      const [before, lengths, upstream] = [units.slice(), new Float64Array(3), floats(random, 3 * width)];
      all.normalise(units, width, 3, lengths);
      const given = upstream.slice();
      all.pullUnits(units, width, lengths, 3, upstream);
      for (let i = 0; i < 3; i++) {
        const length = Math.sqrt(row(before, i, width).reduce((total, x) => total + x * x, 0));
        expect(lengths[i]).toBe(length);
        const unit = row(before, i, width).map((x) => (length > 0 ? x / length : 0));
        expect(row(units, i, width)).toEqual(unit);
        const own = row(given, i, width);
        const along = unit.reduce((total, x, k) => total + x * own[k], 0);
        const expected = own.map((g, k) => (length > 0 ? (g - unit[k] * along) / length : 0));
        expect(row(upstream, i, width)).toEqual(expected);
      }
    });
  },
);

describe.each(targets)('words on %s', (target) => {
  const all = newTables(target);
  const documents = [[0, 2], [], [1], [2, 1, 0, 2], []];
  const stride = 32;

  it('are matched: the best of each document, which word it is, and its cosine', () => {
    const random = new Random(10);
    const cosines = floats(random, 3 * stride);
    const strengths = Float32Array.of(0.5, 1, 2);
    const at = Int32Array.from(documents.flat());
    const factors = Float32Array.from(at, () => random.next());
    const ends = offsets(...documents.map(({ length }) => length)).slice(1);
    const [values, found] = [new Float32Array(5 * stride), new Float32Array(5 * stride)];
    const which = new Int32Array(5 * stride);
    all.match(cosines, stride, strengths, 3, at, factors, ends, values, which, found);
    let first = 0;
    let matched = 0;
    documents.forEach((document, d) => {
      for (let t = 0; t < stride; t++) {
        const worth = document.map((word, i) => {
          const cosine = Math.max(0, cosines[word * stride + t]);
          return f(factors[first + i] * f(strengths[word] * f(cosine * cosine)));
        });
        const best = Math.max(0, ...worth);
        const i = best > 0 ? worth.indexOf(best) : -1;
        expect(values[d * stride + t]).toBe(best);
        expect(which[d * stride + t]).toBe(i);
        expect(found[d * stride + t]).toBe(i < 0 ? 0 : cosines[document[i] * stride + t]);
        if (i >= 0) matched++;
      }
      first += document.length;
    });
    expect(matched).toBeGreaterThan(20);
  });

  it('expand to those over the threshold', () => {
    const random = new Random(11);
    const cosines = floats(random, 3 * 8);
    const strengths = Float32Array.of(1, 2, 0.5, 1, 1, 3, 0, 0);
    const out = new Float32Array(3);
    all.expand(cosines, 8, 3, strengths, 0.3, 2, out);
    expect(out.filter((sum) => sum > 0.01).length).toBeGreaterThan(1);
    out.forEach((sum, j) => {
      const expected = strengths.reduce(
        (total, strength, t) => total + strength * (2 * Math.max(0, cosines[j * 8 + t] - 0.3)) ** 2,
        0,
      );
      expect(sum).toBeCloseTo(expected, 3);
    });
  });

  it('are numbered in the order of their first appearance', () => {
    const seen = new Int32Array(9);
    const [numbers, distinct] = [new Int32Array(6), new Int32Array(6)];
    expect(all.number(Int32Array.of(4, 8, 4, 0, 8, 1), 6, seen, numbers, distinct)).toBe(4);
    expect([...numbers]).toEqual([0, 1, 0, 2, 1, 3]);
    expect([...distinct.subarray(0, 4)]).toEqual([4, 8, 0, 1]);
    expect(seen.every((value) => value === 0)).toBe(true);
  });
});

describe('what is wrong is refused before anything is written', () => {
  const table = new Float32Array(12).fill(1);
  const one = Float32Array.of(1);
  const out = new Float32Array(4);
  const refuses = (call: () => unknown, message: RegExp) => {
    expect(call).toThrow(message);
    expect([...out]).toEqual([0, 0, 0, 0]);
  };

  it('ids, offsets, sizes and kinds of arrays', () => {
    const sum = (ids: Int32Array, offsets: Int32Array, to = out, width = 4) =>
      tables().sum(table, width, ids, one, null, offsets, to);
    refuses(() => sum(Int32Array.of(3), offsets(1)), /out of range/);
    refuses(() => sum(Int32Array.of(-1), offsets(1)), /out of range/);
    refuses(() => sum(Int32Array.of(0), offsets(2)), /ends behind/);
    refuses(() => sum(Int32Array.of(0), Int32Array.of(0, 1, 0)), /does not ascend/);
    refuses(() => sum(Int32Array.of(0), Int32Array.of(1, 1)), /does not begin at 0/);
    refuses(() => sum(Int32Array.of(0), offsets(1), out.subarray(1)), /too short/);
    refuses(() => sum(Int32Array.of(0), offsets(1), out, 3), /size/);
    refuses(() => sum(Int32Array.of(0), offsets(1), out, 0), /is 0/);
    refuses(() => sum(new Float32Array(1) as never, offsets(1)), /not the typed array/);
    refuses(() => tables().product(table, 4, null, 4, out, 1, out), /more than there are/);
    refuses(() => tables().product(table, 4, null, 1, out, 2, out), /more than the columns/);
    const wide = new Float32Array(64);
    const above = (stride: number, head: number, rests: Float32Array, columnRests: Float32Array) =>
      tables().productAbove(table, 4, null, 0, wide, stride, out, head, rests, columnRests, 0);
    refuses(() => above(8, 4, wide, wide), /size/);
    refuses(() => above(16, 5, wide, wide), /more than the width/);
    refuses(() => above(16, 4, wide.subarray(0, 2), wide), /too short/);
    refuses(() => above(16, 4, wide, wide.subarray(0, 15)), /too short/);
    refuses(() => tables().adam(table, 4, table, table, table, Int32Array.of(3), 1, 1, 1), /out of range/);
    refuses(() => tables().expand(table, 4, 4, one, 0, 1, out), /more than there are/);
    const match = (stride: number, places: Int32Array) =>
      tables().match(
        new Float32Array(16),
        stride,
        one,
        1,
        places,
        one,
        offsets(1).slice(1),
        out,
        places,
        out,
      );
    refuses(() => match(8, Int32Array.of(0)), /size/);
    refuses(() => match(16, Int32Array.of(1)), /out of range/);
    refuses(() => match(16, Int32Array.of(0)), /too short/);
  });

  it('an instruction set that this machine lacks', () => {
    expect(() => newTables('mmx')).toThrow(/cannot run/);
  });
});
