// dims: the weighted sum of the losses of prefixes, with gradients that are the sums of theirs, and refused where they could not be.
import { describe, expect, it } from 'vitest';
import { type EmbeddingBatch, prepare } from '../../../lib/embeddings/index';
import { floats, numbers } from './helpers';

const [queries, docs, dim] = [3, 4, 10];
const next = numbers(51);
const batch = {
  queries: floats(queries * dim, next),
  documents: floats(queries * docs * dim, next),
  teacher: floats(queries * docs, next),
  labels: Uint8Array.from({ length: queries * docs }, (_, i) => (i % docs === 2 ? 1 : 0)),
};
const options = { dim, shape: [queries, docs], similarity: 'cosine', scale: 7, scaleGrad: true } as const;
const dims = [3, 7, 5];
const dimWeights = [0.5, 2, 0];

/** The first elements of each vector. */
const cut = (x: Float32Array, to: number) => x.filter((_, i) => i % dim < to);

function right(weights: readonly number[], form: object, given: typeof batch) {
  const queryGrad = new Float32Array(batch.queries.length);
  const documentGrad = new Float32Array(batch.documents.length);
  const perDim: number[] = new Array(dims.length);
  let scaleGrad = 0;
  const perQuery = new Float64Array(queries);
  for (const [i, to] of [...dims.entries()].sort(([, a], [, b]) => b - a)) {
    using op = prepare('kl', { ...options, ...form, dim: to, gradScale: weights[i] });
    const found = op.run({
      ...given,
      queries: cut(batch.queries, to),
      documents: cut(batch.documents, to),
    });
    perDim[i] = found.loss;
    found.perQuery.forEach((loss, b) => (perQuery[b] += weights[i] * loss));
    scaleGrad += found.scaleGrad!;
    found.queryGrad!.forEach((g, k) => (queryGrad[Math.floor(k / to) * dim + (k % to)] += g));
    found.documentGrad!.forEach((g, k) => (documentGrad[Math.floor(k / to) * dim + (k % to)] += g));
  }
  const loss = perDim.reduce((sum, one, i) => sum + weights[i] * one, 0);
  return { loss, perDim, queryGrad, documentGrad, scaleGrad, perQuery };
}

const all = {
  ...batch,
  teacher: floats(queries * queries * docs, next),
  labels: Uint8Array.from({ length: queries * queries * docs }, (_, i) =>
    i % (queries * docs) === 2 ? 1 : 0,
  ),
};
const whole = { inBatch: true, shape: [queries, queries * docs] as const };

describe.each([
  ['lists', {}, batch],
  ['in batch', whole, all],
] as const)('%s', (_, form, given) => {
  it('loss and gradients are the sums of those of each dimension, with weights and without', async () => {
    for (const weights of [dimWeights, [1, 1, 1]]) {
      const changed = weights === dimWeights ? { dims, dimWeights } : { dims };
      using op = prepare('kl', { ...options, ...form, ...changed });
      for (let run = 0; run < 2; run++) {
        const found = op.run(given);
        const { perQuery, loss, scaleGrad, ...expected } = right(weights, form, given);
        expect(found).toMatchObject(expected);
        expect(found.loss).toBeCloseTo(loss, 6);
        expect(found.scaleGrad).toBeCloseTo(scaleGrad, 6);
        found.perQuery.forEach((one, b) => expect(one).toBeCloseTo(perQuery[b], 5));
        expect(found.queryGrad!.filter((_, i) => i % dim >= 7)).toEqual(new Float32Array(queries * 3));
        const { queryGrad, documentGrad } = found;
        const copied = { ...found, queryGrad: queryGrad!.slice(), documentGrad: documentGrad!.slice() };
        expect(await op.runAsync(given)).toEqual({ ...copied, perQuery: found.perQuery.slice() });
      }
    }
  });
});

