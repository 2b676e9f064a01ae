// Half-precision scores: exactly the float32 result of the widened scores, rounded to nearest even.
import { describe, expect, it } from 'vitest';
import { kl, losses, ranks } from '../../../lib/index';
import {
  expectSameBits,
  fromBfloat16,
  fromFloat16,
  lossNames,
  lossOf,
  randomBatch,
  toBfloat16,
  toFloat16,
} from './helpers';

const formats = [
  ['bfloat16', toBfloat16, fromBfloat16],
  ['float16', toFloat16, fromFloat16],
] as const;

it('the conversions of these tests are inverse to each other on all 65536 patterns', () => {
  for (let bits = 0; bits < 65536; bits++) {
    for (const [, round, widen] of formats) {
      const value = widen(bits);
      if (!Number.isNaN(value) && round(value) !== bits) expect.fail(`${bits}: ${value} -> ${round(value)}`);
    }
  }
});

describe.each(formats)('%s', (dtype, round, widen) => {
  const sizes: [number, number][] = [
    [5, 3],
    [4, 8],
    [20, 33],
    [3, 150],
  ];
  const cases = lossNames.flatMap((name) => sizes.map(([queries, docs]) => [name, queries, docs] as const));

  it.each(cases)('%s, %i queries of %i', (name, queries, docs) => {
    const batch = randomBatch({ seed: docs, queries, docs, padding: 10 });
    const student = Uint16Array.from(batch.student, round);
    const teacher = Uint16Array.from(batch.teacher, round);
    const wide = {
      ...batch,
      student: Float32Array.from(student, widen),
      teacher: Float32Array.from(teacher, widen),
    };
    const options = losses[name].teacher === true ? { teacherGrad: true } : {};
    const half = lossOf(name)({ ...batch, student, teacher }, { ...options, dtype });
    const full = lossOf(name)(wide, options);
    expect(half.loss).toBe(full.loss);
    expectSameBits(half.perQuery, full.perQuery);
    expectSameBits(half.grad, Uint16Array.from(full.grad, round), 'grad');
    if (full.teacherGrad) {
      expectSameBits(
        half.teacherGrad as Uint16Array,
        Uint16Array.from(full.teacherGrad as Float32Array, round),
        'teacherGrad',
      );
    }
  });

  it('mixes with float32: student, teacher and grad may each have their own type', () => {
    const batch = randomBatch({ seed: 4, queries: 6, docs: 20 });
    const teacher = Uint16Array.from(batch.teacher, round);
    const wide = kl({ ...batch, teacher: Float32Array.from(teacher, widen) });
    expectSameBits(kl({ ...batch, teacher }, { dtype }).grad, wide.grad);
    const grad = new Uint16Array(120);
    expect(kl({ ...batch, teacher, grad }, { dtype }).grad).toBe(grad);
    expectSameBits(grad, Uint16Array.from(wide.grad, round));
  });

  it('works in place', () => {
    const batch = randomBatch({ seed: 9, queries: 7, docs: 40 });
    const student = Uint16Array.from(batch.student, round);
    const apart = kl({ ...batch, student: student.slice() }, { dtype });
    const inPlace = kl({ ...batch, student, grad: student }, { dtype });
    expect(inPlace.grad).toBe(student);
    expectSameBits(student, apart.grad);
    expect(inPlace.loss).toBe(apart.loss);
  });

  it('carries infinities and NaN', () => {
    const student = Uint16Array.from([0, -Infinity, 1, NaN, 0, 0], round);
    const teacher = new Float32Array(6);
    const { perQuery, grad } = kl(
      { student, teacher, labels: Uint8Array.of(1, 0, 0, 1, 0, 0), shape: [2, 3] },
      { dtype, reduction: 'none' },
    );
    expect([...perQuery]).toEqual([Infinity, NaN]);
    expect([...grad].map(widen).map(Number.isNaN)).toEqual([false, false, false, true, true, true]);
  });

  it('ranks', () => {
    const student = Uint16Array.from([3, 1, 2, 2], round);
    expect([...ranks({ student, shape: [1, 4] }, { dtype })]).toEqual([1, 4, 2, 2]);
  });
});

describe.runIf('Float16Array' in globalThis)('Float16Array', () => {
  it('is read and returned as itself', () => {
    const Float16 = (globalThis as unknown as { Float16Array: { from(values: Iterable<number>): never } })
      .Float16Array;
    const batch = randomBatch({ seed: 14, queries: 4, docs: 8 });
    const result = lossOf('kl')({ ...batch, student: Float16.from(batch.student) });
    const bits = lossOf('kl')(
      { ...batch, student: Uint16Array.from(batch.student, toFloat16) },
      { dtype: 'float16' },
    );
    expect(result.grad.constructor).toBe(Float16);
    expectSameBits(new Uint16Array(result.grad.buffer), bits.grad);
  });
});
