// A comparison put together from the results of its units, joined from several, and cut short.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  comparedOf,
  dataOf,
  compareLosses,
  joinCompared,
  keptOptions,
  type Compared,
  type ComparedData,
} from '../../../../lib/lab/compare/compare';
import { conditionsOf, experimentOf } from '../../../../lib/lab/compare/experiment';
import type { CompareOptions } from '../../../../lib/lab/compare/options';
import { joinSaved, markOf, readSaved, savedOptions } from '../../../../lib/lab/compare/saved';
import { compareShare, joinShares, type SavedShare } from '../../../../lib/lab/compare/share';
import { unitsOf, type Unit } from '../../../../lib/lab/experiment/plan';
import type { DataSummary, FigureData, Trained, UnitResult } from '../../../../lib/lab/experiment/results';
import { MADE, OPTIONS as SMALL } from '../report/small';

const KINDS = SMALL.recipes.filter(({ name }) => ['kl', 'kl+ckl'].includes(name));
const OPTIONS: CompareOptions = {
  ...SMALL,
  ...{ recipes: KINDS, students: ['dense', 'multi', 'two-stage'], zeroShot: ['a-path'], warmup: undefined },
  ...{ wrongTeacher: 0.25, wrongLabels: 0 },
};

/** One stage with two looks at dev, told apart by `at`. */
const trained = (at: number): Trained => ({
  part: 'all',
  training: {
    ...{ stopped: false, bestEpoch: 1 },
    history: [0, 1].map((epoch) => ({ epoch, loss: 1, dev: at + epoch })),
  } as unknown as Trained['training'],
  observed: [0, 1].map((epoch) => ({
    dev: { separation: at + epoch, entropy: -at - epoch },
    train: { separation: 10 * at + epoch, entropy: -10 * at - epoch },
  })),
});
const figures = (at: number): FigureData => ({
  weights: [{ rank: at, label: 1, weight: 0.5, withoutBias: 0.25 }],
  ratios: [],
});
const onTest = (students: Unit['students']) => {
  const values = { queries: ['a', 'b'], 'ndcg@10': [0.5, 1], 'mrr@10': [0.25, 1] };
  return Object.fromEntries(students.map((name) => [name, { rerank: values, full: values, zeroShot: {} }]));
};

const UNITS = unitsOf(experimentOf(OPTIONS));
const RESULTS = UNITS.map((unit, place): UnitResult => {
  const test = onTest(unit.students);
  const run = (seed: number, trainings: Trained[]) => ({ seed, trainings, test });
  const common = { unit, search: [], rate: 1, interrupted: false };
  if (!unit.recipe)
    return {
      ...{ ...common, runs: [], start: test },
      references: { teacher: test[unit.students[0]].rerank },
      figures: unit.condition.name === 'clean' ? figures(place) : undefined,
    };
  // Curves are those of the first seed, with the stages of a recipe one after the other.
  const stages = unit.recipe.stages.map((_, s) => trained(100 * place + 2 * s));
  return { ...common, runs: [run(1, stages), run(2, [trained(-1)])] };
});
const DATA = { name: 'made', documents: 2 } as unknown as ComparedData;

it('keeps of the data what tells of it, with all of its words', () => {
  const kept = {
    ...{ name: 'made', documents: 2, lists: 3, digest: 'd', skipped: 1, zeroShot: [] },
    folds: [{ train: 1, dev: 1, test: 1, unusable: 0, teacherTemperature: 2 }],
  };
  const summary = { ...kept, words: 4, allWords: 5, fullDigest: 'f', teacherScales: [], own: [] };
  expect(dataOf(summary as unknown as DataSummary)).toEqual({ ...kept, words: 5 });
});