it('gradients go where they are asked for, over what is there or added to it; scores are those of the largest', () => {
  using op = prepare('kl', { ...options, dims, dimWeights, scores: true });
  const { queryGrad, documentGrad, scores, perQuery } = op.run(batch);
  const [q, d] = [queryGrad!.slice(), documentGrad!.slice()];
  using one = prepare('kl', { ...options, dim: 7, scores: true });
  const cutBatch = { ...batch, queries: cut(batch.queries, 7), documents: cut(batch.documents, 7) };
  expect(scores).toEqual(one.run(cutBatch).scores);
  const mine = {
    queryGrad: new Float32Array(q.length).fill(9),
    documentGrad: new Float32Array(d.length).fill(9),
    perQuery: new Float32Array(queries),
  };
  const found = op.run({ ...batch, ...mine });
  expect([found.queryGrad, found.perQuery]).toEqual([mine.queryGrad, mine.perQuery]);
  expect([mine.queryGrad, mine.documentGrad, mine.perQuery]).toEqual([q, d, perQuery]);
  mine.queryGrad.fill(0.25);
  op.run({ ...batch, ...mine, accumulate: true });
  mine.queryGrad.forEach((g, i) => expect(g).toBeCloseTo(0.25 + q[i], 5));
  expect(mine.documentGrad[4 * dim + 1]).toBeCloseTo(2 * d[4 * dim + 1], 6);
});

it('MaxSim and a combination, over prefixes of tokens', () => {
  const tokens = { queryOffsets: Int32Array.of(0, 3), documentOffsets: Int32Array.of(0, 4, 12) };
  const judged = { labels: Uint8Array.of(1, 0), teacher: Float32Array.of(2, 1) };
  const maxSim = {
    dim,
    shape: [1, 2],
    similarity: 'maxSim',
    terms: [{ loss: 'kl' }, { loss: 'nll', weight: 0.5 }],
  } as const;
  using op = prepare('combine', { ...maxSim, dims: [4] });
  using right = prepare('combine', { ...maxSim, dim: 4 });
  const found = op.run({ ...batch, ...tokens, ...judged });
  const small = { queries: cut(batch.queries, 4), documents: cut(batch.documents, 4) };
  const expected = right.run({ ...small, ...tokens, ...judged });
  expect(found.loss).toBe(expected.loss);
  expect(cut(found.documentGrad!, 4)).toEqual(expected.documentGrad);
});

it.each([
  [{ dims: [] }, /dims is \[\]; it must be an array of different integers from 1 to dim, 10/],
  [{ dims: [11] }, /dims\[0\] is 11/],
  [
    { dims: Object.assign([4], { [Symbol.iterator]: 5 }), dimWeights: [] },
    /dimWeights is \[\]; it must be an array of 1 num/,
  ],
  [{ dims: Array.from({ length: 65 }, (_, i) => i) }, /at most 64 of them/],
  [{ dims: [4, 4] }, /dims\[1\] is 4/],
  [{ dims: [4.5] }, /dims\[0\] is 4.5/],
  [{ dims: [4], dimWeights: [1, 2] }, /dimWeights is .*; it must be an array of 1 numbers/],
  [{ dims: [4], dimWeights: [-1] }, /dimWeights is/],
  [{ dimWeights: [1] }, /dimWeights is given without dims/],
  [{ dims: [4], diagnostics: true }, /diagnostics and dims are both given/],
  [{ dims: [4], gradScale: 'x' }, /gradScale is 'x'/],
] as [object, RegExp][])('option %o', (changed, message) => {
  expect(() => prepare('kl', { ...options, ...changed })).toThrow(message);
});

it.each([
  [{ queryGrad: batch.queries }, /queryGrad and queries share memory; with dims the embeddings are read/],
  [{ queryGrad: new Uint16Array(30) }, /queryGrad is .*; with dims it must be a Float32Array/],
  [{ queries: new Uint16Array(30) }, /queries is .*; with dims its gradient adds up in float32/],
  [{ labels: new Uint8Array(3) }, /labels has 3 elements/],
] as [Partial<EmbeddingBatch>, RegExp][])(
  'input %o is refused, and nothing is written',
  (changed, message) => {
    using op = prepare('kl', { ...options, dims, dtype: 'bfloat16' });
    const documentGrad = new Float32Array(batch.documents.length).fill(3);
    const before = batch.queries.slice();
    expect(() => op.run({ ...batch, documentGrad, ...changed })).toThrow(message);
    expect(documentGrad.every((g) => g === 3)).toBe(true);
    expect(batch.queries).toEqual(before);
    expect(op.run(batch).loss).toBeGreaterThan(0);
  },
);
