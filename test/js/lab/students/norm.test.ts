// The length of a vector, also of one with more numbers than a call takes arguments.
import { describe, expect, it } from 'vitest';
import { norm } from '../../../../lib/lab/students/words/norm';
import { randomNumbers } from '../../loss/helpers';

describe('norm', () => {
  it('has the bits of Math.hypot', () => {
    const next = randomNumbers(9);
    for (let length = 0; length < 300; length++) {
      const values = Float64Array.from(
        { length },
        () => (next() - 0.5) * 10 ** Math.floor(20 * (next() - 0.5)),
      );
      expect(norm(values)).toBe(Math.hypot(...values));
    }
  });

  it('is finite where squares overflow, and 0 of nothing and of zeros', () => {
    expect(norm([3e200, 4e200])).toBeCloseTo(5e200, -190);
    expect([norm([]), norm([0, -0])]).toEqual([0, 0]);
  });

  it('takes a million numbers', () => {
    expect(norm(new Float32Array(1_000_000).fill(2))).toBe(2000);
  });
});