it('reads its options again, stages by name or as sums with epochs of their own', () => {
  const options = (stages: unknown[]) => ({
    ...JSON.parse(JSON.stringify(keptOptions(OPTIONS))),
    recipes: [{ name: 'one', stages }],
  });
  const stages = ['kl', { loss: 'ckl' }, { loss: { kl: 0.5, ckl: 1 }, epochs: 2 }];
  expect(savedOptions(options(stages), 'options').recipes[0].stages).toEqual(stages);
  for (const stage of ['none', {}, { loss: 'none' }, { loss: { kl: 'much' } }, 3])
    expect(() => savedOptions(options([stage]), 'options')).toThrow('options.recipes');
});

it('is read again as it was saved', () => {
  const data: ComparedData = {
    ...{ name: 'made', documents: 2, words: 3, lists: 2, digest: 'd', skipped: 0 },
    folds: [{ train: 1, dev: 1, test: 1, unusable: 0, teacherTemperature: 2 }],
    zeroShot: [{ name: 'other', documents: 5, queries: 2 }],
  };
  const saved = { ...comparedOf(keptOptions(OPTIONS), data, RESULTS), made: { ...MADE, unitsBefore: 3 } };
  expect(saved.figures.length).toBeGreaterThan(0);
  const text = JSON.stringify(saved);
  // Options that were not given come back undefined, which JSON leaves out.
  expect(JSON.parse(JSON.stringify(readSaved(JSON.parse(text))))).toEqual(JSON.parse(text));
  for (const part of ['options', 'data', 'tables', 'curves', 'figures', 'grid', 'made'] as const) {
    const without: Partial<typeof saved> = { ...saved };
    delete without[part];
    expect(() => readSaved(without)).toThrow(part);
  }
});

it('has a condition for each kind of corrupted lists, beside the data as they are', () => {
  const clean = { name: 'clean', wrongTeacher: 0, wrongLabels: 0 };
  expect(conditionsOf({ wrongTeacher: 0, wrongLabels: 0 })).toEqual([clean]);
  expect(conditionsOf({ wrongTeacher: 0.25, wrongLabels: 0.5 })).toEqual([
    clean,
    { name: 'wrongTeacher', wrongTeacher: 0.25, wrongLabels: 0 },
    { name: 'wrongLabels', wrongTeacher: 0, wrongLabels: 0.5 },
  ]);
});

it('warms up for epochs of their own, where it does', () => {
  expect(experimentOf(OPTIONS).warmup).toBeUndefined();
  const warm = experimentOf({ ...OPTIONS, warmup: 'marginMse', warmupEpochs: 4 });
  expect(warm.warmup).toEqual({ loss: 'marginMse', epochs: 4 });
});

it('marks what differs significantly from CKL, by its sign', () => {
  const mark = (difference: number, pHolm: number) => markOf({ difference, pHolm });
  expect([mark(-0.1, 0.049), mark(0.1, 0.049)]).toEqual(['†', '‡']);
  expect([mark(-0.1, 0.05), mark(0.1, 0.9), markOf(undefined)]).toEqual(['', '', '']);
});

