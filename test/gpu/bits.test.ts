// The same bits: from run to run, wherever a row lies in a batch, however large the batch, on whatever stream.
import { describe, expect, it } from 'vitest';
import { prepare, Stream } from '../../lib/cuda/index';
import { lossNames, expectSameBits, randomBatch } from '../js/loss/helpers';
import { toDevice } from '../js/cuda/helpers';
import { short, sized } from './helpers';

const widths = sized(
  short
    ? [31, 1000, 70_000]
    : [1, 8, 31, 64, 100, 128, 129, 500, 1000, 1024, 1025, 4000, 8192, 20_000, 70_000, 200_000],
  [8, 100, 1025],
);
/** The pairwise losses take the square of it. */
const fits = (name: string, docs: number) => docs <= 1025 || !['marginMse', 'lambdaMrr'].includes(name);
const batchOf = (
  docs: number,
  queries = Math.max(1, Math.min(sized(300, 5), Math.floor(sized(400_000, 3000) / docs))),
) => randomBatch({ seed: docs + 3, queries, docs, padding: docs % 2 ? 0 : 10 });

describe.each(widths)('rows of %d documents', (docs) => {
  it.each(lossNames.filter((name) => fits(name, docs)))('%s: run again and again', (name) => {
    using loss = prepare(name, { shape: [300, docs], diagnostics: docs < 2000 });
    using other = Stream.create();
    const tensors = toDevice(batchOf(docs));
    const first = loss.run(tensors);
    const grad = first.grad.toArray();
    const perQuery = first.perQuery.toArray();
    const expected = first.read();
    for (let round = 0; round < sized(short ? 10 : 50, 3); round++) {
      const stream = round % 3 === 2 ? other : undefined;
      const again = loss.run(tensors, { stream });
      expect(Object.is(again.read().loss, expected.loss)).toBe(true);
      expectSameBits(again.grad.toArray({ stream: again.stream }), grad, `gradient of round ${round}`);
      expectSameBits(again.perQuery.toArray({ stream: again.stream }), perQuery, `losses of round ${round}`);
    }
  });

  it.each(['ckl', 'kl'] as const)('%s: a row alone, first, last, and among many', (name) => {
    const batch = batchOf(docs);
    const [queries] = batch.shape;
    using loss = prepare(name, { shape: [4 * queries, docs], reduction: 'none' });
    const whole = loss.run(toDevice(batch));
    const grad = whole.grad.toArray() as Float32Array;
    const perQuery = whole.perQuery.toArray();
    const part = <A extends Float32Array | Uint8Array>(a: A, b: number) =>
      a.slice(b * docs, (b + 1) * docs) as A;
    for (const b of new Set([0, Math.floor(queries / 2), queries - 1])) {
      const row = {
        student: part(batch.student, b),
        teacher: part(batch.teacher, b),
        labels: part(batch.labels, b),
      };
      const alone = loss.run(toDevice({ ...row, shape: [1, docs] }));
      expectSameBits(alone.grad.toArray(), part(grad, b), `row ${b} alone`);
      expectSameBits(alone.perQuery.toArray(), perQuery.slice(b, b + 1), `loss of row ${b} alone`);
    }
    // Four times as many rows, so that others share its block, its wave, its warp.
    const four = <A extends Float32Array | Uint8Array>(a: A): A => {
      const made = new (a.constructor as new (n: number) => A)(4 * a.length);
      for (let k = 0; k < 4; k++) made.set(a, k * a.length);
      return made;
    };
    const large = loss.run(
      toDevice({
        student: four(batch.student),
        teacher: four(batch.teacher),
        labels: four(batch.labels),
        shape: [4 * queries, docs],
      }),
    );
    expectSameBits(large.grad.toArray(), four(grad), 'four times as many');
    expectSameBits(large.perQuery.toArray(), four(perQuery), 'losses of four times as many');
  });
});

describe('the mean of many rows', () => {
  it('is the same in every run', () => {
    const queries = sized(1_000_000, 3000);
    const batch = randomBatch({ seed: 2, queries, docs: 8 });
    const tensors = toDevice(batch);
    using loss = prepare('ckl', { shape: [queries, 8], gamma: 5, alpha: 0 });
    const expected = loss.run(tensors).read();
    expect(expected.counted).toBeGreaterThan(0.9 * queries);
    for (let round = 0; round < sized(200, 3); round++) expect(loss.run(tensors).read()).toEqual(expected);
  });
});
