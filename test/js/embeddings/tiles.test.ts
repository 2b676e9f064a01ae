// In-batch negatives in tiles: the bits of the stored matrix for every loss, element type, output and size of a tile; refused where they cannot be.
import { describe, expect, it } from 'vitest';
import { type EmbeddingBatch, prepare } from '../../../lib/embeddings/index';
import { blockSize, isTooLarge } from '../../../lib/embeddings/blocks';
import { backends, losses } from '../../../lib/index';
import { floats, numbers } from './helpers';

const [queries, documents, dim] = [11, 50, 19];
const next = numbers(71);
const batch = {
  queries: floats(queries * dim, next),
  documents: floats(documents * dim, next),
  teacher: floats(queries * documents, next),
  labels: Uint8Array.from({ length: queries * documents }, (_, i) => {
    const [b, m] = [Math.floor(i / documents), i % documents];
    return b === 4 ? 0 : m === 3 * b ? 1 : m % 17 === 5 ? 255 : 0; // query 4 has no positive
  }),
  mask: Uint8Array.from({ length: queries * documents }, (_, i) => (i % 13 === 7 ? 0 : 1)),
  relevance: floats(queries * documents, next).map(Math.abs),
  weights: floats(queries, next).map(Math.abs),
  bias: floats(documents, next),
};
const options = {
  dim,
  shape: [queries, documents],
  inBatch: true,
  similarity: 'cosine',
  scale: 6,
  scaleGrad: true,
} as const;
const tiles = { inBatchScores: 'tiles' } as const;
const stored = { inBatchScores: 'stored' } as const;

/** Results with gradients of their own. */
function run(loss: string, changed: object, given: object = batch) {
  using op = prepare(loss as 'kl', { ...options, ...changed } as never);
  const { perQuery, queryGrad, documentGrad, ...rest } = op.run(given as EmbeddingBatch);
  const copy = (x: unknown) => (x as Float32Array | undefined)?.slice();
  return { ...rest, perQuery: copy(perQuery), queryGrad: copy(queryGrad), documentGrad: copy(documentGrad) };
}

describe.each(Object.keys(losses))('%s', (loss) => {
  it.each([1, 4, 11])('in tiles of %i queries', (tileQueries) => {
    const { relevance, ...without } = batch;
    const given = { lambdaMrr: batch, lambdaNdcg: batch }[loss] ?? (relevance ? without : batch);
    const right = run(loss, stored, given);
    expect(right.queryGrad!.some((g) => g !== 0)).toBe(true);
    expect(run(loss, { ...tiles, tileQueries }, given)).toEqual(right);
  });
});

const half = (length: number) => Uint16Array.from({ length }, (_, i) => 0x3f00 + ((i * 37) % 200));
describe.each([
  ['dot products', { similarity: 'dot' }, batch],
  ['ranks of the student', { alpha: 1 }, batch],
  [
    'a sum of losses',
    {
      terms: [
        { loss: 'ckl', alpha: 1 },
        { loss: 'marginMse', weight: 0.3 },
      ],
    },
    batch,
  ],
  ['a sum, each query once', { reduction: 'sum' }, batch],
  ['no reduction', { reduction: 'none' }, batch],
  ['pairs of the batch', { loss: 'rankNet', pairMean: 'batch' }, batch],
  [
    'halves',
    { dtype: 'bfloat16' },
    { ...batch, documents: half(documents * dim), queries: half(queries * dim) },
  ],
  ['halves of the teacher', { dtype: 'bfloat16' }, { ...batch, teacher: half(queries * documents) }],
  ['gradients of one side', { queryGrad: false, scaleGrad: false }, batch],
  ['prefixes', { dims: [19, 7], dimWeights: [1, 0.5] }, batch],
  ['no weights', {}, { ...batch, weights: undefined }],
  ['one thread', { threads: 1 }, batch],
  ['another instruction set', { cpuTarget: backends().cpu.targets[0] }, batch],
] as const)('%s', (_, changed, given) => {
  const { loss = 'terms' in changed ? 'combine' : 'ckl', ...form } = changed as { loss?: string };
  it.each([1, 3, 8])('in tiles of %i queries', (tileQueries) => {
    expect(run(loss, { ...form, ...tiles, tileQueries }, given)).toEqual(
      run(loss, { ...form, ...stored }, given),
    );
  });
});

it('own lists, and what is laid out like them or like all documents', () => {
  const own = Int32Array.from({ length: queries * 4 }, (_, i) => (i % 9 === 8 ? -1 : (i * 7) % documents));
  const given = {
    queries: batch.queries,
    documents: batch.documents,
    own,
    teacher: floats(own.length, next),
    labels: Uint8Array.from(own, (_, i) => (i % 4 === 1 ? 1 : 0)),
    mask: Uint8Array.from(own, (_, i) => (i % 7 === 3 ? 0 : 1)),
    ranks: Int32Array.from({ length: queries * documents }, (_, i) => 1 + (i % documents)),
    beta: undefined,
  };
  const right = run('ckl', { ...stored, alpha: 1 }, given);
  expect(right.loss).toBeGreaterThan(0);
  for (const tileQueries of [1, 4]) {
    expect(run('ckl', { ...tiles, alpha: 1, tileQueries }, given)).toEqual(right);
  }
});