describe('a comparison', () => {
  let compared: Compared;
  beforeEach(() => {
    compared = comparedOf(keptOptions(OPTIONS), DATA, RESULTS);
  });
  /** Places of the units with a recipe. */
  const places = UNITS.flatMap(({ recipe }, place) => (recipe ? [place] : []));

  it('keeps the options that are no paths, and the data as they are', () => {
    const paths = ['data', 'teacher', 'zeroShot', 'skipBad'];
    const rest = Object.entries(OPTIONS).filter(
      ([name, value]) => !paths.includes(name) && value !== undefined,
    );
    expect(compared.options).toMatchObject(Object.fromEntries(rest));
    expect(JSON.stringify(compared.options)).not.toMatch(/sample|a-path/);
    expect(compared.data).toBe(DATA);
    expect(compared.format).toBe('ckl-loss comparison 1');
  });

  it('has a curve per recipe and student, of the first seed, stages joined', () => {
    const expected = places.flatMap((place) =>
      UNITS[place].students.map((student) => [student, UNITS[place].recipe!.name]),
    );
    expect(compared.curves.map(({ student, recipe }) => [student, recipe])).toEqual(expected);
    expect(compared.curves).toHaveLength(OPTIONS.students.length * 2 * 2);
    const placeOf = places.flatMap((place) => UNITS[place].students.map(() => place));
    for (const [c, place] of placeOf.entries()) {
      const one = compared.curves[c];
      const at = 100 * place;
      const looks = UNITS[place].recipe!.stages.length === 1 ? [at, at + 1] : [at, at + 1, at + 3];
      expect(one.dev).toEqual(looks);
      expect(one.behaviour.dev).toEqual({ separation: looks, entropy: looks.map((x) => -x) });
      expect(one.behaviour.train.separation[0]).toBe(10 * at);
      expect(one.behaviour.train.entropy[0]).toBe(-10 * at);
    }
  });

  it('has no curve of what was not observed', () => {
    const unobserved = RESULTS.map((result) => ({
      ...result,
      runs: result.runs.map((run) => ({
        ...run,
        trainings: run.trainings.map((one) => ({ ...one, observed: [] })),
      })),
    }));
    expect(comparedOf(keptOptions(OPTIONS), DATA, unobserved).curves).toEqual([]);
    const none = RESULTS.map((result) => ({ ...result, runs: [] }));
    expect(comparedOf(keptOptions(OPTIONS), DATA, none).curves).toEqual([]);
  });

  it('has the figures of each student, and the grid of the paper', () => {
    const withFigures = RESULTS.flatMap(({ figures: found, unit }, place) =>
      found ? unit.students.map((student) => ({ student, ...figures(place) })) : [],
    );
    expect(withFigures.length).toBeGreaterThan(1);
    expect(compared.figures).toEqual(withFigures);
    expect(compared.grid.length).toBeGreaterThan(10);
    const student = { model: 'linear' as const, students: ['linear' as const] };
    const linear = RESULTS.map((result) => ({ ...result, unit: { ...result.unit, ...student } }));
    const without = comparedOf({ ...keptOptions(OPTIONS), students: [] }, DATA, linear);
    expect([without.curves, without.figures]).toEqual([[], []]);
  });

  it('has a table per student and condition', () => {
    expect(compared.tables.map(({ student, condition }) => [student, condition])).toEqual(
      OPTIONS.students.flatMap((student) => ['clean', 'wrongTeacher'].map((name) => [student, name])),
    );
    // Without a warm-up there is no row of one.
    expect(compared.tables[0].rows.map(({ name }) => name)).toEqual(['start', 'kl', 'kl+ckl', 'teacher']);
    expect(compared.tables[0].rows.map(({ cells }) => cells['rerank ndcg@10'].mean)).toEqual(
      Array(4).fill(0.75),
    );
  });
});

describe('two comparisons', () => {
  const of = (students: CompareOptions['students'], change: object = {}): Compared =>
    ({
      ...comparedOf({ ...keptOptions(OPTIONS), students, ...change }, DATA, []),
      ...{ curves: [{ student: students[0] }], figures: [{ student: students[0] }] },
    }) as unknown as Compared;

  it('of different students are joined in their order', () => {
    const [a, b] = [of(['dense']), of(['multi', 'sparse'])];
    const both = joinCompared(a, b);
    expect(both.options.students).toEqual(['dense', 'multi', 'sparse']);
    expect(both.tables).toEqual([...a.tables, ...b.tables]);
    expect(both.curves).toEqual([...a.curves, ...b.curves]);
    expect(both.figures).toEqual([...a.figures, ...b.figures]);
  });

  it('add up what making them took', () => {
    const [a, b] = [of(['dense']), of(['multi'])];
    const made = { ...MADE, seconds: 3, cpuSeconds: 5, peakMiB: 7 };
    expect(joinSaved({ ...a, made: MADE }, { ...b, made })).toEqual({
      ...joinCompared(a, b),
      made: { ...MADE, seconds: 4, cpuSeconds: 6, peakMiB: 7 },
    });
  });

  it('that differ in more, or share a student, are refused', () => {
    const differ = 'the comparisons differ in data or options';
    expect(() => joinCompared(of(['dense']), of(['multi'], { seeds: 9 }))).toThrow(new RangeError(differ));
    const other = { ...of(['multi']), data: { ...DATA, documents: 3 } };
    expect(() => joinCompared(of(['dense']), other)).toThrow(new RangeError(differ));
    expect(() => joinCompared(of(['dense', 'multi']), of(['sparse', 'multi']))).toThrow(
      new RangeError('both comparisons have the student multi'),
    );
  });
});

