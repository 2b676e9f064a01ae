// Sparse vectors of terms: the bits of the same vectors held densely, in every form; what is wrong with terms is named.
import { describe, expect, it } from 'vitest';
import { backward, backwardAsync, prepare, scores, scoresAsync, topK } from '../../../lib/embeddings/index';
import { backends } from '../../../lib/index';
import { floats, numbers } from './helpers';

const dim = 97;
const next = numbers(81);
const sparse = { dim, similarity: 'sparse', scale: 1.5 } as const;
const dense = { dim, similarity: 'dot', scale: 1.5 } as const;

/** Vectors with a few terms each; every fifth has none. */
function side(count: number) {
  const ids: number[] = [];
  const offsets = [0];
  for (let v = 0; v < count; v++) {
    const each = v % 5 === 3 ? 0 : 1 + Math.floor(Math.abs(next()) * 20);
    const terms = new Set(Array.from({ length: each }, () => Math.floor(Math.abs(next()) * dim)));
    ids.push(...[...terms].sort((a, b) => a - b));
    offsets.push(ids.length);
  }
  return { ids: Int32Array.from(ids), offsets: Int32Array.from(offsets), values: floats(ids.length, next) };
}
type Side = ReturnType<typeof side>;

function expand({ ids, offsets, values }: Side): Float32Array {
  const whole = new Float32Array((offsets.length - 1) * dim);
  for (let v = 0; v + 1 < offsets.length; v++)
    for (let i = offsets[v]; i < offsets[v + 1]; i++) whole[v * dim + ids[i]] = values[i];
  return whole;
}
/** The elements of a dense gradient that are held. */
function held({ ids, offsets }: Side, whole: Float32Array): Float32Array {
  const left = new Float32Array(ids.length);
  for (let v = 0; v + 1 < offsets.length; v++)
    for (let i = offsets[v]; i < offsets[v + 1]; i++) left[i] = whole[v * dim + ids[i]];
  return left;
}

const [q, d] = [side(7), side(28)];
const given = {
  queries: q.values,
  queryIds: q.ids,
  queryOffsets: q.offsets,
  documents: d.values,
  documentIds: d.ids,
  documentOffsets: d.offsets,
};
const right = { queries: expand(q), documents: expand(d) };
const candidates = Int32Array.from({ length: 21 }, (_, i) => (i % 8 === 6 ? -1 : (i * 5) % 28));

describe.each([
  ['all pairs', { inBatch: true }, 7 * 28],
  ['lists in order', {}, 28],
  ['candidates', { candidates }, 21],
  ['lists of several lengths', { candidates, offsets: Int32Array.of(0, 4, 4, 9, 10, 15, 20, 21) }, 21],
] as const)('%s', (_, form, size) => {
  it.each([backends().cpu.targets[0], 2, 5] as const)(
    'scores and gradients are those of dense vectors (%s)',
    async (how) => {
      const changed = typeof how === 'number' ? { threads: how } : { cpuTarget: how };
      const found = scores({ ...given, ...form }, { ...sparse, ...changed });
      expect(found).toEqual(scores({ ...right, ...form }, { ...dense, ...changed }));
      const grad = floats(size, next).map((g, i) => (i % 6 === 2 ? 0 : g));
      const options = { ...changed, scaleGrad: true };
      const back = backward({ ...given, ...form, grad }, { ...sparse, ...options });
      const whole = backward({ ...right, ...form, grad }, { ...dense, ...options });
      expect(back.queryGrad).toEqual(held(q, whole.queryGrad!));
      expect(back.documentGrad).toEqual(held(d, whole.documentGrad!));
      expect(back.scaleGrad).toBeCloseTo(whole.scaleGrad!, 5);
      expect(await scoresAsync({ ...given, ...form }, { ...sparse, ...changed })).toEqual(found);
      expect(await backwardAsync({ ...given, ...form, grad }, { ...sparse, ...options })).toEqual(back);
    },
  );
});

