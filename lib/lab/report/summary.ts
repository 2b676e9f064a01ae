// The comparison in five lines: what was compared, what was gained, CKL and the others, the best of each student, and elsewhere.
import type { SavedComparison } from '../compare/saved.js';
import { LEVEL, type Table } from '../compare/tables.js';
import { escapeHtml } from './html.js';
import { summaryColumn } from './heat-map.js';
import { measureText } from './numbers.js';
import { columnTitle, counted, joined, recipeTitle, shortTitle } from './words.js';

const trained = ({ rows }: Table) => rows.filter(({ rates }) => rates.length > 0);
const isSpoken = (column: string) => /^(rerank|full) ndcg@10$/.test(column);
const isZeroShot = (column: string) => column.startsWith('zero-shot');

export function summary(saved: SavedComparison): string {
  const { tables } = saved;
  const clean = tables.filter(({ condition }) => condition === 'clean');
  const lines: [string, string][] = [
    ['Compared', comparedText(saved, clean)],
    ['Gained', gainText(clean, summaryColumn(saved))],
    ['CKL and the others', `In rerank and full nDCG@10: ${againstCkl(clean, isSpoken)}.`],
    ['Highest', bestText(clean, summaryColumn(saved))],
    ['Elsewhere', elsewhereText(saved, clean)],
  ];
  const items = lines.map(
    ([name, text]) => `<li><strong>${escapeHtml(name)}.</strong> ${escapeHtml(text)}</li>`,
  );
  return `<ul class="summary">${items.join('\n')}</ul>`;
}

function comparedText({ data, options }: SavedComparison, clean: readonly Table[]): string {
  const [{ train }] = data.folds;
  const tests = data.folds.reduce((sum, { test }) => sum + test, 0);
  return (
    `${counted(options.recipes.length, 'loss', 'losses')} and ${counted(clean.length, 'student')} on ${data.name}: ` +
    `${train} training lists${data.folds.length > 1 ? ' per fold' : ''}, ${tests} test queries, ${counted(options.seeds, 'seed')}.`
  );
}

/** How many losses end significantly above the untrained student, by student. */
function gainText(clean: readonly Table[], column: string): string {
  const parts = clean.map((table) => {
    const tests = trained(table).flatMap(({ cells }) => cells[column]?.versusStart ?? []);
    const sure = tests.filter(({ pHolm }) => pHolm < LEVEL);
    const better = sure.filter(({ difference }) => difference > 0).length;
    const worse = sure.length - better;
    const some = better === tests.length ? `all ${better}` : `${better} of ${tests.length}`;
    return `${shortTitle(table.title)} ${better === 0 ? 'none' : some}${worse > 0 ? ` (${worse} end below it)` : ''}`;
  });
  return `Losses that end significantly above the untrained student in ${columnTitle(column)}: ${parts.join(', ')}.`;
}

/** How many tests against CKL say what, in some columns: "2 of 56 significantly in favour of CKL, none against it". */
function againstCkl(tables: readonly Table[], isCounted: (column: string) => boolean): string {
  const tests = tables.flatMap(({ rows }) =>
    rows.flatMap(({ cells }) =>
      Object.entries(cells).flatMap(([column, { versusCkl }]) =>
        isCounted(column) && versusCkl ? [versusCkl] : [],
      ),
    ),
  );
  const sure = tests.filter(({ pHolm }) => pHolm < LEVEL);
  const below = sure.filter(({ difference }) => difference < 0).length;
  const or0 = (count: number) => (count === 0 ? 'none' : String(count));
  if (sure.length === 0) return `none of ${tests.length} differences from CKL is significant`;
  return `of ${tests.length} differences, ${or0(below)} significantly in favour of CKL and ${or0(sure.length - below)} against it`;
}

/** The best loss of each student, and whether its lead over CKL is more than chance. */
function bestText(clean: readonly Table[], column: string): string {
  const leads: { text: string; isSure: boolean }[] = [];
  const parts = clean.flatMap((table) => {
    const valued = trained(table).filter(({ cells }) => cells[column]);
    if (valued.length === 0) return [];
    const best = valued.reduce((a, b) => (b.cells[column].mean > a.cells[column].mean ? b : a));
    const text = `${shortTitle(table.title)} ${recipeTitle(best.name)} ${measureText(best.cells[column].mean)}`;
    const ckl = valued.find(({ name }) => name === 'ckl');
    if (!ckl || best === ckl) return [text];
    const tested = best.cells[column].versusCkl;
    leads.push({ text: shortTitle(table.title), isSure: tested !== undefined && tested.pHolm < LEVEL });
    return [`${text} (CKL ${measureText(ckl.cells[column].mean)})`];
  });
  const sure = leads.filter(({ isSure }) => isSure).map(({ text }) => text);
  const verdict =
    leads.length === 0
      ? ''
      : sure.length === 0
        ? ' No lead over CKL is significant.'
        : ` The lead over CKL is significant for ${joined(sure)}.`;
  return `${columnTitle(column)}: ${parts.join(', ')}.${verdict}`;
}

function elsewhereText({ tables, data, options }: SavedComparison, clean: readonly Table[]): string {
  const parts: string[] = [];
  if (data.zeroShot.length > 0)
    parts.push(
      `Zero-shot on ${joined(data.zeroShot.map(({ name }) => name))}: ${againstCkl(clean, isZeroShot)}.`,
    );
  const conditions = [
    ['wrongTeacher', 'With a wrong teacher', options.wrongTeacher],
    ['wrongLabels', 'With wrong labels', options.wrongLabels],
  ] as const;
  for (const [name, words] of conditions) {
    const own = tables.filter(({ condition }) => condition === name);
    if (own.length > 0) parts.push(`${words}: ${againstCkl(own, isSpoken)}.`);
  }
  return parts.length > 0
    ? parts.join(' ')
    : 'No other collection was searched, and no training list was corrupted.';
}
