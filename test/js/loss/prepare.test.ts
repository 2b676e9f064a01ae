// Prepared losses: the same results as the plain functions, outputs that are used again, limits, and disposal.
import { describe, expect, it } from 'vitest';
import { backends, ckl, combine, kl, prepare, type LossName } from '../../../lib/index';
import { errorOf, expectSameBits, expectSameResult, lossNames, lossOf, randomBatch } from './helpers';

const batch = randomBatch({ seed: 31, queries: 4, docs: 8 });
const smaller = randomBatch({ seed: 32, queries: 3, docs: 5 });
const shape = [4, 8] as const;

describe('a prepared loss', () => {
  it.each(lossNames)('%s gives what the plain function gives, again and again', (name) => {
    using prepared = prepare(name as LossName, { shape });
    for (const one of [batch, smaller, batch, randomBatch({ seed: 33, queries: 1, docs: 8 })]) {
      expectSameResult(prepared.run(one), lossOf(name)(one));
    }
  });

  it('takes the prepared shape when the batch brings none', () => {
    using prepared = prepare('kl', { shape });
    const { student, teacher, labels } = batch;
    expect(prepared.run({ student, teacher, labels }).loss).toBe(kl(batch).loss);
  });

  it('takes a weighted sum', () => {
    const terms = [
      { loss: 'kl', weight: 0.99 },
      { loss: 'marginMse', weight: 0.05 },
    ] as const;
    using prepared = prepare('combine', { shape, terms });
    expect(prepared.loss).toBe('combine');
    expectSameResult(prepared.run(batch), combine(batch, terms));
  });

  it('tells what it runs on', () => {
    const [cpuTarget] = backends().cpu.targets;
    using prepared = prepare('ckl', { shape, threads: 2, cpuTarget });
    expect(prepared).toMatchObject({
      loss: 'ckl',
      backend: 'cpu',
      target: cpuTarget,
      threads: 2,
      shape: [4, 8],
    });
  });

  it('uses its outputs again: a run overwrites the arrays of the run before', () => {
    using prepared = prepare('ckl', { shape });
    const first = prepared.run(batch);
    const kept = first.grad.slice();
    const second = prepared.run({ ...batch, student: batch.student.map((s) => -s) });
    expect(second.grad).toBe(first.grad);
    expect(second.perQuery).toBe(first.perQuery);
    expect([...first.grad]).not.toEqual([...kept]);
  });

  it('gives a smaller batch the first part of its outputs', () => {
    using prepared = prepare('kl', { shape });
    const whole = prepared.run(batch).grad;
    const part = prepared.run(smaller);
    expect(part.grad.length).toBe(15);
    expect(part.grad.buffer).toBe(whole.buffer);
    expect(part.perQuery.length).toBe(3);
  });

  it('writes to the arrays that a batch brings', () => {
    using prepared = prepare('kl', { shape });
    const grad = new Float32Array(32);
    const perQuery = new Float32Array(4);
    const result = prepared.run({ ...batch, grad, perQuery });
    expect(result.grad).toBe(grad);
    expect(result.perQuery).toBe(perQuery);
    expect(prepared.run(batch).grad).not.toBe(grad);
  });

  it('gives diagnostics and the teacher’s gradient', () => {
    using prepared = prepare('ckl', { shape, diagnostics: true, teacherGrad: true });
    for (const one of [batch, smaller, batch]) {
      const result = prepared.run(one);
      const plain = ckl(one, { diagnostics: true, teacherGrad: true });
      expect(result.diagnostics).toEqual(plain.diagnostics);
      expectSameBits(result.teacherGrad as Float32Array, plain.teacherGrad as Float32Array);
    }
  });

  it('takes ragged lists up to its size', () => {
    using prepared = prepare('ckl', { shape });
    const offsets = Int32Array.of(0, 8, 8, 11, 17);
    const ragged = { student: batch.student, teacher: batch.teacher, labels: batch.labels, offsets };
    expectSameResult(prepared.run(ragged), ckl(ragged));
  });

  it('gives a batch with gaps new arrays, with zeros in the gaps', () => {
    using prepared = prepare('kl', { shape });
    const before = prepared.run(batch).grad;
    const kept = before.slice();
    const gapped = {
      student: batch.student,
      teacher: batch.teacher,
      labels: batch.labels,
      shape: [4, 5] as const,
      rowStride: 8,
    };
    const result = prepared.run(gapped);
    expectSameResult(result, kl(gapped));
    expect(result.grad[5]).toBe(0);
    expectSameBits(before, kept);
  });

  it('returns halves for halves, whatever came before', () => {
    using prepared = prepare('kl', { shape, dtype: 'bfloat16' });
    const halves = { ...batch, student: new Uint16Array(32), teacher: new Uint16Array(32) };
    expect(prepared.run(halves).grad).toBeInstanceOf(Uint16Array);
    expect(prepared.run(batch).grad).toBeInstanceOf(Float32Array);
    expectSameResult(prepared.run(batch), kl(batch));
  });

  it('works on after an error, which leaves its outputs alone', () => {
    using prepared = prepare('ckl', { shape });
    const { grad } = prepared.run(batch);
    const kept = grad.slice();
    const labels = batch.labels.slice();
    labels[30] = 2;
    expect(errorOf(() => prepared.run({ ...batch, labels })).code).toBe('ERR_CKL_LABEL');
    expectSameBits(grad, kept);
    expectSameResult(prepared.run(batch), ckl(batch));
  });
});

