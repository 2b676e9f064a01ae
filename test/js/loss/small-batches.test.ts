// Batches of up to 256 documents are copied to arrays of the library's own; nothing but the time may show it.
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

/** The same batch with weights of 1, which never goes through the copies. */
const direct = (batch: TestBatch): TestBatch => ({
  ...batch,
  weights: new Float32Array(batch.shape[0]).fill(1),
});
const sizes: [number, number][] = [
  [1, 1],
  [4, 8],
  [8, 4],
  [16, 16],
  [1, 256],
  [256, 1],
  [1, 257],
  [16, 17],
];

describe('a small batch', () => {
  it.each(sizes)('of %i x %i gives the bits that it gives without the copies', (queries, docs) => {
    const batch = randomBatch({ seed: queries * 1000 + docs, queries, docs, padding: 10 });
    for (const name of lossNames) expectSameResult(lossOf(name)(batch), lossOf(name)(direct(batch)));
  });

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
    const expected = new Map([small, wide, large, direct(small), ragged].map((b) => [b, lossOf('ckl')(b)]));
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
