// The tables of a comparison from made-up results: queries are paired by their ids, seeds averaged, and each family of tests corrected for its number.
import { beforeEach, describe, expect, it } from 'vitest';
import type { CompareOptions } from '../../../../lib/lab/compare/options';
import { tablesOf, type Table, type Tested } from '../../../../lib/lab/compare/tables';
import type { Tested as OnTest, UnitResult, Values } from '../../../../lib/lab/experiment/results';
import { Random } from '../../../../lib/lab/training/random';
import { holm, pairedTTest } from '../../../../lib/metrics/index';

const QUERIES = ['a', 'b', 'c', 'd', 'e', 'f'];
const COLUMNS = ['rerank ndcg@10', 'rerank mrr@10', 'full ndcg@10', 'full mrr@10'];
const RECIPES = ['kl', 'ckl', 'nll'];
const SEEDS = 2;

/** The value of a query in a row, seed and column: the same however the queries are ordered. */
const valueOf = (row: string, seed: number, column: string, qid: string) => {
  const text = `${row}${column}${qid}`;
  const random = new Random(
    [...text].reduce((sum, c) => (Math.imul(31, sum) + c.charCodeAt(0)) | 0, 7 + seed),
  );
  return (row === 'ckl' ? 0.3 : row === 'nll' ? 0.15 : 0) + 0.5 * random.next();
};

/** Values of the queries in an order of their own. */
function values(row: string, seed: number, setting: string): Values {
  const queries = new Random(row.length + 17 * seed + setting.length).shuffle([...QUERIES]);
  const of = (measure: string) => queries.map((qid) => valueOf(row, seed, `${setting} ${measure}`, qid));
  return { queries, 'ndcg@10': of('ndcg@10'), 'mrr@10': of('mrr@10') };
}
const tested = (row: string, seed: number): { dense: OnTest } => ({
  dense: { rerank: values(row, seed, 'rerank'), full: values(row, seed, 'full'), zeroShot: {} },
});

const base = {
  model: 'dense',
  students: ['dense'],
  condition: { name: 'clean', wrongTeacher: 0, wrongLabels: 0 },
  fold: 0,
} as const;
const RESULTS: UnitResult[] = [
  {
    unit: base,
    ...{ search: [], rate: 1, runs: [], interrupted: false },
    start: tested('start', 0),
    references: { teacher: values('teacher', 0, 'rerank') },
  },
  ...RECIPES.map((name): UnitResult => ({
    unit: { ...base, recipe: { name, stages: ['kl'] } },
    ...{ search: [], rate: 1, interrupted: false },
    runs: Array.from({ length: SEEDS }, (_, seed) => ({ seed, trainings: [], test: tested(name, seed) })),
  })),
];
const OPTIONS = {
  ...{
    students: ['dense'],
    recipes: RECIPES.map((name) => ({ name, stages: ['kl'] })),
    seeds: SEEDS,
    folds: 0,
  },
  ...{ wrongTeacher: 0, wrongLabels: 0 },
} as unknown as CompareOptions;

// Made in the tests: what is made while they are collected, no mutation test can follow.
let table: Table;
beforeEach(() => {
  [table] = tablesOf(OPTIONS, RESULTS);
});
const cells = (row: string) => table.rows.find(({ name }) => name === row)!.cells;
const perQuery = (row: string, column: string) =>
  QUERIES.map((qid) => {
    const seeds = row === 'start' ? [0] : [0, 1];
    return seeds.reduce((sum, seed) => sum + valueOf(row, seed, column, qid), 0) / seeds.length;
  });

