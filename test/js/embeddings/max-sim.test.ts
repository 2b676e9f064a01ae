// MaxSim: right in every form, with its options, as part of a prepared loss, and refused by name where its offsets are wrong.
import { describe, expect, it } from 'vitest';
import {
  backward,
  backwardAsync,
  prepare,
  scores,
  scoresAsync,
  type SimilarityOptions,
  topK,
} from '../../../lib/embeddings/index';
import * as ckl from '../../../lib/index';
import { allPlaces, distance, floats, numbers } from './helpers';

const dim = 12;
const next = numbers(31);
const queryOffsets = Int32Array.of(0, 3, 3, 40); // the second query has no tokens
const documentOffsets = Int32Array.of(0, 5, 9, 9, 10, 60, 61); // nor has the third document
const queries = floats(40 * dim, next);
const documents = floats(61 * dim, next);
const tokens = { queries, documents, queryOffsets, documentOffsets };

const candidates = Int32Array.of(5, 0, 2, 1, -1, 3, 4, 4);
const offsets = Int32Array.of(0, 3, 4, 8);
const listed = [...candidates].flatMap((document, at) =>
  document < 0 ? [] : [[offsets.findIndex((end) => at < end) - 1, document, at] as const],
);

/** Scores and gradients in double precision. */
function reference(
  places: readonly (readonly [number, number, number])[],
  { tokenSimilarity = 'dot', tokenMean = false, scale = 1 }: Omit<SimilarityOptions, 'dim'>,
  grad: ArrayLike<number>,
) {
  const unit = (x: Float32Array) => {
    const u = Float64Array.from(x);
    const norms = Array.from({ length: x.length / dim }, (_, r) =>
      tokenSimilarity === 'cosine' ? Math.hypot(...u.subarray(r * dim, (r + 1) * dim)) : 1,
    );
    return { u: u.map((value, i) => value / norms[Math.floor(i / dim)]), norms };
  };
  const [q, d] = [unit(queries), unit(documents)];
  const found = new Float64Array(grad.length).fill(-Infinity);
  const queryGrad = new Float64Array(queries.length);
  const documentGrad = new Float64Array(documents.length);
  let scaleGrad = 0;
  for (const [b, m, at] of places) {
    if (documentOffsets[m] === documentOffsets[m + 1]) continue;
    const length = queryOffsets[b + 1] - queryOffsets[b];
    const share = tokenMean && length > 0 ? 1 / length : 1;
    let sum = 0;
    for (let t = queryOffsets[b]; t < queryOffsets[b + 1]; t++) {
      let [most, winner] = [-Infinity, -1];
      for (let u = documentOffsets[m]; u < documentOffsets[m + 1]; u++) {
        let dot = 0;
        for (let i = 0; i < dim; i++) dot += q.u[t * dim + i] * d.u[u * dim + i];
        if (dot > most) [most, winner] = [dot, u];
      }
      sum += most * share;
      for (let i = 0; i < dim; i++) {
        queryGrad[t * dim + i] += scale * share * grad[at] * d.u[winner * dim + i];
        documentGrad[winner * dim + i] += scale * share * grad[at] * q.u[t * dim + i];
      }
    }
    found[at] = scale * sum;
    scaleGrad += grad[at] * sum;
  }
  const back = (g: Float64Array, { u, norms }: typeof q) => {
    if (tokenSimilarity === 'dot') return g;
    norms.forEach((norm, r) => {
      let along = 0;
      for (let i = r * dim; i < (r + 1) * dim; i++) along += g[i] * u[i];
      for (let i = r * dim; i < (r + 1) * dim; i++) g[i] = (g[i] - along * u[i]) / norm;
    });
    return g;
  };
  return { scores: found, queryGrad: back(queryGrad, q), documentGrad: back(documentGrad, d), scaleGrad };
}

describe.each([
  ['all pairs', { inBatch: true }, allPlaces(3, 6)],
  ['lists in order', {}, allPlaces(3, 2).map(([b, , at]) => [b, at, at] as const)],
  ['candidates', { candidates, offsets }, listed],
] as const)('%s', (_, form, places) => {
  it.each([
    {},
    { tokenSimilarity: 'cosine', scale: 3 },
    { tokenMean: true },
    { tokenMean: true, tokenSimilarity: 'cosine' },
  ] as const)('%o: scores and gradients are those of double precision', async (changed) => {
    const options = { dim, similarity: 'maxSim', threads: 2, ...changed } as const;
    const found = scores({ ...tokens, ...form }, options);
    const grad = floats(found.length, next);
    const right = reference(places, options, grad);
    right.scores.forEach((score, at) => expect(found[at]).toBeCloseTo(score, 3));
    const input = { ...tokens, ...form, grad };
    const back = backward(input, { ...options, scaleGrad: true });
    expect(distance(back.queryGrad!, right.queryGrad)).toBeLessThan(1e-5);
    expect(distance(back.documentGrad!, right.documentGrad)).toBeLessThan(1e-5);
    expect(distance([back.scaleGrad!], [right.scaleGrad])).toBeLessThan(1e-5);
    expect(await scoresAsync({ ...tokens, ...form }, options)).toEqual(found);
    expect(await backwardAsync(input, { ...options, scaleGrad: true })).toEqual(back);
  });
});

