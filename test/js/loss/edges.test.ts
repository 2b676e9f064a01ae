// The table "semantics at the edges" of the specification, line by line, each test named after its line: what a row may hold.
import { describe, expect, it } from 'vitest';
import { ckl, kl, nll } from '../../../lib/index';
import {
  copyOf,
  distributionLosses,
  expectClose,
  expectSameBits,
  lossNames,
  lossOf,
  oneQuery,
  randomBatch,
  rowOf,
} from './helpers';
import { reference } from '../reference/losses';

const three = randomBatch({ seed: 11, queries: 3, docs: 12 });

it('lambdaNdcg: levels far below 0 keep their differences', () => {
  // The first by score, of the lowest level, pairs with the others; their gains differ from its own by 2^1 and by 2^-110.
  const batch = oneQuery([0, -1, 1], [1, -110, -160], [1, 0, 0]);
  const { grad } = lossOf('lambdaNdcg')(batch, { k: 1 });
  const expected = reference('lambdaNdcg', rowOf(batch, 0), { k: 1 }).grad;
  expect(expected[1]).toBeLessThan(-1e-34);
  expect(grad[1] / expected[1]).toBeCloseTo(1, 5);
});

describe('a masked document is never read, whatever its scores hold; its gradient is 0', () => {
  it.each(lossNames)('%s', (name) => {
    for (const garbage of [NaN, Infinity, -Infinity, 1e30, 0]) {
      const batch = randomBatch({ seed: 5, queries: 4, docs: 20, padding: 30 });
      const other = copyOf(batch);
      batch.labels.forEach((y, i) => {
        if (y === 255) other.student[i] = other.teacher[i] = garbage;
      });
      const clean = lossOf(name)(batch);
      const dirty = lossOf(name)(other);
      expect(dirty.loss).toBe(clean.loss);
      expectSameBits(dirty.grad, clean.grad);
      batch.labels.forEach((y, i) => {
        if (y === 255) expect(dirty.grad[i]).toBe(0);
      });
    }
  });

  it.each(lossNames)('%s: masking equals removing', (name) => {
    const batch = randomBatch({ seed: 6, queries: 1, docs: 24, padding: 40 });
    const keep = [...batch.labels].flatMap((y, i) => (y === 255 ? [] : [i]));
    const removed = {
      student: Float32Array.from(keep, (i) => batch.student[i]),
      teacher: Float32Array.from(keep, (i) => batch.teacher[i]),
      labels: Uint8Array.from(keep, (i) => batch.labels[i]),
      shape: [1, keep.length] as [number, number],
    };
    const masked = lossOf(name)(batch);
    const short = lossOf(name)(removed);
    const { gradTolerance, lossTolerance } = reference(name, rowOf(removed, 0));
    expectClose(
      keep.map((i) => masked.grad[i]),
      short.grad,
      gradTolerance.map((t) => 2 * t),
    );
    expect(Math.abs(masked.loss - short.loss)).toBeLessThanOrEqual(2 * lossTolerance);
  });
});

describe('p = 0 (teacher -Infinity): its term and its h are 0; reverseKl is Infinity, with h = q', () => {
  it.each(distributionLosses)('%s', (name) => {
    const batch = oneQuery([0.5, -1, 2, 0.1], [1, -Infinity, 0, -Infinity]);
    const { loss, grad } = lossOf(name)(batch);
    const expected = reference(name, rowOf(batch, 0));
    expectClose([loss], [expected.loss], expected.lossTolerance);
    expectClose(grad, expected.grad, expected.gradTolerance);
    if (name === 'reverseKl') expect(loss).toBe(Infinity);
    if (name === 'kl')
      expect(grad[1]).toBeCloseTo(Math.exp(-1) / [0.5, -1, 2, 0.1].reduce((z, s) => z + Math.exp(s), 0), 6);
  });
});

