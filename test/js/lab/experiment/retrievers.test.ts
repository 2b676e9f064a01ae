// A source of retrievers: of which trainings it observes what, which units are searched in other collections, and what it has for figures.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { summarise, loadRetrieval, nameOf, type RetrievalData } from '../../../../lib/lab/experiment/data';
import { unitsOf, type Experiment } from '../../../../lib/lab/experiment/plan';
import { behaviourOn } from '../../../../lib/lab/experiment/behaviour';
import { figureData } from '../../../../lib/lab/experiment/figures';
import type { TableStudent } from '../../../../lib/lab/students/table-student';
import { Team } from '../../../../lib/lab/training/team';
import { onRanks } from '../on-ranks';
import { Random } from '../../../../lib/lab/training/random';
import { Retrievers } from '../../../../lib/lab/experiment/retrievers';

const sample = join(__dirname, '../../../../examples/sample');
const EXPERIMENT: Experiment = {
  ...{ data: sample, teacher: join(sample, 'teacher.trec'), zeroShot: [sample], folds: 2 },
  models: [{ model: 'multi', students: ['multi'] }],
  student: { width: 8 },
  recipes: [],
  conditions: [
    { name: 'clean', wrongTeacher: 0, wrongLabels: 0 },
    { name: 'wrongTeacher', wrongTeacher: 0.5, wrongLabels: 0 },
  ],
  ...{ seed: 4, seeds: 2, learningRate: 0.003, rates: [1], epochs: 1, batch: 16, docs: 6 },
  ...{ loss: {}, observe: 'figures' },
};
const UNITS = unitsOf(EXPERIMENT);
const places = UNITS.map(({ condition, fold }) => `${condition.name} ${fold}`);

let data: RetrievalData;
beforeAll(async () => {
  data = await loadRetrieval(EXPERIMENT);
});
const sourceOf = (change: Partial<Experiment> = {}) => new Retrievers(data, { ...EXPERIMENT, ...change });

describe('open', () => {
  it('observes for figures the first condition and fold alone, with the first seed, on training lists too', () => {
    expect(places).toEqual(['clean 0', 'clean 1', 'wrongTeacher 0', 'wrongTeacher 1']);
    const source = sourceOf();
    const found = UNITS.map((unit) => {
      const subject = source.open(unit);
      const [part] = subject.parts;
      part.start();
      return {
        ...{ first: subject.observe!(part.student, 4), second: subject.observe!(part.student, 5) },
        figures: subject.figures!(),
      };
    });
    expect(found.map(({ first }) => first !== undefined)).toEqual([true, false, false, false]);
    expect(found.map(({ figures }) => figures !== undefined)).toEqual([true, false, false, false]);
    expect(found.map(({ second }) => second)).toEqual([undefined, undefined, undefined, undefined]);
    const { train, dev } = found[0].first!;
    // The first sixty.
    const { parts, data: lists } = source.open(UNITS[0]);
    parts[0].start();
    expect(lists.ranked!.length).toBeGreaterThan(60);
    expect(train).toEqual(behaviourOn(parts[0].student, lists.ranked!.slice(0, 60)));
    expect(train!.entropy).toBeGreaterThan(0);
    expect(dev.entropy).toBeGreaterThan(0);
    expect(train).not.toEqual(dev);
    expect(found[0].figures!.weights.length).toBeGreaterThan(0);
  });

  it('has the figures of its student at the options of the losses and the temperature of its fold', () => {
    const loss = { gamma: 3, alpha: 1, lambda: 0.4, negativeWeight: 0.7 };
    const source = sourceOf({ loss });
    const { parts, figures } = source.open(UNITS[0]);
    parts[0].start();
    const found = figures!()!;
    parts[0].start();
    const [fold] = data.folds;
    const { teacherTemperature } = fold;
    const student = parts[0].student as TableStudent;
    expect(found).toEqual(figureData(student, fold.dev, { ...loss, teacherTemperature }));
    parts[0].start();
    expect(found).not.toEqual(figureData(student, fold.dev, { teacherTemperature }));
  });

  it('observes dev lists of all trainings where that was asked for, or nothing', () => {
    const source = sourceOf({ observe: 'dev' });
    for (const unit of UNITS) {
      const { parts, observe, figures } = source.open(unit);
      parts[0].start();
      const found = observe!(parts[0].student, 5)!;
      expect(found.dev.entropy).toBeGreaterThan(0);
      expect(found.train).toBeUndefined();
      expect(figures!()).toBeUndefined();
    }
    const { parts, observe, figures } = sourceOf({ observe: 'nothing' }).open(UNITS[0]);
    expect([observe!(parts[0].student, 4), figures!()]).toEqual([undefined, undefined]);
  });

  it('searches other collections under the first condition alone, in every fold', () => {
    const source = sourceOf();
    const columns = UNITS.map((unit) => Object.keys(source.open(unit).test().multi!.zeroShot));
    expect(columns).toEqual([['sample'], ['sample'], [], []]);
  });

  it('spoils the training lists of its condition and fold, and ranks as many documents as the refresh asks for', () => {
    const source = sourceOf({ refreshDepth: 5, negatives: 'best' });
    const teachers = UNITS.map((unit) => {
      const { train, ranked } = source.open(unit).data;
      expect(ranked!.map(({ qid }) => qid)).toEqual(train.map(({ qid }) => qid));
      expect(Math.max(...train.map(({ docids }) => docids.length))).toBe(6);
      expect(Math.max(...ranked!.map(({ docids }) => docids.length))).toBe(5);
      return JSON.stringify(train.map(({ qid, teacher }) => [qid, [...teacher]]));
    });
    expect(new Set(teachers).size).toBe(4);
    expect(source.open(UNITS[0]).data.inBatch).toBeUndefined();
    const { inBatch, train } = sourceOf({ inBatchWeight: 0.25 }).open(UNITS[0]).data;
    expect(inBatch!.weight).toBe(0.25);
    const own = train.slice(0, 2);
    const positives = own.flatMap(({ docids, labels }) => docids.filter((_, d) => labels[d] === 1));
    for (const { docids } of inBatch!.lists(own))
      expect([...docids].sort()).toEqual([...new Set(positives)].sort());
  });

  it('hands out whole lists where negatives are drawn, by default for this model, and draws of them later', () => {
    const { train, ranked, sample: draw } = sourceOf().open(UNITS[0]).data;
    const longest = train.reduce((a, b) => (a.docids.length >= b.docids.length ? a : b));
    expect(longest.docids.length).toBeGreaterThan(6);
    expect(draw!(longest, new Random(1)).docids).toHaveLength(6);
    expect(Math.max(...ranked!.map(({ docids }) => docids.length))).toBe(6);
    expect(sourceOf({ negatives: 'best' }).open(UNITS[0]).data.sample).toBeUndefined();
    const all = sourceOf({ docs: undefined }).open(UNITS[0]).data;
    expect(all.sample).toBeUndefined();
    expect(all.train).toEqual(train);
  });
});