it('outputs: own arrays, those of the embeddings, and added to what is there', () => {
  const right = run('kl', stored);
  for (const accumulate of [false, true]) {
    using op = prepare('kl', { ...options, ...tiles, tileQueries: 4 });
    const mine = {
      queryGrad: new Float32Array(queries * dim).fill(0.5),
      documentGrad: new Float32Array(documents * dim).fill(0.5),
      perQuery: new Float32Array(queries + 3),
    };
    op.run({ ...batch, ...mine, accumulate });
    const plus = (g: Float32Array) => (accumulate ? g.map((x) => 0.5 + x) : g);
    expect(mine.queryGrad).toEqual(plus(right.queryGrad!));
    expect(mine.documentGrad).toEqual(plus(right.documentGrad!));
    expect(mine.perQuery.subarray(0, queries)).toEqual(right.perQuery);
  }
  using op = prepare('kl', { ...options, ...tiles, tileQueries: 4 });
  const over = { queries: batch.queries.slice(), documents: batch.documents.slice() };
  op.run({ ...batch, ...over, queryGrad: over.queries, documentGrad: over.documents });
  expect([over.queries, over.documents]).toEqual([right.queryGrad, right.documentGrad]);
});

it('a value that is wrong in a late tile is named by its query, and nothing is written', () => {
  using op = prepare('kl', { ...options, ...tiles, tileQueries: 4 });
  const labels = batch.labels.slice();
  labels[9 * documents + 2] = 7;
  const mine = {
    queryGrad: new Float32Array(queries * dim),
    documentGrad: new Float32Array(documents * dim),
  };
  let stored = '';
  try {
    run('kl', { inBatchScores: 'stored' }, { ...batch, labels });
  } catch (error) {
    stored = (error as Error).message;
  }
  expect(stored).toMatch(/labels.* is 7/);
  expect(() => op.run({ ...batch, ...mine, labels })).toThrow(stored);
  expect(() => op.run({ ...batch, ...mine, weights: new Float32Array(3) })).toThrow(
    /weights has 3 elements; it needs 11/,
  );
  expect([...mine.queryGrad, ...mine.documentGrad].every((g) => g === 0)).toBe(true);
  expect(op.run(batch).loss).toBe(run('kl', {}).loss);
});

it('lists are lists, and no queries are no queries', () => {
  using op = prepare('kl', { ...options, ...tiles });
  const lists = { ...batch, inBatch: false, queries: batch.queries.slice(0, 2 * dim), weights: undefined };
  const given = {
    ...lists,
    bias: undefined,
    relevance: undefined,
    mask: undefined,
    documents: batch.documents.slice(0, 10 * dim),
    teacher: batch.teacher.slice(0, 10),
    labels: Uint8Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, 0),
  };
  expect(op.run(given).loss).toBeGreaterThan(0);
  const none = op.run({
    queries: new Float32Array(0),
    documents: batch.documents,
    teacher: new Float32Array(0),
    labels: new Uint8Array(0),
  });
  expect([none.loss, none.counted, none.documentGrad!.every((g) => g === 0)]).toEqual([0, 0, true]);
});

it('by default, tiles where the matrix is large', () => {
  expect(isTooLarge(1000)).toBe(false);
  expect(isTooLarge(2 ** 50)).toBe(true);
  expect(blockSize(256, 8448)).toBe(128);
  expect(blockSize(313, 8448)).toBe(105);
  expect(blockSize(5, 8448)).toBe(5);
  expect(blockSize(1000, 10 ** 6)).toBe(16);
  expect(blockSize(0, 0)).toBe(1);
});

it.each([
  [{ scores: true }, /inBatchScores is 'tiles', which scores cannot be computed with/],
  [{ diagnostics: true }, /which diagnostics cannot/],
  [{ similarity: 'maxSim' }, /which similarity 'maxSim' cannot/],
  [{ inBatchScores: 'tile' }, /inBatchScores is 'tile' .*; it must be auto, stored or tiles/],
  [{ tileQueries: 0 }, /tileQueries is 0; it must be an integer of 1 or more/],
] as [object, RegExp][])('option %o', (changed, message) => {
  expect(() => run('kl', { ...tiles, ...changed })).toThrow(message);
});

it('runAsync and an array for scores', async () => {
  using op = prepare('kl', { ...options, ...tiles });
  await expect(op.runAsync(batch)).rejects.toThrow(/which runAsync cannot/);
  expect(() => op.run({ ...batch, scores: new Float32Array(queries * documents) })).toThrow(
    /which scores cannot/,
  );
});