describe('a run', () => {
  const quick: CompareOptions = {
    ...SMALL,
    ...{ students: ['dense'], recipes: KINDS.slice(0, 1), zeroShot: [], warmup: undefined, epochs: 1 },
    ...{ wrongTeacher: 0, wrongLabels: 0 },
  };

  it('that is interrupted has no result, and gives the reason', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    controller.abort(reason);
    await expect(compareLosses(quick, 1, { signal: controller.signal })).rejects.toBe(reason);
    // Between its units, with one of them left.
    const between = new AbortController();
    const onResult = () => between.abort(reason);
    await expect(compareLosses(quick, 1, { signal: between.signal, onResult })).rejects.toBe(reason);
  });

  it('that is interrupted with a whole recipe left has no result, but a share that is done has one', async () => {
    const reason = new Error('enough');
    const interruptedAfter = (count: number) => {
      const controller = new AbortController();
      let ended = 0;
      const onResult = () => {
        if (++ended === count) controller.abort(reason);
      };
      return { signal: controller.signal, onResult };
    };
    const two = { ...quick, recipes: KINDS };
    await expect(compareLosses(two, 1, interruptedAfter(2))).rejects.toBe(reason);
    // Of three units a share of two has the first and the last.
    const { units } = await compareShare(two, { index: 0, of: 2 }, 1, interruptedAfter(2));
    expect(units.map(({ place }) => place)).toEqual([0, 2]);
  });

  it('that is interrupted once all is done, has it; and so has one of shares', async () => {
    const controller = new AbortController();
    let ended = 0;
    const onResult = () => {
      if (++ended === 2) controller.abort(new Error('late'));
    };
    const whole = await compareLosses(quick, 1, { signal: controller.signal, onResult });
    expect(controller.signal.aborted).toBe(true);
    expect(whole.curves).toHaveLength(1);
    const shares: SavedShare[] = [];
    for (const index of [0, 1])
      shares.push({
        ...(await compareShare(quick, { index, of: 2 }, 1, {})),
        made: { ...MADE, seconds: 2 + index, cpuSeconds: 4 - index, peakMiB: 7 - 5 * index },
      });
    const { made, ...joined } = joinShares([shares[1], shares[0]]);
    expect(JSON.stringify(joined)).toBe(JSON.stringify(whole));
    expect(made).toMatchObject({ seconds: 5, cpuSeconds: 7, peakMiB: 7 });
    expect(shares.map(({ units }) => units.map(({ place }) => place))).toEqual([[0], [1]]);
    expect(() => joinShares([shares[0], shares[0]])).toThrow(
      new RangeError('each of the 2 shares is needed once; missing or given twice: 1/2, 2/2'),
    );
    // Of three, the parts of a plan of two units: the third has none.
    const thirds = [0, 1, 2].map((index) => ({
      ...{ ...(shares[index] ?? shares[0]), share: { index, of: 3 } },
      units: shares[index]?.units ?? [],
    }));
    expect(JSON.stringify(joinShares(thirds).curves)).toBe(JSON.stringify(whole.curves));
    expect(() => joinShares([thirds[0], thirds[2], thirds[2]])).toThrow(
      new RangeError('each of the 3 shares is needed once; missing or given twice: 2/3, 3/3'),
    );
    const empty = { ...shares[1], units: [] };
    expect(() => joinShares([shares[0], empty])).toThrow(new RangeError('unit 1 is in none of the shares'));
    const other = { ...shares[1], digest: 'another' };
    expect(() => joinShares([shares[0], other])).toThrow(
      new RangeError('the shares differ in data, options or their number'),
    );
  });
});