it('a prepared loss, with bias, gradients over the values and added to others', async () => {
  const batch = {
    teacher: floats(28, next),
    labels: Uint8Array.from({ length: 28 }, (_, i) => (i % 4 === 1 ? 1 : 0)),
    bias: floats(28, next),
  };
  using op = prepare('ckl', { ...sparse, shape: [7, 4], alpha: 1 });
  using other = prepare('ckl', { ...dense, shape: [7, 4], alpha: 1 });
  const found = op.run({ ...given, ...batch });
  const whole = other.run({ ...right, ...batch });
  expect([found.loss, found.perQuery]).toEqual([whole.loss, whole.perQuery]);
  expect(found.queryGrad).toEqual(held(q, whole.queryGrad!));
  expect(found.documentGrad).toEqual(held(d, whole.documentGrad!));
  expect(await op.runAsync({ ...given, ...batch })).toEqual(found);
  const [queryGrad, documentGrad] = [found.queryGrad!.slice(), found.documentGrad!.slice()];
  const over = { queries: q.values.slice(), documents: d.values.slice() };
  op.run({ ...given, ...batch, ...over, queryGrad: over.queries, documentGrad: over.documents });
  expect([over.queries, over.documents]).toEqual([queryGrad, documentGrad]);
  const sum = { queryGrad: queryGrad.map(() => 2), documentGrad: documentGrad.map(() => 3) };
  op.run({ ...given, ...batch, ...sum, accumulate: true });
  expect(sum.queryGrad).toEqual(queryGrad.map((g) => 2 + g));
  expect(sum.documentGrad).toEqual(documentGrad.map((g) => 3 + g));
});

it('a value that is not finite stays with its pairs', () => {
  const values = d.values.slice();
  values[d.offsets[2]] = NaN;
  const found = scores({ ...given, documents: values, inBatch: true }, sparse);
  found.forEach((score, at) => expect(Number.isNaN(score)).toBe(at % 28 === 2));
  // A pair whose gradient is 0 passes nothing on.
  const grad = floats(7 * 28, next).map((g, at) => (at % 28 === 2 ? 0 : g));
  const { queryGrad, documentGrad } = backward({ ...given, documents: values, inBatch: true, grad }, sparse);
  expect([...queryGrad!, ...documentGrad!].every(Number.isFinite)).toBe(true);
});

it.each([
  [{ queryIds: undefined }, 'ERR_CKL_TYPE', /queryIds is missing; it must be an Int32Array: the term/],
  [{ documentIds: new Int32Array(3) }, 'ERR_CKL_SHAPE', /documentIds has 3 elements; it needs/],
  [
    { queryIds: q.ids.map((id, i) => (i === 4 ? 97 : id)) },
    'ERR_CKL_TERM',
    /queryIds\[4\] is 97; ids are terms .* 0 to 96/,
  ],
  [{ queryIds: q.ids.map((id, i) => (i === 2 ? -1 : id)) }, 'ERR_CKL_TERM', /queryIds\[2\] is -1/],
  [
    { documentIds: d.ids.slice().reverse() },
    'ERR_CKL_TERM',
    /documentIds\[\d+\] is \d+; .* ascending within a vector/,
  ],
  [{ queryOffsets: Int32Array.of(0, 3) }, 'ERR_CKL_OFFSETS', /queryOffsets\[1\] is 3/],
  [
    { queryMask: new Uint8Array(q.ids.length) },
    'ERR_CKL_OPTION',
    /queryMask is given and similarity is 'sparse'; only 'maxSim' has it/,
  ],
] as [object, string, RegExp][])('input %#', (changed, code, message) => {
  const call = () => scores({ ...given, inBatch: true, ...changed }, sparse);
  expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  expect(scores({ ...given, inBatch: true }, sparse)).toHaveLength(7 * 28);
});

it('what sparse vectors do not take', () => {
  expect(() => scores({ ...right, queryIds: q.ids, inBatch: true }, dense)).toThrow(
    /queryIds is given and similarity is 'dot'; only 'sparse' has it/,
  );
  expect(() => topK(q.values, d.values, 1, sparse)).toThrow(/similarity is 'sparse'; topK searches by/);
  const options = { ...sparse, shape: [7, 28], inBatch: true } as const;
  expect(() => prepare('kl', { ...options, inBatchScores: 'tiles' })).toThrow(/similarity 'sparse' cannot/);
  expect(() => prepare('kl', { ...options, dims: [1] })).toThrow(/dims is given and similarity is 'sparse'/);
  expect(() => prepare('kl', { ...options, tokenMean: true })).toThrow(/tokenMean is given/);
});
