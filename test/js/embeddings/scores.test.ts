// Scores, their backward pass and search: right, in place and added up, of any element type, and the same on another thread.
import { describe, expect, it } from 'vitest';
import { backward, backwardAsync, scores, scoresAsync, topK, topKAsync } from '../../../lib/embeddings/index';
import { backends, type CpuTarget } from '../../../lib/index';
import { allPlaces, distance, floats, numbers, reference } from './helpers';

const dim = 24;
const next = numbers(3);
const queries = floats(5 * dim, next);
const documents = floats(30 * dim, next);
const candidates = Int32Array.from({ length: 5 * 7 }, (_, i) => (i % 9 === 4 ? -1 : (i * 11) % 30));
const listed = [...candidates].flatMap((document, at) =>
  document < 0 ? [] : [[Math.floor(at / 7), document, at] as const],
);
const offsets = Int32Array.of(0, 6, 6, 7, 20, 30);
const ragged = Array.from(
  { length: 30 },
  (_, at) => [offsets.findIndex((end) => at < end) - 1, at, at] as const,
);
const forms = [
  ['all pairs', { inBatch: true }, allPlaces(5, 30)],
  ['lists in order', {}, allPlaces(5, 6).map(([b, , at]) => [b, at, at] as const)],
  ['candidates', { candidates }, listed],
  ['candidates by shape', { candidates, shape: [5, 7] as const }, listed],
  ['offsets', { offsets }, ragged],
] as const;

describe.each(forms)('%s', (_, form, places) => {
  it.each(['dot', 'cosine'] as const)(
    '%s: scores and gradients are those of double precision',
    async (similarity) => {
      const options = { dim, similarity, scale: 3, threads: 2 };
      const right = reference(queries, documents, places, options);
      const found = scores({ queries, documents, ...form }, options);
      for (const [, , at] of places) expect(found[at]).toBeCloseTo(right.scores[at], 5);
      const grad = floats(found.length, next);
      const gradients = right.backward(grad);
      const back = backward({ queries, documents, ...form, grad }, { ...options, scaleGrad: true });
      expect(distance(back.queryGrad!, gradients.queryGrad)).toBeLessThan(1e-5);
      expect(distance(back.documentGrad!, gradients.documentGrad)).toBeLessThan(1e-5);
      expect(back.scaleGrad).toBeCloseTo(gradients.scaleGrad, 4);
      expect(await scoresAsync({ queries, documents, ...form }, options)).toEqual(found);
      expect(
        await backwardAsync({ queries, documents, ...form, grad }, { ...options, scaleGrad: true }),
      ).toEqual(back);
    },
  );
});

it('a candidate of -1 scores -Infinity, and its gradient goes nowhere', () => {
  const found = scores({ queries, documents, candidates }, { dim });
  expect([...found].map((score) => score === -Infinity)).toEqual([...candidates].map((row) => row === -1));
  const grad = floats(found.length, next);
  const changed = grad.map((g, i) => (candidates[i] === -1 ? 99 : g));
  const of = (values: Float32Array) => backward({ queries, documents, candidates, grad: values }, { dim });
  expect(of(changed)).toEqual(of(grad));
});

it('the bias of a document is added to its scores', () => {
  const bias = floats(30, next);
  bias[4] = -Infinity;
  const plain = scores({ queries, documents, inBatch: true }, { dim });
  const found = scores({ queries, documents, inBatch: true, bias }, { dim });
  expect(found).toEqual(plain.map((score, i) => score + bias[i % 30]));
  const ofList = scores({ queries, documents, candidates, bias }, { dim });
  candidates.forEach((document, i) => {
    if (document >= 0) expect(ofList[i]).toBe(found[Math.floor(i / 7) * 30 + document]);
  });
});

it('writes into the arrays that it is given, adds on request, and over the embeddings', () => {
  const grad = floats(150, next);
  const input = { queries, documents, inBatch: true, grad };
  const right = backward(input, { dim, similarity: 'cosine' });
  const queryGrad = new Float32Array(5 * dim).fill(1);
  const found = backward(
    { ...input, queryGrad, documentGrad: new Float32Array(30 * dim), accumulate: true },
    {
      dim,
      similarity: 'cosine',
    },
  );
  expect(found.queryGrad).toBe(queryGrad);
  expect(queryGrad).toEqual(right.queryGrad!.map((g) => 1 + g));
  const [q, d] = [queries.slice(), documents.slice()];
  const over = { queries: q, documents: d, inBatch: true, grad, queryGrad: q, documentGrad: d };
  backward(over, { dim, similarity: 'cosine' });
  expect(q).toEqual(right.queryGrad);
  expect(d).toEqual(right.documentGrad);
  expect(backward(input, { dim, queryGrad: false })).not.toHaveProperty('queryGrad');
  expect(backward(input, { dim, documentGrad: false })).not.toHaveProperty('documentGrad');
});

