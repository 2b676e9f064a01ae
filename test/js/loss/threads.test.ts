// Several threads: what one of them alone meets (padding, a bad value) reaches the result as on one thread.
import { describe, expect, it } from 'vitest';
import { losses } from '../../../lib/index';
import { errorOf, expectSameBits, expectSameResult, lossNames, lossOf, randomBatch } from './helpers';

/** Enough documents for two threads by the cheapest loss (src/cpu/cost.h), in rows long enough that a thread gets only a few. */
const QUERIES = 40;
const DOCS = 4000;
const base = randomBatch({ seed: 77, queries: QUERIES, docs: DOCS });

/** Of the batch without padding, on one thread, by loss. */
const wholes = new Map<string, Float32Array>();

/** The batch with padding at the end of some rows alone, where scores are NaN: only who skips it gets a number. */
function paddedIn(rows: readonly number[]) {
  const [student, teacher, labels] = [base.student.slice(), base.teacher.slice(), base.labels.slice()];
  for (const row of rows) {
    labels.fill(255, row * DOCS + DOCS - 200, (row + 1) * DOCS);
    labels[row * DOCS] = 1;
    labels[row * DOCS + 1] = 0;
    student.fill(NaN, row * DOCS + DOCS - 200, (row + 1) * DOCS);
    teacher.fill(NaN, row * DOCS + DOCS - 200, (row + 1) * DOCS);
  }
  return { ...base, student, teacher, labels };
}

describe('on two threads', () => {
  const places = {
    'the first row': [0],
    'early rows': [0, 1, 2],
    'the last row': [QUERIES - 1],
    'a row in the middle': [QUERIES / 2],
    'the first and the last': [0, QUERIES - 1],
  };
  for (const [where, rows] of Object.entries(places)) {
    it.each(lossNames)(`padding in ${where} alone: %s is what it is on one thread`, (name) => {
      const batch = paddedIn(rows);
      const one = lossOf(name)(batch, { threads: 1 });
      expectSameResult(lossOf(name)(batch, { threads: 2 }), one);
      expect(one.loss).toSatisfy(Number.isFinite);
      expect(one.grad.every(Number.isFinite)).toBe(true);
      // Rows without padding are what they are in a batch without any.
      const whole = wholes.get(name) ?? lossOf(name)(base, { threads: 1 }).perQuery;
      wholes.set(name, whole);
      const free = Array.from({ length: QUERIES }, (_, b) => b).filter((b) => !rows.includes(b));
      const perQuery = (values: Float32Array) => Float32Array.from(free, (b) => values[b]);
      expectSameBits(perQuery(one.perQuery), perQuery(whole));
      for (const row of rows)
        expect(
          one.grad.subarray((row + 1) * DOCS - 200, (row + 1) * DOCS).every((g: number) => g === 0),
        ).toBe(true);
    });
  }

  it.each([0, 1, QUERIES / 2, QUERIES - 1])(
    'a bad label in row %i is found, and nothing is written',
    (row) => {
      const labels = base.labels.slice();
      labels[row * DOCS + 5] = 7;
      const grad = new Float32Array(QUERIES * DOCS).fill(3);
      const error = errorOf(() => lossOf('kl')({ ...base, labels, grad }, { threads: 2 }));
      expect(error).toMatchObject({ code: 'ERR_CKL_LABEL' });
      expect(error.message).toMatch(
        new RegExp(`query ${row}\\b.*document 5\\b|labels\\[.*${row * DOCS + 5}`),
      );
      expect(grad.every((g) => g === 3)).toBe(true);
      expectSameResult(lossOf('kl')(base, { threads: 2 }), lossOf('kl')(base, { threads: 1 }));
    },
  );

  it('the queries of every thread are counted, and their weights taken', () => {
    const labels = base.labels.slice();
    // Queries without a positive: some of each thread's.
    for (const row of [0, 3, QUERIES / 2, QUERIES - 1]) labels.fill(0, row * DOCS, (row + 1) * DOCS);
    const weights = Float32Array.from({ length: QUERIES }, (_, b) => 1 + b / 7);
    for (const name of lossNames) {
      const one = lossOf(name)({ ...base, labels, weights }, { threads: 1 });
      expectSameResult(lossOf(name)({ ...base, labels, weights }, { threads: 2 }), one);
      const all = ['document', 'preferredPair', 'gainfulPair'].includes(losses[name].needs);
      expect(one.counted, name).toBe(all ? QUERIES : QUERIES - 4);
    }
  });
});
