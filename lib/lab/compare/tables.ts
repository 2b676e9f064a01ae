// Computes tables from values per query: means, and paired t-tests against CKL and the start, corrected for their number.
import { holm, pairedTTest } from '../../metrics/index.js';
import {
  meanOf as mean,
  type Tested as OnTest,
  type UnitResult,
  type Values,
} from '../experiment/results.js';
import { STUDENTS, type StudentName } from '../students/students.js';
import type { CompareOptions, Condition } from './options.js';
import { conditionsOf } from './experiment.js';

export interface Tested {
  /** Mean of this row minus that of the other. */
  difference: number;
  queries: number;
  p: number;
  /** After Holm's correction over the table's family of such tests. */
  pHolm: number;
}

export interface Cell {
  mean: number;
  /** The mean for each seed; one value for rows that do not depend on the seed. */
  bySeed: number[];
  /** Against CKL in the same column; absent for CKL itself and if nothing is tested. */
  versusCkl?: Tested;
  /** Against the untrained student. */
  versusStart?: Tested;
}

export interface Row {
  name: string;
  /** Column -> cell; a row may lack columns. */
  cells: Record<string, Cell>;
  /** Learning rate chosen on dev, per fold; empty for rows without a search. */
  rates: number[];
}

/** One student under one condition. */
export interface Table {
  student: StudentName;
  title: string;
  condition: Condition;
  columns: string[];
  rows: Row[];
}

/** Values of one row and column: a query's values over seeds (and folds, where a query is met in several). */
type Gathered = Map<string, Map<number, number[]>>;

const SETTINGS = ['rerank', 'full'] as const;
const MEASURES = ['ndcg@10', 'mrr@10'] as const;
export const LEVEL = 0.05;

export function tablesOf(options: CompareOptions, results: readonly UnitResult[]): Table[] {
  return options.students.flatMap((student) =>
    conditionsOf(options).map(({ name: condition }) => {
      const ofStudent = results.filter(({ unit }) => unit.students.includes(student));
      return tableOf(student, condition, ofStudent, options);
    }),
  );
}

function tableOf(
  student: StudentName,
  condition: Condition,
  results: readonly UnitResult[],
  { recipes, warmup }: CompareOptions,
): Table {
  const here = results.filter(({ unit }) => unit.condition.name === condition);
  const references = here.filter(({ unit }) => !unit.recipe);
  const clean = results.filter(({ unit }) => !unit.recipe && unit.condition.name === 'clean');
  const rows: { name: string; rates: number[]; values: Map<string, Gathered> }[] = [
    {
      name: 'start',
      rates: [],
      values: gather(
        clean.flatMap(({ start }) => (start?.[student] ? [{ test: start[student], seed: 0 }] : [])),
      ),
    },
  ];
  if (warmup) rows.push({ name: 'warm-up', rates: [], values: gather(references.flatMap(testsOf(student))) });
  for (const { name } of recipes) {
    const own = here.filter(({ unit }) => unit.recipe?.name === name);
    rows.push({ name, rates: own.map(({ rate }) => rate), values: gather(own.flatMap(testsOf(student))) });
  }
  const teacher = new Map<string, Gathered>();
  for (const { references: given } of references) if (given) note(teacher, 'rerank', 0, given.teacher);
  rows.push({ name: 'teacher', rates: [], values: teacher });

  const columns = [...rows.at(-2)!.values.keys()];
  const table: Table = {
    student,
    title: STUDENTS[student].title,
    condition,
    columns,
    rows: rows.map(({ name, rates, values }) => ({
      name,
      rates,
      cells: Object.fromEntries(
        [...values]
          .filter(([column]) => columns.includes(column))
          .map(([column, found]) => [column, cellOf(found)]),
      ),
    })),
  };
  const trained = recipes.map(({ name }) => name);
  const byName = new Map(rows.map((row) => [row.name, row.values]));
  test(
    table,
    byName,
    'ckl',
    trained.filter((name) => name !== 'ckl'),
    'versusCkl',
  );
  test(table, byName, 'start', trained, 'versusStart');
  return table;
}

const testsOf =
  (student: StudentName) =>
  ({ runs }: UnitResult) =>
    runs.map(({ test }, seed) => ({ test: test[student]!, seed }));

function gather(tests: readonly { test: OnTest; seed: number }[]): Map<string, Gathered> {
  const out = new Map<string, Gathered>();
  for (const { test, seed } of tests) {
    for (const setting of SETTINGS) note(out, setting, seed, test[setting]!);
    for (const [name, values] of Object.entries(test.zeroShot)) note(out, `zero-shot ${name}`, seed, values);
  }
  return out;
}

function note(to: Map<string, Gathered>, setting: string, seed: number, values: Values): void {
  for (const measure of MEASURES) {
    // Zero-shot has one measure, as the paper's BEIR column.
    if (setting.startsWith('zero-shot') && measure !== 'ndcg@10') continue;
    const column = `${setting} ${measure}`;
    const gathered: Gathered = to.get(column) ?? new Map();
    to.set(column, gathered);
    values.queries.forEach((qid, i) => {
      const bySeed = gathered.get(qid) ?? new Map<number, number[]>();
      gathered.set(qid, bySeed);
      bySeed.set(seed, [...(bySeed.get(seed) ?? []), values[measure][i]]);
    });
  }
}

/** The mean over queries of a query's mean over seeds; and the same for each seed. */
function cellOf(gathered: Gathered): Cell {
  const seeds = [...new Set([...gathered.values()].flatMap((bySeed) => [...bySeed.keys()]))];
  const bySeed = seeds.map((seed) =>
    mean([...gathered.values()].flatMap((values) => (values.has(seed) ? [mean(values.get(seed)!)] : []))),
  );
  return { mean: mean(perQuery(gathered).map(([, value]) => value)), bySeed };
}

function perQuery(gathered: Gathered): [qid: string, value: number][] {
  return [...gathered].map(([qid, bySeed]) => [qid, mean([...bySeed.values()].flat())]);
}

/** Tests rows against one other row in every column; all of these tests are one family. */
function test(
  table: Table,
  values: ReadonlyMap<string, ReadonlyMap<string, Gathered>>,
  against: string,
  names: readonly string[],
  kind: 'versusCkl' | 'versusStart',
): void {
  const base = values.get(against);
  if (!base) return;
  const done: { cell: Cell; tested: Tested }[] = [];
  for (const row of table.rows) {
    if (!names.includes(row.name)) continue;
    for (const column of table.columns) {
      const theirs = new Map(perQuery(base.get(column) ?? new Map()));
      const pairs = perQuery(values.get(row.name)!.get(column) ?? new Map()).filter(([qid]) =>
        theirs.has(qid),
      );
      if (pairs.length < 2) continue;
      const { meanDifference, p, n } = pairedTTest(
        pairs.map(([, value]) => value),
        pairs.map(([qid]) => theirs.get(qid)!),
      );
      const tested = { difference: meanDifference, queries: n, p, pHolm: p };
      row.cells[column][kind] = tested;
      done.push({ cell: row.cells[column], tested });
    }
  }
  holm(done.map(({ tested }) => tested.p)).forEach((pHolm, i) => (done[i].tested.pHolm = pHolm));
}
