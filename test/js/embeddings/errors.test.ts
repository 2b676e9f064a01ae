// Embeddings that are wrong are refused by name, with nothing written; the next call works.
import { expect, it } from 'vitest';
import { backward, backwardAsync, prepare, scores, scoresAsync, topK } from '../../../lib/embeddings/index';

const queries = Float32Array.of(1, 2, 3, 4);
const documents = Float32Array.of(1, 0, 0, 1, 1, 1, 2, 2);
const labels = Uint8Array.of(1, 0, 1, 0);
const teacher = Float32Array.of(1, 2, 3, 4);
const good = { queries, documents, labels, teacher };
const memory = new ArrayBuffer(16);
const shared = new Float32Array(new SharedArrayBuffer(16));
const resizable = new Float32Array(
  Reflect.construct(ArrayBuffer, [16, { maxByteLength: 32 }]) as ArrayBuffer,
);
const detached = new Float32Array(4);
structuredClone(detached.buffer, { transfer: [detached.buffer] });

const options: [object, string, RegExp][] = [
  [{ dim: undefined }, 'ERR_CKL_OPTION', /dim is undefined/],
  [{ dim: 0 }, 'ERR_CKL_OPTION', /dim is 0; it must be an integer from 1/],
  [{ dim: 1.5 }, 'ERR_CKL_OPTION', /dim is 1.5/],
  [{ similarity: 'cosin' }, 'ERR_CKL_OPTION', /did you mean "cosine"/],
  [{ scale: NaN }, 'ERR_CKL_OPTION', /scale is NaN/],
  [{ scale: 1e300 }, 'ERR_CKL_OPTION', /scale is 1e\+300/],
  [{ scale: '1' }, 'ERR_CKL_OPTION', /scale is '1'/],
  [{ threads: -1 }, 'ERR_CKL_OPTION', /threads is -1/],
  [{ cpuTarget: 'sse9' }, 'ERR_CKL_BACKEND', /cpuTarget is 'sse9'/],
  [{ dtype: 'float64' }, 'ERR_CKL_OPTION', /dtype is 'float64'/],
];
it.each(options)('option %o', (changed, code, message) => {
  const call = () => scores({ queries, documents, inBatch: true }, { dim: 2, ...changed });
  expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  const make = () => prepare('kl', { dim: 2, shape: [2, 2], ...changed });
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

it.each([
  [{ gamma: 3 }, 'ERR_CKL_OPTION', /kl takes no option gamma/],
  [{ shape: undefined }, 'ERR_CKL_SHAPE', /shape is undefined/],
  [{ backend: 'cuda' }, 'ERR_CKL_BACKEND', /embeddings are scored on the CPU/],
  [{ inBatch: 1 }, 'ERR_CKL_OPTION', /inBatch is 1/],
  [{ shard: { begin: 0, documents: 4 } }, 'ERR_CKL_OPTION', /^shard is given.*give group and across/],
  [{ scores: 'yes' }, 'ERR_CKL_OPTION', /scores is 'yes'/],
  [{ queryGrad: 0 }, 'ERR_CKL_OPTION', /queryGrad is 0/],
  [{ teacherGrad: new Float32Array(4) }, 'ERR_CKL_OPTION', /teacherGrad/],
] as [object, string, RegExp][])('option %o of a prepared loss', (changed, code, message) => {
  const make = () => prepare('kl', { dim: 2, shape: [2, 2], ...changed });
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

it('options that a function does not take', () => {
  const call = () => scores({ queries, documents, inBatch: true }, { dim: 2, queryGrad: true } as never);
  expect(call).toThrow(/scores takes no option queryGrad/);
  expect(() => scores({ queries, documents }, 3 as never)).toThrow(/options is 3/);
});

const batches: [object, string, RegExp][] = [
  [{ queries: undefined }, 'ERR_CKL_TYPE', /queries is missing/],
  [{ queries: [1, 2, 3, 4] }, 'ERR_CKL_TYPE', /queries is \[/],
  [{ queries: new Uint16Array(4) }, 'ERR_CKL_TYPE', /queries is a Uint16Array: say how to read it/],
  [{ queries: shared }, 'ERR_CKL_BUFFER', /queries lies in a SharedArrayBuffer/],
  [{ documents: resizable }, 'ERR_CKL_BUFFER', /documents lies in a resizable/],
  [{ queries: detached }, 'ERR_CKL_BUFFER', /queries is detached/],
  [
    { queries: new Float32Array(3) },
    'ERR_CKL_SHAPE',
    /queries has 3 elements; it must hold whole embeddings of 2/,
  ],
  [{ documents: new Float32Array(6) }, 'ERR_CKL_SHAPE', /documents has 3 places for 2 queries/],
  [{ candidates: [0, 1, 2, 3] }, 'ERR_CKL_TYPE', /candidates is \[/],
  [
    { candidates: Int32Array.of(0, 1, 4, 0) },
    'ERR_CKL_CANDIDATE',
    /candidates\[2\] is 4; it must be a row of documents, 0 to 3/,
  ],
  [{ candidates: Int32Array.of(0, -2, 1, 0) }, 'ERR_CKL_CANDIDATE', /candidates\[1\] is -2/],
  [{ candidates: Int32Array.of(0, 1, 2), shape: [2, 2] }, 'ERR_CKL_SHAPE', /candidates has 3 elements/],
  [{ shape: [3, 1] }, 'ERR_CKL_SHAPE', /the lists are of 3 queries, but queries holds 2/],
  [{ shape: [2, 1] }, 'ERR_CKL_SHAPE', /documents holds 4 of 2 elements and the lists have 2 places/],
  [{ offsets: Int32Array.of(0, 2, 4), shape: [2, 2] }, 'ERR_CKL_SHAPE', /shape and offsets are both given/],
  [{ offsets: Int32Array.of(0, 5, 4) }, 'ERR_CKL_SHAPE', /prepared for/],
  [{ offsets: Int32Array.of(-1, 2, 4) }, 'ERR_CKL_SHAPE', /prepared for/],
  [{ offsets: Int32Array.of(1, 0, 2) }, 'ERR_CKL_OFFSETS', /offsets\[1\] is 0/],
  [{ inBatch: true }, 'ERR_CKL_SHAPE', /2 queries of up to 4 documents; this kl was prepared for \[2, 2\]/],
  [
    { inBatch: true, candidates: new Int32Array(4) },
    'ERR_CKL_SHAPE',
    /candidates and inBatch are both given/,
  ],
  [
    { inBatch: true, shape: [2, 3] },
    'ERR_CKL_SHAPE',
    /with inBatch it is \[queries, documents\], here \[2, 4\]/,
  ],
  [{ inBatch: 'yes' }, 'ERR_CKL_OPTION', /inBatch is 'yes'/],
  [{ own: Int32Array.of(0, 1) }, 'ERR_CKL_SHAPE', /own is given without inBatch/],
  [{ labels: undefined }, 'ERR_CKL_TYPE', /labels is missing/],
  [{ labels: Uint8Array.of(1, 0, 7, 0) }, 'ERR_CKL_LABEL', /labels at query 1, document 0, is 7/],
  [{ labels: new Uint8Array(5) }, 'ERR_CKL_SHAPE', /labels has 5 elements/],
  [{ teacher: undefined }, 'ERR_CKL_TYPE', /teacher is missing/],
  [{ teacher: new Float32Array(3) }, 'ERR_CKL_SHAPE', /teacher has 3 elements/],
  [{ mask: new Uint8Array(3) }, 'ERR_CKL_SHAPE', /mask has 3 elements/],
  [{ bias: new Float32Array(3) }, 'ERR_CKL_SHAPE', /bias has 3 elements; it needs 4/],
  [{ scale: Infinity }, 'ERR_CKL_OPTION', /scale is Infinity/],
  [{ weights: Float32Array.of(1, -1) }, 'ERR_CKL_WEIGHT', /weights\[1\] is -1/],
  [{ queryGrad: new Float32Array(3) }, 'ERR_CKL_SHAPE', /queryGrad has 3 elements; it needs at least 4/],
  [{ accumulate: true }, 'ERR_CKL_OPTION', /accumulate is true and queryGrad is missing/],
  [{ queryGrad: documents }, 'ERR_CKL_OVERLAP', /queryGrad and documents share memory/],
  [
    { queryGrad: new Float32Array(memory), perQuery: new Float32Array(memory, 0, 2) },
    'ERR_CKL_OVERLAP',
    /queryGrad and perQuery share memory/,
  ],
  [{ scores: teacher }, 'ERR_CKL_OVERLAP', /scores and teacher share memory/],
  [{ querys: queries }, 'ERR_CKL_TYPE', /batch.querys is unknown \(did you mean "queries"\?\)/],
];
it.each(batches)('batch %o', async (changed, code, message) => {
  using op = prepare('kl', { dim: 2, shape: [2, 2] });
  const outputs = { documentGrad: new Float32Array(8).fill(7) };
  const batch = { ...good, ...outputs, ...changed };
  const error = expect.objectContaining({ code, message: expect.stringMatching(message) });
  expect(() => op.run(batch as never)).toThrow(error);
  expect([...outputs.documentGrad]).toEqual(new Array(8).fill(7));
  expect(op.run(good).counted).toBe(2);
});

it('own lists', () => {
  using op = prepare('kl', { dim: 2, shape: [2, 4], inBatch: true });
  const run = (changed: object) => () => op.run({ ...good, ...changed });
  expect(run({ own: Int32Array.of(0, 1, 4, 2) })).toThrow(
    /own\[2\] is 4; it must be a row of documents, 0 to 3/,
  );
  expect(run({ own: Int32Array.of(0, 1, 2) })).toThrow(/labels has 4 elements; the lists have 3 places/);
  expect(
    run({ own: Int32Array.of(0, 1, 2), labels: new Uint8Array(3), teacher: new Float32Array(3) }),
  ).toThrow(/own has 3 elements; it must hold as many rows of documents for each of 2 queries/);
  expect(run({ own: Int32Array.of(0, 1, 2, 3) })().counted).toBe(2);
});

it('a gradient over embeddings cannot be added to them, and one that is off cannot be written', () => {
  const grad = new Float32Array(8);
  const input = { queries, documents, inBatch: true, grad };
  expect(() =>
    backward({ ...input, queryGrad: queries, documentGrad: documents, accumulate: true }, { dim: 2 }),
  ).toThrow(/a gradient cannot be added to embeddings/);
  expect(() => backward({ ...input, queryGrad: new Float32Array(4) }, { dim: 2, queryGrad: false })).toThrow(
    /queryGrad is given, and the option queryGrad is false/,
  );
  expect(() => backward({ ...input, grad: undefined as never }, { dim: 2 })).toThrow(/grad is missing/);
  expect(() => backward({ ...input, grad: new Float32Array(7) }, { dim: 2 })).toThrow(
    /grad has 7 elements; it needs 8/,
  );
  expect(() => topK(queries, documents, 1.5, { dim: 2 })).toThrow(/k is 1.5/);
});

it('asynchronous functions reject, also for outputs', async () => {
  const input = { queries, documents, inBatch: true };
  await expect(scoresAsync({ ...input, scores: new Float32Array(8) } as never, { dim: 2 })).rejects.toThrow(
    /leave out scores/,
  );
  await expect(scoresAsync(input, { dim: 3 })).rejects.toThrow(/whole embeddings of 3/);
  const back = backwardAsync(
    { ...input, grad: new Float32Array(8), queryGrad: new Float32Array(4) } as never,
    { dim: 2 },
  );
  await expect(back).rejects.toThrow(/leave out queryGrad/);
  using op = prepare('kl', { dim: 2, shape: [2, 2] });
  await expect(op.runAsync({ ...good, perQuery: new Float32Array(2) } as never)).rejects.toThrow(
    /leave out perQuery/,
  );
  const bad = { ...good, labels: Uint8Array.of(1, 0, 7, 0) };
  await expect(op.runAsync(bad)).rejects.toThrow(/labels at query 1/);
});

it('a disposed loss, also by a getter of its batch', () => {
  const op = prepare('kl', { dim: 2, shape: [2, 2] });
  const batch = {
    ...good,
    get documents() {
      op.dispose();
      return documents;
    },
  };
  expect(() => op.run(batch)).toThrow(expect.objectContaining({ code: 'ERR_CKL_DISPOSED' }));
  op.dispose();
  expect(() => op.run(good)).toThrow(expect.objectContaining({ code: 'ERR_CKL_DISPOSED' }));
});
