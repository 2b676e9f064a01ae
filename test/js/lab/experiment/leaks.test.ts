// What an experiment may see: training and dev lists when it trains and chooses, test lists when it measures, and nothing the other way round.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Experiment, Unit } from '../../../../lib/lab/experiment/plan';
import { Reranker } from '../../../../lib/lab/experiment/reranker';
import { Retrievers } from '../../../../lib/lab/experiment/retrievers';
import { FEATURE_COUNT } from '../../../../lib/lab/students/linear/features';
import { teacherDeviation } from '../../../../lib/lab/students/linear/standardise';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { Random } from '../../../../lib/lab/training/random';
import { RecordingStudent } from '../training/recording';

const sample = join(__dirname, '../../../../examples/sample');
const EXPERIMENT: Experiment = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  zeroShot: [],
  folds: 0,
  models: [{ model: 'dense', students: ['dense'] }],
  student: { width: 16 },
  recipes: [{ name: 'kl', stages: ['kl'] }],
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
  seed: 1,
  seeds: 1,
  learningRate: 0.003,
  rates: [1],
  epochs: 1,
  batch: 16,
  docs: 8,
  negatives: 'drawn',
  loss: {},
  observe: 'dev',
};
const UNIT: Unit = { ...EXPERIMENT.models[0], condition: EXPERIMENT.conditions[0], fold: 0 };