describe('limits of a prepared loss', () => {
  it.each([
    ['queries', randomBatch({ seed: 1, queries: 5, docs: 2 })],
    ['documents', randomBatch({ seed: 1, queries: 1, docs: 9 })],
  ])('too many %s', (_, large) => {
    using prepared = prepare('kl', { shape });
    const error = errorOf(() => prepared.run(large));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.code).toBe('ERR_CKL_SHAPE');
    expect(error.message).toMatch(
      /the batch has \d queries of up to \d documents; this kl was prepared for \[4, 8\]/,
    );
  });

  it('a ragged list that is too long', () => {
    using prepared = prepare('kl', { shape });
    const { student, teacher, labels } = batch;
    const error = errorOf(() => prepared.run({ student, teacher, labels, offsets: Int32Array.of(0, 9, 12) }));
    expect(error.code).toBe('ERR_CKL_SHAPE');
  });
});

describe('memory that a prepared loss has seen before', () => {
  it('an array detached after it was accepted', () => {
    using prepared = prepare('kl', { shape });
    const student = batch.student.slice();
    prepared.run({ ...batch, student });
    structuredClone(student.buffer, { transfer: [student.buffer] });
    expect(errorOf(() => prepared.run({ ...batch, student }))).toMatchObject({ code: 'ERR_CKL_BUFFER' });
    expectSameResult(prepared.run(batch), kl(batch));
  });

  it('outputs that the caller transferred away are replaced', () => {
    using prepared = prepare('ckl', { shape, diagnostics: true, teacherGrad: true });
    const expected = ckl(batch, { diagnostics: true, teacherGrad: true });
    for (let i = 0; i < 8; i++) {
      const result = prepared.run(batch);
      expectSameResult(result, expected);
      expect(result.diagnostics).toEqual(expected.diagnostics);
      expectSameBits(result.teacherGrad as Float32Array, expected.teacherGrad as Float32Array);
      const lent = [
        result.grad,
        result.perQuery,
        result.teacherGrad as Float32Array,
        ...Object.values(result.diagnostics!),
      ];
      const { buffer } = lent[i];
      structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
      expect(lent[i].length).toBe(0);
    }
  });

  it('its own gradient as the student is in place; as the teacher it is an error, every time', () => {
    using prepared = prepare('kl', { shape });
    const { grad } = prepared.run(batch);
    const expected = kl({ ...batch, student: grad.slice() });
    expectSameResult(prepared.run({ ...batch, student: grad }), expected);
    for (let i = 0; i < 2; i++) {
      expect(errorOf(() => prepared.run({ ...batch, teacher: grad })).code).toBe('ERR_CKL_OVERLAP');
    }
    expectSameResult(prepared.run(batch), kl(batch));
  });

  it('its own perQuery as weights is an error', () => {
    using prepared = prepare('kl', { shape });
    const { perQuery } = prepared.run(batch);
    expect(errorOf(() => prepared.run({ ...batch, weights: perQuery })).code).toBe('ERR_CKL_OVERLAP');
  });

  it('an overlap stays an error when the same batch comes again', () => {
    using prepared = prepare('kl', { shape });
    const memory = new Float32Array(40);
    const overlapping = { ...batch, student: memory.subarray(0, 32), grad: memory.subarray(8, 40) };
    for (let i = 0; i < 3; i++) expect(errorOf(() => prepared.run(overlapping)).code).toBe('ERR_CKL_OVERLAP');
  });

  it('new offsets in memory that the same grad, or the lent one, overwrites are an error', () => {
    using prepared = prepare('kl', { shape });
    const { student, teacher, labels } = batch;
    const arrays = { student, teacher, labels };
    const memory = new ArrayBuffer(4 * 64);
    const grad = new Float32Array(memory, 0, 32);
    const listed = { ...arrays, offsets: Int32Array.of(0, 8, 16, 24, 32), grad };
    const expected = prepared.run(listed).loss;
    const behind = new Int32Array(memory, 4 * 32, 5);
    behind.set(listed.offsets);
    expect(prepared.run({ ...listed, offsets: behind }).loss).toBe(expected);
    for (const offsets of [new Int32Array(memory, 0, 5), new Int32Array(memory, 4 * 27, 5)]) {
      offsets.set(listed.offsets);
      for (let i = 0; i < 2; i++)
        expect(errorOf(() => prepared.run({ ...listed, offsets })).code).toBe('ERR_CKL_OVERLAP');
      expect([...offsets]).toEqual([...listed.offsets]);
    }
    const lent = prepared.run(batch).grad as Float32Array;
    const offsets = new Int32Array(lent.buffer, lent.byteOffset, 5);
    offsets.set(listed.offsets);
    for (let i = 0; i < 2; i++)
      expect(errorOf(() => prepared.run({ ...arrays, offsets })).code).toBe('ERR_CKL_OVERLAP');
    expect(prepared.run(listed).loss).toBe(expected);
  });

  it('an array that moves from an input to an output', () => {
    using prepared = prepare('kl', { shape });
    const shared = new Float32Array(4).fill(1);
    prepared.run({ ...batch, weights: shared });
    prepared.run({ ...batch, perQuery: shared });
    expect(errorOf(() => prepared.run({ ...batch, weights: shared, perQuery: shared })).code).toBe(
      'ERR_CKL_OVERLAP',
    );
  });

  it('teacherGrad that no longer has the teacher’s type', () => {
    using prepared = prepare('kl', { shape, dtype: 'float16' });
    const teacherGrad = new Float32Array(32);
    prepared.run({ ...batch, teacherGrad });
    const error = errorOf(() => prepared.run({ ...batch, teacher: new Uint16Array(32), teacherGrad }));
    expect(error.message).toMatch(/both must hold the same type/);
  });
});

describe('dispose', () => {
  it('makes run an error and may be repeated', () => {
    const prepared = prepare('bkl', { shape });
    prepared.run(batch);
    prepared.dispose();
    prepared.dispose();
    prepared[Symbol.dispose]();
    const error = errorOf(() => prepared.run(batch));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      code: 'ERR_CKL_DISPOSED',
      message: expect.stringMatching(/prepared bkl was disposed/),
    });
  });

  it('leaves results that were returned as they are', () => {
    const prepared = prepare('kl', { shape });
    const { grad } = prepared.run(batch);
    prepared.dispose();
    expectSameBits(grad, kl(batch).grad);
  });
});
