// The comparison: fair to every loss, the same numbers every time and on any number of threads, tests and corrections as stated.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { holm } from '../../../../lib/metrics/index';
import { type Compared, compareLosses, joinCompared } from '../../../../lib/lab/compare/compare';
import { loadRetrieval, nameOf } from '../../../../lib/lab/experiment/data';
import { ratioGrid } from '../../../../lib/lab/experiment/figures';
import { trainingsOf, unitsOf } from '../../../../lib/lab/experiment/plan';
import { spoil, swapPositives } from '../../../../lib/lab/experiment/spoil';
import { conditionsOf, experimentOf } from '../../../../lib/lab/compare/experiment';
import { scratch } from '../../data/files';
import { OPTIONS } from './small';

const files = scratch();
const main = join(__dirname, '../../../../dist/lab/cli/main.js');
let small: Compared;

beforeAll(async () => {
  small = await compareLosses(OPTIONS);
});

describe('compareLosses', () => {
  it('gives a table a student and condition, a row a loss beside start, warm-up and teacher', () => {
    expect(small.tables.map(({ student, condition }) => `${student} ${condition}`)).toEqual([
      'dense clean',
      'dense wrongTeacher',
      'dense wrongLabels',
      'multi clean',
      'multi wrongTeacher',
      'multi wrongLabels',
    ]);
    for (const { rows, condition, columns } of small.tables) {
      expect(rows.map(({ name }) => name)).toEqual(['start', 'warm-up', 'kl', 'ckl', 'kl+ckl', 'teacher']);
      const zeroShot = condition === 'clean' ? ['zero-shot sample ndcg@10'] : [];
      expect(columns).toEqual([
        'rerank ndcg@10',
        'rerank mrr@10',
        'full ndcg@10',
        'full mrr@10',
        ...zeroShot,
      ]);
      for (const { cells } of rows)
        for (const { mean } of Object.values(cells)) expect(mean).toSatisfy((x: number) => x > 0 && x <= 1);
    }
  });

  it('starts every loss of a student from the same checkpoint', () => {
    for (const student of OPTIONS.students) {
      const starts = small.curves.filter((curve) => curve.student === student).map(({ dev }) => dev[0]);
      expect(starts).toHaveLength(3);
      expect(new Set(starts).size).toBe(1);
    }
    expect(small.curves.map(({ dev }) => dev.length)).toEqual([3, 3, 3, 3, 3, 3]);
  });

  it('tests against CKL and against the start, and corrects each family for its number of tests', () => {
    for (const { rows } of small.tables) {
      for (const kind of ['versusCkl', 'versusStart'] as const) {
        const tests = rows.flatMap(({ cells }) => Object.values(cells).flatMap((cell) => cell[kind] ?? []));
        expect(tests.length).toBeGreaterThanOrEqual(8);
        expect(holm(tests.map(({ p }) => p))).toEqual(tests.map(({ pHolm }) => pHolm));
      }
      const [ckl, other, start] = ['ckl', 'kl', 'start'].map(
        (name) => rows.find((row) => row.name === name)!.cells,
      );
      expect(ckl['full ndcg@10'].versusCkl).toBeUndefined();
      const difference = other['full ndcg@10'].mean - ckl['full ndcg@10'].mean;
      expect(other['full ndcg@10'].versusCkl!.difference).toBeCloseTo(difference, 12);
      expect(start['full ndcg@10'].versusStart).toBeUndefined();
    }
  });

  it('holds no path and no text of the data', () => {
    const json = JSON.stringify(small);
    expect(json).not.toContain(OPTIONS.data);
    expect(json).not.toContain('teacher.trec');
    expect(json).not.toMatch(/NaN|"[dq]\d+"/);
  });

  it('gives the same bytes again, alone or in company, and on two threads of the command', async () => {
    const alone = {
      ...OPTIONS,
      students: ['multi' as const],
      recipes: OPTIONS.recipes.filter(({ name }) => name === 'ckl'),
    };
    const again = await compareLosses(alone);
    const ofCkl = ({ tables }: Compared) =>
      tables
        .filter(({ student }) => student === 'multi')
        .map(({ rows }) => rows.find(({ name }) => name === 'ckl')!.cells['full mrr@10'].mean);
    expect(ofCkl(again)).toEqual(ofCkl(small));

    const json = join(files.dir, 'compared.json');
    execFileSync(process.execPath, [
      main,
      'compare',
      ...['--data', OPTIONS.data, '--teacher', OPTIONS.teacher, '--zero-shot', OPTIONS.zeroShot[0]],
      ...['--students', 'multi', '--losses', 'ckl', '--seeds', '1', '--epochs', '2', '--rates', '1'],
      ...['--batch', '32', '--docs', '8', '--jobs', '2', '--json', json],
    ]);
    const { made, ...saved } = JSON.parse(readFileSync(json, 'utf8')) as Compared & {
      made: { seconds: number };
    };
    expect(made.seconds).toBeGreaterThan(0);
    expect(saved).toEqual(JSON.parse(JSON.stringify(again)));
  });

  it('joins comparisons of different students into what both together give, and no others', () => {
    const only = (student: 'dense' | 'multi'): Compared => ({
      ...small,
      options: { ...small.options, students: [student] },
      tables: small.tables.filter((table) => table.student === student),
      curves: small.curves.filter((curve) => curve.student === student),
      figures: small.figures.filter((figure) => figure.student === student),
    });
    expect(joinCompared(only('dense'), only('multi'))).toMatchObject({
      tables: small.tables,
      curves: small.curves,
    });
    expect(() => joinCompared(only('dense'), only('dense'))).toThrow(/student dense/);
    const other = { ...only('multi'), options: { ...only('multi').options, seed: 2 } };
    expect(() => joinCompared(only('dense'), other)).toThrow(/differ/);
  });
});