const judged = (split: string) =>
  new Set(
    readFileSync(join(sample, `qrels/${split}.tsv`), 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t')[0])
      .filter(Boolean),
  );
const TEST = judged('test');
const TRAIN = judged('train');
const DEV = judged('dev');
const qids = (lists: readonly CandidateList[]) => lists.map(({ qid }) => qid);
const within = (some: readonly string[], all: ReadonlySet<string>) => some.filter((qid) => !all.has(qid));

/** Three parts that share no query. */
function expectApart(train: readonly string[], dev: readonly string[], test: readonly string[]) {
  for (const part of [train, dev, test]) expect(part.length).toBeGreaterThan(0);
  expect(new Set([...train, ...dev, ...test]).size).toBe(train.length + dev.length + test.length);
}

/** The queries whose lists a look at a student scores. */
function looked(look: (student: RecordingStudent<never>) => unknown): string[] {
  const student = new RecordingStudent<never>((_, d, version) => Math.sin(d + version));
  look(student);
  return qids(student.of('score').map(({ list }) => list as CandidateList));
}

describe('retrievers', () => {
  it('train on queries of train, choose on those of dev, and are measured on those of test', async () => {
    const source = await Retrievers.load(EXPERIMENT);
    const subject = source.open(UNIT);
    const { train, dev, ranked } = subject.data;
    expect(within([...qids(train), ...qids(ranked!)], TRAIN)).toEqual([]);
    expect(within(qids(dev), DEV)).toEqual([]);
    const tested = subject.test().dense!;
    expect(within(tested.rerank.queries, TEST)).toEqual([]);
    expect(within(tested.full!.queries, TEST)).toEqual([]);
    expectApart(qids(train), qids(dev), tested.rerank.queries);
    expect(qids(ranked!)).toEqual(qids(train));
    // What is observed on the way is dev as well.
    const observed = looked((student) => subject.observe!(student, 1));
    expect(observed.length).toBeGreaterThan(0);
    expect(within(observed, new Set(qids(dev)))).toEqual([]);
    expect(subject.references().teacher.queries).toEqual(tested.rerank.queries);
  });

  it('in folds test each query once, on what the fold did not see', async () => {
    const experiment = { ...EXPERIMENT, folds: 3 };
    const source = await Retrievers.load(experiment);
    const tested: string[] = [];
    for (const fold of [0, 1, 2]) {
      const subject = source.open({ ...UNIT, fold });
      const { rerank } = subject.test().dense!;
      expectApart(qids(subject.data.train), qids(subject.data.dev), rerank.queries);
      expect(qids(subject.data.ranked!)).toEqual(qids(subject.data.train));
      expect(subject.references().teacher.queries).toEqual(rerank.queries);
      tested.push(...rerank.queries);
    }
    expect(new Set(tested).size).toBe(tested.length);
    expect(tested.length).toBe(TEST.size + TRAIN.size + DEV.size);
  });

  it('have a temperature of the training lists alone', async () => {
    const source = await Retrievers.load({ ...EXPERIMENT, docs: undefined, negatives: 'best' });
    const subject = source.open(UNIT);
    expect(subject.teacherTemperature).toBeCloseTo(0.7 * teacherDeviation(subject.data.train), 10);
    expect(teacherDeviation(subject.data.dev)).not.toBeCloseTo(teacherDeviation(subject.data.train), 4);
  });

  it('draw negatives from all candidates anew, or take the teacher’s best', async () => {
    const drawn = (await Retrievers.load(EXPERIMENT)).open(UNIT).data;
    const all = drawn.train[0];
    expect(all.docids.length).toBeGreaterThan(8);
    const random = new Random(1);
    const samples = Array.from({ length: 6 }, () => drawn.sample!(all, random).docids.join());
    expect(new Set(samples).size).toBeGreaterThan(3);
    const best = (await Retrievers.load({ ...EXPERIMENT, negatives: 'best' })).open(UNIT).data;
    expect(best.sample).toBeUndefined();
    const short = best.train[0];
    expect(short.docids).toHaveLength(8);
    const others = (list: CandidateList) => [...list.teacher].filter((_, d) => list.labels[d] === 0);
    const lowest = Math.min(...others(short));
    expect(others(all).filter((score) => score > lowest)).toHaveLength(others(short).length - 1);
  });

  it('spoil training lists and no others', async () => {
    const condition = { name: 'wrong', wrongTeacher: 1, wrongLabels: 1 };
    const source = await Retrievers.load({
      ...EXPERIMENT,
      conditions: [...EXPERIMENT.conditions, condition],
    });
    const [clean, wrong] = [UNIT, { ...UNIT, condition }].map((unit) => source.open(unit));
    const text = (lists: readonly CandidateList[]) =>
      lists.map(({ qid, teacher, labels }) => `${qid} ${teacher.join()} ${labels.join()}`);
    const same = text(clean.data.train).filter((list, i) => list === text(wrong.data.train)[i]);
    expect(same.length).toBeLessThan(clean.data.train.length / 2);
    expect(text(wrong.data.dev)).toEqual(text(clean.data.dev));
    expect(wrong.references()).toEqual(clean.references());
  });
});

describe('the reranker', () => {
  const experiment: Experiment = {
    ...EXPERIMENT,
    models: [{ model: 'linear', students: ['linear'] }],
    docs: undefined,
  };
  const unit: Unit = { ...UNIT, ...experiment.models[0] };

  it('trains on queries of train, chooses on those of dev, and is measured on those of test', async () => {
    const source = await Reranker.load(experiment);
    const subject = source.open(unit);
    const { train, dev } = subject.data;
    expect(within(qids(train), TRAIN)).toEqual([]);
    expect(within(qids(dev), DEV)).toEqual([]);
    const { queries } = subject.test().linear!.rerank;
    expect(within(queries, TEST)).toEqual([]);
    expectApart(qids(train), qids(dev), queries);
    for (const values of Object.values(subject.references())) expect(values.queries).toEqual(queries);
  });

  it('trains one part, its only student, from the same start each time', async () => {
    const source = await Reranker.load(experiment);
    const { parts } = source.open(unit);
    expect(parts.map(({ name }) => name)).toEqual(['linear']);
    expect(parts[0].student).toBe(source.student);
    const begin = [...source.student.weights];
    source.student.weights.fill(7);
    parts[0].start();
    expect([...source.student.weights]).toEqual(begin);
    const { student, tensors, words } = source.content;
    expect(student).toBe('linear');
    expect([...tensors.values()].map(({ numbers }) => [...numbers])).toContainEqual(begin);
    expect(words.length).toBeGreaterThan(100);
  });

  it('has features on the scale of its training lists alone', async () => {
    const { split } = await Reranker.load(experiment);
    const moments = (lists: readonly { features: Float64Array }[], f: number) => {
      const values = lists.flatMap(({ features }) => [...features].filter((_, i) => i % FEATURE_COUNT === f));
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const means = Array.from({ length: FEATURE_COUNT }, (_, f) => moments(split.train, f));
    means.forEach((mean) => expect(Math.abs(mean)).toBeLessThan(1e-9));
    // So it would be, if test had a say, only by chance.
    const others = Array.from({ length: FEATURE_COUNT }, (_, f) => moments(split.test, f));
    expect(Math.max(...others.map(Math.abs))).toBeGreaterThan(0.01);
    expect(split.dev.every((list) => list.features.length === list.docids.length * FEATURE_COUNT)).toBe(true);
  });
});