it('reads bfloat16 and float16, and gives gradients of the same kind', () => {
  const half = (x: Float32Array) =>
    new Uint16Array(Uint32Array.from(new Uint32Array(x.buffer), (word) => word >>> 16));
  const wide = (x: Uint16Array) => new Float32Array(Uint32Array.from(x, (word) => word << 16).buffer);
  const [q, d] = [half(queries), half(documents)];
  const found = scores({ queries: q, documents: d, inBatch: true }, { dim, dtype: 'bfloat16' });
  expect(found).toEqual(scores({ queries: wide(q), documents: wide(d), inBatch: true }, { dim }));
  const grad = floats(150, next);
  const back = backward({ queries: q, documents: wide(d), inBatch: true, grad }, { dim, dtype: 'bfloat16' });
  const right = backward({ queries: wide(q), documents: wide(d), inBatch: true, grad }, { dim });
  expect(back.queryGrad).toBeInstanceOf(Uint16Array);
  expect(distance(wide(back.queryGrad!), right.queryGrad!)).toBeLessThan(2 ** -8);
  expect(back.documentGrad).toEqual(right.documentGrad);
  // 1, 2, -0.5 and 0 as float16
  const f16 = Uint16Array.of(0x3c00, 0x4000, 0xb800, 0);
  const product = scores({ queries: f16, documents: f16, inBatch: true }, { dim: 4, dtype: 'float16' });
  expect([...product]).toEqual([5.25]);
});

it.each(['dot', 'cosine'] as const)('topK by %s finds what sorting all scores finds', async (similarity) => {
  const all = scores({ queries, documents, inBatch: true }, { dim, similarity });
  const found = topK(queries, documents, 4, { dim, similarity });
  for (let b = 0; b < 5; b++) {
    const row = [...all.subarray(b * 30, (b + 1) * 30)];
    const order = row.map((_, i) => i).sort((i, j) => row[j] - row[i]);
    expect([...found.ids.subarray(b * 4, b * 4 + 4)]).toEqual(order.slice(0, 4));
    expect([...found.scores.subarray(b * 4, b * 4 + 4)]).toEqual(order.slice(0, 4).map((i) => row[i]));
  }
  expect(await topKAsync(queries, documents, 4, { dim, similarity })).toEqual(found);
  expect([...topK(queries, documents.subarray(0, dim), 2, { dim }).ids]).toEqual([
    0, -1, 0, -1, 0, -1, 0, -1, 0, -1,
  ]);
});

it('asynchronous calls have copied what they were given when they return', async () => {
  const [q, d, grad] = [queries.slice(), documents.slice(), floats(150, next)];
  const right = backward({ queries: q, documents: d, inBatch: true, grad }, { dim });
  const top = topK(q, d, 3, { dim });
  const later = backwardAsync({ queries: q, documents: d, inBatch: true, grad: grad.slice() }, { dim });
  const found = topKAsync(q, d, 3, { dim });
  structuredClone(q.buffer, { transfer: [q.buffer] });
  d.fill(NaN);
  expect(await later).toEqual(right);
  expect(await found).toEqual(top);
});

it('bits do not depend on threads or on the instruction set', () => {
  const targets = backends().cpu.targets.filter((target) => target !== 'baseline');
  const [q, d] = [floats(20 * 100, next), floats(70 * 100, next)];
  const grad = floats(20 * 70, next);
  const results = targets.flatMap((cpuTarget) =>
    [1, 3].map((threads) => {
      const options = { dim: 100, similarity: 'cosine' as const, cpuTarget: cpuTarget as CpuTarget, threads };
      return [
        scores({ queries: q, documents: d, inBatch: true }, options),
        backward({ queries: q, documents: d, inBatch: true, grad }, options),
      ];
    }),
  );
  for (const result of results) expect(result).toEqual(results[0]);
});