it('a prepared loss is the loss of these scores, also on another thread', async () => {
  const form = { tokenSimilarity: 'cosine', tokenMean: true } as const;
  const options = { dim, similarity: 'maxSim', scale: 20, ...form } as const;
  const batch = {
    ...tokens,
    inBatch: true,
    // -Infinity: the document without tokens
    teacher: floats(18, next).map((score, i) => (i % 6 === 2 ? -Infinity : score)),
    labels: Uint8Array.from({ length: 18 }, (_, i) => (i % 6 === 4 ? 1 : 0)),
  };
  using op = prepare('kl', { ...options, shape: [3, 6], scores: true });
  const found = op.run(batch);
  const student = scores({ ...tokens, inBatch: true }, options);
  expect(found.scores).toEqual(student);
  const right = ckl.kl({ student, teacher: batch.teacher, labels: batch.labels, shape: [3, 6] });
  expect(found.loss).toBe(right.loss);
  expect(found.loss).toBeGreaterThan(0);
  expect(found.loss).toBeLessThan(Infinity);
  const back = backward({ ...tokens, inBatch: true, grad: right.grad }, options);
  expect({ queryGrad: found.queryGrad, documentGrad: found.documentGrad }).toEqual(back);
  expect({ ...(await op.runAsync(batch)) }).toEqual({ ...found });
  const [q, d] = [queries.slice(), documents.slice()];
  op.run({ ...batch, queries: q, documents: d, queryGrad: q, documentGrad: d });
  expect([q, d]).toEqual([back.queryGrad, back.documentGrad]);
  expect(() => op.run({ ...batch, queryGrad: new Float32Array(3 * dim) })).toThrow(
    /queryGrad has 36 elements; it needs at least 480/,
  );
});

it('a document without tokens scores -Infinity, a query without tokens 0', () => {
  const bias = new Float32Array(6).fill(2);
  const found = scores({ ...tokens, inBatch: true, bias }, { dim, similarity: 'maxSim' });
  for (let b = 0; b < 3; b++) expect(found[b * 6 + 2]).toBe(-Infinity);
  expect([...found.subarray(6, 12)]).toEqual([2, 2, -Infinity, 2, 2, 2]);
});

it.each([
  [{ queryOffsets: undefined }, 'ERR_CKL_TYPE', /queryOffsets is missing; it must be an Int32Array/],
  [{ documentOffsets: [0, 61] }, 'ERR_CKL_TYPE', /documentOffsets is \[/],
  [{ queryOffsets: new Int32Array(0) }, 'ERR_CKL_OFFSETS', /queryOffsets is empty/],
  [{ queryOffsets: Int32Array.of(1, 40) }, 'ERR_CKL_OFFSETS', /queryOffsets\[0\] is 1; it must hold/],
  [{ queryOffsets: Int32Array.of(0, 9, 8, 40) }, 'ERR_CKL_OFFSETS', /queryOffsets\[2\] is 8/],
  [
    { documentOffsets: Int32Array.of(0, 60) },
    'ERR_CKL_OFFSETS',
    /documentOffsets\[1\] is 60, and documents holds 61 vectors; it must hold the first token/,
  ],
  [{ candidates: Int32Array.of(0, 6, 1) }, 'ERR_CKL_CANDIDATE', /candidates\[1\] is 6/],
  [{ shape: [2, 3] }, 'ERR_CKL_SHAPE', /the lists are of 2 queries, but queries holds the tokens of 3/],
] as [object, string, RegExp][])('input %o', (changed, code, message) => {
  const call = () => scores({ ...tokens, ...changed }, { dim, similarity: 'maxSim' });
  expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

it('an output over the offsets, and options of another similarity', () => {
  const memory = new ArrayBuffer(18 * 4);
  const over = { queryOffsets: new Int32Array(memory, 0, 4), scores: new Float32Array(memory) };
  over.queryOffsets.set(queryOffsets);
  expect(() => scores({ ...tokens, inBatch: true, ...over }, { dim, similarity: 'maxSim' })).toThrow(
    /scores and queryOffsets share memory/,
  );
  expect(() => scores(tokens, { dim })).toThrow(/queryOffsets is given and similarity is 'dot'/);
  expect(() => scores({ queries, documents }, { dim, tokenMean: true })).toThrow(
    /tokenMean is given and similarity is 'dot'/,
  );
  expect(() => scores(tokens, { dim, similarity: 'maxSim', tokenSimilarity: 'maxSim' as never })).toThrow(
    /tokenSimilarity is 'maxSim'; it must be/,
  );
  expect(() => scores(tokens, { dim, similarity: 'maxSim', tokenMean: 1 as never })).toThrow(
    /tokenMean is 1/,
  );
  expect(() => topK(queries, documents, 1, { dim, similarity: 'maxSim' })).toThrow(/topK searches by/);
});
