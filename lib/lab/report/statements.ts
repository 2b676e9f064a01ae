// What the data support, in words: a sentence for each finding, each with its test; and what they do not support.
import type { SavedComparison } from '../compare/saved.js';
import { LEVEL, type Row, type Table, type Tested } from '../compare/tables.js';
import { largest } from '../../extremes.js';
import { differenceText, measureText, pText } from './numbers.js';
import { columnTitle, joined, recipeTitle } from './words.js';

type Kind = 'versusCkl' | 'versusStart';

/** The columns that sentences are made of; the tables have the others. */
const SPOKEN = ['rerank ndcg@10', 'full ndcg@10'];

/** Sentences on one table. */
export function findings(table: Table): string[] {
  const spoken = table.columns.filter((column) => SPOKEN.includes(column) || column.startsWith('zero-shot'));
  return [
    ...spoken.map((column) => againstStart(table, column)),
    ...spoken.map((column) => againstCkl(table, column)),
  ].filter((sentence) => sentence !== '');
}

function againstStart(table: Table, column: string): string {
  const { better, worse, same } = sort(table, column, 'versusStart');
  if (better.length + worse.length + same.length === 0) return '';
  const parts = [
    better.length > 0 && `${list(better)} end above the untrained student`,
    worse.length > 0 && `${list(worse)} end below it`,
    same.length > 0 && `for ${names(same)} no change is shown`,
  ];
  return sentence(
    column,
    parts,
    better.length === 0 && worse.length > 0 ? 'compared with the untrained student, ' : '',
  );
}

function againstCkl(table: Table, column: string): string {
  const { better, worse, same } = sort(table, column, 'versusCkl');
  if (better.length + worse.length + same.length === 0) return '';
  const parts = [
    worse.length > 0 && `CKL is better than ${list(worse)}`,
    better.length > 0 && `CKL is worse than ${list(better)}`,
    same.length > 0 && `the data do not tell CKL from ${list(same)}`,
  ];
  return sentence(column, parts);
}

function sentence(column: string, parts: readonly (string | false)[], before = ''): string {
  return `${columnTitle(column)}: ${before}${parts.filter(Boolean).join('; ')}.`;
}

/** Rows by what their test in a column says. */
function sort({ rows }: Table, column: string, kind: Kind) {
  const tested = rows.flatMap((row) => {
    const test = row.cells[column]?.[kind];
    return test ? [{ row, test }] : [];
  });
  return {
    better: tested.filter(({ test }) => test.pHolm < LEVEL && test.difference > 0),
    worse: tested.filter(({ test }) => test.pHolm < LEVEL && test.difference < 0),
    same: tested.filter(({ test }) => test.pHolm >= LEVEL),
  };
}

const list = (entries: readonly { row: Row; test: Tested }[]): string =>
  joined(
    entries.map(
      ({ row, test }) =>
        `${recipeTitle(row.name)} (${differenceText(test.difference)}, ${pText(test.pHolm)})`,
    ),
  );
const names = (entries: readonly { row: Row }[]): string =>
  joined(entries.map(({ row }) => recipeTitle(row.name)));

/** What no reader should take from this comparison. */
export function limits({ tables, options, data }: SavedComparison): string[] {
  const unnoticed = tables
    .flatMap(({ rows }) =>
      rows.flatMap(({ cells }) => Object.values(cells).map(({ versusCkl }) => versusCkl)),
    )
    .filter((test): test is Tested => test !== undefined && test.pHolm >= LEVEL)
    .map(({ difference }) => Math.abs(difference));
  const queries = data.folds.reduce((sum, { test }) => sum + test, 0);
  return [
    'No significant difference is not equality: ' +
      `with ${queries} test queries, differences from CKL of up to ${measureText(largest(unnoticed, 0))} went without significance here.`,
    `A p value is a paired t-test over queries, of each query’s mean over ${options.seeds} ${options.seeds === 1 ? 'training' : 'trainings'}; Holm’s correction counts all tests against CKL in one table as a family, and all tests against the start as another. It speaks of further queries for these trained students, not of other collections, teachers or architectures.`,
    'The seeds change the order of the training lists only; start and warm-up are the same for all, so the spread over seeds is less than that of whole repetitions.',
    'The students are small and start from the words of the corpus, not from a pretrained transformer. Their figures are not comparable with those of the paper, which are on MS MARCO.',
    'Dev and test lists are never corrupted. Learning rate and epoch are chosen on clean dev lists even if the teacher or the labels are wrong, which protects every loss.',
    'BKL is as its authors train it: its own paper names its parts but not its formula.',
    ...(data.zeroShot.length > 0
      ? [
          'Zero-shot corpora are searched with their own word statistics; words that the training corpus lacks match only themselves.',
        ]
      : []),
  ];
}
