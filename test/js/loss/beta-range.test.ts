// The largest beta of a weighted sum: what the smallest gamma of its ckl terms allows, wherever that term stands.
import { describe, expect, it } from 'vitest';
import { ckl, combine, prepare, type Term } from '../../../lib/index';
import { errorOf, oneQuery } from './helpers';

const batch = oneQuery([1, 0.5, -0.2, 0.1], [2, 0, 1, 0.3]);
const withBeta = (beta: number) => ({ ...batch, beta: Float32Array.of(9, beta, 0, 0) });
const sums: [string, Term[]][] = [
  [
    'the smaller gamma first',
    [
      { loss: 'ckl', gamma: 2 },
      { loss: 'ckl', gamma: 5 },
    ],
  ],
  [
    'the smaller gamma last',
    [
      { loss: 'ckl', gamma: 5 },
      { loss: 'ckl', gamma: 2 },
    ],
  ],
  ['a loss without gamma between', [{ loss: 'ckl', gamma: 4 }, { loss: 'kl' }, { loss: 'ckl', gamma: 2 }]],
];

describe('beta of a weighted sum', () => {
  it.each(sums)('is checked against the smaller gamma: %s', (_, terms) => {
    using prepared = prepare('combine', { shape: [1, 4], terms });
    for (const run of [(b: typeof batch) => combine(b, terms), (b: typeof batch) => prepared.run(b)]) {
      expect(run(withBeta(1)).loss).toSatisfy(Number.isFinite);
      for (const beta of [1.001, 1.5, 3.5, NaN])
        expect(errorOf(() => run(withBeta(beta)))).toMatchObject({ code: 'ERR_CKL_BETA' });
      expect(run(withBeta(-3)).loss).toSatisfy(Number.isFinite);
    }
  });

  it('is not checked where no ckl term reads it, and not on positives or padding', () => {
    expect(combine(withBeta(50), [{ loss: 'kl' }]).loss).toSatisfy(Number.isFinite);
    const labels = Uint8Array.of(1, 255, 0, 0);
    expect(ckl({ ...withBeta(NaN), labels }, { gamma: 2 }).loss).toSatisfy(Number.isFinite);
  });

  it('allows exactly gamma - 1', () => {
    expect(ckl(withBeta(1.5), { gamma: 2.5 }).loss).toSatisfy(Number.isFinite);
    expect(errorOf(() => ckl(withBeta(1.6), { gamma: 2.5 }))).toMatchObject({ code: 'ERR_CKL_BETA' });
  });
});
