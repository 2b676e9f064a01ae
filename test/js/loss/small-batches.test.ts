// Batches of up to 1024 documents are copied to arrays of the library's own; nothing but the time may show it.
import { describe, expect, it } from 'vitest';
import { kl, prepare } from '../../../lib/index';
import {
  errorOf,
  expectSameBits,
  expectSameResult,
  lossNames,
  lossOf,
  randomBatch,
  type TestBatch,
} from './helpers';

/** The same batch with its rows one place apart, which never goes through the copies. */
function apart<B extends AnyBatch>({ shape, ...arrays }: B): AnyBatch {
  const [queries, docs] = shape;
  const spread = <A extends Float32Array | Uint8Array>(array: A): A => {
    const to = array.subarray(0, 0).constructor as new (length: number) => A;
    const result = new to(queries * (docs + 1));
    for (let b = 0; b < queries; b++) result.set(array.subarray(b * docs, (b + 1) * docs), b * (docs + 1));
    return result;
  };
  const entries = Object.entries(arrays).map(([key, array]) => [key, spread(array as Float32Array)]);
  return { ...Object.fromEntries(entries), shape, rowStride: docs + 1 } as AnyBatch;
}
type AnyBatch = Pick<TestBatch, 'student' | 'labels' | 'shape'> & Partial<TestBatch>;
/** Its result, as that of the batch itself. */
function direct(name: string, batch: AnyBatch) {
  const result = lossOf(name)(apart(batch));
  const docs = batch.shape[1];
  return { ...result, grad: (result.grad as Float32Array).filter((_, i) => i % (docs + 1) < docs) };
}
const sizes: [number, number][] = [
  [1, 1],
  [4, 8],
  [8, 4],
  [16, 16],
  [1, 256],
  [256, 1],
  [1, 257],
  [16, 17],
  [2, 512],
  [1, 1024],
  [1, 1025],
];

describe('a small batch', () => {
  it.each(sizes)('of %i x %i gives the bits that it gives without the copies', (queries, docs) => {
    const batch = randomBatch({ seed: queries * 1000 + docs, queries, docs, padding: 10 });
    for (const name of lossNames) expectSameResult(lossOf(name)(batch), direct(name, batch));
  });

  it.each(['rankNet', 'listMle', 'adrMse', 'lambdaNdcg'] as const)(
    'with relevance needs no teacher for %s',
    (name) => {
      const { student, labels, shape } = randomBatch({ seed: 9, queries: 4, docs: 8 });
      const relevance = student.map((_, i) => i % 3);
      const ordered = { student, labels, relevance, shape };
      expectSameResult(lossOf(name)(ordered), direct(name, ordered));
      expect(errorOf(() => lossOf(name)({ student, labels, shape }))).toMatchObject({ code: 'ERR_CKL_TYPE' });
    },
  );

  it('gives the same between large ones, other layouts and errors', () => {
    using prepared = prepare('ckl', { shape: [256, 300] });
    const small = randomBatch({ seed: 1, queries: 4, docs: 8 });
    const [wide, large] = [
      randomBatch({ seed: 2, queries: 8, docs: 4 }),
      randomBatch({ seed: 3, queries: 20, docs: 30 }),
    ];
    const wrong = { ...small, labels: new Uint8Array(32).fill(3) };
    const ragged = {
      student: small.student,
      teacher: small.teacher,
      labels: small.labels,
      offsets: Int32Array.of(0, 5, 32),
    };
    const expected = new Map([small, wide, large, apart(small), ragged].map((b) => [b, lossOf('ckl')(b)]));
    const kept = [...expected.keys()];
    for (let i = 0; i < 60; i++) {
      if (i % 7 === 0) expect(errorOf(() => prepared.run(wrong)).code).toBe('ERR_CKL_LABEL');
      const one = kept[(i * 11 + Math.floor(i / 5)) % kept.length];
      expectSameResult(prepared.run(one), expected.get(one)!);
    }
  });

  it('is read anew at each run, wherever it lies', () => {
    using prepared = prepare('kl', { shape: [4, 8] });
    const batch = randomBatch({ seed: 4, queries: 4, docs: 8 });
    prepared.run(batch);
    batch.student[3] += 1;
    expect(prepared.run(batch).loss).toBe(kl({ ...batch, student: batch.student.slice() }).loss);
    const part = new Float32Array(40).fill(9);
    part.set(batch.student, 8);
    expect(prepared.run({ ...batch, student: part.subarray(8) }).loss).toBe(kl(batch).loss);
  });

  it('writes to the outputs of the batch, and to nothing else of them', () => {
    const batch = randomBatch({ seed: 5, queries: 4, docs: 8 });
    const expected = kl(batch);
    const grad = new Float32Array(40).fill(7);
    const perQuery = new Float32Array(6).fill(7);
    const result = kl({ ...batch, grad, perQuery });
    expect(result.grad).toBe(grad);
    expectSameBits(grad.slice(0, 32), expected.grad);
    expectSameBits(perQuery.slice(0, 4), expected.perQuery);
    expect([...grad.slice(32), ...perQuery.slice(4)]).toEqual(new Array(10).fill(7));
    const student = batch.student.slice();
    kl({ ...batch, student, grad: student });
    expectSameBits(student, expected.grad);
  });

  it('with a wrong value leaves the outputs as they were', () => {
    const batch = { ...randomBatch({ seed: 6, queries: 4, docs: 8 }), labels: new Uint8Array(32).fill(3) };
    const grad = new Float32Array(32).fill(7);
    expect(errorOf(() => kl({ ...batch, grad })).code).toBe('ERR_CKL_LABEL');
    expect(new Set(grad)).toEqual(new Set([7]));
  });

  it.each([
    ['shared', new SharedArrayBuffer(32)],
    ['resizable', new (ArrayBuffer as new (n: number, o: object) => ArrayBuffer)(32, { maxByteLength: 64 })],
  ])('in %s memory is refused like a large one', (_, memory) => {
    const batch = {
      ...randomBatch({ seed: 7, queries: 4, docs: 8 }),
      labels: new Uint8Array(memory as ArrayBuffer),
    };
    expect(errorOf(() => kl(batch)).code).toBe('ERR_CKL_BUFFER');
    using prepared = prepare('kl', { shape: [4, 8] });
    expect(errorOf(() => prepared.run(batch)).code).toBe('ERR_CKL_BUFFER');
  });

  it('results are arrays of their own', () => {
    const batch = randomBatch({ seed: 8, queries: 4, docs: 8 });
    const [first, second] = [kl(batch), kl(batch)];
    expect(first.grad.buffer).not.toBe(second.grad.buffer);
    expect(first.grad.buffer.byteLength).toBe(128);
    second.grad.fill(0);
    second.perQuery.fill(0);
    expectSameResult(first, kl(batch));
  });
});
