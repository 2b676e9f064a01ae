// ranks() and rankBias() against their definitions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ckl, rankBias, ranks } from '../../../lib/index';
import { competitionRanks, rankBias as referenceBias } from '../reference/losses';
import { expectClose, expectSameBits, randomBatch, rowOf } from '../loss/helpers';

const batches = fc.record({
  seed: fc.integer(),
  queries: fc.integer({ min: 1, max: 9 }),
  docs: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(127, 128, 129, 500)),
  padding: fc.constantFrom(0, 30),
  /** Coarse scores make ties. */
  grid: fc.constantFrom(1, 4, 1024),
});

function tiedBatch({
  grid,
  ...shape
}: {
  seed: number;
  queries: number;
  docs: number;
  padding: number;
  grid: number;
}) {
  const batch = randomBatch(shape);
  return { ...batch, student: batch.student.map((s) => Math.round(s * grid) / grid) };
}

describe('ranks', () => {
  it('are 1 + the number of valid documents with a higher score; 0 for padding', () => {
    fc.assert(
      fc.property(batches, (shape) => {
        const batch = tiedBatch(shape);
        const { student, labels, shape: size } = batch;
        const all = ranks({ student, labels, shape: size });
        expect(all).toBeInstanceOf(Uint32Array);
        for (let b = 0; b < shape.queries; b++) {
          const row = rowOf(batch, b);
          const keep = row.labels.flatMap((y, i) => (y === 255 ? [] : [i]));
          const expected = new Array<number>(shape.docs).fill(0);
          competitionRanks(keep.map((i) => row.student[i])).forEach((rank, k) => (expected[keep[k]] = rank));
          expect([...all.slice(b * shape.docs, (b + 1) * shape.docs)]).toEqual(expected);
        }
      }),
    );
  });

  it('without labels count every document', () => {
    expect([...ranks({ student: Float32Array.of(1, 3, 3, 0, 5, 4), shape: [2, 3] })]).toEqual([
      3, 1, 1, 3, 1, 2,
    ]);
  });

  it('of infinities', () => {
    expect([
      ...ranks({ student: Float32Array.of(-Infinity, 0, Infinity, -Infinity), shape: [1, 4] }),
    ]).toEqual([3, 2, 1, 3]);
  });

  it('of ragged lists and of strided rows', () => {
    const student = Float32Array.of(1, 2, 9, 3, 1, 9);
    expect([...ranks({ student, offsets: Int32Array.of(0, 2, 2, 6) })]).toEqual([2, 1, 1, 3, 4, 1]);
    expect([...ranks({ student, shape: [2, 2], rowStride: 3 })]).toEqual([2, 1, 0, 1, 2]);
  });

  it('of nothing', () => {
    expect(ranks({ student: new Float32Array(0), shape: [0, 4] }).length).toBe(0);
  });
});

describe('rankBias', () => {
  it('is alpha (1/rank - mean over the positives of 1/rank) for negatives, 0 for all others', () => {
    fc.assert(
      fc.property(batches, fc.double({ min: 0, max: 4, noNaN: true }), (shape, alpha) => {
        const batch = tiedBatch(shape);
        const { student, labels, shape: size } = batch;
        const given = ranks({ student, labels, shape: size }).map((r) => r || 1);
        const bias = rankBias({ ranks: given, labels, shape: size }, { alpha });
        for (let b = 0; b < shape.queries; b++) {
          const row = [...labels.slice(b * shape.docs, (b + 1) * shape.docs)];
          const keep = row.flatMap((y, i) => (y === 255 ? [] : [i]));
          const own = [...given.slice(b * shape.docs, (b + 1) * shape.docs)];
          const expected = new Array<number>(shape.docs).fill(0);
          const values = referenceBias(
            keep.map((i) => own[i]),
            keep.map((i) => row[i]),
            alpha,
          );
          keep.forEach((i, k) => (expected[i] = row[i] === 0 && row.includes(1) ? values[k] : 0));
          expectClose(bias.slice(b * shape.docs, (b + 1) * shape.docs), expected, 1e-6 * alpha + 1e-40);
        }
      }),
    );
  });

  it('as beta gives the loss that the ranks give', () => {
    const batch = randomBatch({ seed: 3, queries: 20, docs: 30, padding: 20 });
    const { student, labels, shape } = batch;
    const beta = rankBias(
      { ranks: ranks({ student, labels, shape }).map((r) => r || 1), labels, shape },
      { alpha: 2 },
    );
    const fromRanks = ckl(batch, { gamma: 5, alpha: 2 });
    const fromBeta = ckl({ ...batch, beta }, { gamma: 5 });
    expect(fromBeta.loss).toBeCloseTo(fromRanks.loss, 6);
    expectClose(fromBeta.grad, fromRanks.grad, 1e-7);
  });

  it('takes every kind of array, and Infinity', () => {
    const labels = Uint8Array.of(1, 0, 0);
    const expected = rankBias({ ranks: Uint8Array.of(2, 1, 3), labels, shape: [1, 3] });
    for (const Kind of [Uint16Array, Uint32Array, Int32Array, Float32Array]) {
      expectSameBits(rankBias({ ranks: Kind.of(2, 1, 3), labels, shape: [1, 3] }), expected);
    }
    expect([...rankBias({ ranks: Float32Array.of(2, Infinity, 1), labels, shape: [1, 3] })]).toEqual([
      0, -0.5, 0.5,
    ]);
  });
});