describe('a table', () => {
  it('has the columns of what was trained, with one recipe and no warm-up too', () => {
    const [lone] = tablesOf({ ...OPTIONS, recipes: OPTIONS.recipes.slice(0, 1) }, RESULTS.slice(0, 2));
    expect(lone.rows.map(({ name }) => name)).toEqual(['start', 'kl', 'teacher']);
    expect(lone.columns).toEqual(COLUMNS);
    // The teacher has no ranking of the whole corpus.
    expect(Object.keys(lone.rows[2].cells)).toEqual(COLUMNS.slice(0, 2));
  });

  it('is made of values that differ by query, row and seed, and of queries in another order in every row', () => {
    const all = RECIPES.flatMap((row) =>
      [0, 1].flatMap((seed) => QUERIES.map((qid) => valueOf(row, seed, COLUMNS[0], qid))),
    );
    expect(new Set(all).size).toBe(all.length);
    const orders = ['kl', 'ckl', 'start'].map((row) => values(row, 0, 'rerank').queries.join());
    expect(new Set(orders).size).toBe(orders.length);
  });

  it('has an empty row of the teacher where no unit has its ranking, and no tests where there is no CKL', () => {
    const [reference, ...rest] = RESULTS;
    const without = [{ ...reference, references: undefined }, ...rest.slice(0, 1)];
    const [lone] = tablesOf({ ...OPTIONS, recipes: OPTIONS.recipes.slice(0, 1) }, without);
    expect(lone.rows.at(-1)).toEqual({ name: 'teacher', rates: [], cells: {} });
    const tests = Object.values(lone.rows[1].cells);
    expect(tests.map(({ versusCkl }) => versusCkl)).toEqual(Array(4).fill(undefined));
    expect(tests.every(({ versusStart }) => versusStart !== undefined)).toBe(true);
  });

  it('of another condition has its own rows, and the untrained student of the clean one', () => {
    const condition = { name: 'wrongTeacher', wrongTeacher: 0.5, wrongLabels: 0 };
    const nothing = tested('spoilt', 0);
    const spoilt = RESULTS.map((result) => ({
      ...result,
      unit: { ...result.unit, condition },
      start: result.start && nothing,
      references: result.references && { teacher: values('another teacher', 0, 'rerank') },
      runs: result.runs.map((run) => ({ ...run, test: nothing })),
    }));
    const both = { ...OPTIONS, wrongTeacher: 0.5 };
    // Other collections are searched in the clean condition alone.
    const zeroShot = { other: values('start', 0, 'full') };
    const [first, ...rest] = RESULTS;
    const cleanly = [
      { ...first, start: { dense: { ...first.start!.dense!, zeroShot } } },
      ...rest.map((result) => ({
        ...result,
        runs: result.runs.map((run) => ({ ...run, test: { dense: { ...run.test.dense!, zeroShot } } })),
      })),
    ];
    const [searched, own] = tablesOf(both, [...cleanly, ...spoilt]);
    expect(searched.columns).toEqual([...COLUMNS, 'zero-shot other ndcg@10']);
    expect(Object.keys(searched.rows[0].cells)).toEqual(searched.columns);
    expect(own.columns).toEqual(COLUMNS);
    expect(Object.keys(own.rows[0].cells)).toEqual(COLUMNS);
    // In the order of a plan, and in another.
    for (const all of [
      [...RESULTS, ...spoilt],
      [...spoilt, ...RESULTS],
    ]) {
      const [clean, wrong] = tablesOf(both, all);
      expect(clean).toEqual(table);
      const [column] = COLUMNS;
      expect(wrong.rows[0]).toEqual(table.rows[0]);
      const meanOf = (row: string) =>
        QUERIES.reduce((sum, qid) => sum + valueOf(row, 0, column, qid), 0) / QUERIES.length;
      expect(wrong.rows[1].cells[column].mean).toBeCloseTo(meanOf('spoilt'), 12);
      expect(wrong.rows.at(-1)!.cells[column].mean).toBeCloseTo(meanOf('another teacher'), 12);
      expect(wrong.rows.map(({ rates }) => rates.length)).toEqual(
        table.rows.map(({ rates }) => rates.length),
      );
    }
  });

  it('has as the mean of a seed that of the queries that it met', () => {
    const [reference, kl] = RESULTS;
    const rerank = { queries: ['a'], 'ndcg@10': [0.25], 'mrr@10': [0.75] };
    const short = {
      ...kl,
      runs: [kl.runs[0], { ...kl.runs[1], test: { dense: { ...kl.runs[1].test.dense!, rerank } } }],
    };
    const [lone] = tablesOf({ ...OPTIONS, recipes: OPTIONS.recipes.slice(0, 1) }, [reference, short]);
    const cell = lone.rows[1].cells['rerank mrr@10'];
    expect(cell.bySeed).toEqual([cells('kl')['rerank mrr@10'].bySeed[0], 0.75]);
  });

  it('holds the mean over queries and seeds, and that of each seed', () => {
    for (const row of RECIPES)
      for (const column of COLUMNS) {
        const { mean, bySeed } = cells(row)[column];
        const all = perQuery(row, column);
        expect(mean).toBeCloseTo(all.reduce((a, b) => a + b) / all.length, 12);
        expect(bySeed).toHaveLength(SEEDS);
        bySeed.forEach((value, seed) => {
          const own = QUERIES.map((qid) => valueOf(row, seed, column, qid));
          expect(value).toBeCloseTo(own.reduce((a, b) => a + b) / own.length, 12);
        });
      }
  });

  it.each([
    ['versusCkl', 'ckl', ['kl', 'nll']],
    ['versusStart', 'start', RECIPES],
  ] as const)(
    '%s pairs queries by their ids, and corrects over all rows and columns',
    (kind, against, rows) => {
      const tests: Tested[] = [];
      for (const row of rows)
        for (const column of COLUMNS) {
          const found = cells(row)[column][kind]!;
          const expected = pairedTTest(perQuery(row, column), perQuery(against, column));
          expect(found.queries).toBe(QUERIES.length);
          expect(found.difference).toBeCloseTo(expected.meanDifference, 12);
          expect(found.p).toBeCloseTo(expected.p, 10);
          tests.push(found);
        }
      expect(tests).toHaveLength(rows.length * COLUMNS.length);
      const corrected = holm(tests.map(({ p }) => p));
      tests.forEach(({ pHolm }, i) => expect(pHolm).toBeCloseTo(corrected[i], 12));
      // The smallest is multiplied by the number of all tests.
      const smallest = Math.min(...tests.map(({ p }) => p));
      const found = tests.find(({ p }) => p === smallest)!;
      expect(found.pHolm).toBeCloseTo(Math.min(1, tests.length * smallest), 12);
      expect(smallest).toBeLessThan(0.05);
    },
  );

  it('tests nothing against itself', () => {
    for (const column of COLUMNS) {
      expect(cells('ckl')[column].versusCkl).toBeUndefined();
      expect(cells('start')[column].versusStart).toBeUndefined();
      expect(cells('teacher')[column]?.versusCkl).toBeUndefined();
    }
  });

  it('has one column for a collection that training knows nothing of', () => {
    const results = RESULTS.map((result) => ({
      ...result,
      runs: result.runs.map((run) => {
        const dense = { ...run.test.dense!, zeroShot: { other: values('kl', run.seed, 'other') } };
        return { ...run, test: { dense } };
      }),
    }));
    const [wide] = tablesOf(OPTIONS, results);
    const { cells: found } = wide.rows.find(({ name }) => name === 'kl')!;
    expect(Object.keys(found).sort()).toEqual([...COLUMNS, 'zero-shot other ndcg@10'].sort());
  });

  it('has a row for the warm-up only if there was one, with the values of the unit without a recipe', () => {
    const names = ['start', ...RECIPES, 'teacher'];
    expect(table.rows.map(({ name }) => name)).toEqual(names);
    const runs = [{ seed: 0, trainings: [], test: tested('warm-up', 0) }];
    const results = RESULTS.map((result) => (result.unit.recipe ? result : { ...result, runs }));
    const [warm] = tablesOf({ ...OPTIONS, warmup: { loss: 'kl', epochs: 1 } } as CompareOptions, results);
    expect(warm.rows.map(({ name }) => name)).toEqual(['start', 'warm-up', ...RECIPES, 'teacher']);
    const all = QUERIES.map((qid) => valueOf('warm-up', 0, COLUMNS[1], qid));
    expect(warm.rows[1].cells[COLUMNS[1]].mean).toBeCloseTo(all.reduce((a, b) => a + b) / all.length, 12);
    // Only rows with a search have rates: one for each fold.
    expect(warm.rows.map(({ rates }) => rates)).toEqual([[], [], ...RECIPES.map(() => [1]), []]);
  });

  it('tests two queries, but not one', () => {
    const only = (count: number) => {
      const kept = new Set(QUERIES.slice(0, count));
      const of = (all: Values): Values => {
        const places = [...all.queries.keys()].filter((i) => kept.has(all.queries[i]));
        const some = (values: number[]) => places.map((i) => values[i]);
        return {
          queries: places.map((i) => all.queries[i]),
          'ndcg@10': some(all['ndcg@10']),
          'mrr@10': some(all['mrr@10']),
        };
      };
      const results = RESULTS.map((result) => ({
        ...result,
        runs: result.runs.map((run) => {
          const { rerank, full } = run.test.dense!;
          return { ...run, test: { dense: { rerank: of(rerank), full: of(full!), zeroShot: {} } } };
        }),
      }));
      return tablesOf(OPTIONS, results)[0].rows.find(({ name }) => name === 'kl')!.cells[COLUMNS[0]];
    };
    expect(only(2).versusCkl?.queries).toBe(2);
    expect(only(1).versusCkl).toBeUndefined();
    expect(only(1).mean).toBeGreaterThan(0);
  });

  it('has no values of the untrained student where no unit measured it', () => {
    const results = RESULTS.map((result) => ({ ...result, start: undefined }));
    const [without] = tablesOf(OPTIONS, results);
    expect(without.rows.find(({ name }) => name === 'start')!.cells).toEqual({});
    expect(without.rows.find(({ name }) => name === 'kl')!.cells[COLUMNS[0]].versusStart).toBeUndefined();
  });
});