it('has no model of a student that is not made of words', () => {
  const unit = { ...UNITS[0], model: 'linear', students: ['linear'] } as const;
  expect(() => sourceOf().open(unit)).toThrow(new RangeError('the linear student is not made of words'));
});

describe('the start', () => {
  it('tells how much of it is done', async () => {
    const told: unknown[][] = [];
    // Data whose start nobody has made yet.
    new Retrievers(
      await loadRetrieval(EXPERIMENT),
      EXPERIMENT,
      (...progress) => void told.push(progress),
    ).start('multi');
    expect(told.length).toBeGreaterThan(1);
    const all = told[0][2];
    told.forEach(([model, done, of], i) => {
      expect([model, of]).toEqual(['multi', all]);
      expect(done).toBeGreaterThan(i === 0 ? 0 : (told[i - 1][1] as number));
    });
    expect(told.at(-1)).toEqual(['multi', all, all]);
  });

  it('is one of one vector per text for dense, and one of vectors of words for all others, each made once', () => {
    const source = sourceOf();
    const [dense, multi] = [source.start('dense'), source.start('multi')];
    expect(source.start('dense')).toBe(dense);
    for (const model of ['multi', 'two-stage', 'sparse'] as const) expect(source.start(model)).toBe(multi);
    expect(dense).not.toEqual(multi);
  });
});

it('ranks of a team find what one process finds, with two stages too', async () => {
  const models = [{ model: 'multi', students: ['multi', 'two-stage'] }] as const;
  const unit = { ...UNITS[0], ...models[0] };
  const alone = sourceOf({ models }).open(unit).test();
  expect(alone['two-stage']!.full).not.toEqual(alone.multi!.full);
  // Each process reads its own data.
  const own = await Promise.all([0, 1].map(() => loadRetrieval(EXPERIMENT)));
  const found = onRanks(2, (rank, world) => {
    const team = new Team(world, new AbortController().signal);
    return new Retrievers(own[rank], { ...EXPERIMENT, models }, undefined, team).open(unit).test();
  });
  expect(found).toEqual([alone, alone]);
});

describe('the data in numbers', () => {
  it('has the name of the folder, or of the one above it where it is only called beir', () => {
    expect(['/a/scifact', '/a/scifact/beir', 'x/beir/'].map(nameOf)).toEqual(['scifact', 'scifact', 'x']);
  });

  it('names collections whose queries are documents, and no others', () => {
    const own = { queries: 3, ignored: true };
    expect(summarise(data, EXPERIMENT).own).toEqual([]);
    expect(summarise({ ...data, own }, EXPERIMENT).own).toEqual([{ name: 'sample', ...own }]);
    const zeroShot = [{ ...data.zeroShot[0], name: 'other', own: { ...own, ignored: false } }];
    expect(summarise({ ...data, zeroShot }, EXPERIMENT).own).toEqual([
      { name: 'other', queries: 3, ignored: false },
    ]);
  });
});
