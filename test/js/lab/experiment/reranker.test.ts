// The source of `train`: a linear student of features, measured beside the teacher and BM25.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadBeir } from '../../../../lib/data/index';
import type { Experiment, Unit } from '../../../../lib/lab/experiment/plan';
import { Reranker } from '../../../../lib/lab/experiment/reranker';
import { teacherScale } from '../../../../lib/lab/experiment/teacher-scale';
import { BM25, FEATURE_COUNT } from '../../../../lib/lab/students/linear/features';
import type { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import { teacherDeviation } from '../../../../lib/lab/students/linear/standardise';
import { loadTrainingData } from '../../../../lib/lab/students/linear/lists';
import { measure, runOf } from '../../../../lib/lab/training/rerank';
import { splitLists } from '../../../../lib/lab/training/split';
import { scratch } from '../../data/files';

const files = scratch();

const sample = join(__dirname, '../../../../examples/sample');
const EXPERIMENT = {
  ...{ data: sample, teacher: join(sample, 'teacher.trec'), zeroShot: [], folds: 0, seed: 1 },
  ...{ models: [], student: {}, recipes: [], loss: {} },
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
} as unknown as Experiment;
const UNIT = { fold: 0, condition: EXPERIMENT.conditions[0] } as unknown as Unit;

it('counts lines that were left out, and has the temperature that was asked for or suits the teacher', async () => {
  const { summary } = await Reranker.load(EXPERIMENT);
  const { train } = splitLists(await loadTrainingData(EXPERIMENT.data, EXPERIMENT.teacher), 1);
  expect(summary.folds[0].teacherTemperature).toBeCloseTo(0.4 * teacherDeviation(train), 12);
  expect(summary.documents).toBe((await loadBeir(sample)).corpus.size);
  const given = await Reranker.load({ ...EXPERIMENT, teacherTemperature: 3 });
  expect(given.summary.folds[0].teacherTemperature).toBe(3);
  // A teacher that cannot tell documents apart, with two lines that say nothing.
  const lines = readFileSync(join(sample, 'teacher.trec'), 'utf8').trim().split('\n');
  const alike = lines.map((line) => line.replace(/^(\S+ \S+ \S+ \S+) \S+/, '$1 7'));
  const teacher = files.write('alike.trec', [...alike, 'q1', 'q1 Q0 d1 1 high t', ''].join('\n'));
  await expect(Reranker.load({ ...EXPERIMENT, teacher })).rejects.toThrow('alike.trec');
  const { summary: flat } = await Reranker.load({ ...EXPERIMENT, teacher, skipBad: true });
  expect(flat.folds[0].teacherTemperature).toBe(1);
  expect(flat.skipped).toBe(2);
});

it('measures the teacher and BM25 on the test lists, and hands out copies of the weights', async () => {
  const source = await Reranker.load(EXPERIMENT);
  const { references, weights, parts } = source.open(UNIT);
  const data = await loadTrainingData(EXPERIMENT.data, EXPERIMENT.teacher);
  const { test, dev, train, qrels, unusable } = splitLists(data, 1);
  const of = (score: (list: (typeof test)[number], document: number) => number) => {
    const { perQuery } = measure(
      runOf(test, (list) => list.docids.map((_, d) => score(list, d))),
      qrels,
    );
    return [...perQuery['ndcg@10']];
  };
  const { teacher, bm25, ...others } = references();
  expect(others).toEqual({});
  expect(teacher['ndcg@10']).toEqual(of((list, d) => list.teacher[d]));
  const expected = of((list, d) => list.features[d * FEATURE_COUNT + BM25]);
  // Standardised features rank alike.
  expect(bm25['ndcg@10']).toEqual(expected);
  expect(bm25['ndcg@10']).not.toEqual(teacher['ndcg@10']);

  const student = parts[0].student as unknown as LinearStudent;
  student.weights.set(student.weights.map((_, i) => i + 1));
  const copy = weights!();
  expect(copy).toEqual(Array.from(student.weights));
  student.weights.fill(0);
  expect(copy[0]).toBe(1);

  const { folds, teacherScales, lists } = source.summary;
  expect(lists).toBe(data.lists.length);
  expect(teacherScales).toEqual([teacherScale(train, folds[0].teacherTemperature)]);
  expect(folds).toEqual([
    {
      ...{ train: train.length, dev: dev.length, test: test.length, unusable },
      teacherTemperature: folds[0].teacherTemperature,
    },
  ]);
  const { digest, fullDigest } = source.summary;
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(source.summary).toMatchObject({
    fullDigest,
    words: 0,
    allWords: 0,
    skipped: 0,
    own: [],
    zeroShot: [],
  });
  expect(fullDigest).toBe(digest);
  const judged = (await Reranker.load({ ...EXPERIMENT, level: 2 }).catch((error: Error) => error)) as Error;
  // The sample has no judgement of level 2.
  expect(judged.message).toContain('no train queries');
});