describe('q = 0 with p > 0 (student -Infinity): loss Infinity, gradient finite with h = -p', () => {
  it.each(['kl', 'bkl', 'klLogL', 'ckl'])('%s, a positive', (name) => {
    const batch = oneQuery([-Infinity, 0, 1], [0.3, 0.2, 0.1]);
    const { loss, grad } = lossOf(name)(batch);
    expect(loss).toBe(Infinity);
    const expected = reference(name, rowOf(batch, 0));
    expectClose(grad, expected.grad, expected.gradTolerance);
    expect([...grad].every(Number.isFinite)).toBe(true);
  });

  it('nll of a positive', () => {
    const { loss, grad } = nll(oneQuery([-Infinity, 0, 0], [0, 0, 0]));
    expect(loss).toBe(Infinity);
    expectClose(grad, [-1, 0.5, 0.5], 1e-6);
  });

  it('in ckl a negative adds 0', () => {
    const batch = oneQuery([1, -Infinity, 0.5], [0.3, 0.2, 0.1]);
    const { loss, grad } = ckl(batch);
    const expected = reference('ckl', rowOf(batch, 0));
    expect(loss).toBeCloseTo(expected.loss, 6);
    expect(grad[1]).toBe(0);
  });
});

describe('range of a row > FLT_MAX: the gradient stays finite', () => {
  it.each(distributionLosses)('%s', (name) => {
    const { grad } = lossOf(name)(oneQuery([3e38, -3e38, 0, 1], [-3e38, 3e38, 0, 1]));
    expect([...grad].every(Number.isFinite)).toBe(true);
    const swapped = lossOf(name)(oneQuery([-3e38, 3e38, 0, 1], [3e38, -3e38, 0, 1]));
    expect([...swapped.grad].every(Number.isFinite)).toBe(true);
  });
});

describe('NaN or Infinity in a valid document: that whole query is NaN, the others are bit-identical to before', () => {
  const poisons = [
    ['student', NaN],
    ['student', Infinity],
    ['teacher', NaN],
    ['teacher', Infinity],
  ] as const;
  const readsTeacher = (name: string) => !['nll', 'lambdaMrr'].includes(name);
  const cases = lossNames.flatMap((name) =>
    poisons
      .filter(([side]) => side === 'student' || readsTeacher(name))
      .map(([side, value]) => [name, side, value] as const),
  );
  it.each(cases)('%s, %s %s', (name, side, value) => {
    const before = lossOf(name)(three, { reduction: 'none' });
    const batch = copyOf(three);
    batch[side][12 + 4] = value;
    const after = lossOf(name)(batch, { reduction: 'none' });
    expect(after.perQuery[1]).toBeNaN();
    expect([...after.grad.slice(12, 24)].every(Number.isNaN)).toBe(true);
    for (const b of [0, 2]) {
      expectSameBits(after.perQuery.slice(b, b + 1), before.perQuery.slice(b, b + 1));
      expectSameBits(after.grad.slice(b * 12, b * 12 + 12), before.grad.slice(b * 12, b * 12 + 12));
    }
  });

  const distributions = ['kl', 'bkl', 'ckl', 'klLogL', 'nll', 'reverseKl', 'jsd'] as const;
  it.each(
    distributions.flatMap((name) =>
      (['student', 'teacher'] as const)
        .filter((side) => side === 'student' || readsTeacher(name))
        .map((side) => [name, side] as const),
    ),
  )('%s, all of a query at -Infinity on the side of the %s: there is no distribution', (name, side) => {
    const before = lossOf(name)(three, { reduction: 'none' });
    const batch = copyOf(three);
    batch[side].fill(-Infinity, 12, 24);
    const after = lossOf(name)(batch, { reduction: 'none' });
    expect(after.perQuery[1]).toBeNaN();
    for (const b of [0, 2]) {
      expectSameBits(after.perQuery.slice(b, b + 1), before.perQuery.slice(b, b + 1));
      expectSameBits(after.grad.slice(b * 12, b * 12 + 12), before.grad.slice(b * 12, b * 12 + 12));
    }
  });

  it('a padded document of a NaN query keeps gradient 0', () => {
    const { grad } = kl(oneQuery([NaN, 1, 2], [0, 0, 0], [1, 0, 255]));
    expect([...grad]).toEqual([NaN, NaN, 0]);
  });

  it.each(['nll', 'lambdaMrr'])('%s does not read the teacher, not even its NaN', (name) => {
    const batch = { ...three, teacher: new Float32Array(36).fill(NaN) };
    expect(lossOf(name)(batch).loss).toBe(lossOf(name)(three).loss);
  });
});