describe('the plan', () => {
  it('counts every training that will be made', () => {
    const plan = experimentOf({ ...OPTIONS, rates: [0.3, 1, 3], seeds: 4, folds: 2 });
    const units = unitsOf(plan);
    // Students, conditions, folds; a reference and three recipes.
    expect(units).toHaveLength(2 * 3 * 2 * 4);
    const all = units.reduce((sum, unit) => sum + trainingsOf(unit, plan), 0);
    expect(all).toBe(2 * 3 * 2 * (1 + 3 * (3 + 3)));
  });
});

describe('the data', () => {
  it('folds test each query once and never train on it', async () => {
    const { folds, collection } = await loadRetrieval({ ...OPTIONS, zeroShot: [], folds: 3 });
    const tested = folds.flatMap(({ test }) => test.map(({ qid }) => qid));
    expect([...tested].sort()).toEqual(collection.lists.map(({ qid }) => qid).sort());
    for (const { train, dev, test } of folds) {
      const seen = [...train, ...dev, ...test].map(({ qid }) => qid);
      expect(new Set(seen).size).toBe(seen.length);
      expect(Math.min(train.length, dev.length, test.length)).toBeGreaterThan(0);
    }
    await expect(loadRetrieval({ ...OPTIONS, zeroShot: [], folds: 200 })).rejects.toThrow(RangeError);
  });

  it('a wrong teacher gives the score of each positive to a document of the lower half, in the share of lists that was asked for', async () => {
    const { folds } = await loadRetrieval({ ...OPTIONS, zeroShot: [] });
    const { train } = folds[0];
    const spoilt = swapPositives(train, 0.5, 1);
    const changed = train.filter((list, i) => spoilt[i].teacher !== list.teacher);
    expect(changed).toHaveLength(Math.round(train.length / 2));
    train.forEach((list, i) => {
      const other = spoilt[i];
      expect([...other.labels]).toEqual([...list.labels]);
      expect([...other.teacher].sort()).toEqual([...list.teacher].sort());
      if (other.teacher === list.teacher) return;
      const sorted = [...list.teacher].sort((a, b) => b - a);
      const middle = sorted[Math.floor(sorted.length / 2)];
      list.labels.forEach((label, d) => label === 1 && expect(other.teacher[d]).toBeLessThanOrEqual(middle));
    });
    expect(swapPositives(train, 0.5, 1)).toEqual(spoilt);
  });

  it('spoils training lists only', async () => {
    const { folds } = await loadRetrieval({ ...OPTIONS, zeroShot: [] });
    const before = JSON.stringify(folds[0].dev[0]);
    for (const condition of conditionsOf(OPTIONS)) {
      const lists = spoil(folds[0].train, condition, OPTIONS.seed);
      expect(lists).toHaveLength(folds[0].train.length);
      const changed = lists.filter((list, i) => list !== folds[0].train[i]);
      expect(changed.length > 0).toBe(condition.name !== 'clean');
    }
    expect(JSON.stringify(folds[0].dev[0])).toBe(before);
  });

  it('names a collection by its folder, or by the one above a folder called beir', () => {
    expect(nameOf('/data/scifact/beir')).toBe('scifact');
    expect(nameOf('/data/scifact/')).toBe('scifact');
  });
});

describe('Figure 2 as the paper has it', () => {
  const grid = ratioGrid();
  const of = (label: 0 | 1, teacherBetter: boolean) =>
    grid.filter(
      (point) =>
        point.label === label && (label === 1 ? point.pOverQ > 1.5 : point.pOverQ < 0.67) === teacherBetter,
    );

  it('CKL ignores a worse teacher where BKL follows it', () => {
    const worse = grid.filter(({ label, pOverQ }) => (label === 1 ? pOverQ < 0.5 : pOverQ > 2));
    expect(worse.length).toBeGreaterThan(20);
    for (const { ckl, bkl } of worse) {
      expect(ckl).toBeLessThan(0.1);
      expect(bkl).toBeGreaterThan(ckl);
    }
  });

  it('CKL follows a better teacher', () => {
    for (const { ckl } of [...of(1, true), ...of(0, true)]) expect(ckl).toBeGreaterThan(-1e-6);
  });
});
