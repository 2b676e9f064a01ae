// The t-test and Holm's correction against closed forms, tables and their defining properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holm, pairedTTest, studentTwoSided } from '../../../lib/metrics/index';

const relative = (actual: number, expected: number) => Math.abs(actual - expected) / expected;

describe('studentTwoSided', () => {
  // Closed forms of the distribution function for 1 to 4 degrees of freedom.
  const closed: Record<number, (t: number) => number> = {
    1: (t) => 1 - (2 / Math.PI) * Math.atan(t),
    2: (t) => 1 - t / Math.sqrt(2 + t * t),
    3: (t) => 1 - (2 / Math.PI) * (t / Math.sqrt(3) / (1 + (t * t) / 3) + Math.atan(t / Math.sqrt(3))),
    4: (t) => {
      const x = t / Math.sqrt(4 + t * t);
      return 1 - x * (1 + (1 - x * x) / 2);
    },
  };
  it.each([1, 2, 3, 4])('matches the closed form for %i degrees of freedom', (df) => {
    for (const t of [0.01, 0.3, 1, 2.5, 7, 20])
      expect(relative(studentTwoSided(t, df), closed[df](t))).toBeLessThan(1e-10);
  });

  // Two-sided 5 %, 1 % and 0.1 % points of printed tables.
  it.each([
    [12.706, 1, 0.05],
    [2.228, 10, 0.05],
    [3.169, 10, 0.01],
    [4.587, 10, 0.001],
    [2.042, 30, 0.05],
    [1.984, 100, 0.05],
    [3.39, 100, 0.001],
    [1.96, 1e7, 0.05],
  ])('t = %f with %i degrees of freedom is the %f point', (t, df, p) => {
    expect(relative(studentTwoSided(t, df), p)).toBeLessThan(3e-3);
  });

  it('is 1 at 0, 0 at infinity, even, falling, and keeps tiny tails', () => {
    expect(studentTwoSided(0, 5)).toBe(1);
    expect(studentTwoSided(Infinity, 5)).toBe(0);
    expect(studentTwoSided(-2, 9)).toBe(studentTwoSided(2, 9));
    // 100 degrees of freedom, t = 20: 2 * 9.27e-37 (asymptotic series of the tail).
    expect(studentTwoSided(20, 100)).toBeGreaterThan(0);
    expect(studentTwoSided(20, 100)).toBeLessThan(1e-35);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 50, noNaN: true }),
        fc.double({ min: 1e-3, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 5000 }),
        (t, step, df) => {
          expect(studentTwoSided(t + step, df)).toBeLessThanOrEqual(studentTwoSided(t, df) * (1 + 1e-9));
        },
      ),
    );
    expect(() => studentTwoSided(1, 0)).toThrow(RangeError);
  });
});

describe('pairedTTest', () => {
  it("reproduces Student's sleep data: t = -4.0621, df = 9, p = 0.002833", () => {
    const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    const test = pairedTTest(first, second);
    expect(test.meanDifference).toBeCloseTo(-1.58, 12);
    expect(test.t).toBeCloseTo(-4.0621, 4);
    expect(test.df).toBe(9);
    expect(test.p).toBeCloseTo(0.002833, 6);
  });
  it('changes only its sign when the sides change', () => {
    const values = fc.array(
      fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.double({ min: -9, max: 9, noNaN: true })),
      { minLength: 2 },
    );
    fc.assert(
      fc.property(values, (pairs) => {
        const a = pairs.map(([x]) => x);
        const b = pairs.map(([, y]) => y);
        const forth = pairedTTest(a, b);
        const back = pairedTTest(b, a);
        // Not a sum: equal differences give infinity on both sides.
        expect(back.t === -forth.t).toBe(true);
        expect(back.p).toBe(forth.p);
        expect(forth.p).toBeGreaterThanOrEqual(0);
        expect(forth.p).toBeLessThanOrEqual(1);
      }),
      {
        examples: [
          [
            [
              [1, 0],
              [1, 0],
            ],
          ],
          [
            [
              [0, 1],
              [1, 0],
            ],
          ],
        ],
      },
    );
  });
  it('knows equal runs and constant differences', () => {
    expect(pairedTTest([1, 2], [1, 2])).toMatchObject({ t: 0, p: 1 });
    expect(pairedTTest([2, 3], [1, 2])).toMatchObject({ t: Infinity, p: 0 });
  });
  it('refuses what cannot be paired', () => {
    expect(() => pairedTTest([1, 2], [1])).toThrow(RangeError);
    expect(() => pairedTTest([1], [1])).toThrow(
      new RangeError('a paired test needs at least 2 pairs, not 1'),
    );
    expect(() => pairedTTest([], [])).toThrow(new RangeError('a paired test needs at least 2 pairs, not 0'));
    expect(() => pairedTTest([1, NaN], [1, 2])).toThrow(new RangeError('pair 1 is not finite: NaN and 2'));
    expect(() => pairedTTest([1, 2], [Infinity, 2])).toThrow(
      new RangeError('pair 0 is not finite: 1 and Infinity'),
    );
  });
});

describe('holm', () => {
  it('steps down with a running maximum', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((expected, i) => expect(adjusted[i]).toBeCloseTo(expected, 15));
  });
  it('lies between the plain p value and Bonferroni, capped at 1', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (p) => {
        holm(p).forEach((q, i) => {
          expect(q).toBeGreaterThanOrEqual(p[i]);
          expect(q).toBeLessThanOrEqual(Math.min(1, p[i] * p.length) + 1e-15);
        });
      }),
    );
    for (const p of [1.5, -0.1, NaN])
      expect(() => holm([0.5, p])).toThrow(new RangeError(`a p value must lie in 0..1, not ${p}`));
    expect(holm([0, 1])).toEqual([0, 1]);
  });
});
