// What the folds of a cross-validation make together: means and sums of their data, and measures over all their queries.
import { expect, it } from 'vitest';
import { pool } from '../../../../lib/lab/refine/folds';
import type { FoldResult, Measured, Refined } from '../../../../lib/lab/refine/results';
import type { Evaluation } from '../../../../lib/metrics/index';

const evaluation = (values: Record<string, number>): Evaluation => {
  const all = Object.values(values);
  return {
    queries: Object.keys(values),
    perQuery: { 'ndcg@10': Float64Array.from(all) },
    mean: { 'ndcg@10': all.reduce((a, b) => a + b, 0) / all.length },
  };
};
/** Measures of a fold's own queries, and of those of another collection, which all folds measure. */
const measured = (own: Record<string, number>, other: number): Measured => ({
  rerank: evaluation(own),
  full: evaluation(Object.fromEntries(Object.entries(own).map(([qid, value]) => [qid, value / 2]))),
  zeroShot: { other: evaluation({ z: other, y: 1 }) },
});
const refined = (loss: string, own: Record<string, number>, other: number): Refined => ({
  ...measured(own, other),
  ...{ loss, behaviour: [] },
  training: { stopped: 'finished', bestEpoch: other * 10, history: [] },
});
const fold = (data: Partial<FoldResult['data']>, own: Record<string, number>, other: number): FoldResult => ({
  data: { ...{ documents: 9, words: 8, train: 0, dev: 0, test: 0, unusable: 0, skipped: 3 }, ...data },
  teacherTemperature: other,
  teacher: evaluation(own),
  start: measured(own, other),
  refined: [refined('kl', own, other), refined('ckl', own, other + 1)],
});
const FOLDS = [
  fold({ train: 10, dev: 4, test: 2, unusable: 1 }, { a: 1, b: 0 }, 0.1),
  fold({ train: 13, dev: 5, test: 1, unusable: 4 }, { c: 0.5 }, 0.4),
  fold({ train: 14, dev: 9, test: 3, unusable: 7 }, { d: 0, e: 0, f: 0 }, 1),
];

it('has means of the counts of lists for training, and all test queries', () => {
  const { data, teacherTemperature } = pool(FOLDS);
  expect(data).toEqual({ documents: 9, words: 8, train: 12, dev: 6, test: 6, unusable: 4, skipped: 3 });
  expect(teacherTemperature).toBe(0.1);
});

it('measures all queries, each with its mean over the folds that measured it', () => {
  const { teacher, start, refined: both } = pool(FOLDS);
  expect(teacher.queries).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect(teacher.perQuery['ndcg@10']).toEqual(Float64Array.of(1, 0, 0.5, 0, 0, 0));
  expect(teacher.mean['ndcg@10']).toBe(0.25);
  expect(start.full.mean['ndcg@10']).toBe(0.125);
  expect(start.zeroShot.other.queries).toEqual(['z', 'y']);
  expect(start.zeroShot.other.perQuery['ndcg@10']).toEqual(Float64Array.of(0.5, 1));
  expect(start.zeroShot.other.mean['ndcg@10']).toBe(0.75);
  expect(both.map(({ loss }) => loss)).toEqual(['kl', 'ckl']);
  expect(both[1].zeroShot.other.perQuery['ndcg@10']).toEqual(Float64Array.of(1.5, 1));
  expect(both[0].training.bestEpoch).toBe(1);
  expect(both[0].rerank).toEqual(teacher);
});

it('leaves out what not all folds came to', () => {
  const warmup = refined('nll', { a: 1 }, 0);
  expect(pool(FOLDS).warmup).toBeUndefined();
  expect(pool(FOLDS.map((one) => ({ ...one, warmup }))).warmup!.loss).toBe('nll');
  const [first, ...rest] = FOLDS;
  expect(pool([{ ...first, warmup }, ...rest]).warmup).toBeUndefined();
  const interrupted = [...FOLDS.slice(0, 2), { ...FOLDS[2], refined: FOLDS[2].refined.slice(0, 1) }];
  expect(pool(interrupted).refined.map(({ loss }) => loss)).toEqual(['kl']);
});
